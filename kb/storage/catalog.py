"""The catalog: the truth about articles, versions, chunks and embeddings.

One article version commits in one transaction; what this module acknowledged survives a `kill -9`. Chroma is derived
from it (`kb.search.index`), and so are the word tables (`kb.search.lexical`), which live in the same file so that they
change in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import numpy as np
from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import RowMapping

from kb.models import Article, Change, Chunk, Version, article_id
from kb.search import lexical
from kb.storage import schema
from kb.storage.database import Database, batches, day_number, iso
from kb.storage.faults import point
from kb.storage.versions import to_version, version_query, version_row


@dataclass(frozen=True, slots=True)
class Entry:
    """All that is committed of one article version, worked out before anything is written.

    `vectors` holds the embeddings that the catalog does not have yet, by text hash; `inputs` the hash
    of what was embedded for each chunk; `words` the tokens of each chunk for the lexical index.
    """

    article: Article
    chunks: tuple[Chunk, ...]
    inputs: tuple[str, ...]
    words: tuple[str, ...]
    vectors: Mapping[str, np.ndarray]
    model: str


@dataclass(frozen=True, slots=True)
class Pending:
    """One line of the outbox: a chunk that the index must add or drop."""

    seq: int
    op: str
    chunk_id: str
    chunk_seq: int


class Catalog(Database):
    """One open catalog. Reading is safe from any thread; writing needs the home's writer lock."""

    # ── articles ──────────────────────────────────────────────────────────────────────────────

    def current_version(self, article_id: str) -> str | None:
        """The id of the version that is current, None for an article that is not stored."""
        with self.reading() as db:
            query = select(schema.article.c.current_version).where(schema.article.c.id == article_id)
            return db.scalar(query)

    def at_home(self, article: Article) -> Article:
        """The article under the address that it has its id from: another one than its own if it has moved."""
        with self.reading() as db:
            return replace(article, url=_homes(db, [article.url]).get(article.url, article.url))

    def ids_at(self, urls: Iterable[str]) -> dict[str, str]:
        """The ids of the articles that are, or were, at these canonical URLs; others are left out."""
        found: dict[str, str] = {}
        with self.reading() as db:
            for batch in batches(list(urls)):
                homes = _homes(db, batch)
                ids = {url: article_id(homes.get(url, url)) for url in batch}
                stored = set(db.scalars(select(schema.article.c.id).where(schema.article.c.id.in_(ids.values()))))
                found.update({url: id for url, id in ids.items() if id in stored})
        return found

    def move(self, id: str, url: str) -> None:
        """An article has another address now; it keeps its id, and is found by the old addresses, too."""
        with self.writing() as db:
            before = db.execute(select(schema.article.c.url).where(schema.article.c.id == id)).scalar_one()
            home = _homes(db, [before]).get(before, before)
            db.execute(insert(schema.alias).prefix_with("OR REPLACE").values(url=url, home=home))
            db.execute(update(schema.article).where(schema.article.c.id == id).values(url=url))

    def missing(self, hashes: Iterable[str], model: str) -> set[str]:
        """Which of these text hashes have no embedding by `model` yet."""
        wanted = set(hashes)
        with self.reading() as db:
            for batch in batches(sorted(wanted)):
                table = schema.embedding.c
                known = db.scalars(select(table.text_hash).where(table.model == model, table.text_hash.in_(batch)))
                wanted -= set(known)
        return wanted

    def commit(self, entry: Entry, read: datetime | None = None) -> Change:
        """Store one article version whole, or nothing of it; the same content again changes nothing.

        It is known since it was `read`: now, or when an archive captured it.
        """
        now = datetime.now(UTC)
        point("before_commit")
        change = self._commit(entry, entry.article, now, read or now)
        point("after_commit")
        return change

    def _commit(self, entry: Entry, article: Article, now: datetime, read: datetime) -> Change:
        with self.writing() as db:
            known = db.execute(select(schema.article).where(schema.article.c.id == article.id)).mappings().first()
            if known and known["current_version"] == article.version_id:
                if known["gone"]:
                    db.execute(update(schema.article).where(schema.article.c.id == article.id).values(gone=None))
                return Change.UNCHANGED
            if known:
                self._supersede(db, known["current_version"], day_number(read.astimezone(UTC).date()))
                db.execute(
                    update(schema.article)
                    .where(schema.article.c.id == article.id)
                    .values(current_version=article.version_id, gone=None)
                )
            else:
                db.execute(
                    insert(schema.article).values(
                        id=article.id, url=article.url, first_seen=iso(now), current_version=article.version_id
                    )
                )
            if self._revive(db, article.version_id):
                read_again(db, article.id, article.fetched)
            else:
                self._insert(db, entry, now, read)
            point("inside_commit")
            return Change.UPDATED if known else Change.ADDED

    def _insert(self, db: Connection, entry: Entry, now: datetime, read: datetime) -> None:
        article = entry.article
        earlier = db.scalar(
            select(func.count()).select_from(schema.version).where(schema.version.c.article_id == article.id)
        )
        db.execute(insert(schema.version).values(version_row(article, (earlier or 0) + 1, now, read)))
        self.insert_vectors(db, entry.vectors, entry.model)
        self.insert_chunks(db, entry, live=True)

    @staticmethod
    def insert_vectors(db: Connection, vectors: Mapping[str, np.ndarray], model: str) -> None:
        for text_hash, vector in vectors.items():
            db.execute(
                insert(schema.embedding)
                .prefix_with("OR IGNORE")
                .values(text_hash=text_hash, model=model, vector=np.asarray(vector, np.float32).tobytes())
            )

    @staticmethod
    def insert_chunks(db: Connection, entry: Entry, *, live: bool) -> None:
        for chunk, text_hash, words in zip(entry.chunks, entry.inputs, entry.words, strict=True):
            row = db.execute(
                insert(schema.chunk).values(
                    id=chunk.id,
                    version_id=chunk.version_id,
                    position=chunk.position,
                    start=chunk.start,
                    end=chunk.end,
                    text_hash=text_hash,
                    language=chunk.language,
                )
            )
            assert row.inserted_primary_key is not None
            seq = row.inserted_primary_key[0]
            lexical.insert(db, chunk.language, seq, words)
            if live:
                db.execute(insert(schema.outbox).values(op="add", chunk_id=chunk.id, chunk_seq=seq))

    def save_vectors(self, vectors: Mapping[str, np.ndarray], model: str) -> None:
        """Keep embeddings ahead of the chunks that will need them."""
        with self.writing() as db:
            self.insert_vectors(db, vectors, model)

    def rechunk(self, entries: Iterable[tuple[Version, Entry]], binding: str) -> None:
        """Replace all chunks and words by those of the entries, and bind the store to `binding`, at once."""
        with self.writing() as db:
            lexical.drop(db)
            lexical.create(db)
            db.execute(delete(schema.outbox))
            db.execute(delete(schema.chunk))
            for version, entry in entries:
                self.insert_chunks(db, entry, live=version.current)
            self._set_meta(db, "binding", binding)

    @staticmethod
    def _supersede(db: Connection, version_id: str, day: int) -> None:
        db.execute(update(schema.version).where(schema.version.c.id == version_id).values(superseded=day))
        announce(db, version_id, "drop")

    @staticmethod
    def _revive(db: Connection, version_id: str) -> bool:
        """Make a stored version current again (a page that went back to an earlier text)."""
        found = db.execute(update(schema.version).where(schema.version.c.id == version_id).values(superseded=None))
        announce(db, version_id, "add")
        return found.rowcount > 0

    def read_again(self, id: str, at: datetime) -> None:
        """Note that an article still read as it is stored at this time."""
        with self.writing() as db:
            read_again(db, id, at)

    def mark_gone(self, article_id: str) -> None:
        """Note that the page behind an article is gone; the article stays."""
        with self.writing() as db:
            db.execute(
                update(schema.article)
                .where(schema.article.c.id == article_id, schema.article.c.gone.is_(None))
                .values(gone=iso(datetime.now(UTC)))
            )

    def versions(self, ids: Iterable[str]) -> dict[str, Version]:
        """Stored versions by id; ids that are not stored are left out."""
        found: dict[str, Version] = {}
        with self.reading() as db:
            for batch in batches(list(ids)):
                rows = db.execute(version_query().where(schema.version.c.id.in_(batch))).mappings()
                found.update({row["id"]: to_version(row) for row in rows})
        return found

    def history(self, article_id: str) -> list[Version]:
        """All versions of an article, the oldest first."""
        query = version_query().where(schema.version.c.article_id == article_id).order_by(schema.version.c.number)
        with self.reading() as db:
            return [to_version(row) for row in db.execute(query).mappings()]

    def articles(self) -> Iterator[Version]:
        """The current version of every article, the newest publication first."""
        query = (
            version_query()
            .where(schema.version.c.id == schema.article.c.current_version)
            .order_by(schema.version.c.published.desc().nulls_last(), schema.version.c.id)
        )
        with self.reading() as db:
            for row in db.execute(query).mappings():
                yield to_version(row)

    def all_versions(self) -> list[Version]:
        """Every version of every article, in the order in which they were stored."""
        query = version_query().order_by(schema.version.c.first_seen, schema.version.c.number)
        with self.reading() as db:
            return [to_version(row) for row in db.execute(query).mappings()]

    def known_by(self, day: date) -> list[Version]:
        """Of every article the version that was known at the end of `day`, the newest publication first."""
        then = day_number(day)
        query = (
            version_query()
            .where(schema.version.c.known <= then)
            .where(schema.version.c.superseded.is_(None) | (schema.version.c.superseded > then))
            .order_by(schema.version.c.published.desc().nulls_last(), schema.version.c.id)
        )
        with self.reading() as db:
            return [to_version(row) for row in db.execute(query).mappings()]

    # ── chunks, embeddings, outbox ────────────────────────────────────────────────────────────

    def chunks_at(self, seqs: Iterable[int]) -> dict[int, RowMapping]:
        """Chunk rows by `seq`: id, version_id, start, end, language."""
        found: dict[int, RowMapping] = {}
        with self.reading() as db:
            for batch in batches(list(seqs)):
                rows = db.execute(select(schema.chunk).where(schema.chunk.c.seq.in_(batch))).mappings()
                found.update({row["seq"]: row for row in rows})
        return found

    def vectors(
        self, model: str, seqs: Iterable[int] | None = None, superseded: bool | None = None
    ) -> Iterator[tuple[RowMapping, np.ndarray]]:
        """Every chunk, or those with these numbers, and its vector: seq, id, language, source, day, known, superseded
        (days as YYYYMMDD, None where there is none). `superseded` asks for old or current versions only."""
        query = (
            select(
                schema.chunk.c.seq,
                schema.chunk.c.id,
                schema.chunk.c.language,
                schema.version.c.source,
                schema.version.c.day,
                schema.version.c.known,
                schema.version.c.superseded,
                schema.embedding.c.vector,
            )
            .join(schema.version, schema.version.c.id == schema.chunk.c.version_id)
            .join(schema.embedding, schema.embedding.c.text_hash == schema.chunk.c.text_hash)
            .where(schema.embedding.c.model == model)
            .order_by(schema.chunk.c.seq)
        )
        if superseded is not None:
            mark = schema.version.c.superseded
            query = query.where(mark.is_not(None) if superseded else mark.is_(None))
        parts = (
            [query] if seqs is None else [query.where(schema.chunk.c.seq.in_(each)) for each in batches(sorted(seqs))]
        )
        with self.reading() as db:
            for part in parts:
                for row in db.execute(part).mappings():
                    yield row, np.frombuffer(row["vector"], np.float32)

    def chunk_articles(self) -> list[tuple[int, str]]:
        """The number of every chunk, and the id of its article."""
        query = select(schema.chunk.c.seq, schema.version.c.article_id).join(
            schema.version, schema.version.c.id == schema.chunk.c.version_id
        )
        with self.reading() as db:
            return [(row.seq, row.article_id) for row in db.execute(query)]

    def outbox_after(self, seq: int) -> list[Pending]:
        with self.reading() as db:
            rows = db.execute(select(schema.outbox).where(schema.outbox.c.seq > seq).order_by(schema.outbox.c.seq))
            return [Pending(row.seq, row.op, row.chunk_id, row.chunk_seq) for row in rows]

    def last_seq(self) -> int:
        with self.reading() as db:
            return db.scalar(select(func.max(schema.outbox.c.seq))) or 0

    def current_chunks(self) -> set[str]:
        """The ids of the chunks that belong to current versions: what a generation must hold."""
        query = select(schema.chunk.c.id).join(
            schema.article, schema.article.c.current_version == schema.chunk.c.version_id
        )
        with self.reading() as db:
            return set(db.scalars(query))


def _homes(db: Connection, urls: Sequence[str]) -> dict[str, str]:
    """Of these addresses those of articles that have their id from another one, and that one."""
    return {row.url: row.home for row in db.execute(select(schema.alias).where(schema.alias.c.url.in_(urls)))}


def announce(db: Connection, version_id: str, op: str) -> None:
    """Tell the index to add or to drop the chunks of a version."""
    chunks = select(schema.chunk.c.id, schema.chunk.c.seq).where(schema.chunk.c.version_id == version_id)
    for row in db.execute(chunks).all():
        db.execute(insert(schema.outbox).values(op=op, chunk_id=row.id, chunk_seq=row.seq))


def read_again(db: Connection, id: str, at: datetime) -> None:
    """Note that an article was read at this time, unless it was read later."""
    row = upsert(schema.reread).values(article_id=id, at=iso(at))
    later = func.max(schema.reread.c.at, row.excluded.at)
    db.execute(row.on_conflict_do_update(index_elements=["article_id"], set_={"at": later}))
