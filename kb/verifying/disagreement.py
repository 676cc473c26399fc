"""Passages that contradict each other: the same matter with another figure or another date."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from kb.text.entities import load_entities
from kb.verifying import dates
from kb.verifying.agreement import same_unit, same_value
from kb.verifying.alignment import Segment, Unit, counted, found_in, segments, units
from kb.verifying.reading import Reading, read

SAME_MATTER, IN_LONGER = 0.75, 0.5
"""Share of the names and matters of each sentence that the other must have for both to be about the same: of the one
of which more is found, and of the other, which may say more. Dates take the first for both: what happens again, or in
stages, is told in like words."""

ENOUGH = 3
"""Names and matters that both must have, lest two short sentences agree by chance."""

BESIDE = frozenset({"country", "place", "media"})
"""Kinds of names that one of two sentences about the same matter may well leave out."""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two passages (by number) that differ: the sentences, as spans of each, and the figure or date each gives."""

    first: int
    second: int
    first_span: tuple[int, int]
    second_span: tuple[int, int]
    first_says: str
    second_says: str
    code: str


def contradictions(passages: Sequence[str]) -> list[Disagreement]:
    """Pairs of sentences in different passages that name the same matter with another figure or date.

    Cautious on purpose: both sentences must be about the same names and matters, each must give one figure of that unit
    (one date of that precision), and hedges count ("about 5.5 billion" does not contradict 5.46).
    """
    found = []
    readings = [read(text) for text in passages]
    for (first, left), (second, right) in combinations(enumerate(readings), 2):
        for here in segments(left.text):
            for there in segments(right.text):
                if not (here.figures and there.figures) and not (here.days and there.days):
                    continue
                shares = sorted((_share(left, here, right, there), _share(right, there, left, here)))
                if shares[1] < SAME_MATTER or shares[0] < IN_LONGER:
                    continue
                days = list(_days(left, here, right, there))
                # What was counted on another day is another count.
                differ = days if shares[0] >= SAME_MATTER else []
                differ += [] if days else _figures(left, here, right, there)
                spans = (here.start, here.end), (there.start, there.end)
                found += [Disagreement(first, second, *spans, *each) for each in differ]
    return found


def _share(one: Reading, part: Segment, other: Reading, there: Segment) -> float:
    """The share of the names and matters of `part` that `there` has; 0 if they are too few, or it is about another."""
    able = [unit for unit in _topic(one, part) if counted(unit, one, other)]
    hits = [unit for unit in able if found_in(unit, [there], other)]
    if any(_names_another(unit) for unit in able if unit not in hits):
        return 0.0
    if len(hits) < ENOUGH:
        return 0.0
    return sum(unit.weight for unit in hits) / sum(unit.weight for unit in able)


def _names_another(unit: Unit) -> bool:
    """Whether a name that the other sentence lacks makes it one about something else (H20 is not H200)."""
    entities = load_entities()
    ids = {key[2:] for key in unit.keys if key.startswith("e:")}
    if ids:
        return not any(entities[id].kind in BESIDE for id in ids)
    return any(key.startswith("n:") for key in unit.keys)


def _topic(reading: Reading, part: Segment) -> list[Unit]:
    return [unit for unit in units(reading.text) if part.start <= unit.start < part.end and unit.keys]


def _figures(left: Reading, here: Segment, right: Reading, there: Segment) -> Iterator[tuple[str, str, str]]:
    for figure in here.figures:
        mine = [other for other in here.figures if other.units & figure.units]
        theirs = [other for other in there.figures if other.units & figure.units]
        if not figure.units or len(mine) != 1 or len(theirs) != 1:
            continue
        other = theirs[0]
        if not same_value(other, figure) and not same_value(figure, other) and same_unit(other, figure):
            yield left.text[figure.start : figure.end].strip(), right.text[other.start : other.end].strip(), "number"


def _days(left: Reading, here: Segment, right: Reading, there: Segment) -> Iterator[tuple[str, str, str]]:
    mine = [day for day in here.days if day.day is not None and day.month is not None]
    theirs = [day for day in there.days if day.day is not None and day.month is not None]
    if len(mine) != 1 or len(theirs) != 1:
        return
    one, other = mine[0], theirs[0]
    if not dates.same(one, other, left.days) and not dates.same(other, one, right.days):
        yield left.text[one.start : one.end].strip(), right.text[other.start : other.end].strip(), "date"
