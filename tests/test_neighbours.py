"""Passages that touch become one, with the exact span."""

from __future__ import annotations

from dataclasses import replace

from kb.knowledge import KnowledgeBase
from kb.search.neighbours import joined
from tests.conftest import make_article

TEXT = " ".join(
    f"Clause {number} of the rule sets a limit for exports of chips to country {number}." for number in range(60)
)


def test_neighbours_are_joined_and_others_left(kb: KnowledgeBase) -> None:
    kb.add(make_article("rule", TEXT))
    kb.add(make_article("other", "The Senate confirmed a judge."))
    found = kb.search("Which limit for exports of chips does the rule set?", 8)
    rule = sorted((one for one in found if one.version.url.endswith("rule")), key=lambda one: one.start)
    (other,) = (one for one in found if one.version.url.endswith("other"))
    assert len(rule) >= 4
    whole = joined([rule[1], other, rule[0], rule[3]])
    assert [(one.start, one.end) for one in whole] == [
        (rule[0].start, rule[1].end),
        (other.start, other.end),
        (rule[3].start, rule[3].end),
    ]
    assert [one.rank for one in whole] == [1, 2, 3]
    assert all(one.text == one.version.text[one.start : one.end] for one in whole)


def test_blanks_between_do_not_part(kb: KnowledgeBase) -> None:
    kb.add(make_article("two", "First line.\n\nSecond line."))
    (passage,) = kb.search("line", 1)
    halves = [
        replace(passage, start=0, end=11, text="First line."),
        replace(passage, start=13, end=25, text="Second line."),
    ]
    assert [one.text for one in joined(halves)] == ["First line.\n\nSecond line."]
    assert joined([]) == ()
