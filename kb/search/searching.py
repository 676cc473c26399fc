"""One question, or one part of it, in all languages of a store at once.

Raw cosines cannot be compared across languages: multilingual-e5 puts texts of one language close
together, so a Chinese question would never see an English article (found in 2 % of cases). So the mean
of each language is taken off, from passages and from the question, and the cosines that remain are
standardised by what that language's vectors would score for this very question; statistics and
vectors belong to the same generation. A language with ten times the articles gains nothing by it.

Languages then help each other: the best passages of a first look say in their own words what the
question means, and a passage lies nearer to its counterpart in another language than a question does.
So each language is looked through a second time with the best passages of the others added to the question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from kb.embedding import Embedder
from kb.models import Filters
from kb.search import lexical
from kb.search.calibration import Calibration, by_chance
from kb.search.dense import DenseIndex
from kb.search.hints import Hints, hints
from kb.search.merging import Candidate, Hit, merge
from kb.search.prior import language_means
from kb.storage.catalog import Catalog
from kb.text.terms import marks
from kb.text.words import query_words

CANDIDATES = 50
"""Chunks taken from each of the two indexes, in each language."""

DEEP = 500
"""Chunks of each language, nearest to the question, among which the second look takes its candidates."""

LARGE = 5_000
"""Chunks of a language from which on words that stand everywhere are left out of a search."""

BRIDGES, BRIDGED = 3, 0.4
"""So many of the best passages of other languages are added to the question, together with this weight. On XQuAD the
share of the three versions in the top ten rises from .954, .936, .927 (en, de, zh) to .980, .971, .975; weights
from .2 to .8 and one to three passages lie within a point of each other."""


_NAME = {False: re.compile(r"\b[^\W\d_a-zß-ÿ][\w-]*"), True: re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ-]*")}
"""What of a question (in Chinese: True) may be written alike in another language: capitalised words, Latin words."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question, or a part of one, as the search sees it: its vector (d,) with its language taken off, its marks,
    and the days and outlets it names."""

    text: str
    language: str
    centred: np.ndarray
    marks: tuple[str, ...]
    hints: Hints

    def words_in(self, language: str) -> list[str]:
        """The terms to look for in a language: the question's words in its own, its names in the others."""
        text = self.text if language == self.language else " ".join(_NAME[self.language == "zh"].findall(self.text))
        return list(dict.fromkeys([*(query_words(text, language) if text else ()), *self.marks]))


@dataclass(frozen=True, slots=True)
class Pool:
    """What may answer in one language: chunk numbers with their vectors (n, d); BM25 over all words and over the
    marks, by number; the share of the question's words that this language has at all; what a wished-for day or outlet
    adds; and those that stay whatever their vectors say."""

    language: str
    seqs: tuple[int, ...]
    vectors: np.ndarray
    words: Mapping[int, float]
    marks: Mapping[int, float]
    reach: float
    lifts: Mapping[int, float]
    kept: frozenset[int]


