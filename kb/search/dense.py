"""Dense search over everything that is committed: the current generation, the delta and the history.

In a large store Chroma answers what needs no filter or a narrow one; a small one, broad filters, what was
committed since the generation, and superseded versions (for as-of questions) are scanned exactly. Without a usable
generation the whole store is scanned exactly, and `trouble` says why.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kb.errors import IndexBroken
from kb.models import Filters
from kb.search import generations
from kb.search.exact import Matrix, Statistics, load_statistics, statistics
from kb.search.generations import Generation
from kb.search.index import VectorStore
from kb.storage.catalog import Catalog

SCANNED = 300_000
"""Chunks of a store up to which it is scanned exactly, with or without filters: numpy takes 2 to 8 ms for 33,000,
Chroma 30 to 90 ms for the nearest 50 of as many, because it reads the fields of each from its database."""

BROAD = 0.02
"""Share of the rows above which a filter is scanned exactly in larger stores: Chroma pays about 6 µs per row
that matches, numpy less than 0.3 µs per row of the store (measured, 40,000 rows)."""

SPARE = 50
"""More rows than asked for from Chroma, for those that were dropped since."""


class DenseIndex:
    """A reader of the index, safe from any thread. `refresh` follows commits and flips; a search does it once."""

    def __init__(self, catalog: Catalog, folder: Path, model: str, dimension: int, server: str = "") -> None:
        self._catalog = catalog
        self._folder = folder
        self._model = model
        self._dimension = dimension
        self._server = server
        self._lock = threading.RLock()
        self._generation: Generation | None = None
        self._opened = False
        self._store: VectorStore | None = None
        self._base = self._empty()
        self._base_statistics: dict[str, Statistics] = {}
        self._delta = self._empty()
        self._dropped: set[int] = set()
        self._history = self._empty()
        self._seen = -1
        self.trouble = ""

    def close(self) -> None:
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def nearest(self, query: np.ndarray, language: str, filters: Filters, k: int) -> list[tuple[int, float]]:
        """The `k` nearest chunks of a language that pass the filters: (seq, cosine), the best first."""
        with self._lock:
            found = dict(self._base_nearest(query, language, filters, k + min(len(self._dropped), SPARE)))
            for matrix in (self._delta, self._history) if filters.as_of else (self._delta,):
                found.update(matrix.nearest(query, matrix.rows(filters, language), k))
            best = sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))
            return best[:k]

    def vectors(self, seqs: Sequence[int]) -> tuple[list[int], np.ndarray]:
        """These chunks by number, each once, and their vectors (n, d); one committed since `refresh` is left out."""
        with self._lock:
            found: dict[int, tuple[int, int]] = {}
            matrices = (self._base, self._delta, self._history)
            for seq in seqs:
                for number, matrix in enumerate(matrices):
                    if (row := matrix.row_of.get(seq)) is not None:
                        found[seq] = (number, row)
                        break
            vectors = np.empty((len(found), self._dimension), np.float32)
            places = np.array(list(found.values()), np.int64).reshape(-1, 2)
            for number, matrix in enumerate(matrices):
                chosen = places[:, 0] == number
                if chosen.any():
                    vectors[chosen] = matrix.vectors[places[chosen, 1]]
            return list(found), vectors

    def described(self, seqs: Sequence[int]) -> dict[int, tuple[str, int]]:
        """Outlet and day of publication (YYYYMMDD, 0 for none) of these chunks by number."""
        with self._lock:
            return {
                seq: (str(matrix.source[row]), int(matrix.day[row]))
                for seq in seqs
                for matrix in (self._base, self._delta, self._history)
                if (row := matrix.row_of.get(seq)) is not None
            }

    def sources(self) -> frozenset[str]:
        """The names of all outlets in the store."""
        with self._lock:
            return frozenset().union(*(matrix.outlets for matrix in (self._base, self._delta, self._history)))

    def languages(self) -> list[str]:
        """The languages that the store has chunks in."""
        with self._lock:
            return sorted({name for matrix in (self._base, self._delta, self._history) for name in matrix.blocks})

    def statistics(self) -> dict[str, Statistics]:
        """The statistics of each language's vectors, as of the generation; without one, as of now."""
        with self._lock:
            return self._base_statistics or statistics(self._delta)

    def state(self) -> dict[str, object]:
        """The current generation's name, its size, and how much was committed since."""
        with self._lock:
            self.refresh()
            return {
                "generation": self._generation.name if self._generation else None,
                "indexed": len(self._base),
                "since": len(self._delta),
                "dropped": len(self._dropped),
                "trouble": self.trouble,
            }

    def _base_nearest(self, query: np.ndarray, language: str, filters: Filters, k: int) -> list[tuple[int, float]]:
        if language not in self._base.blocks:
            return []
        rows = self._base.rows(filters, language)
        unfiltered = filters == Filters(languages=filters.languages)
        many = len(self._base) > SCANNED
        if many and self._store is not None and (unfiltered or len(rows) < BROAD * len(self._base)):
            try:
                found = self._store.nearest(language, query, filters, min(k, len(rows))) if len(rows) else []
                return [(seq, score) for seq, score in found if seq not in self._dropped]
            except IndexBroken as error:
                self._give_up(str(error))
        dropped = [row for seq in self._dropped if (row := self._base.row_of.get(seq)) is not None]
        alive = np.setdiff1d(rows, dropped, assume_unique=True) if dropped else rows
        return self._base.nearest(query, alive, k)

    def refresh(self) -> None:
        """See what was committed or published since the last call."""
        with self._lock:
            wanted = generations.current(self._catalog)
            if not self._opened or wanted != self._generation:
                self._open(wanted)
            last = self._catalog.last_seq()
            if last != self._seen:
                self._catch_up(last)

    def _open(self, wanted: Generation | None) -> None:
        self.close()
        self._opened, self._generation, self._seen, self.trouble = True, wanted, -1, ""
        self._base, self._base_statistics = self._empty(), {}
        if wanted is None:
            return
        place = self._folder / wanted.name
        try:
            self._base = Matrix.load(place / "matrix")
            self._base_statistics = load_statistics(place / "statistics.npz")
            if self._server:
                self._store = VectorStore(self._server, prefix=wanted.name)
            else:
                self._store = VectorStore(place / "chroma")
        except (OSError, ValueError, KeyError, IndexBroken) as error:
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        """Go on without Chroma; the matrix is enough, and the catalog where even that is not there."""
        self.trouble = f"the index cannot be used ({why}); search is exact and slower until: lagebild rebuild"
        self._store = None

    def _catch_up(self, last: int) -> None:
        usable = self._generation is not None and len(self._base) > 0
        applied = self._generation.applied if usable and self._generation else 0
        changes = {line.chunk_seq: line.op for line in self._catalog.outbox_after(applied)}
        if not usable:
            self._delta = Matrix.of(self._catalog.vectors(self._model, superseded=False), self._dimension)
            self._dropped = set()
        else:
            # One that is announced again counts as it is now: since when it is known may have changed.
            added = [seq for seq, op in changes.items() if op == "add"]
            self._delta = Matrix.of(self._catalog.vectors(self._model, added), self._dimension)
            self._dropped = changes.keys() & self._base.row_of.keys()
        self._history = Matrix.of(self._catalog.vectors(self._model, superseded=True), self._dimension)
        self._seen = last

    def _empty(self) -> Matrix:
        return Matrix.of((), self._dimension)
