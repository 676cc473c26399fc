"""Scores of different languages made comparable, from the statistics of their vectors."""

from __future__ import annotations

from collections.abc import Mapping
from math import log, sqrt

import numpy as np

from kb.search.exact import Statistics, centred

SETTLED = 100
"""Vectors after which a language's own statistics stand alone; before, they count in that proportion."""

TYPICAL = 0.1
"""Standard deviation of a question's cosine with centred passages (measured: 0.09 on XQuAD, 0.13 on our briefs)."""


UNSEEN = 0.5
"""Share of a language's mean that is taken off a question when the store has no text in that language (nDCG@10 between
two languages on XQuAD: .880 for none, .892, .898, .895, .886 for a quarter, half, three quarters, all of it)."""

FEW = 100
"""Chunks below which the best of them is held to no less: their scores are too uncertain."""


def by_chance(chunks: int) -> float:
    """About how many standard deviations the largest of so many normal values lies above their mean."""
    return sqrt(2 * log(max(chunks, FEW)))


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
        """The question's vector (d,) with its language taken off; questions and passages of a language share a mean,
        of which less is taken off where the store has nothing to tell it from."""
        known = 1.0 if language in self._known else UNSEEN
        return centred(vector, known * self._mean(language)) if self._total else vector

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
            before = self._prior[language] + (self._matter() if own is None else 0.0)
        else:
            before = np.asarray(sum(item.count * item.mean for item in self._known.values()) / self._total)
        return share * own.mean + (1 - share) * before if own else before

    def _matter(self) -> np.ndarray | float:
        """What the texts of this store are about, as a shift: how far the languages it has lie from what was known."""
        parts = [
            (_share(own), own.mean - self._prior[name]) for name, own in self._known.items() if name in self._prior
        ]
        weight = sum(share for share, _ in parts)
        return sum(share * shift for share, shift in parts) / max(1.0, weight) if parts else 0.0

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
