"""Passages of one answer that contradict each other, each with its words verified."""

from __future__ import annotations

from collections.abc import Sequence, Set

from kb.models import Contradiction, Passage, Quoted
from kb.verifying import contradictions


def contradicting(passages: Sequence[Passage], cited: Set[int] = frozenset()) -> tuple[Contradiction, ...]:
    """Pairs of passages (numbered from 1) that give another figure or date for the same matter.

    With `cited` only pairs of which one is cited. Two passages of one article are one voice, not two.
    """
    found: list[Contradiction] = []
    for each in contradictions([passage.text for passage in passages]):
        numbers = {each.first + 1, each.second + 1}
        one, other = passages[each.first], passages[each.second]
        if one.version.article_id == other.version.article_id or (cited and not numbers & cited):
            continue
        first = _quoted(each.first + 1, one, each.first_says, each.first_span)
        second = _quoted(each.second + 1, other, each.second_says, each.second_span)
        found.append(Contradiction(each.code, first, second))
    return tuple(dict.fromkeys(found))


def _quoted(number: int, passage: Passage, says: str, span: tuple[int, int]) -> Quoted:
    start, end = passage.start + span[0], passage.start + span[1]
    words = passage.version.text[start:end]
    start += len(words) - len(words.lstrip())
    quote = words.strip()
    assert says in quote, "a figure stands in the sentence that is quoted for it"
    return Quoted(number, says, quote, start, start + len(quote))
