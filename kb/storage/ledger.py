"""The ledger: what ingestion remembers between runs, in the catalog.

Four kinds of memory: how each source fares, how each host is to be asked, what is known of every address
that was ever tried (`kb.storage.items`), and what each run did (`Run`, with its outcomes). Writing needs the home's
writer lock, but for host states, which any thread of the writer may save.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from kb.models import Change, Link, Outcome
from kb.storage import schema
from kb.storage.catalog import Catalog
from kb.storage.database import batches, iso
from kb.storage.items import Item, Stage, instant, item, item_row, link_row, plain, to_item


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source fares. `interval` (seconds) is how often it is asked; validators hold for `parser`.

    `failing_since`, `reason`, `message` and `failures` (in a row) are set while it fails.
    """

    id: str
    etag: str | None = None
    last_modified: str | None = None
    last_success: datetime | None = None
    last_attempt: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    reason: str | None = None
    message: str | None = None
    next_try: datetime | None = None
    interval: int | None = None
    parser: str | None = None

    @property
    def failing(self) -> bool:
        return self.failing_since is not None


@dataclass(frozen=True, slots=True)
class Run:
    """One ingestion run. `state` is running, done, interrupted, or broken off (its process died).

    `counts` has the number of outcomes by change, or by reason where there was none.
    """

    id: int
    started: datetime
    finished: datetime | None
    targets: tuple[str, ...]
    state: str
    counts: Mapping[str, int]


