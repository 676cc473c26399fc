"""The facade: one knowledge base, opened from its home. Page, command line and notebook stand on it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from kb import generations
from kb.backup import restore_into, write_backup
from kb.catalog import Catalog, Entry
from kb.chunking import CHUNKER, chunks
from kb.embedding import Embedder, load_embedder
from kb.errors import IndexMismatch, UsageError
from kb.language import detect
from kb.lock import WriterLock
from kb.models import Answer, Article, Change, Filters, Narrowing, Passage, Version, digest
from kb.settings import Settings
from kb.terms import terms
from kb.views import Passages

if TYPE_CHECKING:
    import httpx
    import pandas

    from kb.answering import Event
    from kb.answers import Answers
    from kb.asking import Asking
    from kb.calling import Call, Opener
    from kb.comparing import Comparison
    from kb.conversation import Conversation
    from kb.dense import DenseIndex
    from kb.foreign import QueryEngine
    from kb.foreign import Retriever as ForeignRetriever
    from kb.local.server import LocalServer
    from kb.origins.tracing import Tracer
    from kb.providers import Registry
    from kb.providers.services import Reranker
    from kb.rephrasing import Rephraser
    from kb.retrieval import Found, Retriever
    from kb.spend import Purse
    from kb.status import Status

PUBLISH_AFTER = 500
"""Chunks committed since the last generation that make a new one worth its two or three seconds."""


def open_kb(
    home: str | Path | None = None, settings: Settings | None = None, embedder: Embedder | None = None
) -> KnowledgeBase:
    """Open the knowledge base of a home (default: as the command line would choose it), making it if need be.

    `embedder` takes the place of the one that the settings name. Raises HomeError if the home cannot be read.
    """
    chosen = settings or Settings.from_env(home=Path(home) if home else None)
    return KnowledgeBase(chosen, embedder)


class KnowledgeBase:
    """One knowledge base. Reading is safe from any thread and any number of processes; one process writes."""

    def __init__(self, settings: Settings, embedder: Embedder | None = None) -> None:
        self.settings = settings
        self._given = embedder
        self.catalog = Catalog(settings.home / "catalog.sqlite")
        self._lock = WriterLock(settings.home)
        self._loading = threading.RLock()
        self._running: LocalServer | None = None

    def __enter__(self) -> KnowledgeBase:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if "index" in self.__dict__:
            self.index.close()
        if self._running is not None:
            self._running.close()
        self.catalog.close()

    # ── parts, loaded when they are first needed ──────────────────────────────────────────────

    @cached_property
    def embedder(self) -> Embedder:
        if self._given is not None:
            return self._given
        chosen = self.settings
        with self._loading:
            return load_embedder(
                chosen.embedder,
                base_url=chosen.embedding_url or None,
                model=chosen.embedding_model or None,
                api_key=chosen.embedding_key or None,
                dimension=chosen.embedding_dimension or None,
                threads=chosen.threads or None,
                http=self.guarded(chosen.embedding_url, chosen.embedding_key, "embeddings")
                if chosen.embedder == "openai-like" and chosen.embedding_url
                else None,
            )

    @cached_property
    def index(self) -> DenseIndex:
        from kb.dense import DenseIndex

        with self._loading:
            self._check_binding()
            return DenseIndex(
                self.catalog, self._index_folder, self.embedder.id, self.embedder.dimension, self.settings.chroma
            )

    @cached_property
    def tracer(self) -> Tracer:
        from kb.origins.tracing import Tracer

        return Tracer(self.catalog, self.embedder.id)

    def guarded(self, url: str, key: str, use: str) -> httpx.Client:
        """A client for an address of the settings, within their data path. Raises ProviderError if it is outside."""
        from kb.providers import DataPath, Secret
        from kb.providers.guarded import guarded_client

        path = DataPath(self.settings.data_path)
        return guarded_client(url, self.registry.area(url), path, key=Secret(key) if key else None, use=use)

    @property
    def _index_folder(self) -> Path:
        return self.settings.home / "index"

    @property
    def _binding(self) -> str:
        return f"{self.embedder.id}/{self.embedder.dimension}/{CHUNKER}"

    def _check_binding(self) -> None:
        built = self.catalog.meta("binding")
        if built is not None and built != self._binding:
            raise IndexMismatch(built, self._binding)

    # ── writing ───────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def writing(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the writer lock of the home, waiting up to `wait` seconds. Raises HomeLocked."""
        with self._lock.held(wait):
            yield

    def add(self, article: Article) -> Change:
        """Store an article: a new one, a new version of a known one, or nothing if it reads as before.

        Chunks, embeddings and index lines commit with it, in one transaction.
        """
        with self.writing():
            if self.catalog.current_version(article.id) == article.version_id:
                return Change.UNCHANGED
            self._bind()
            change = self.catalog.commit(self._entry(article))
            self.tracer.follow(article.version_id)
            return change

    def _bind(self) -> None:
        self._check_binding()
        if self.catalog.meta("binding") is None:
            self.catalog.set_meta("binding", self._binding)

    def _entry(self, article: Article) -> Entry:
        cut = tuple(chunks(article.version_id, article.text, article.language, self.embedder.tokens))
        inputs = [embedded(article.title, chunk.text) for chunk in cut]
        hashes = [digest("text", text) for text in inputs]
        by_hash = dict(zip(hashes, inputs, strict=True))
        wanted = sorted(self.catalog.missing(hashes, self.embedder.id))
        vectors = self.embedder.passages([by_hash[name] for name in wanted]) if wanted else ()
        return Entry(
            article=article,
            chunks=cut,
            inputs=tuple(hashes),
            words=tuple(" ".join(terms(f"{article.title}\n{chunk.text}", article.language)) for chunk in cut),
            vectors=dict(zip(wanted, vectors, strict=True)),
            model=self.embedder.id,
        )

    def publish(self, note: Callable[[str], None] = lambda _: None, *, force: bool = False) -> bool:
        """Make a new generation of the index if enough was committed since; whether one was made.

        What is committed is found without it, too: a generation makes search faster, not more complete.
        """
        self.trace(note)
        now = generations.current(self.catalog)
        waiting = self.catalog.last_seq() - (now.applied if now else 0)
        if not waiting or (now and waiting < PUBLISH_AFTER and not force):
            return False
        with self.writing():
            generations.publish(
                self.catalog,
                self._index_folder,
                self.embedder.id,
                self.embedder.dimension,
                server=self.settings.chroma,
                note=note,
            )
        return True

    def trace(self, note: Callable[[str], None] = lambda _: None) -> None:
        """Find the copies and translations of versions that were stored without: by an older Lagebild, or a run that
        was killed."""
        if self.tracer.behind():
            with self.writing():
                self.tracer.follow(note=note)

    def rebuild(self, note: Callable[[str], None] = lambda _: None) -> None:
        """Make the index anew from the catalog, with the embedder and chunker of the settings.

        A text that has an embedding by this embedder is never embedded again.
        """
        with self.writing():
            if self.catalog.meta("binding") not in (None, self._binding):
                self._rebind(note)
            generations.publish(
                self.catalog,
                self._index_folder,
                self.embedder.id,
                self.embedder.dimension,
                server=self.settings.chroma,
                afresh=True,
                note=note,
            )
            self.trace(note)

    def _rebind(self, note: Callable[[str], None]) -> None:
        """Chunk and embed every version for another embedder or chunker; old chunks give way in one transaction."""
        entries = []
        for number, version in enumerate(self.catalog.all_versions(), 1):
            note(f"embedding version {number}")
            entry = self._entry(_article_of(version))
            self.catalog.save_vectors(entry.vectors, entry.model)
            entries.append((version, replace(entry, vectors={})))
        self.catalog.rechunk(entries, self._binding)

    def backup(self, target: Path, note: Callable[[str], None] = lambda _: None) -> None:
        """Write everything that is not derived into one file, while others read and write."""
        write_backup(self.catalog, self.settings.home, target, note)

    def restore(self, origin: Path, note: Callable[[str], None] = lambda _: None) -> None:
        """Put the state of a backup in place of what is here; readers go on, and see it at once."""
        with self.writing():
            restore_into(self.catalog, self.settings.home, origin, note)
            if "index" in self.__dict__:
                self.index.close()
                del self.__dict__["index"]
            self.__dict__.pop("tracer", None)
            self.rebuild(note)

    # ── reading ───────────────────────────────────────────────────────────────────────────────

    def search(self, query: str, k: int = 8, **filters: Unpack[Narrowing]) -> Passages:
        """The best `k` passages for a question in any language, from articles in all of them.

        Filters: `languages`, `sources`; `since` and `until`, inclusive days of publication; `as_of` gives what
        was known at the end of that day. Raises UsageError for an empty question or a `k` below 1.
        """
        return Passages(query, self.retrieve(query, Filters.of(**filters), k))

    def retrieve(self, query: str, filters: Filters, k: int) -> list[Passage]:
        return list(self.found(query, filters, k).passages)

    def found(self, query: str, filters: Filters, k: int) -> Found:
        """Passages with the level of evidence they are. Raises UsageError as `search` does."""
        if not query.strip():
            raise UsageError("the question is empty; write what you want to find")
        if k < 1:
            raise UsageError(f"k must be at least 1, not {k}")
        return self.retriever.find(query, detect(query), filters, k)

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
        them, and the first event is then Understood. Takes the filters of `search`. Raises ProviderError for
        an id that is not registered.
        """
        from kb.inquiry import Wish, stream

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
        )
        return stream(self, question, wish, before)

    def ask(self, question: str, **choices: Any) -> Answer:
        """The checked answer to a question; takes what `stream` takes."""
        from kb.answering import last

        return last(self.stream(question, **choices))

    def chat(self, **choices: Any) -> Conversation:
        """A conversation, in which a follow-up is read with what was asked before; takes what `stream` takes."""
        from kb.conversation import Conversation

        return Conversation(self, choices)

    def compare(
        self,
        question: str,
        providers: Sequence[str],
        *,
        answer_language: str | None = None,
        k: int = 8,
        interface: str | None = None,
        **filters: Unpack[Narrowing],
    ) -> Comparison:
        """Ask several providers (`qwen`, or `qwen:MODEL`) the same on the same passages; nobody stands in for another.

        Takes the filters of `search`. Raises ProviderError for an id that is not registered, UsageError for
        none or one twice.
        """
        from kb.inquiry import Wish, compare

        messages = interface or self.settings.language
        wish = Wish("", None, answer_language, k, Filters.of(**filters), (), interface=messages)
        return compare(self, question, providers, wish)

    # ── stored answers ────────────────────────────────────────────────────────────────────────

    def answers(self, limit: int = 50, text: str = "") -> Answers:
        """The stored answers, the newest first; with `text` those whose question contains it."""
        from kb.answers import latest

        return latest(self.catalog, limit, text)

    def answer(self, id: str) -> Answer:
        """A stored answer as it was, and what has changed since. Raises UsageError for an id that is not stored."""
        from kb.answers import opened
        from kb.changes import with_changes

        return with_changes(self, opened(self.catalog, id))

    def ask_again(self, id: str, *, provider: str, **choices: Any) -> Answer:
        """Another model's answer on the same passages, in their order; takes what `stream_again` takes."""
        from kb.answering import last

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
    ) -> Iterator[Event]:
        """Ask a stored answer's question of another model on its frozen evidence, as of the same day.

        Nothing is searched, and nobody stands in for that model. Raises UsageError for an id that is not
        stored, ProviderError for a provider that is not registered.
        """
        from kb.inquiry import Wish, stream_again

        messages = interface or self.settings.language
        wish = Wish(provider, model, answer_language, fallback=(), interface=messages, strict=strict, judge=judge)
        return stream_again(self, id, wish)

    # ── who is asked ──────────────────────────────────────────────────────────────────────────

    def asking(
        self,
        provider: str,
        model: str | None = None,
        *,
        fallback: Sequence[str] | None = None,
        consent: bool = False,
        interface: str | None = None,
    ) -> Asking:
        """Who will be asked, in which order and within what. Raises ProviderError for an id that is not registered."""
        from kb.asking import Asking, order

        chosen = self.settings.fallback if fallback is None else fallback
        ids = order(provider, chosen)
        for id in ids:
            self.registry.provider(id)
        named = model or self.settings.model_for(provider)
        return Asking(ids, self.opener, self.purse, named, consent, interface or self.settings.language)

    def caller(self, provider: str, model: str | None = None) -> Callable[[], Call]:
        """What opens a chat with a provider when it is called. Raises ProviderError for one that is not registered."""
        self.registry.provider(provider)
        return lambda: self.opener.open(provider, model or self.settings.model_for(provider))

    @cached_property
    def opener(self) -> Opener:
        from kb.calling import Opener
        from kb.providers import Breaker

        return Opener(self.settings, self.registry, self._server, self.embedder.tokens, Breaker())

    @cached_property
    def purse(self) -> Purse:
        from kb.spend import Purse

        return Purse(self.catalog, dict(self.settings.daily_cap))

    def similarity(self, left: str, right: str) -> float:
        """The cosine of two texts."""
        first, second = self.embedder.passages([left, right])
        return float(first @ second)

    @cached_property
    def registry(self) -> Registry:
        from kb.providers import load_registry

        return load_registry(self.settings.home)

    def warm(self) -> None:
        """Load what the first question needs: embedder, index, and the local model if it is the one that answers.

        The model reads the fixed part of the prompt ahead, so that its first word comes sooner. Raises
        KBError for what cannot be loaded; the first question would say the same.
        """
        from kb.calling import BUILT_IN
        from kb.prompting import RULE

        self.search("warm", 1)
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
        from kb.retrieval import Retriever

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
        from kb.rephrasing import Rephraser

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

    def history(self, article_id: str) -> list[Version]:
        """All versions of an article, the oldest first; empty for one that is not stored."""
        return self.catalog.history(article_id)

    def articles(self) -> pandas.DataFrame:
        """One row for each article in its current version, the newest publication first."""
        from kb.frames import articles_frame

        return articles_frame(self.catalog.articles())

    def timeline(self, query: str = "", *, as_of: date | None = None) -> pandas.DataFrame:
        """Dated articles in order of publication, those that fit `query` if there is one."""
        from kb.frames import timeline_frame

        if query:
            passages = self.retrieve(query, Filters(as_of=as_of), 50)
            versions = list({passage.version.id: passage.version for passage in passages}.values())
        else:
            versions = list(self.catalog.known_by(as_of) if as_of else self.catalog.articles())
        return timeline_frame(versions)

    def status(self) -> Status:
        """Counts, languages, the state of the index and of the catalog."""
        from kb.status import read_status

        return read_status(self)


def embedded(title: str, text: str) -> str:
    """What is embedded for a chunk: its text under the article's title, which says what it is about."""
    return text if text.startswith(title) else f"{title}\n{text}"


def _article_of(version: Version) -> Article:
    return Article(
        url=version.url,
        title=version.title,
        text=version.text,
        language=version.language,
        source=version.source,
        fetched=version.fetched,
        published=version.published,
        authors=version.authors,
        source_id=version.source_id,
        side=version.side,
        references=version.references,
        snapshot=version.snapshot,
    )
