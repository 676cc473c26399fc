"""Vectors in memory: the exact scan that is oracle, fallback and the way for broad filters.

A `Matrix` holds unit vectors and the few columns that filters read. One that belongs to a generation
is memory-mapped from its folder; the delta and the history are built from the catalog.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from kb.models import Filters

NONE = 0
"""A day that is not there, in the integer columns."""


@dataclass(frozen=True)
class Matrix:
    """n chunks in order of language: `vectors` (n, d) float32 of unit length and, row by row, chunk number, id,
    language, source, day of publication, since when it is known and superseded (YYYYMMDD, 0 for none)."""

    vectors: np.ndarray
    seq: np.ndarray
    ids: np.ndarray
    language: np.ndarray
    source: np.ndarray
    day: np.ndarray
    known: np.ndarray
    superseded: np.ndarray

    def __len__(self) -> int:
        return len(self.seq)

    @cached_property
    def blocks(self) -> dict[str, tuple[int, int]]:
        """First and last-plus-one row of each language."""
        names, starts = np.unique(self.language, return_index=True)
        ends = [*starts[1:], len(self)] if len(names) else []
        return {str(name): (int(start), int(end)) for name, start, end in zip(names, starts, ends, strict=True)}

    @cached_property
    def outlets(self) -> frozenset[str]:
        """The sources, each once."""
        return frozenset(map(str, np.unique(self.source)))

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Row by chunk number."""
        return {int(seq): row for row, seq in enumerate(self.seq)}

    def rows(self, filters: Filters, language: str) -> np.ndarray:
        """The row numbers of a language that the other filters let through, ascending."""
        start, end = self.blocks.get(language, (0, 0))
        keep = np.ones(end - start, bool)
        if filters.sources:
            keep &= np.isin(self.source[start:end], list(filters.sources))
        if filters.since:
            keep &= self.day[start:end] >= int(filters.since.strftime("%Y%m%d"))
        if filters.until:
            days = self.day[start:end]
            keep &= (days != NONE) & (days <= int(filters.until.strftime("%Y%m%d")))
        if filters.as_of:
            then = int(filters.as_of.strftime("%Y%m%d"))
            gone = self.superseded[start:end]
            keep &= (self.known[start:end] <= then) & ((gone == NONE) | (gone > then))
        return np.flatnonzero(keep) + start

    def nearest(self, query: np.ndarray, rows: np.ndarray, k: int) -> list[tuple[int, float]]:
        """The `k` chunks among `rows` with the largest cosine to `query`: (seq, cosine), the best first."""
        if not len(rows):
            return []
        first, last = int(rows[0]), int(rows[-1]) + 1
        whole = len(rows) == last - first
        scores = (self.vectors[first:last] if whole else self.vectors[rows]) @ query
        best = np.argpartition(-scores, min(k, len(scores)) - 1)[:k]
        best = best[np.lexsort((self.seq[rows[best]], -scores[best]))]
        return [(int(self.seq[rows[row]]), float(scores[row])) for row in best]

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        np.save(folder / "vectors.npy", self.vectors)
        columns = {name: getattr(self, name) for name in COLUMNS}
        np.savez(folder / "columns.npz", **columns)

    @classmethod
    def load(cls, folder: Path) -> Matrix:
        """Open a saved matrix, its vectors memory-mapped. Raises OSError or ValueError if it is not whole."""
        # As a plain array: every look into a memmap makes an object of its own.
        vectors = np.asarray(np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False))
        with np.load(folder / "columns.npz", allow_pickle=False) as columns:
            matrix = cls(vectors, **{name: columns[name] for name in COLUMNS})
        if len(matrix.vectors) != len(matrix.seq):
            raise ValueError(f"{folder}: {len(matrix.vectors)} vectors for {len(matrix.seq)} chunks")
        return matrix

    @classmethod
    def of(cls, found: Iterable[tuple[Any, np.ndarray]], dimension: int) -> Matrix:
        """A matrix of catalog rows with their vectors (see `Catalog.vectors`), ordered by language and number."""
        pairs = sorted(found, key=lambda pair: (pair[0]["language"], pair[0]["seq"]))
        rows = [row for row, _ in pairs]
        vectors = np.stack([vector for _, vector in pairs]) if pairs else np.zeros((0, dimension), np.float32)
        return cls(
            vectors=np.ascontiguousarray(vectors, np.float32),
            seq=np.array([row["seq"] for row in rows], np.int64),
            ids=np.array([row["id"] for row in rows], "U32"),
            language=np.array([row["language"] for row in rows], "U8"),
            source=np.array([row["source"] for row in rows], dtype="U"),
            day=np.array([row["day"] or NONE for row in rows], np.int32),
            known=np.array([row["known"] or NONE for row in rows], np.int32),
            superseded=np.array([row["superseded"] or NONE for row in rows], np.int32),
        )


COLUMNS = ("seq", "ids", "language", "source", "day", "known", "superseded")


@dataclass(frozen=True)
class Statistics:
    """What is known of one language's vectors: how many there are, their mean (d,), and mean (d,) and covariance
    (d, d) of the vectors after that mean was taken off and their length made 1 again (`centred`)."""

    count: int
    mean: np.ndarray
    centred_mean: np.ndarray
    covariance: np.ndarray


def centred(vectors: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """The vectors (n, d) or (d,) less `mean`, of unit length again: what is left when the language is taken off."""
    rest = np.asarray(vectors, np.float32) - np.asarray(mean, np.float32)
    length = np.linalg.norm(rest, axis=-1, keepdims=True)
    return np.asarray(rest / np.maximum(length, 1e-6), np.float32)


def statistics(matrix: Matrix) -> dict[str, Statistics]:
    """The statistics of each language in the matrix."""
    found = {}
    for language, (start, end) in matrix.blocks.items():
        vectors = np.asarray(matrix.vectors[start:end])
        mean = vectors.mean(axis=0, dtype=np.float64)
        rest = centred(vectors, mean)
        middle = rest.mean(axis=0, dtype=np.float64)
        spread = (rest - middle.astype(np.float32)).T @ (rest - middle.astype(np.float32)) / len(rest)
        found[language] = Statistics(len(vectors), mean, middle, spread)
    return found


def save_statistics(path: Path, found: Mapping[str, Statistics]) -> None:
    arrays: dict[str, np.ndarray] = {"counts": np.array(json.dumps({name: item.count for name, item in found.items()}))}
    for language, item in found.items():
        for name in PARTS:
            arrays[f"{name}_{language}"] = getattr(item, name).astype(np.float32)
    np.savez(path, **arrays)  # type: ignore[arg-type]


def load_statistics(path: Path) -> dict[str, Statistics]:
    with np.load(path, allow_pickle=False) as arrays:
        counts = json.loads(str(arrays["counts"]))
        return {
            language: Statistics(count, *(arrays[f"{name}_{language}"] for name in PARTS))
            for language, count in counts.items()
        }


PARTS = ("mean", "centred_mean", "covariance")
