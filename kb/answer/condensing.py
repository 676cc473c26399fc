"""Passages that do not fit what a model is given → of each the run of sentences that speaks most to the question.

A small model on two cores reads 25 to 45 tokens a second, so it is given little; a run of whole sentences of three
passages tells it more than one passage in full. What is cut is only what the model reads: the reader sees the passage,
and the check reads it whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import log

from kb.models import Passage
from kb.text.language import detect
from kb.text.sentences import sentences
from kb.text.terms import marks, terms
from kb.text.words import query_words

SHARES = (0.5, 0.25, 0.25)
"""What the first passages get of the budget: the best as much as the two that follow."""


def excerpts(
    question: str, texts: Sequence[tuple[Passage, str]], budget: int, tokens: Callable[[str], int]
) -> list[str]:
    """For each of the first three of `texts` (a passage, and what of it may be shown) the run of whole sentences that
    has most in common with the question, within its share of `budget` tokens; one sentence at least."""
    asked = detect(question)
    chosen = list(texts[: len(SHARES)])
    spans = [sentences(text) for _, text in chosen]
    found = [
        [frozenset(terms(text[start:end], passage.version.language)) for start, end in run]
        for (passage, text), run in zip(chosen, spans, strict=True)
    ]
    every = [words for run in found for words in run]
    common = Counter(word for words in every for word in words)
    wanted = {word: log(1 + len(every) / count) for word, count in common.items()}
    return [
        _best(text, run, words, _asked(question, asked, passage.version.language), wanted, share * budget, tokens)
        for (passage, text), run, words, share in zip(chosen, spans, found, SHARES, strict=False)
    ]


def _asked(question: str, asked: str, language: str) -> frozenset[str]:
    """The words of the question that can stand in a text of `language`."""
    own = query_words(question, asked) if asked == language else ()
    return frozenset([*own, *marks(question, asked)])


def _best(
    text: str,
    spans: Sequence[tuple[int, int]],
    words: Sequence[frozenset[str]],
    asked: frozenset[str],
    weights: dict[str, float],
    budget: float,
    tokens: Callable[[str], int],
) -> str:
    costs = [tokens(text[start:end]) for start, end in spans]
    best, most = (0, 1), -1.0
    for first in range(len(spans)):
        cost, seen = 0, frozenset[str]()
        for last in range(first, len(spans)):
            cost += costs[last]
            if cost > budget and last > first:
                break
            seen |= words[last] & asked
            value = sum(weights[word] for word in seen)
            if value > most or (value == most and first == best[0]):
                best, most = (first, last + 1), value
    return text[spans[best[0]][0] : spans[best[1] - 1][1]] if spans else text
