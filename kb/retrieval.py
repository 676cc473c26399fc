"""Question → passages, over all languages at once.

Raw cosines cannot be compared across languages: multilingual-e5 puts texts of one language close
together, so a Chinese question would never see an English article (found in 2 % of cases). So the mean
of each language is taken off, from passages and from the question, and the cosines that remain are
standardised by what that language's vectors would score for this very question; statistics and
vectors belong to the same generation. Inside a language, these scores are fused with BM25 (min-max sum;
it beat rank fusion on every set measured), and the fused order takes the sorted calibrated scores.
A language with ten times the articles gains nothing by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kb import lexical
from kb.catalog import Catalog
from kb.dense import DenseIndex
from kb.embedding import Embedder
from kb.entities import load_entities
from kb.exact import Statistics, centred
from kb.gate import Evidence, Signal, decide, named
from kb.models import Filters, Passage
from kb.orders import demoted
from kb.prior import language_means
from kb.terms import marks
from kb.words import query_words

CANDIDATES = 50
"""Chunks taken from each of the two indexes, in each language."""

LEXICAL_WEIGHT = 0.35
"""Weight of BM25 beside the cosine, both scaled to 0..1 over the candidates."""

MARKS_WEIGHT = 0.6
"""Standard deviations that the best match by marks is worth."""

SETTLED = 100
"""Vectors after which a language's own statistics stand alone; before, they count in that proportion."""


TYPICAL = 0.1
"""Standard deviation of a question's cosine with centred passages (measured: 0.09 on XQuAD, 0.13 on our briefs)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the indexes found: its calibrated dense score, its BM25 score over all words of the
    question, and that over the marks which are the same in every language (0 where nothing matched)."""

    seq: int
    dense: float
    words: float
    marks: float


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the search sees it: its vector (d,), the same with its language taken off, its marks."""

    text: str
    language: str
    vector: np.ndarray
    centred: np.ndarray
    marks: tuple[str, ...]

    def words_in(self, language: str) -> list[str]:
        """The terms to look for in a language: those of the question, cut as that language is cut."""
        return list(dict.fromkeys([*query_words(self.text, language), *self.marks]))


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk with its calibrated dense score (standard deviations above its language's mean), and the score that
    orders it, which adds what words and marks say."""

    seq: int
    score: float
    dense: float
    language: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: passages, the best first, and the level of evidence they are."""

    passages: tuple[Passage, ...]
    evidence: Evidence
    signal: Signal


class Retriever:
    """Searches one store. Holds no state of its own."""

    def __init__(self, catalog: Catalog, index: DenseIndex, embedder: Embedder) -> None:
        self._catalog = catalog
        self._index = index
        self._embedder = embedder

    def find(self, query: str, language: str, filters: Filters, k: int) -> Found:
        """The best `k` passages for a question in `language`, the best first, and what they may carry."""
        hits = self.hits(query, self._embedder.query(query), language, filters)
        passages = demoted(self.passages(hits[:k]))
        if not passages:
            return Found((), Evidence.NONE, Signal(0.0, 0.0))
        signal = Signal(max(hit.dense for hit in hits), self._named(query, language, passages))
        return Found(passages, decide(signal), signal)

    def _named(self, query: str, language: str, passages: Sequence[Passage]) -> float:
        wanted = query_words(query, language)
        with self._catalog.reading() as db:
            common = lexical.frequencies(db, language, wanted)
        known = self._index.statistics()
        chunks = known[language].count if language in known else 1
        return named(query, language, passages, common, chunks, load_entities())

    def hits(self, query: str, vector: np.ndarray, language: str, filters: Filters) -> list[Hit]:
        """All candidates of all languages for a question in `language`, merged, the best first."""
        self._index.refresh()
        calibration = Calibration(self._index.statistics(), language_means(self._embedder.id))
        asked = Query(query, language, vector, calibration.question(vector, language), tuple(marks(query, language)))
        wanted = replace(filters, languages=())
        pools = {
            name: self._candidates(asked, name, calibration, wanted)
            for name in self._index.languages()
            if not filters.languages or name in filters.languages
        }
        return merge(pools)

    def _candidates(
        self,
        query: Query,
        name: str,
        calibration: Calibration,
        filters: Filters,
    ) -> list[Candidate]:
        nearest = [seq for seq, _ in self._index.nearest(query.vector, name, filters, CANDIDATES)]
        with self._catalog.reading() as db:
            found = dict(lexical.search(db, name, query.words_in(name), filters, CANDIDATES))
            marked = dict(lexical.search(db, name, query.marks, filters, CANDIDATES))
        vectors = self._index.vectors([*nearest, *found, *marked])
        if not vectors:
            return []
        scores = calibration.scores(query.centred, np.stack(list(vectors.values())), name)
        return [
            Candidate(seq, float(score), found.get(seq, 0.0), marked.get(seq, 0.0))
            for seq, score in zip(vectors, scores, strict=True)
        ]

    def passages(self, hits: Sequence[Hit]) -> list[Passage]:
        """The hits with their text and article, in the order given; ranks count from 1."""
        rows = self._catalog.chunks_at(hit.seq for hit in hits)
        versions = self._catalog.versions({row["version_id"] for row in rows.values()})
        found: list[Passage] = []
        for hit in hits:
            row = rows[hit.seq]
            version = versions[row["version_id"]]
            start, end = row["start"], row["end"]
            text = version.text[start:end]
            found.append(Passage(len(found) + 1, hit.score, row["id"], start, end, text, version))
        return found


class Calibration:
    """Makes the scores of different languages comparable, from the statistics of their vectors.

    A language with few vectors leans on what was known before (`prior`, a mean for each language), else on
    all languages together.
    """

    def __init__(self, known: Mapping[str, Statistics], prior: Mapping[str, np.ndarray]) -> None:
        self._known = known
        self._prior = prior
        self._total = sum(item.count for item in known.values())

    def question(self, vector: np.ndarray, language: str) -> np.ndarray:
        """The question's vector (d,) with its language taken off; questions and passages of a language share a mean."""
        return centred(vector, self._mean(language)) if self._total else vector

    def scores(self, question: np.ndarray, vectors: np.ndarray, language: str) -> np.ndarray:
        """How far each of the vectors (n, d) of a language stands above its mean, in standard deviations (n,)."""
        if not self._total:
            return np.asarray(vectors @ question)
        middle, deviation = self._spread(question, language)
        return np.asarray((centred(vectors, self._mean(language)) @ question - middle) / deviation)

    def _mean(self, language: str) -> np.ndarray:
        own = self._known.get(language)
        share = _share(own)
        if language in self._prior:
            before = self._prior[language]
        else:
            before = np.asarray(sum(item.count * item.mean for item in self._known.values()) / self._total)
        return share * own.mean + (1 - share) * before if own else before

    def _spread(self, question: np.ndarray, language: str) -> tuple[float, float]:
        own = self._known.get(language)
        share = _share(own)
        parts = [(item.count / self._total * (1 - share), item) for item in self._known.values()]
        parts += [(share, own)] if own else []
        middle = sum(weight * float(question @ item.centred_mean) for weight, item in parts)
        variance = sum(weight * float(question @ item.covariance @ question) for weight, item in parts)
        trust = min(1.0, self._total / SETTLED)
        return trust * middle, (trust * variance + (1 - trust) * TYPICAL**2) ** 0.5


