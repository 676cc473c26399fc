"""The clerk: what workers found is stored, recorded and told as an outcome, each result for itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from ingest import state
from ingest.canonical import canonical
from ingest.moving import claimed
from ingest.refusals import is_stock_answer
from ingest.work import Ended, Look, Read, Redo, Refused, Same, Take, Taken
from kb.errors import CollectError
from kb.knowledge import KnowledgeBase
from kb.models import Article, Change, Link, Outcome
from kb.storage import faults
from kb.storage.bodies import Bodies, Giver
from kb.storage.items import MOVED, Item, Stage
from kb.storage.ledger import Ledger

GONE = frozenset({"not_found", "gone", "soft_404"})
"""Refusals that say of a stored article that its page is gone."""


@dataclass(frozen=True, slots=True)
class Settled:
    """An outcome that is recorded. `later`: the same target may succeed another time."""

    outcome: Outcome
    key: str
    later: bool = False


class Clerk:
    """Stores and records for one run; to be used by the thread that holds the writer lock."""

    def __init__(self, kb: KnowledgeBase, ledger: Ledger, run_id: int, since: date | None) -> None:
        self._kb = kb
        self._ledger = ledger
        self._run = run_id
        self._since = since
        self._bodies = Bodies(kb.catalog)

    def record(self, outcome: Outcome) -> Outcome:
        """Record an outcome that is of no address."""
        self._ledger.settle(self._run, outcome, _now())
        return outcome

    def stored(self, result: Taken) -> Settled:
        """An article is committed, then recorded. Killed in between, the next run finds it stored."""
        task, article = result.task, result.article
        name = result.captured or (article.url if isinstance(task, Read) and task.size > 1 else _name(task))
        if self._since and article.published and article.published.day < self._since:
            message = f"published {article.published.iso()}, before {self._since}; left out"
            outcome = Outcome(name, message=message, title=article.title, source_id=article.source_id)
            # It stays pending: a run without --since takes it.
            return self._settled(task, outcome, None, later=True)
        if not isinstance(task, Read) and (message := self._is_stock(task, article)):
            return self.refused(Refused(task, CollectError("soft_404", message), article.snapshot))
        said = None if isinstance(task, Read) else self._claim(task, article)
        article = self._kb.catalog.at_home(article)
        change = self._kb.place(article) if result.captured else self._kb.add(article)
        if result.captured:
            said = self._placed(article)
        elif change is Change.UNCHANGED and isinstance(task, Take):
            self._kb.catalog.read_again(article.id, article.fetched)
        faults.point("ingest.added")
        if not isinstance(task, Read):
            self._name_in_feed(task)
        outcome = Outcome(
            name,
            change,
            article.id,
            article.title,
            message=said,
            source_id=article.source_id,
            snapshot=article.snapshot,
        )
        if isinstance(task, Read) and (result.captured is None or said):
            return self._settled(task, outcome, None)
        item = self._item(task) if result.captured is None else self._page_item(result.captured)
        known = state.after_storing(replace(item, snapshot=article.snapshot), _now(), article.id)
        if result.validators is not None:
            known = replace(known, etag=result.validators.etag, last_modified=result.validators.last_modified)
        return self._settled(task, outcome, known)

    def unchanged(self, result: Same) -> Settled:
        known = self._item(result.task)
        if known.article_id is not None:
            self._kb.catalog.read_again(known.article_id, _now())
        outcome = Outcome(result.task.link.url, Change.UNCHANGED, known.article_id, source_id=known.source_id)
        return self._settled(result.task, outcome, replace(known, last=_now()))

    def refused(self, result: Refused) -> Settled:
        """No article. What is stored under the address stays; if the page is gone, that is marked."""
        task, error = result.task, result.error
        assert not isinstance(task, Look)
        known = self._item(task)
        outcome = Outcome(
            target=result.at or _name(task),
            reason=error.reason,
            message=str(error),
            article_id=known.article_id,
            source_id=known.source_id,
            snapshot=result.snapshot,
        )
        if known.stage is Stage.STORED:
            left = known.reason == MOVED
            if error.reason in GONE and known.article_id and isinstance(task, Take) and not left:
                self._kb.catalog.mark_gone(known.article_id)
                outcome = replace(outcome, reason=None, message=f"gone: {error}; the article stays, marked as gone")
            return self._settled(task, outcome, replace(known, last=_now()), later=error.retry)
        if result.at is not None and result.at != _name(task):
            # A page of an archive can be replayed by its own address; a line of a file only with the file.
            page = self._page_item(result.at) if result.snapshot else None
            if page is None or page.stage is Stage.STORED:
                return self._settled(task, outcome, None)
            known = state.after_refusal(replace(page, snapshot=result.snapshot), _now(), error)
            return self._settled(task, outcome, known)
        known = state.after_refusal(replace(known, snapshot=result.snapshot or known.snapshot), _now(), error)
        return self._settled(task, outcome, known, later=known.stage is Stage.FAILED)

    def _is_stock(self, task: Take | Redo, article: Article) -> str:
        """Why a page is what the host gives for any address; else nothing. Those that it gave it for are marked."""
        host = urlsplit(article.url).netloc
        others = self._bodies.note(host, article.content_hash, Giver(article.url, task.link.title))
        if not is_stock_answer(task.link.title, [other.announced for other in others]):
            return ""
        for known in self._ledger.articles_at([other.url for other in others]).values():
            self._kb.catalog.mark_gone(known)
        return f"{article.url}: {host} gives the same title and text for {others[0].url}; it is no article"

    def _claim(self, task: Take | Redo, article: Article) -> str | None:
        """Move an article to the address at hand if its feed says so rightly; what is to be said of that.

        Killed between two of its steps, the next run finds the page pending and the claim as it was, or the article
        moved.
        """
        claim = claimed(self._kb, self._ledger, task, article)
        if claim is None:
            return None
        if not claim.holds:
            return f"an article of its own, though its feed names it as it named {claim.before.url}: {claim.why}"
        # The address that it left is looked at no more: that it is gone will not mean that the article is.
        self._ledger.save_item(replace(claim.before, reason=MOVED))
        self._kb.catalog.move(claim.article_id, article.url)
        faults.point("ingest.moved")
        return f"moved here from {claim.before.url}: {claim.why}"

    def _name_in_feed(self, task: Take | Redo) -> None:
        guid, source = task.link.guid, task.source
        if source is not None and guid is not None and self._ledger.named(source.id, [guid]).get(guid) != task.key:
            self._ledger.rename(source.id, guid, task.key)

    def _placed(self, article: Article) -> str | None:
        """Which version a capture is that is not the current one."""
        history = self._kb.history(article.id)
        own = next(one for one in history if one.id == article.version_id)
        if own.current:
            return None
        return f"captured on {article.fetched:%Y-%m-%d}: version {own.number} of {len(history)}, the current one stays"

    def ended(self, result: Ended) -> Outcome | None:
        """A file that was read whole is passed over from now on, until it changes. What was passed over in it is
        told."""
        if result.whole and self._since is None:
            known = state.after_storing(self._item(result.task), _now(), result.article_id or "")
            self._ledger.save_item(replace(known, etag=result.task.mark, article_id=result.article_id))
        if not result.passed:
            return None
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(result.passed.items(), key=lambda one: -one[1]))
        return self.record(Outcome(_name(result.task), message=f"{result.found} pages; passed over: {kinds}"))

    def _page_item(self, url: str) -> Item:
        key, now = canonical(url), _now()
        return self._ledger.items([key]).get(key) or Item(key, Stage.PENDING, now, now, link=Link(url))

    def _item(self, task: Take | Read | Redo) -> Item:
        now = _now()
        source_id = task.source.id if task.source else None
        link = None if isinstance(task, Read) else task.link
        return self._ledger.items([task.key]).get(task.key) or Item(task.key, Stage.PENDING, now, now, source_id, link)

    def _settled(
        self, task: Take | Read | Redo, outcome: Outcome, known: Item | None, *, later: bool = False
    ) -> Settled:
        self._ledger.settle(self._run, outcome, _now(), known)
        faults.point("ingest.settled")
        return Settled(outcome, task.key, later)


def _name(task: Take | Read | Redo) -> str:
    return str(task.path) if isinstance(task, Read) else task.link.url


def _now() -> datetime:
    return datetime.now(UTC)
