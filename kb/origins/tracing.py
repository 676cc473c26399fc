"""Finds the copies and translations of each version that was committed, and keeps them as ties of two versions.

A tie depends on the two versions alone, so the ties of a store do not depend on the order in which its articles
came. Traces and ties are derived: a version without a trace (a home of an older Lagebild, a run that was killed
after the commit) gets one from the next writer, and another method or embedder makes all of them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, delete, func, insert, select

from kb.models import Version
from kb.origins.credit import credits
from kb.origins.likeness import CANDIDATE, WINDOW, Told, Trace, copied, trace
from kb.origins.shingles import PERMUTATIONS, estimate
from kb.origins.translation import NEAR, SPAN, translated
from kb.search.prior import language_means
from kb.storage import schema
from kb.storage.catalog import Catalog
from kb.storage.faults import point

METHOD = "2"
"""Changes with what makes a trace or a tie."""

BATCH = 50
"""Versions traced in one transaction when many are waiting."""

COMPARED, VERSIONS, ENOUGH = 12, 6, 4
"""Articles whose texts are compared, and of each so many versions; and articles after which no more copies are looked
for: one in the middle of a hundred copies needs no tie to each, and a page that a thousand others resemble may not
stop a run."""

COPY, TRANSLATION = "copy", "translation"


@dataclass(frozen=True, slots=True)
class Traced:
    """A version with its trace: what its row holds. `day` counts from the year 1, None without a date; `vector` (d,)
    is the mean of its passages with their language taken off, None where that is not known."""

    version: Version
    day: int | None
    trace: Trace
    vector: npt.NDArray[np.float32] | None


class Tracer:
    """Writes the traces and ties of one store; to be used by whoever holds its writer lock."""

    def __init__(self, catalog: Catalog, embedder: str) -> None:
        self._catalog = catalog
        self._embedder = embedder
        self._means = language_means(embedder)
        self._past = Past()
        self._healed = False

    def behind(self) -> bool:
        """Whether a version has no trace yet."""
        with self._catalog.reading() as db:
            if self._catalog.meta("origins") != self._method:
                return bool(db.scalar(select(func.count()).select_from(schema.version)))
            return bool(self._waiting(db, 1))

    def follow(self, version_id: str | None = None, note: Callable[[str], None] = lambda _: None) -> None:
        """Trace a version, and whatever else was left without a trace."""
        if self._healed and version_id is not None:
            self._trace([version_id])
            return
        if self._catalog.meta("origins") != self._method:
            self._forget()
        done = 0
        while True:
            with self._catalog.reading() as db:
                waiting = self._waiting(db, BATCH)
            if not waiting:
                break
            self._trace(waiting)
            done += len(waiting)
            if len(waiting) == BATCH:
                note(f"comparing articles: {done}")
        self._healed = True

    @property
    def _method(self) -> str:
        return f"{METHOD}/{self._embedder}"

    def _forget(self) -> None:
        with self._catalog.writing() as db:
            db.execute(delete(schema.tie))
            db.execute(delete(schema.trace))
        self._past = Past()
        self._catalog.set_meta("origins", self._method)

    @staticmethod
    def _waiting(db: Connection, limit: int) -> list[str]:
        traced = select(schema.trace.c.version_id).where(schema.trace.c.version_id == schema.version.c.id)
        query = select(schema.version.c.id).where(~traced.exists())
        return list(db.scalars(query.order_by(schema.version.c.first_seen, schema.version.c.id).limit(limit)))

    def _trace(self, ids: Sequence[str]) -> None:
        versions = self._catalog.versions(ids)
        with self._catalog.reading() as db:
            self._past.catch_up(db)
            fresh = [self._traced(db, versions[id]) for id in ids if id not in self._past]
        rows, ties = [], []
        for item in fresh:
            ties += list(self._ties(item))
            rows.append(_row(item))
            self._past.add(item)
        try:
            with self._catalog.deriving() as db:
                if rows:
                    db.execute(insert(schema.trace), rows)
                if ties:
                    db.execute(insert(schema.tie).prefix_with("OR IGNORE"), ties)
                point("tracing")
        except BaseException:
            self._past = Past()
            raise

    def _traced(self, db: Connection, version: Version) -> Traced:
        day = version.published.day.toordinal() if version.published else None
        return Traced(version, day, trace(version.text), self._vector(db, version))

    def _vector(self, db: Connection, version: Version) -> npt.NDArray[np.float32] | None:
        if version.language not in self._means:
            return None
        same_text = schema.embedding.c.text_hash == schema.chunk.c.text_hash
        query = select(schema.embedding.c.vector).join(schema.chunk, same_text)
        query = query.where(schema.chunk.c.version_id == version.id, schema.embedding.c.model == self._embedder)
        vectors = [np.frombuffer(row, np.float32) for row in db.scalars(query)]
        if not vectors:
            return None
        middle = np.mean(vectors, axis=0) - self._means[version.language]
        # Rounded as it is kept, so that a pair compares alike whichever of the two came first.
        return np.asarray((middle / (np.linalg.norm(middle) or 1.0)).astype(np.float16), np.float32)

    def _ties(self, item: Traced) -> Iterator[dict[str, object]]:
        own = item.version
        told, found = _told(own), 0
        candidates = self._past.copies(item)
        versions = self._catalog.versions(id for ids in candidates for id in ids)
        for ids in candidates:
            ties = [
                _tie(own.id, id, COPY, likeness)
                for id in ids
                if (likeness := copied(told, _told(versions[id]))) is not None
            ]
            yield from ties
            found += bool(ties)
            if found == ENOUGH:
                break
        near = self._past.near(item)
        for id, version in self._catalog.versions(near).items():
            if translated(own, version, near[id]):
                yield _tie(own.id, id, TRANSLATION, near[id])


class Past:
    """All traces of a store in memory, for scanning: 128 bytes a version for copies, 2 a dimension for translations."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._articles: list[str] = []
        self._known: set[str] = set()
        self._last = 0
        self._days = _Column(1, np.int32)
        self._kinds = _Column(2, np.int16)
        self._signatures = _Column(PERMUTATIONS, np.uint8)
        self._vectors: _Column | None = None
        self._languages: list[str] = [""]

    def __contains__(self, id: object) -> bool:
        return id in self._known

    def catch_up(self, db: Connection) -> None:
        """Read what was traced since the last time."""
        table = schema.trace
        query = select(table, schema.version.c.article_id).join(schema.version)
        for row in db.execute(query.where(table.c.seq > self._last).order_by(table.c.seq)).mappings():
            self._last = row["seq"]
            if row["version_id"] not in self._known:
                self._append(row["article_id"], dict(row))

    def add(self, item: Traced) -> None:
        self._append(item.version.article_id, _row(item))

    def _append(self, article_id: str, row: Mapping[str, Any]) -> None:
        language, signature, vector = row["language"], row["signature"], row["vector"]
        self._ids.append(row["version_id"])
        self._articles.append(article_id)
        self._known.add(row["version_id"])
        if language not in self._languages:
            self._languages.append(language)
        self._days.append(row["day"] or 0)
        self._kinds.append((row["size"] if signature else 0, self._languages.index(language) if vector else 0))
        self._signatures.append(np.frombuffer(signature, np.uint8) if signature else 0)
        if vector:
            values = np.frombuffer(vector, np.float16)
            if self._vectors is None:
                self._vectors = _Column(len(values), np.float16)
            self._vectors.extend_to(len(self._ids) - 1)
            self._vectors.append(values)

    def copies(self, item: Traced) -> list[list[str]]:
        """Versions of other articles that may be copies, by their signatures: within the window, or one of the two
        without a date. One list an article; the most alike come first, and of those about as alike the earliest."""
        if item.trace.signature is None or not self._ids:
            return []
        fits = self._kinds.rows[:, 0] == item.trace.size
        if item.day is not None:
            days = self._days.rows[:, 0]
            fits &= (days == 0) | (np.abs(days - item.day) <= WINDOW)
        places = np.flatnonzero(fits)
        alike = estimate(item.trace.signature, self._signatures.rows[places])
        found: dict[str, list[tuple[float, int, str]]] = {}
        for at in np.flatnonzero(alike >= CANDIDATE):
            place = places[at]
            if (article := self._articles[place]) != item.version.article_id:
                ranked = (-round(float(alike[at]), 1), int(self._days.rows[place, 0]), self._ids[place])
                found.setdefault(article, []).append(ranked)
        first = sorted(found.values(), key=min)[:COMPARED]
        # Of an article that changes by the hour, the latest versions.
        return [[id for _, _, id in versions[-VERSIONS:]] for versions in first]

    def near(self, item: Traced) -> dict[str, float]:
        """Dated versions in another language whose vectors lie near, with their cosine; the nearest first."""
        if item.vector is None or item.day is None or self._vectors is None:
            return {}
        kinds, days = self._kinds.rows[: len(self._vectors), 1], self._days.rows[: len(self._vectors), 0]
        own = self._languages.index(item.version.language) if item.version.language in self._languages else -1
        places = np.flatnonzero((kinds != 0) & (kinds != own) & (np.abs(days - item.day) <= SPAN))
        cosines = self._vectors.rows[places].astype(np.float32) @ item.vector
        found = [
            (-float(cosines[at]), self._ids[places[at]])
            for at in np.flatnonzero(cosines >= NEAR)
            if self._articles[places[at]] != item.version.article_id
        ]
        return {id: -cosine for cosine, id in sorted(found)[: 2 * COMPARED]}


