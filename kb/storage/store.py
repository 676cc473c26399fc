"""One home: its catalog, its index, the embedder they are bound to, and how an article gets in.

`kb.knowledge` adds what is found in it and what is asked of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from kb.embedding import Embedder, load_embedder
from kb.errors import IndexMismatch
from kb.models import Article, Change, Version, digest
from kb.search import generations
from kb.settings import Settings
from kb.storage.backup import restore_into, write_backup
from kb.storage.catalog import Catalog, Entry
from kb.storage.lock import WriterLock
from kb.storage.past import count_from, insert_earlier, last_read, line_up
from kb.text.chunking import CHUNKER, chunks
from kb.text.terms import terms

if TYPE_CHECKING:
    import httpx

    from kb.origins.tracing import Tracer
    from kb.providers import Registry
    from kb.search.dense import DenseIndex

PUBLISH_AFTER = 500
"""Chunks committed since the last generation that make a new one worth its two or three seconds."""


class Store:
    """What a home holds. Reading is safe from any thread and any number of processes; one process writes."""

    def __init__(self, settings: Settings, embedder: Embedder | None = None) -> None:
        self.settings = settings
        self._given = embedder
        self.catalog = Catalog(settings.home / "catalog.sqlite")
        self._lock = WriterLock(settings.home)
        self._loading = threading.RLock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if "index" in self.__dict__:
            self.index.close()
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
        from kb.search.dense import DenseIndex

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

    @cached_property
    def registry(self) -> Registry:
        from kb.providers import load_registry

        return load_registry(self.settings.home)

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
            return self._add(self.catalog.at_home(article), None)

    def _add(self, article: Article, read: datetime | None) -> Change:
        if self.catalog.current_version(article.id) == article.version_id:
            return Change.UNCHANGED
        self._bind()
        change = self.catalog.commit(self._entry(article), read)
        self.tracer.follow(article.version_id)
        return change

    def place(self, article: Article) -> Change:
        """Store a reading of the past, such as a capture, at its time among the versions of its article.

        It becomes the current version only if the article was never read later. A text that is stored already is not
        stored again: it counts from the earliest reading on.
        """
        with self.writing():
            article = self.catalog.at_home(article)
            last = last_read(self.catalog, article.id)
            if last is None or last <= article.fetched:
                change = self._add(article, article.fetched)
                if change is Change.UNCHANGED:
                    self.catalog.read_again(article.id, article.fetched)
                if change is not Change.ADDED:
                    line_up(self.catalog, article.id)
                return change
            if self.catalog.versions([article.version_id]):
                count_from(self.catalog, article)
                return Change.UNCHANGED
            self._bind()
            insert_earlier(self.catalog, self._entry(article))
            self.tracer.follow(article.version_id)
            return Change.UPDATED

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
            entry = self._entry(self.catalog.at_home(_article_of(version)))
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
