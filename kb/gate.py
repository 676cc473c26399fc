"""The decision before any model is asked: is there evidence, thin evidence, or none?

It reads two scores together, because neither is enough alone (AUROC on 900 questions over XQuAD paragraphs,
half of them without an answer there: dense .91-.93, words .95-.97, both .96-.98 in en, de and zh):
how far the best passage stands above its language, and how much of what the question names stands in
one passage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from math import log

from kb.entities import Entities
from kb.models import Passage
from kb.words import query_words, standing

WORDS_WEIGHT = 4.0
NONE_BELOW, ENOUGH_FROM = 3.75, 5.5
"""On `dense + WORDS_WEIGHT * words`. Below 3.75 were 1 % of the answerable questions and half of the others; from
5.5 on 91-96 % of the answerable and 9-13 % of the others. Between them a model may be asked, and may say no."""


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
    """What retrieval saw: `dense` is the best passage's distance from its language's mean in standard deviations,
    `words` the largest share of what the question names that stands in one passage, 0 to 1."""

    dense: float
    words: float

    @property
    def value(self) -> float:
        return self.dense + WORDS_WEIGHT * self.words


def decide(signal: Signal) -> Evidence:
    """The level of evidence for a signal."""
    if signal.value < NONE_BELOW and signal.words < MUCH_NAMED:
        return Evidence.NONE
    return Evidence.THIN if signal.value < ENOUGH_FROM else Evidence.ENOUGH


def named(
    question: str,
    language: str,
    passages: Sequence[Passage],
    frequencies: Mapping[str, int],
    chunks: int,
    entities: Entities,
) -> float:
    """The largest share of what the question names that stands in one passage.

    In the question's own language every word counts, the more the rarer it is (`frequencies` of the
    words in `chunks` chunks); in another language only what crosses: names by their aliases, dates
    and figures.
    """
    wanted = query_words(question, language)
    weights = {word: log((chunks + 1) / (frequencies.get(word, 0) + 0.5)) for word in wanted}
    crossing = {word for word in wanted if any(character.isdigit() for character in word)}
    mentioned = entities.ids(question)
    best = 0.0
    for passage in passages:
        version = passage.version
        text = f"{version.title}\n{passage.text}"
        there = standing(wanted, text, version.language)
        if version.language == language:
            share = _share(set(wanted), there, weights)
        else:
            share = _crossing_share(crossing, mentioned, there, entities.ids(text) if mentioned else frozenset())
        best = max(best, share)
    return best


def _share(wanted: Set[str], there: Set[str], weights: Mapping[str, float]) -> float:
    total = sum(max(weights[word], 0.0) for word in wanted)
    return sum(max(weights[word], 0.0) for word in wanted & there) / total if total else 0.0


def _crossing_share(crossing: Set[str], mentioned: Set[str], there: Set[str], named_there: Set[str]) -> float:
    total = len(crossing) + len(mentioned)
    return (len(crossing & there) + len(mentioned & named_there)) / (total + UNREAD)
