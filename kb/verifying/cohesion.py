"""Whether what a sentence puts together stands together: this figure with this firm, this date with this event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kb.text.entities import load_entities
from kb.verifying import dates
from kb.verifying.actors import STATE
from kb.verifying.agreement import same_unit, same_value
from kb.verifying.alignment import Segment, Unit, clauses, counted, found_in, segments, units
from kb.verifying.lexicon import load_words
from kb.verifying.measures import LOOSE
from kb.verifying.reading import Reading

MARGIN = 1.2
"""By how much another sentence must fit the claim better than the one that has its figure or date."""

SHORT_OF = 0.6
"""And the sentence that has it must fit less than this share of that."""

PRODUCTS = frozenset({"chip", "model", "product"})

OWNERS = (STATE - {"country"}) | PRODUCTS | {"company", "organization", "person"}
"""Kinds a figure or date may belong to."""

CARRIED_OVER = 0.5
"""What a name of the sentence before counts in a sentence that names no one."""


@dataclass(frozen=True, slots=True)
class Misplaced:
    """A figure or date of the claim that stands elsewhere in the passage, and what stands in its place."""

    code: str
    written: str
    there: str


def misplaced(claim: Reading, passages: Sequence[Reading]) -> Misplaced | None:
    """The first figure or date of the claim that belongs to someone or something else in the passages."""
    wanted = units(claim.text)
    anchors = [unit for unit in wanted if _is_anchor(unit)]
    for anchor in anchors:
        context = _context(claim, anchor, wanted, len(anchors) > 1)
        there = (
            _by_sentence(claim, anchor, anchors, context, passages)
            or _by_clause(claim, anchor, anchors, context, passages)
            or _by_owner(claim, anchor, passages)
        )
        if there:
            written = claim.text[anchor.start : anchor.end].strip()
            return Misplaced("date" if anchor.day is not None else "pairing", written, there)
    return None


def _is_anchor(unit: Unit) -> bool:
    return unit.day is not None or (unit.figure is not None and unit.figure.kind not in LOOSE)


def _context(claim: Reading, anchor: Unit, wanted: Sequence[Unit], several: bool) -> list[Unit]:
    """What the claim says beside a figure or date: in its clause if there are several of them, else everywhere."""
    others = [unit for unit in wanted if unit is not anchor]
    if not several:
        return others
    start, end = next(
        ((left, right) for left, right in claim.clauses if left <= anchor.start < right), (0, len(claim.text))
    )
    inside = [unit for unit in others if start <= unit.start < end]
    return inside if sum(bool(unit.keys) for unit in inside) > 1 else others


def _by_sentence(
    claim: Reading, anchor: Unit, anchors: Sequence[Unit], context: Sequence[Unit], passages: Sequence[Reading]
) -> str:
    """What another sentence has in place of the anchor, if that sentence fits the claim far better."""
    own: list[float] = []
    rivals: list[tuple[float, str]] = []
    for passage in passages:
        parts = segments(passage.text)
        able = [unit for unit in context if counted(unit, claim, passage)]
        hits = [_hits(able, parts, number, passage) for number in range(len(parts))]
        rarity = [_rarity(sum(row[n] > 0 for row in hits), len(parts)) for n in range(len(able))]
        for part, row in zip(parts, hits, strict=True):
            score = sum(unit.weight * rare * hit for unit, rare, hit in zip(able, rarity, row, strict=True))
            if _carried(anchor, part, passage):
                own.append(score)
            elif there := _rival(anchor, anchors, part, passage):
                rivals.append((score, there))
    if not own or not rivals:
        return ""
    best = max(rivals)
    return best[1] if best[0] >= max(own) + MARGIN and max(own) < SHORT_OF * best[0] else ""


def _hits(able: Sequence[Unit], parts: Sequence[Segment], number: int, passage: Reading) -> list[float]:
    """How well each unit is found in a sentence: 1, or less if it is a name carried over from the sentence before."""
    part = parts[number]
    silent = number > 0 and not part.entities
    row = []
    for unit in able:
        hit = 1.0 if found_in(unit, [part], passage) else 0.0
        if (
            not hit
            and silent
            and any(key.startswith("e:") for key in unit.keys)
            and found_in(unit, [parts[number - 1]], passage)
        ):
            hit = CARRIED_OVER
        row.append(hit)
    return row


def _by_clause(
    claim: Reading, anchor: Unit, anchors: Sequence[Unit], context: Sequence[Unit], passages: Sequence[Reading]
) -> str:
    """The date of another clause of the same sentence, if what the claim says happens there and not beside its own."""
    there = ""
    for passage in passages if anchor.day is not None else ():
        events = [unit for unit in context if _is_event(unit) and counted(unit, claim, passage)]
        for start, end in passage.sentences:
            parts = [part for part in clauses(passage.text) if start <= part.start < end]
            mine = [part for part in parts if _carried(anchor, part, passage)]
            if not mine:
                continue
            if len(parts) < 2 or not events:
                return ""
            found = max(sum(not unit.keys.isdisjoint(part.keys) for unit in events) for part in mine)
            others = [
                (sum(not unit.keys.isdisjoint(part.keys) for unit in events), rival)
                for part in parts
                if part not in mine and (rival := _rival(anchor, anchors, part, passage))
            ]
            if found > 0 or not others or max(others)[0] < 1 or not any(_has_event(part) for part in mine):
                return ""
            there = max(others)[1]
    return there


def _is_event(unit: Unit) -> bool:
    """Whether a unit tells what happens: a direction or a relation, not one of the many things that are only named."""
    words = load_words()
    ids = {key[2:] for key in unit.keys if key.startswith("m:")}
    return not ids.isdisjoint(words.directions.keys() | words.relations.keys())


def _has_event(part: Segment) -> bool:
    """Whether a clause names an event of its own; "in force from" only dates the one before it."""
    words = load_words()
    ids = {key[2:] for key in part.keys if key.startswith("m:")}
    return any(id in words.relations or (id in words.directions and words.directions[id].axis != "force") for id in ids)


def _by_owner(claim: Reading, anchor: Unit, passages: Sequence[Reading]) -> str:
    """Whose figure it is in a list ("Baidu offers 50 million, Zhipu 150 million"), if not the claim's."""
    owners = _owners(claim, anchor.start)
    if len(owners) != 1:
        return ""
    wanted = _widened(owners)
    name = ""
    for passage in passages:
        for at in _places(anchor, passage):
            there = _owners(passage, at)
            if not there or _widened(there) & wanted or _implied(there) & claim.entity_ids:
                return ""
            start, end = next(((a, b) for a, b in passage.sentences if a <= at < b), (0, 0))
            if not any(
                start <= mention.start < end and wanted.intersection(mention.ids) for mention in passage.mentions
            ):
                return ""
            name = load_entities()[sorted(there)[0]].name
    return name


