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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from kb import lexical
from kb.calibration import Calibration
from kb.catalog import Catalog
from kb.dense import DenseIndex
from kb.embedding import Embedder
from kb.hints import Hints, hints
from kb.merging import Candidate, Hit, merge
from kb.models import Filters
from kb.prior import language_means
from kb.terms import marks
from kb.words import query_words

CANDIDATES = 50
"""Chunks taken from each of the two indexes, in each language."""

BRIDGES, BRIDGED = 3, 0.4
"""So many of the best passages of other languages are added to the question, together with this weight. On XQuAD the
share of the three versions in the top ten rises from .954, .936, .927 (en, de, zh) to .980, .971, .975; weights
from .2 to .8 and one to three passages lie within a point of each other."""


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
        """The terms to look for in a language: those of the question, cut as that language is cut."""
        return list(dict.fromkeys([*query_words(self.text, language), *self.marks]))


@dataclass(frozen=True, slots=True)
class Words:
    """What the lexical index found in one language, by chunk number: BM25 over all words, and over the marks."""

    all: Mapping[int, float]
    marks: Mapping[int, float]


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
        self._calibration = Calibration(index.statistics(), language_means(embedder.id))

    def order(self, text: str, outlet: str = "") -> list[Hit]:
        """All candidates of the languages asked for, the best first; with `outlet`, of the outlets that `text` names
        that one alone is wished for."""
        asked = self._query(text)
        if outlet:
            asked = replace(asked, hints=replace(asked.hints, outlets=frozenset((outlet,))))
        words = {name: self._words(asked, name) for name in self._names}
        if len(self._names) == 1:
            return merge({name: self._candidates(asked, name, words[name]) for name in self._wanted})
        first = merge({name: self._candidates(asked, name, words[name]) for name in self._names})
        return merge(
            {name: self._candidates(self._bridged(asked, name, first), name, words[name]) for name in self._wanted}
        )

    def _query(self, text: str) -> Query:
        vector = self._calibration.question(self._embedder.query(text), self._language)
        understood = hints(text, self._today, self._index.sources())
        return Query(text, self._language, vector, tuple(marks(text, self._language)), understood)

    def _words(self, query: Query, name: str) -> Words:
        with self._catalog.reading() as db:
            found = lexical.search(db, name, query.words_in(name), self._filters, CANDIDATES)
            return Words(dict(found), dict(lexical.search(db, name, query.marks, self._filters, CANDIDATES)))

    def _bridged(self, asked: Query, name: str, first: Sequence[Hit]) -> Query:
        """The question with the best passages of other languages added to its vector."""
        best = [hit for hit in first if hit.language != name][:BRIDGES]
        if not best:
            return asked
        vectors = self._index.vectors([hit.seq for hit in best])
        weights = np.exp([hit.score - best[0].score for hit in best])
        added = sum(
            weight * self._calibration.question(vectors[hit.seq], hit.language)
            for weight, hit in zip(weights / weights.sum(), best, strict=True)
        )
        return replace(asked, centred=_unit(asked.centred + BRIDGED * added))

    def _candidates(self, query: Query, name: str, words: Words) -> list[Candidate]:
        filters = (self._filters, *query.hints.narrowed(self._filters))
        nearest = [seq for one in filters for seq, _ in self._index.nearest(query.centred, name, one, CANDIDATES)]
        vectors = self._index.vectors([*nearest, *words.all, *words.marks])
        if not vectors:
            return []
        scores = self._calibration.scores(query.centred, np.stack(list(vectors.values())), name)
        lifts = query.hints.lifts(self._index.described(list(vectors)))
        return [
            Candidate(seq, float(score), words.all.get(seq, 0.0), words.marks.get(seq, 0.0), lifts.get(seq, 0.0))
            for seq, score in zip(vectors, scores, strict=True)
        ]


def _unit(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