class Search:
    """The store as one question sees it: its language, its filters, its today."""

    def __init__(
        self, catalog: Catalog, index: DenseIndex, embedder: Embedder, language: str, filters: Filters, today: date
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._embedder = embedder
        self._language = language
        self._filters = replace(filters, languages=())
        self._today = today
        self._names = index.languages()
        self._wanted = [name for name in self._names if not filters.languages or name in filters.languages]
        self._statistics = index.statistics()
        self._counts = Counter({name: known.count for name, known in self._statistics.items()})
        self._calibration = Calibration(self._statistics, language_means(embedder.id))

    def order(self, text: str, *, outlet: str = "", language: str = "") -> list[Hit]:
        """All candidates of the languages asked for, the best first. With `outlet`, of the outlets that `text` names
        that one alone is wished for; `language` is that of the text, if not the question's."""
        asked = self._query(text, language or self._language)
        if outlet:
            asked = replace(asked, hints=replace(asked.hints, outlets=frozenset((outlet,))))
        pools = [self._pool(asked, name) for name in self._names]
        question = asked.centred
        best = _best_words(pools)
        first = merge({pool.language: self._candidates(pool, question, question, best) for pool in pools})
        if len(pools) == 1:
            return first if self._wanted else []
        vectors = {seq: vector for pool in pools for seq, vector in zip(pool.seqs, pool.vectors, strict=True)}
        return merge(
            {
                pool.language: self._candidates(
                    pool, question, self._bridged(question, pool.language, first, vectors), best
                )
                for pool in pools
                if pool.language in self._wanted
            }
        )

    def _query(self, text: str, language: str) -> Query:
        vector = self._calibration.question(self._embedder.query(text), language)
        understood = hints(text, self._today, self._index.sources())
        return Query(text, language, vector, tuple(marks(text, language)), understood)

    def _pool(self, query: Query, name: str) -> Pool:
        deep = DEEP if len(self._names) > 1 else CANDIDATES
        nearest = [seq for seq, _ in self._index.nearest(query.centred, name, self._filters, deep)]
        wished = [
            seq
            for filters in query.hints.narrowed(self._filters)
            for seq, _ in self._index.nearest(query.centred, name, filters, CANDIDATES)
        ]
        words, found_marks, reach = self._lexical(query, name)
        found, vectors = self._index.vectors([*nearest, *wished, *words, *found_marks])
        lifts = query.hints.lifts(self._index.described(found)) if query.hints else {}
        return Pool(
            name, tuple(found), vectors, words, found_marks, reach, lifts, frozenset((*wished, *words, *found_marks))
        )

    def _lexical(self, query: Query, name: str) -> tuple[dict[int, float], dict[int, float], float]:
        """BM25 over all words of the question, and over its marks, of the best chunks of a language, and the share of
        the words that it has."""
        wanted = query.words_in(name)
        with self._catalog.reading() as db:
            own, many = name == query.language, self._counts[name] > LARGE
            found = lexical.frequencies(db, name, wanted) if many or not own else {}
            reach = 1.0 if own else len(found) / max(1, len(query.words_in(query.language)))
            if many:
                wanted = lexical.telling(wanted, found, self._counts[name])
            signs = [mark for mark in query.marks if mark in wanted]
            return (
                dict(lexical.search(db, name, wanted, self._filters, CANDIDATES)),
                dict(lexical.search(db, name, signs, self._filters, CANDIDATES)),
                reach,
            )

    def _bridged(
        self, question: np.ndarray, name: str, first: Sequence[Hit], vectors: Mapping[int, np.ndarray]
    ) -> np.ndarray:
        """The question's vector with the best passages of other languages added."""
        best = [hit for hit in first if hit.language != name][:BRIDGES]
        if not best:
            return question
        weights = np.exp([hit.score - best[0].score for hit in best])
        added = sum(
            weight * self._calibration.question(vectors[hit.seq], hit.language)
            for weight, hit in zip(weights / weights.sum(), best, strict=True)
        )
        moved = question + BRIDGED * added
        return np.asarray(moved / np.linalg.norm(moved), np.float32)

    def _candidates(self, pool: Pool, question: np.ndarray, moved: np.ndarray, best_words: float) -> list[Candidate]:
        """The nearest of a pool to the question as it was moved, and those that stay whatever their vectors say."""
        if not pool.seqs:
            return []
        alone = self._calibration.scores(question, pool.vectors, pool.language)
        scores = alone if moved is question else self._calibration.scores(moved, pool.vectors, pool.language)
        nearest = {pool.seqs[row] for row in np.argsort(-scores, kind="stable")[:CANDIDATES]}
        # Of more chunks the best fits better by chance: without this, a language gains by having more.
        scores = scores - by_chance(self._counts[pool.language])
        words, signs, lifts = pool.words, pool.marks, pool.lifts
        return [
            Candidate(seq, score, words.get(seq, 0.0) / best_words, signs.get(seq, 0.0), lifts.get(seq, 0.0), by_itself)
            for seq, score, by_itself in zip(pool.seqs, scores.tolist(), alone.tolist(), strict=True)
            if seq in nearest or seq in pool.kept
        ]


def _best_words(pools: Sequence[Pool]) -> float:
    """The BM25 score that a chunk with all words of the question has, as far as the pools can tell: a stray word in a
    language that is not the question's weighs little, whether or not there are texts in the question's own."""
    return max((max(pool.words.values()) / pool.reach for pool in pools if pool.words and pool.reach), default=1.0)