class Ledger:
    """The ingestion tables of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        with catalog.writing() as db:
            schema.create(db, [item])

    # ── sources and hosts ─────────────────────────────────────────────────────────────────────

    def source(self, id: str) -> SourceState:
        """The state of a source; a fresh one if it was never asked."""
        return self.sources([id]).get(id, SourceState(id))

    def sources(self, ids: Iterable[str] | None = None) -> dict[str, SourceState]:
        """The states of the sources that were ever asked, or of those named among them."""
        query = select(schema.source_state)
        if ids is not None:
            query = query.where(schema.source_state.c.id.in_(list(ids)))
        with self._catalog.reading() as db:
            return {row["id"]: _to_state(row) for row in db.execute(query).mappings()}

    def save_source(self, state: SourceState) -> None:
        values = {name: getattr(state, name) for name in state.__slots__}
        with self._catalog.writing() as db:
            _put(db, schema.source_state, "id", {name: plain(value) for name, value in values.items()})

    def hosts(self) -> dict[str, dict[str, Any]]:
        """What was saved of each host."""
        with self._catalog.reading() as db:
            return {row.host: row.state for row in db.execute(select(schema.host_state))}

    def save_hosts(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Save several hosts in one transaction."""
        if not states:
            return
        with self._catalog.writing() as db:
            for host, state in states.items():
                _put(db, schema.host_state, "host", {"host": host, "state": dict(state)})

    # ── items ─────────────────────────────────────────────────────────────────────────────────

    def expect(
        self, links: Mapping[str, Link], now: datetime, named: Mapping[tuple[str, str], str] | None = None
    ) -> None:
        """Note discovered links (by canonical URL) as pending; those known already stay as they are.

        `named` are the addresses of stories by source and guid; those known already stay as they are, too.
        """
        rows = [
            {
                "url": url,
                "stage": Stage.PENDING,
                "source_id": link.source_id,
                "link": link_row(link),
                "attempts": 0,
                "since": iso(now),
                "last": iso(now),
            }
            for url, link in links.items()
        ]
        guids = [{"source_id": id, "guid": guid, "url": url} for (id, guid), url in (named or {}).items()]
        if rows or guids:
            with self._catalog.writing() as db:
                for table, values in ((item, rows), (schema.guid, guids)):
                    if values:
                        db.execute(insert(table).prefix_with("OR IGNORE"), values)

    def items(self, urls: Iterable[str]) -> dict[str, Item]:
        """What is known of these addresses; those never seen are left out."""
        found: dict[str, Item] = {}
        with self._catalog.reading() as db:
            for batch in batches(list(urls)):
                for row in db.execute(select(item).where(item.c.url.in_(batch))).mappings():
                    found[row["url"]] = to_item(row)
        return found

    def articles_at(self, urls: Iterable[str]) -> dict[str, str]:
        """As `Catalog.ids_at`."""
        return self._catalog.ids_at(urls)

    def named(self, source_id: str, guids: Iterable[str]) -> dict[str, str]:
        """The addresses to which these guids of a source led; those never seen are left out."""
        found: dict[str, str] = {}
        table = schema.guid.c
        with self._catalog.reading() as db:
            for batch in batches(list(guids)):
                query = select(table.guid, table.url).where(table.source_id == source_id, table.guid.in_(batch))
                found.update({row.guid: row.url for row in db.execute(query)})
        return found

    def rename(self, source_id: str, guid: str, url: str) -> None:
        """A guid of a source leads to another address now."""
        table = schema.guid
        with self._catalog.writing() as db:
            values = {"source_id": source_id, "guid": guid, "url": url}
            db.execute(insert(table).prefix_with("OR REPLACE").values(values))

    def waiting(self, source_id: str, now: datetime, farthest: datetime) -> list[Item]:
        """Items of a source that are pending, or failed and due again: a next try after `farthest` is a mistake."""
        query = select(item).where(
            item.c.source_id == source_id,
            item.c.stage.in_([Stage.PENDING, Stage.FAILED]),
            item.c.next_try.is_(None) | (item.c.next_try <= iso(now)) | (item.c.next_try > iso(farthest)),
        )
        with self._catalog.reading() as db:
            return [to_item(row) for row in db.execute(query.order_by(item.c.since, item.c.url)).mappings()]

    def refused(self, reason: str | None = None) -> list[Item]:
        """Items that did not become an article (refused or failed), by reason if one is given, newest first."""
        query = select(item).where(item.c.stage.in_([Stage.REFUSED, Stage.FAILED]))
        if reason is not None:
            query = query.where(item.c.reason == reason)
        with self._catalog.reading() as db:
            return [to_item(row) for row in db.execute(query.order_by(item.c.last.desc(), item.c.url)).mappings()]

    def reasons(self) -> dict[str, int]:
        """How many items are refused or failed now, by reason, the most frequent first."""
        query = (
            select(item.c.reason, func.count().label("count"))
            .where(item.c.stage.in_([Stage.REFUSED, Stage.FAILED]))
            .group_by(item.c.reason)
        )
        with self._catalog.reading() as db:
            counted = {row["reason"]: row["count"] for row in db.execute(query).mappings()}
        return dict(Counter(counted).most_common())

    def stored_since(self, first: datetime, tried_before: datetime, now: datetime) -> list[Item]:
        """Stored items, last tried before `tried_before`, of articles published (else first seen) since `first`.

        One that was last tried after `now` was tried by a clock that was wrong; one that its article has left (`MOVED`)
        is left out.
        """
        known = func.coalesce(schema.version.c.published, schema.article.c.first_seen)
        query = (
            select(item)
            .join(schema.article, schema.article.c.id == item.c.article_id)
            .join(schema.version, schema.version.c.id == schema.article.c.current_version)
            .where(item.c.stage == Stage.STORED, item.c.reason.is_(None), known >= iso(first))
            .where((item.c.last < iso(tried_before)) | (item.c.last > iso(now)))
            .order_by(item.c.last, item.c.url)
        )
        with self._catalog.reading() as db:
            return [to_item(row) for row in db.execute(query).mappings()]

    # ── runs ──────────────────────────────────────────────────────────────────────────────────

    def start_run(self, targets: Sequence[str], now: datetime) -> int:
        """Open a run; its number. Runs that were left running are marked broken off: only one process writes."""
        with self._catalog.writing() as db:
            db.execute(update(schema.run).where(schema.run.c.state == "running").values(state="broken off"))
            values = {"started": iso(now), "targets": list(targets), "state": "running"}
            key = db.execute(insert(schema.run).values(values)).inserted_primary_key
        return int(key[0])  # type: ignore[index]

    def end_run(self, run_id: int, state: str, now: datetime) -> None:
        with self._catalog.writing() as db:
            db.execute(update(schema.run).where(schema.run.c.id == run_id).values(state=state, finished=iso(now)))

    def settle(self, run_id: int, outcome: Outcome, now: datetime, known: Item | None = None) -> None:
        """Record an outcome, and what is known of its address from now on, in one transaction."""
        row = {name: getattr(outcome, name) for name in outcome.__slots__}
        with self._catalog.writing() as db:
            db.execute(insert(schema.outcome).values({**row, "run_id": run_id, "at": iso(now)}))
            if known is not None:
                _put(db, item, "url", item_row(known))

    def save_item(self, known: Item) -> None:
        with self._catalog.writing() as db:
            _put(db, item, "url", item_row(known))

    def runs(self, limit: int = 20) -> list[Run]:
        """The last runs, the newest first."""
        with self._catalog.reading() as db:
            rows = db.execute(select(schema.run).order_by(schema.run.c.id.desc()).limit(limit)).mappings().all()
            return [_to_run(row, _counts(db, row["id"])) for row in rows]

    def run(self, run_id: int) -> Run | None:
        with self._catalog.reading() as db:
            row = db.execute(select(schema.run).where(schema.run.c.id == run_id)).mappings().first()
            return _to_run(row, _counts(db, run_id)) if row else None

    def outcomes(self, run_id: int, *, failed: bool = False, reason: str | None = None) -> Iterator[Outcome]:
        """What a run did, in order; only what became no article, or only one reason of those."""
        query = select(schema.outcome).where(schema.outcome.c.run_id == run_id).order_by(schema.outcome.c.id)
        if failed:
            query = query.where(schema.outcome.c.reason.is_not(None))
        if reason is not None:
            query = query.where(schema.outcome.c.reason == reason)
        with self._catalog.reading() as db:
            for row in db.execute(query).mappings():
                yield _to_outcome(row)