def _share(own: Statistics | None) -> float:
    return min(1.0, own.count / SETTLED) if own else 0.0


def merge(pools: Mapping[str, Sequence[Candidate]]) -> list[Hit]:
    """The candidates of all languages in one order, the best first.

    Each language's fused order takes its sorted calibrated scores (the r-th of the order the r-th
    largest), and what a chunk shares with the question by marks is added: those are fair to every language.
    """
    most_words = _most(item.words for pool in pools.values() for item in pool)
    most_marks = _most(item.marks for pool in pools.values() for item in pool)
    found: list[Hit] = []
    for language, pool in pools.items():
        scores = sorted((item.dense for item in pool), reverse=True)
        for item, score in zip(fuse(pool, most_words), scores, strict=True):
            found.append(Hit(item.seq, score + MARKS_WEIGHT * item.marks / most_marks, item.dense, language))
    return sorted(found, key=lambda hit: (-hit.score, hit.seq))


def fuse(candidates: Sequence[Candidate], most: float) -> list[Candidate]:
    """The candidates of one language in their fused order, the best first.

    `most` is the largest BM25 score of any language: a stray word in a language that is not the
    question's weighs little.
    """
    dense = _scaled([item.dense for item in candidates])
    fused = [(score + LEXICAL_WEIGHT * item.words / most, item) for score, item in zip(dense, candidates, strict=True)]
    return [item for _, item in sorted(fused, key=lambda pair: (-pair[0], pair[1].seq))]


def _most(values: Iterable[float]) -> float:
    return max(values, default=0.0) or 1.0


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [(value - low) / (high - low) if high > low else 1.0 for value in values]
