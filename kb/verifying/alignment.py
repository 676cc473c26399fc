"""Claim beside passage: what of the claim stands in which part of the passage, in any of the languages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.text.entities import load_entities
from kb.verifying import dates
from kb.verifying.agreement import same_unit, same_value
from kb.verifying.dates import Day
from kb.verifying.measures import LOOSE, Figure
from kb.verifying.names import unknown_names
from kb.verifying.reading import Reading, read

FIGURE_WEIGHT, NAME_WEIGHT, MATTER_WEIGHT, WORD_WEIGHT = 2.0, 1.5, 1.0, 1.0
_CAPITAL = re.compile(r"\b[A-ZÄÖÜ][^\W\d_]+")

PAIR_WEIGHT = 0.5
"""A pair of Chinese characters; a word has one or two of them."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing a text says: a name, figure, date, matter or word, with all keys it may be matched by."""

    start: int
    end: int
    weight: float
    keys: frozenset[str]
    figure: Figure | None = None
    day: Day | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a text and what it says; `offset` is where the text it was parsed from begins."""

    start: int
    end: int
    keys: frozenset[str]
    entities: frozenset[str]
    figures: tuple[Figure, ...]
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """One or two neighbouring sentences of passage number `passage`, and the share of the claim found in them."""

    passage: int
    start: int
    end: int
    first: int
    last: int
    share: float
    weight: float


@lru_cache(maxsize=2048)
def units(text: str) -> tuple[Unit, ...]:
    """What a text says, in order."""
    reading = read(text)
    found: list[Unit] = []
    for day in reading.days:
        found.append(Unit(day.start, day.end, FIGURE_WEIGHT, frozenset(), day=day))
    for figure in reading.figures:
        weight = FIGURE_WEIGHT if figure.kind not in LOOSE else 0.5
        found.append(Unit(figure.start, figure.end, weight, frozenset(), figure=figure))
    for mention in reading.mentions:
        keys = frozenset(f"e:{id}" for id in mention.ids)
        found.append(Unit(mention.start, mention.end, NAME_WEIGHT, keys))
    for name in unknown_names(reading):
        if not _inside(name.start, name.end, [(unit.start, unit.end) for unit in found]):
            word = name.text.lower()
            found.append(Unit(name.start, name.end, NAME_WEIGHT, frozenset({f"n:{word}", f"s:{word}"})))
    taken = [(unit.start, unit.end) for unit in found]
    matters: dict[tuple[int, int], set[str]] = {}
    for item in reading.matters:
        # A separable verb holds its object between its halves: "gab der Klage statt".
        end = item.end if reading.language != "de" else _first_word(reading.text, item.start, item.end)
        matters.setdefault((item.start, end), set()).add(f"m:{item.id}")
    stems = [(stem, start, end) for stem, start, end in reading.stems if not _inside(start, end, taken)]
    for span, named in matters.items():
        if not _inside(*span, taken):
            own = {f"s:{stem}" for stem, start, end in stems if start < span[1] and end > span[0]}
            found.append(Unit(*span, MATTER_WEIGHT, frozenset(named | own)))
            taken.append(span)
    for stem, start, end in stems:
        if not _inside(start, end, taken):
            weight = PAIR_WEIGHT if "\u3400" <= stem[0] <= "\u9fff" else WORD_WEIGHT
            found.append(Unit(start, end, weight, frozenset({f"s:{stem}"})))
    return tuple(sorted(found, key=lambda unit: unit.start))


def _first_word(text: str, start: int, end: int) -> int:
    blank = text.find(" ", start, end)
    return blank if blank >= 0 else end


@lru_cache(maxsize=2048)
def segments(text: str) -> tuple[Segment, ...]:
    """The sentences of a text with what each says."""
    return tuple(_segment(read(text), start, end) for start, end in read(text).sentences)


@lru_cache(maxsize=2048)
def clauses(text: str) -> tuple[Segment, ...]:
    """The clauses of a text with what each says."""
    return tuple(_segment(read(text), start, end) for start, end in read(text).clauses)


def _segment(reading: Reading, start: int, end: int) -> Segment:
    registry = load_entities()
    entities = frozenset(id for mention in reading.mentions if start <= mention.start < end for id in mention.ids)
    keys = {f"e:{implied}" for id in entities for implied in registry.implied(id)}
    keys |= {f"m:{item.id}" for item in reading.matters if start <= item.start < end}
    keys |= {f"s:{stem}" for stem, left, _ in reading.stems if start <= left < end}
    if reading.language != "zh":
        # A name outside the registry is written alike in English and German.
        keys |= {f"n:{word.lower()}" for word in _CAPITAL.findall(reading.text[start:end])}
    return Segment(
        start,
        end,
        frozenset(keys),
        entities,
        tuple(figure for figure in reading.figures if start <= figure.start < end),
        tuple(day for day in reading.days if start <= day.start < end),
    )


def comparable(claim: Reading, passage: Reading) -> bool:
    """Whether their words can be compared as they are written."""
    return claim.language == passage.language


def found_in(unit: Unit, parts: Sequence[Segment], reading: Reading) -> bool:
    """Whether one of `parts`, of one passage, says what `unit` says."""
    if unit.day is not None:
        return any(dates.same(day, unit.day, reading.days) for part in parts for day in part.days)
    if unit.figure is not None:
        wanted = unit.figure
        return any(
            same_value(figure, wanted) and same_unit(figure, wanted) for part in parts for figure in part.figures
        )
    return any(not unit.keys.isdisjoint(part.keys) for part in parts)


def counted(unit: Unit, claim: Reading, passage: Reading) -> bool:
    """Whether a unit can be looked for: a plain word only in a passage of its own language, a name outside the
    registry only in its own script."""
    if claim.language == passage.language or unit.day is not None or unit.figure is not None:
        return True
    known = "emn" if passage.language != "zh" else "em"
    return any(key[0] in known for key in unit.keys)


def share(claim: str, passages: Sequence[Reading], parts: Sequence[Sequence[Segment]]) -> tuple[float, float]:
    """The weighted share of what the claim says that stands in `parts` (of the passages), and the weight looked for."""
    reading = read(claim)
    total = hit = 0.0
    for unit in units(claim):
        able = [n for n, passage in enumerate(passages) if counted(unit, reading, passage)]
        if not able:
            continue
        total += unit.weight
        if any(found_in(unit, parts[n], passages[n]) for n in able):
            hit += unit.weight
    return (hit / total if total else 0.0), total


def share_told(text: str, other: str) -> float:
    """The weighted share (0 to 1) of what a text says that stands in another."""
    return share(text, [read(other)], [segments(other)])[0]


def shares_topic(text: str, others: Sequence[str]) -> bool:
    """Whether anything that a text says, a name, date, figure, matter or word, is said in one of the others."""
    readings = [read(other) for other in others]
    return any(
        found_in(unit, segments(other.text), other)
        for other in readings
        for unit in units(text)
        if unit.figure is None or unit.figure.kind not in LOOSE
    )


def windows(claim: str, passages: Sequence[Reading]) -> list[Window]:
    """All single sentences and neighbouring pairs of the passages, the one that carries most of the claim first."""
    found = []
    reading = read(claim)
    wanted = units(claim)
    for number, passage in enumerate(passages):
        parts = segments(passage.text)
        able = [unit for unit in wanted if counted(unit, reading, passage)]
        hits = [{n for n, unit in enumerate(able) if found_in(unit, [part], passage)} for part in parts]
        total = sum(unit.weight for unit in able)
        for first in range(len(parts)):
            for last in (first, first + 1):
                if last >= len(parts):
                    continue
                joined = hits[first] | hits[last]
                weight = sum(able[n].weight for n in joined)
                # A second sentence must bring something to be worth quoting.
                cost = 0.0 if last == first else 1.0
                ratio = weight / total if total else 0.0
                found.append(Window(number, parts[first].start, parts[last].end, first, last, ratio, weight - cost))
    return sorted(found, key=lambda window: (-window.weight, window.passage, window.end - window.start))


def _inside(start: int, end: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < right and end > left for left, right in spans)