def _places(anchor: Unit, passage: Reading) -> list[int]:
    """Where the passage has the figure or date."""
    if anchor.figure is None:
        return [day.start for day in passage.days if anchor.day and dates.same(day, anchor.day, passage.days)]
    wanted = anchor.figure
    return [other.start for other in passage.figures if same_value(other, wanted) and same_unit(other, wanted)]


def _owners(reading: Reading, at: int) -> frozenset[str]:
    """The firms, people and the like named in the clause around `at`."""
    registry = load_entities()
    start, end = next(((left, right) for left, right in reading.clauses if left <= at < right), (0, 0))
    return frozenset(
        id
        for mention in reading.mentions
        if start <= mention.start < end
        for id in mention.ids
        if registry[id].kind in OWNERS
    )


def _widened(ids: frozenset[str]) -> frozenset[str]:
    registry = load_entities()
    return frozenset(
        implied
        for id in ids
        for implied in (registry.implied(id) if registry[id].kind not in PRODUCTS else {id})
        if registry[implied].kind not in ("country", "place")
    )


def _implied(ids: frozenset[str]) -> frozenset[str]:
    """Some owners, and whom they belong to: the Commission is Brussels."""
    registry = load_entities()
    return frozenset(implied for id in ids for implied in registry.implied(id))


def _carried(anchor: Unit, part: Segment, passage: Reading) -> bool:
    return found_in(anchor, [part], passage)


def _rival(anchor: Unit, anchors: Sequence[Unit], part: Segment, passage: Reading) -> str:
    """Another date or figure of the same kind in this part that the claim does not name."""
    if _carried(anchor, part, passage):
        return ""
    if anchor.day is not None:
        wanted = anchor.day
        for day in part.days:
            exact = (wanted.day is None or day.day is not None) and (wanted.month is None or day.month is not None)
            named = any(unit.day is not None and dates.same(day, unit.day, passage.days) for unit in anchors)
            if exact and not named and day.weekday is None:
                return passage.text[day.start : day.end].strip()
        return ""
    figure = anchor.figure
    if figure is None:
        return ""
    for other in part.figures:
        named = any(unit.figure is not None and same_value(other, unit.figure) for unit in anchors)
        like = other.units & figure.units or other.units == figure.units
        if not named and like and other.kind == figure.kind:
            return passage.text[other.start : other.end].strip()
    return ""


def _rarity(hits: int, count: int) -> float:
    """What a unit tells about the place: much if it stands in few sentences, nothing if in none."""
    return math.log((count + 1) / (hits + 0.5)) if hits else 0.0
