"""The facade: one knowledge base, opened from its home. Page, command line and notebook stand on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from kb.embedding import Embedder
from kb.errors import UsageError
from kb.models import Answer, Filters, Narrowing, Version
from kb.settings import Settings
from kb.show.views import Passages
from kb.storage.store import Store
from kb.text.language import detect

if TYPE_CHECKING:
    import pandas

    from kb.answer.answering import Event
    from kb.answer.answers import Answers
    from kb.answer.asking import Asking
    from kb.answer.calling import Call, Opener, Own
    from kb.answer.comparing import Comparison
    from kb.answer.conversation import Conversation
    from kb.answer.estimating import Expected
    from kb.answer.spend import Purse
    from kb.care.status import Status
    from kb.foreign import QueryEngine
    from kb.foreign import Retriever as ForeignRetriever
    from kb.local.server import LocalServer
    from kb.providers.services import Probe, Reranker
    from kb.search.rephrasing import Rephraser
    from kb.search.retrieval import Found, Retriever
    from kb.storage.differences import Difference


def open_kb(
    home: str | Path | None = None, settings: Settings | None = None, embedder: Embedder | None = None
) -> KnowledgeBase:
    """Open the knowledge base of a home (default: as the command line would choose it), making it if need be.

    `embedder` takes the place of the one that the settings name. Raises HomeError if the home cannot be read.
    """
    chosen = settings or Settings.from_env(home=Path(home) if home else None)
    return KnowledgeBase(chosen, embedder)


class KnowledgeBase(Store):
    """One knowledge base: what its home holds, what is found in it, and what it answers."""

    def __init__(self, settings: Settings, embedder: Embedder | None = None) -> None:
        super().__init__(settings, embedder)
        self._running: LocalServer | None = None

    def close(self) -> None:
        if self._running is not None:
            self._running.close()
        super().close()

    # ── reading ───────────────────────────────────────────────────────────────────────────────

    def search(self, query: str, k: int = 8, *, today: date | None = None, **filters: Unpack[Narrowing]) -> Passages:
        """The best `k` passages for a question in any language, from articles in all of them.

        Filters: `languages`, `sources`; `since` and `until`, inclusive days of publication; `as_of` gives what
        was known at the end of that day. `today` is the day that "last week" counts from: the as-of day if there
        is one, else today. Raises UsageError for an empty question or a `k` below 1.
        """
        return Passages(query, list(self.found(query, Filters.of(**filters), k, today=today).passages))

    def found(self, query: str, filters: Filters, k: int, *, today: date | None = None) -> Found:
        """Passages with the level of evidence they are. Raises UsageError as `search` does."""
        if not query.strip():
            raise UsageError("the question is empty; write what you want to find")
        if k < 1:
            raise UsageError(f"k must be at least 1, not {k}")
        return self.retriever.find(query, detect(query), filters, k, today=today)

    def stream(
        self,
        question: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        answer_language: str | None = None,
        k: int = 8,
        fallback: Sequence[str] | None = None,
        consent: bool = False,
        interface: str | None = None,
        own: Own | None = None,
        strict: bool = False,
        judge: bool = False,
        before: Sequence[str] = (),
        **filters: Unpack[Narrowing],
    ) -> Iterator[Event]:
        """Answer a question as it comes: Evidence, then Text (and Thought), then Done with the checked answer.

        `provider` is an id of the registry, or "none" for the evidence alone; default is the settings'.
        `fallback` are those asked after it, in this order; `consent` lets them have what its filter
        refused. `interface` is the language of messages (en, de, zh). `strict` leaves out sentences that no
        passage carries; with `judge` the model that answered may lower verdicts of the check. `before` are
        the questions that were asked before, the last one last: a follow-up ("and Tencent?") is read with
        them, and the first event is then Understood. `own` is what this user brings: a narrower data path,
        keys, a way to end it. Takes the filters of `search`. Raises ProviderError for an id that is not
        registered, or for embeddings outside that path.
        """
        from kb.answer.inquiry import Wish, stream

        wish = Wish(
            provider or self.settings.provider,
            model,
            answer_language,
            k,
            Filters.of(**filters),
            fallback,
            consent,
            interface or self.settings.language,
            strict,
            judge,
            own,
        )
        return stream(self, question, wish, before)

    def ask(self, question: str, **choices: Any) -> Answer:
        """The checked answer to a question; takes what `stream` takes."""
        from kb.answer.answering import last

        return last(self.stream(question, **choices))

    def chat(self, **choices: Any) -> Conversation:
        """A conversation, in which a follow-up is read with what was asked before; takes what `stream` takes."""
        from kb.answer.conversation import Conversation

        return Conversation(self, choices)

    def compare(
        self,
        question: str,
        providers: Sequence[str],
        *,
        answer_language: str | None = None,
        k: int = 8,
        interface: str | None = None,
        strict: bool = False,
        judge: bool = False,
        own: Own | None = None,
        told: Callable[[str, Event], None] = lambda *_: None,
        **filters: Unpack[Narrowing],
    ) -> Comparison:
        """Ask several providers (`qwen`, or `qwen:MODEL`) the same on the same passages; nobody stands in for another.

        `told` is given each event as it comes, and the name it was asked under, from several threads. Takes the
        filters of `search`, and `strict` and `judge` as `stream` does. Raises ProviderError for an id that is not
        registered, UsageError for none or one twice.
        """
        from kb.answer.inquiry import Wish, compare

        messages = interface or self.settings.language
        wish = Wish("", None, answer_language, k, Filters.of(**filters), (), False, messages, strict, judge, own)
        return compare(self, question, providers, wish, told)

    # ── stored answers ────────────────────────────────────────────────────────────────────────

    def answers(self, limit: int = 50, text: str = "") -> Answers:
        """The stored answers, the newest first; with `text` those whose question contains it."""
        from kb.answer.answers import latest

        return latest(self.catalog, limit, text)

    def answer(self, id: str) -> Answer:
        """A stored answer as it was, and what has changed since. Raises UsageError for an id that is not stored."""
        from kb.answer.answers import opened
        from kb.answer.changes import with_changes

        return with_changes(self, opened(self.catalog, id))

    def ask_again(self, id: str, *, provider: str, **choices: Any) -> Answer:
        """Another model's answer on the same passages, in their order; takes what `stream_again` takes."""
        from kb.answer.answering import last

        return last(self.stream_again(id, provider=provider, **choices))

    def stream_again(
        self,
        id: str,
        *,
        provider: str,
        model: str | None = None,
        answer_language: str | None = None,
        interface: str | None = None,
        strict: bool = False,
        judge: bool = False,
        own: Own | None = None,
    ) -> Iterator[Event]:
        """Ask a stored answer's question of another model on its frozen evidence, as of the same day.

        Nothing is searched, and nobody stands in for that model. Raises UsageError for an id that is not
        stored, ProviderError for a provider that is not registered.
        """
        from kb.answer.inquiry import Wish, stream_again

        messages = interface or self.settings.language
        wish = Wish(
            provider, model, answer_language, fallback=(), interface=messages, strict=strict, judge=judge, own=own
        )
        return stream_again(self, id, wish)

    # ── who is asked ──────────────────────────────────────────────────────────────────────────

    def estimate(
        self, question: str, providers: Sequence[str], *, calls: int = 1, own: Own | None = None, **filters: Any
    ) -> list[Expected]:
        """What asking each of `providers` will cost at most, for so many calls like this one.

        No provider is asked. Takes the filters of `search`.
        """
        from kb.answer.answering import Question, today
        from kb.answer.comparing import named
        from kb.answer.estimating import expected

        self.keep_to(own)
        passages = self.search(question, **filters)
        asked = Question(question, detect(question), providers[0], None, today())
        wanted = [named(each) for each in providers]
        askings = [self.asking(id, model, fallback=(), own=own) for id, model in wanted]
        return [expected(asked, passages, asking, calls) for asking in askings]

    def asking(
        self,
        provider: str,
        model: str | None = None,
        *,
        fallback: Sequence[str] | None = None,
        consent: bool = False,
        interface: str | None = None,
        own: Own | None = None,
    ) -> Asking:
        """Who will be asked, in which order and within what. Raises ProviderError for an id that is not registered."""
        from kb.answer.asking import Asking, order

        chosen = self.settings.fallback if fallback is None else fallback
        ids = order(provider, chosen)
        for id in ids:
            self.registry.provider(id)
        named = model or self.settings.model_for(provider)
        opener = self.opener.of(own)
        return Asking(ids, opener, self.purse, named, consent, interface or self.settings.language)

    def keep_to(self, own: Own | None) -> None:
        """Raise ProviderError if a user's data path does not permit what the settings send every question to."""
        from kb.answer.calling import every_question
        from kb.providers.guarded import check_path

        if own is not None:
            path = self.opener.of(own).path
            for use, url, area in every_question(self.settings, self.registry):
                check_path(url, area, path, use=use)

    def probe(
        self, provider: str, model: str | None = None, own: Own | None = None, interface: str | None = None
    ) -> Probe:
        """Ask a provider for one word, within the daily cap; how that went. Raises ProviderError for an unknown id."""
        from kb.answer.probing import probed

        self.registry.provider(provider)
        named = model or self.settings.model_for(provider)
        return probed(self.opener.of(own), self.purse, provider, named, interface or self.settings.language)

    def caller(self, provider: str, model: str | None = None) -> Callable[[], Call]:
        """What opens a chat with a provider when it is called. Raises ProviderError for one that is not registered."""
        self.registry.provider(provider)
        return lambda: self.opener.open(provider, model or self.settings.model_for(provider))

    @cached_property
    def opener(self) -> Opener:
        from kb.answer.calling import Opener
        from kb.providers import Breaker

        return Opener(self.settings, self.registry, self._server, self.embedder.tokens, Breaker())

    @cached_property
    def purse(self) -> Purse:
        from kb.answer.spend import Purse

        return Purse(self.catalog, dict(self.settings.daily_cap))

    def similarity(self, left: str, right: str) -> float:
        """The cosine of two texts."""
        first, second = self.embedder.passages([left, right])
        return float(first @ second)

    def warm(self) -> None:
        """Load what the first question needs: embedder, index, and the local model if it is the one that answers.

        The model reads the fixed part of the prompt ahead, so that its first word comes sooner. Raises
        KBError for what cannot be loaded; the first question would say the same.
        """
        from kb.answer.calling import BUILT_IN
        from kb.answer.prompting import RULE

        for text in ("warm", "预热"):  # the second loads the cutter of Chinese words
            self.search(text, 1)
        if self.settings.provider == BUILT_IN and self.settings.model != "none":
            self._server().prime([{"role": "system", "content": RULE}])

    def _server(self) -> LocalServer:
        with self._loading:
            if self._running is None:
                from kb.local import start

                self._running = start(self.settings)
            return self._running

    @cached_property
    def retriever(self) -> Retriever:
        from kb.search.retrieval import Retriever

        chosen = self.settings
        return Retriever(
            self.catalog,
            self.index,
            self.embedder,
            self._open_reranker if chosen.reranker else None,
            self._rephraser() if chosen.rephrase else None,
        )

    def _open_reranker(self) -> Reranker:
        from kb.providers import DataPath
        from kb.providers.opening import open_reranker

        chosen = self.settings
        path = DataPath(chosen.data_path)
        return open_reranker(
            self.registry, chosen.reranker, model=chosen.reranker_model or None, data_path=path, home=chosen.home
        )

    def _rephraser(self) -> Rephraser:
        from kb.search.rephrasing import Rephraser

        return Rephraser(self.caller(self.settings.rephrase), self.purse)

    def as_retriever(self, k: int = 8, **filters: Any) -> ForeignRetriever:
        """`search` as a LlamaIndex retriever; takes the filters that `search` takes."""
        from kb.foreign import Retriever as ForeignRetriever

        return ForeignRetriever(self, k, filters)

    def as_query_engine(self, **choices: Any) -> QueryEngine:
        """`ask` as a LlamaIndex query engine; takes what `ask` takes."""
        from kb.foreign import QueryEngine

        return QueryEngine(self, choices)

    def version(self, version_id: str) -> Version:
        """A stored version, current or not. Raises UsageError for an id that is not stored."""
        found = self.catalog.versions([version_id]).get(version_id)
        if found is None:
            raise UsageError(f"no version {version_id} is stored here; lagebild search shows the ids")
        return found

    def history(self, article: str) -> list[Version]:
        """All versions of an article, the oldest first; empty for one that is not stored.

        `article` is its id, a canonical URL that it has or had, or the id of one of its versions.
        """
        for id in (article, *self.catalog.ids_at([article]).values()):
            if found := self.catalog.history(id):
                return found
        one = self.catalog.versions([article]).get(article)
        return self.catalog.history(one.article_id) if one else []

    def diff(self, article: str, old: int | None = None, new: int | None = None) -> Difference:
        """What one version of an article says otherwise than another; by their numbers, default: the last two.

        Raises UsageError for an article that is not stored, or has no such versions.
        """
        from kb.storage.differences import between

        versions = {one.number: one for one in self.history(article)}
        if not versions:
            raise UsageError(f"no article {article} is stored here; lagebild search shows the ids")
        newer = max(versions) if new is None else new
        older = newer - 1 if old is None else old
        if missing := [str(number) for number in (older, newer) if number not in versions]:
            known = ", ".join(map(str, versions))
            raise UsageError(f"the article has no version {' and '.join(missing)}; it has {known}")
        return between(versions[older], versions[newer])

    def articles(self) -> pandas.DataFrame:
        """One row for each article in its current version, the newest publication first; articles of one `origin` tell
        the same story."""
        from kb.origins.groups import origins
        from kb.show.frames import articles_frame

        versions = list(self.catalog.articles())
        stories = origins(self.catalog, (each.id for each in versions))
        return articles_frame(versions, {id: story.id for id, story in stories.items()})

    def timeline(self, query: str = "", *, as_of: date | None = None) -> pandas.DataFrame:
        """Dated articles in order of publication, those that fit `query` if there is one."""
        from kb.show.frames import timeline_frame

        if query:
            passages = self.found(query, Filters(as_of=as_of), 50).passages
            versions = list({passage.version.id: passage.version for passage in passages}.values())
        else:
            versions = list(self.catalog.known_by(as_of) if as_of else self.catalog.articles())
        return timeline_frame(versions)

    def status(self) -> Status:
        """Counts, languages, the state of the index and of the catalog."""
        from kb.care.status import read_status

        return read_status(self)
