"""Candidates of several languages, and of several parts of a question, into one order.

Inside a language the calibrated dense score is fused with BM25 (min-max sum; it beat rank fusion on every set
measured), and the fused order takes the sorted calibrated scores, so that words order a language's
passages but do not lift the language. Marks, which are the same in every language, lift its scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

LEXICAL_WEIGHT = 0.8
"""Weight of BM25 beside the cosine, both scaled to 0..1 over the candidates (0.35 to 1.2 lie within a point)."""

DEEP, POWER = 30, 4
"""So many of each part's order count, and the power their scaled scores are added with."""

MARKS_WEIGHT = 0.6
"""Standard deviations that the best match by marks is worth."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the indexes found: its calibrated dense score; its BM25 score over all words of the question
    (0 to 1, of the best there could be) and that over the marks which are the same in every language (0 where nothing
    matched); what a day or an outlet named in the question adds; and the dense score for the question alone, where
    `dense` has passages of other languages added to it."""

    seq: int
    dense: float
    words: float
    marks: float
    lift: float = 0.0
    alone: float = 0.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its calibrated dense score for the question alone (standard deviations above its language's mean),
    and the score that orders it, which adds what words, marks and other passages say."""

    seq: int
    score: float
    dense: float
    language: str


def merge(pools: Mapping[str, Sequence[Candidate]]) -> list[Hit]:
    """The candidates of all languages in one order, the best first.

    Each language's fused order takes its sorted calibrated scores (the r-th of the order the r-th
    largest), raised by what marks and the question's day and outlet say: those are fair to every language.
    """
    most_marks = _most(item.marks for pool in pools.values() for item in pool)
    found: list[Hit] = []
    for language, pool in pools.items():
        scores = sorted((item.dense + MARKS_WEIGHT * item.marks / most_marks for item in pool), reverse=True)
        for item, score in zip(fuse(pool), scores, strict=True):
            found.append(Hit(item.seq, score + item.lift, item.alone, language))
    return sorted(found, key=lambda hit: (-hit.score, hit.seq))


def fuse(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates of one language in their fused order, the best first."""
    dense = _scaled([item.dense for item in candidates])
    fused = [(score + LEXICAL_WEIGHT * item.words, item) for score, item in zip(dense, candidates, strict=True)]
    return [item for _, item in sorted(fused, key=lambda pair: (-pair[0], pair[1].seq))]


def together(orders: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The orders of several parts of a question in one: the first of each part stand in front.

    The scores of different questions cannot be compared, so each order is scaled to its own best; a high
    power makes it nearly the best place a chunk has in any order, with a little for standing in several. On ChronoQA
    and MultiHop-RAG powers of 2 and 4 were the best of sum, maximum, turns and reciprocal ranks, within half a point.
    """
    totals: dict[int, float] = {}
    hits: dict[int, Hit] = {}
    for order in orders:
        scaled = _scaled([hit.score for hit in order[:DEEP]])
        for hit, value in zip(order, scaled, strict=False):
            totals[hit.seq] = totals.get(hit.seq, 0.0) + value**POWER
            hits.setdefault(hit.seq, hit)
    return [replace(hits[seq], score=totals[seq]) for seq in sorted(totals, key=lambda seq: (-totals[seq], seq))]


def _most(values: Iterable[float]) -> float:
    return max(values, default=0.0) or 1.0


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 1.0 for value in values]
