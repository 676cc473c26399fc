"""The decision before any model is asked: is there evidence, thin evidence, or none?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Evidence(StrEnum):
    """How much of the question the passages may carry."""

    ENOUGH = "enough"
    THIN = "thin"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Signal:
    """What retrieval saw, independent of language: `dense` is the best passage's distance from its
    language's mean in standard deviations, `words` the share of the question's words (weighted by how
    rare they are) that one passage has, 0 to 1."""

    dense: float
    words: float


DENSE_WEIGHT, WORDS_WEIGHT, BIAS = 1.0, 2.0, -3.0
NONE_BELOW, THIN_BELOW = -1.0, 0.0


def decide(signal: Signal) -> Evidence:
    """The level of evidence for a signal."""
    value = DENSE_WEIGHT * signal.dense + WORDS_WEIGHT * signal.words + BIAS
    if value < NONE_BELOW:
        return Evidence.NONE
    return Evidence.THIN if value < THIN_BELOW else Evidence.ENOUGH