class _Column:
    """A matrix that grows by rows."""

    def __init__(self, width: int, kind: npt.DTypeLike) -> None:
        self._held = np.zeros((64, width), kind)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def rows(self) -> npt.NDArray[Any]:
        return self._held[: self._count]

    def append(self, row: object) -> None:
        self.extend_to(self._count + 1)
        self._held[self._count - 1] = row

    def extend_to(self, count: int) -> None:
        """Make it `count` rows long at least; new rows are zero."""
        if count > len(self._held):
            more = np.zeros((max(count, len(self._held)), self._held.shape[1]), self._held.dtype)
            self._held = np.concatenate([self._held, more])
        self._count = max(self._count, count)


def _row(item: Traced) -> dict[str, object]:
    return {
        "version_id": item.version.id,
        "day": item.day,
        "language": item.version.language,
        "size": item.trace.size,
        "signature": item.trace.signature.tobytes() if item.trace.signature is not None else None,
        "vector": item.vector.astype(np.float16).tobytes() if item.vector is not None else None,
    }


def _tie(one: str, other: str, kind: str, likeness: float) -> dict[str, object]:
    return {"one": min(one, other), "other": max(one, other), "kind": kind, "likeness": round(likeness, 3)}


def _told(version: Version) -> Told:
    return Told(version.title, version.text, version.source, credits(version))