def _put(db: Connection, table: Table, key: str, values: Mapping[str, Any]) -> None:
    """Insert a row, or set all its columns if it is there."""
    statement = upsert(table).values(values)
    rest = {name: statement.excluded[name] for name in values if name != key}
    db.execute(statement.on_conflict_do_update(index_elements=[key], set_=rest))


def _counts(db: Connection, run_id: int) -> dict[str, int]:
    kind = func.coalesce(schema.outcome.c.reason, schema.outcome.c.change)
    query = select(kind.label("kind"), func.count().label("count")).where(
        schema.outcome.c.run_id == run_id, kind.is_not(None)
    )
    return {row["kind"]: row["count"] for row in db.execute(query.group_by(kind)).mappings()}


def _to_state(row: RowMapping) -> SourceState:
    times = ("last_success", "last_attempt", "failing_since", "next_try")
    return SourceState(**{**row, **{name: instant(row[name]) for name in times}})


def _to_run(row: RowMapping, counts: Mapping[str, int]) -> Run:
    return Run(
        id=row["id"],
        started=datetime.fromisoformat(row["started"]),
        finished=instant(row["finished"]),
        targets=tuple(row["targets"]),
        state=row["state"],
        counts=counts,
    )


def _to_outcome(row: RowMapping) -> Outcome:
    return Outcome(
        target=row["target"],
        change=Change(row["change"]) if row["change"] else None,
        article_id=row["article_id"],
        title=row["title"],
        reason=row["reason"],
        message=row["message"],
        source_id=row["source_id"],
        snapshot=row["snapshot"],
    )
