"""The decision before any model is asked: is there evidence, thin evidence, or none?

It reads two scores of the passage that fits best, because neither is enough alone (AUROC over 1,200 questions, half of
them without an answer there: dense .87-.94, words .95-.97, both .95-.98): how far it stands above its language, and how
much of what the question names stands in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from math import log

from kb.models import Passage
from kb.search.calibration import FEW, by_chance
from kb.text.entities import Entities
from kb.text.words import query_words, standing

WORDS_WEIGHT = 8.0
"""Standard deviations that a passage is worth which has all that the question names."""

CALIBRATED, CHANCE = FEW, 3.0
"""Chunks of the stores that the levels were found on, and what each standard deviation counts by which the best of more
chunks fits better by chance. (One level then serves 100 paragraphs of XQuAD and 6,200 passages of ChronoQA.)"""

ENOUGH_FROM = {"en": 7.5, "de": 6.5, "zh": 7.0}
"""From this value on, passages are evidence. Wrongly let through and stopped on XQuAD paragraphs: en .07 and .06, de
.08 and .08, zh .10 and .07; on ChronoQA (zh) .09 and .11 (`python -m tests.bench.refusal`). German words meet less
often than English ones (compounds, endings), so its level lies lower. Other languages count as English."""

THIN_BELOW = 2.5
"""So far below that level a passage is still thin evidence: a model may be asked, and may say no. Below were 1 to 2.5 %
of the answerable questions, and 50 to 65 % of the others."""

MUCH_NAMED = 0.5
"""From this share of what the question names on, a passage is evidence whatever the vectors say: those of a store with
a few articles say little."""

UNREAD = 2
"""Words of a question that cannot be compared across languages, in the count: one shared name is little."""


class Evidence(StrEnum):
    """How much of the question the passages may carry."""

    ENOUGH = "enough"
    THIN = "thin"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Signal:
    """What retrieval saw of one passage, that which fits best: `dense` is its distance from its language's mean in
    standard deviations, `words` the share of what the question names that stands in it, 0 to 1. Of `chunks` chunks it
    is the best: the more there are, the better one fits by chance."""

    dense: float
    words: float
    chunks: int = CALIBRATED

    @property
    def value(self) -> float:
        return self.dense + WORDS_WEIGHT * self.words - CHANCE * (by_chance(self.chunks) - by_chance(CALIBRATED))


def decide(signal: Signal, language: str) -> Evidence:
    """The level of evidence for a signal of a question in `language`."""
    enough = ENOUGH_FROM.get(language, ENOUGH_FROM["en"])
    if signal.value < enough - THIN_BELOW and signal.words < MUCH_NAMED:
        return Evidence.NONE
    return Evidence.THIN if signal.value < enough else Evidence.ENOUGH


def shares(
    question: str,
    language: str,
    passages: Sequence[Passage],
    frequencies: Mapping[str, int],
    chunks: int,
    entities: Entities,
) -> list[float]:
    """The share of what the question names that stands in each passage, 0 to 1.

    In the question's own language every word counts, the more the rarer it is (`frequencies` of the
    words in `chunks` chunks); in another language only what crosses: names by their aliases, dates
    and figures.
    """
    wanted = query_words(question, language)
    weights = {word: log((chunks + 1) / (frequencies.get(word, 0) + 0.5)) for word in wanted}
    crossing = {word for word in wanted if any(character.isdigit() for character in word)}
    mentioned = entities.ids(question)
    found = []
    for passage in passages:
        version = passage.version
        text = f"{version.title}\n{passage.text}"
        there = standing(wanted, text, version.language)
        if version.language == language:
            found.append(_share(set(wanted), there, weights))
        else:
            named_there = entities.ids(text) if mentioned else frozenset()
            found.append(_crossing_share(crossing, mentioned, there, named_there))
    return found


def _share(wanted: Set[str], there: Set[str], weights: Mapping[str, float]) -> float:
    total = sum(max(weights[word], 0.0) for word in wanted)
    return sum(max(weights[word], 0.0) for word in wanted & there) / total if total else 0.0


def _crossing_share(crossing: Set[str], mentioned: Set[str], there: Set[str], named_there: Set[str]) -> float:
    total = len(crossing) + len(mentioned)
    return (len(crossing & there) + len(mentioned & named_there)) / (total + UNREAD)
