"""A text as statements: one a clause, with who it is about, which way it points and what it denies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from kb.verifying.actors import Names
from kb.verifying.alignment import Segment, Unit, clauses, counted, found_in, segments, units
from kb.verifying.lexicon import load_words
from kb.verifying.polarity import Negation, Stance, polarity
from kb.verifying.reading import Reading, read
from kb.verifying.roles import Part, Role, cast

_POINTS = re.compile(r"\b(?:it|them|this|that|so|sie|es|ihn|dies|dieses|das)\b(?! \w*[A-ZÄÖÜ])|[此之其]", re.IGNORECASE)
SAME_SENTENCE = 0.5
"""What something counts for a clause that stands elsewhere in its sentence, or a name its sentence takes over."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One clause. `actors` are named in it, `taken_over` in the clause or sentence before if it names none itself;
    `denied` are the units a negation in it strikes, other than words of direction (those have their sign turned);
    `negated` says that there is a negation in it, whatever it strikes."""

    part: Segment
    sentence: int
    actors: tuple[Role, ...]
    taken_over: tuple[Role, ...]
    stances: tuple[Stance, ...]
    denied: tuple[Unit, ...]
    negated: bool


@lru_cache(maxsize=2048)
def statements(text: str, names: Names) -> tuple[Statement, ...]:
    """The statements of a text, in order; `names` are words known to be names (see `shared_names`)."""
    return tuple(_statements(read(text), names))


def _statements(reading: Reading, names: Names) -> Iterator[Statement]:
    found = polarity(reading)
    actors: tuple[Role, ...] = ()
    for number, part in enumerate(clauses(reading.text)):
        sentence = next((n for n, (start, end) in enumerate(reading.sentences) if start <= part.start < end), 0)
        own = cast(reading, [(part.start, part.end)], names).roles
        stances = tuple(stance for stance in found.stances if stance.clause == number)
        denied = tuple(
            unit
            for negation in found.negations
            if negation.clause == number
            for unit in _denied(reading, part, negation)
        )
        acting = tuple(role for role in own if role.part is not Part.ASIDE)
        negated = any(negation.clause == number for negation in found.negations)
        yield Statement(part, sentence, own, () if acting else actors, stances, denied, negated)
        actors = acting or actors


def _denied(reading: Reading, part: Segment, negation: Negation) -> list[Unit]:
    """What a negation strikes: the next things said in its clause; in German also the one before it."""
    inside = [unit for unit in units(reading.text) if part.start <= unit.start < part.end and unit.keys]
    struck = [unit for unit in inside if unit.start >= negation.end][: negation.scope]
    if reading.language == "de" and len(struck) < negation.scope:
        struck += [unit for unit in inside if unit.end <= negation.start][-1:]
    return [unit for unit in struck if not is_direction(unit)]


def is_direction(unit: Unit) -> bool:
    """Whether a unit is a word of direction."""
    ids = {key[2:] for key in unit.keys if key.startswith("m:")}
    return not ids.isdisjoint(load_words().directions)


def topic(text: str, statement: Statement) -> tuple[Unit, ...]:
    """What a statement is about: its units without the words of direction; those of the whole text if it has few."""
    able = [unit for unit in units(text) if not is_direction(unit)]
    inside = [unit for unit in able if statement.part.start <= unit.start < statement.part.end]
    alone = len(inside) > 1 or any(key.startswith("e:") for unit in inside for key in unit.keys)
    return tuple(inside if alone else able)


def overlap(wanted: Sequence[Unit], statement: Statement, around: Sequence[Statement], passage: Reading) -> float:
    """The weight of `wanted` found in a statement; half of it for what stands in its sentence, or in the one before if
    a pronoun points there, or is taken over."""
    points = _POINTS.search(passage.text, statement.part.start, statement.part.end)
    reach = {statement.sentence, statement.sentence - 1} if points else {statement.sentence}
    rest = [other.part for other in around if other.sentence in reach]
    taken = {role.id for role in statement.taken_over}
    total = 0.0
    for unit in wanted:
        if found_in(unit, [statement.part], passage):
            total += unit.weight
        elif found_in(unit, rest, passage) or any(f"e:{id}" in unit.keys for id in taken):
            total += unit.weight * SAME_SENTENCE
    return total


def nearness(claim: Reading, passage: Reading) -> float:
    """The weighted share of a claim's words, other than names, figures, dates and words of direction, that stand in the
    one sentence of the passage that has most of them, of those that can be looked for there."""
    able = [unit for unit in units(claim.text) if _plain(unit) and counted(unit, claim, passage)]
    total = sum(unit.weight for unit in able)
    shares = (sum(unit.weight for unit in able if found_in(unit, [part], passage)) for part in segments(passage.text))
    return max(shares, default=0.0) / total if total else 0.0


def _plain(unit: Unit) -> bool:
    return bool(unit.keys) and not any(key[0] in "en" for key in unit.keys) and not is_direction(unit)
