"""Who is bound to what: two actors who have changed places, or one who is said to do what another does."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.verifying.actors import ACTORS, OFFICE, STATE, UNKNOWN, actors, shared_names
from kb.verifying.alignment import Segment, Unit, clauses, counted, found_in, units
from kb.verifying.quotes import quotations
from kb.verifying.reading import Reading
from kb.verifying.roles import Cast, Part, Role, cast, group, widened
from kb.verifying.statements import Statement, statements, topic

HALF = 0.5
"""Share of what a clause says, its actors aside, that another must say to be about the same."""

FAR = 1.6
"""By how much the clause of the other actor must fit better than any clause of the claim's."""


LEVEL = 0.9
"""Clauses of this share of the best one's score are as good."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A clause of a passage: how much of the claim's it says, whether it names the claim's actor itself (`own`) or
    takes it over from the clause before (`beside`), and who acts in it."""

    score: float
    own: bool
    beside: bool
    doers: tuple[Role, ...]


def exchanged(claim: Reading, passages: Sequence[Reading]) -> tuple[str, str] | None:
    """Two actors of one clause whose places are exchanged in a clause of a passage: (claim's doer, passage's doer)."""
    names = shared_names(claim, passages)
    for part, mine in _casts(claim, names):
        for passage in passages:
            straight = False
            wrong: tuple[str, str] | None = None
            for there, theirs in _casts(passage, names):
                if not _alike(claim, part, mine, passage, there, names):
                    continue
                for one, other in _pairs(mine):
                    place = _of(one, theirs), _of(other, theirs)
                    if None in place:
                        continue
                    straight = straight or (_same(one, place[0]) and _same(other, place[1]))  # type: ignore[arg-type]
                    if mine.converse == theirs.converse and _crossed(one, other, *place):  # type: ignore[arg-type]
                        wrong = wrong or (one.id, other.id)
            if wrong and not straight:
                return wrong
    return None


def _casts(reading: Reading, names: frozenset[str]) -> Iterator[tuple[Segment, Cast]]:
    quoted = [(item.start, item.end) for item in quotations(reading.text) if not item.is_term]
    for part in clauses(reading.text):
        if any(start <= part.start and part.end <= end for start, end in quoted):
            continue
        found = cast(reading, [(part.start, part.end)], names)
        if len(found.roles) > 1:
            yield part, found


def _alike(claim: Reading, part: Segment, mine: Cast, passage: Reading, there: Segment, names: frozenset[str]) -> bool:
    """Whether two clauses say the same, their actors aside."""
    inside = [unit for unit in units(claim.text) if part.start <= unit.start < part.end]
    able = [unit for unit in inside if counted(unit, claim, passage) and not _is_actor(unit, mine.roles, claim)]
    hit = [unit for unit in able if found_in(unit, [there], passage)]
    doer = next((actor for actor in actors(claim, names) if part.start <= actor.start < part.end), None)
    verb = next((unit for unit in able if doer and unit.start >= doer.end), None)
    # In the same language the verb must be the same: "grants a licence to" and "licenses from" are both right.
    same = claim.language != passage.language or claim.language == "de" or verb is None or verb in hit
    return same and sum(unit.weight for unit in hit) >= HALF * sum(unit.weight for unit in able)


def _pairs(mine: Cast) -> Iterator[tuple[Role, Role]]:
    for one in mine.roles:
        for other in mine.roles:
            alike = (one.kind in STATE) == (other.kind in STATE) and {one.kind, other.kind} != {OFFICE, "organization"}
            if one.id != other.id and alike and not widened(one) & widened(other):
                yield one, other


def _of(role: Role, there: Cast) -> Role | None:
    """The actor in another clause, if it is there once."""
    found = [each for each in there.roles if widened(each) & widened(role)]
    return found[0] if len(found) == 1 else None


def _same(one: Role, other: Role) -> bool:
    return one.part is other.part and (one.mark == other.mark or not (one.mark and other.mark))


def _crossed(one: Role, other: Role, first: Role, second: Role) -> bool:
    """Whether `one` and `other` of the claim stand in the passage (`first`, `second`) where the other one does."""
    if widened(first) & widened(second):
        return False
    if one.part is Part.AGENT and other.part is not Part.AGENT:
        return second.part is Part.AGENT and first.part is not Part.AGENT
    marked = one.mark and other.mark and one.mark != other.mark
    return bool(marked) and one.mark == second.mark and other.mark == first.mark


def misbound(claim: Reading, passages: Sequence[Reading]) -> tuple[str, str] | None:
    """An actor of the claim that does what a passage says of another: (claim's, passage's)."""
    if any(not item.is_term for item in quotations(claim.text)):
        return None
    names = shared_names(claim, passages)
    for statement in statements(claim.text):
        mine = cast(claim, [(statement.part.start, statement.part.end)], names).roles
        doers = [role for role in mine if role.part is Part.AGENT and _nominal(role, claim)]
        if len(doers) != 1:
            continue
        doer = doers[0]
        wanted = [unit for unit in topic(claim.text, statement) if not _is_actor(unit, doers, claim)]
        bound, total = _bound(claim, doer, wanted, statement, passages, names)
        own = [item.score for item in bound if item.own]
        if not own or not bound or bound[0].score < HALF * total or bound[0].score < FAR * max(own):
            continue
        level = [item for item in bound if item.score >= LEVEL * bound[0].score]
        others = [role for role in bound[0].doers if _may_be(role, doer) and not widened(role) & widened(doer)]
        if others and not any(item.own or item.beside for item in level):
            return doer.id, others[0].id
    return None


def _nominal(role: Role, reading: Reading) -> bool:
    """Whether a country acts, rather than telling which plants or courts are meant ("the Dutch court")."""
    return role.kind != "country" and role.kind not in ("model", "chip", "product")


def _is_actor(unit: Unit, roles: Sequence[Role], claim: Reading) -> bool:
    names = {f"e:{id}" for role in roles for id in widened(role)}
    names |= {f"n:{role.id.removeprefix('name:')}" for role in roles}
    if not names.isdisjoint(unit.keys):
        return True
    last = claim.text[unit.start : unit.end].lower()
    return any(role.id in (f"name:{last}", *(f"office:{key[2:]}" for key in unit.keys)) for role in roles)


def _bound(
    claim: Reading,
    doer: Role,
    wanted: Sequence[Unit],
    mine: Statement,
    passages: Sequence[Reading],
    names: frozenset[str],
) -> tuple[list[Bound], float]:
    """The clauses of the passages by how much of `wanted` and of the claim's directions they say, rare things more."""
    rows = [(item, passage) for passage in passages for item in statements(passage.text)]
    stances = {(stance.axis, stance.sign) for stance in mine.stances}
    hits = [
        [counted(unit, claim, passage) and found_in(unit, [item.part], passage) for unit in wanted]
        for item, passage in rows
    ]
    able = [any(counted(unit, claim, passage) for passage in passages) for unit in wanted]
    weights = [
        unit.weight * math.log((len(rows) + 1) / (sum(row[n] for row in hits) + HALF)) if able[n] else 0.0
        for n, unit in enumerate(wanted)
    ]
    found = []
    before: tuple[Role, ...] = ()
    named_before = False
    for (item, passage), row in zip(rows, hits, strict=True):
        same = stances & {(stance.axis, stance.sign) for stance in item.stances}
        score = sum(weight for weight, hit in zip(weights, row, strict=True) if hit) + len(same)
        roles = cast(passage, [(item.part.start, item.part.end)], names).roles
        named_here = _names(doer, roles, passage, item)
        agents = tuple(role for role in roles if role.part is Part.AGENT)
        found.append(
            Bound(
                score,
                own=named_here,
                beside=not agents and named_before,
                doers=agents or (before if not roles else ()),
            )
        )
        before, named_before = agents or before, named_here or (named_before and not agents)
    total = sum(weights) + len(stances)
    return sorted(found, key=lambda item: -item.score), total


def _names(doer: Role, roles: Sequence[Role], passage: Reading, statement: Statement) -> bool:
    """Whether a clause names the claim's actor, in whatever part."""
    if any(widened(role) & widened(doer) for role in roles):
        return True
    word = doer.id.partition("name:")[2]
    return bool(word) and word in passage.text[statement.part.start : statement.part.end].lower()


def _may_be(role: Role, other: Role) -> bool:
    """Whether two actors are of a kind, as far as that can be told."""
    if UNKNOWN in (role.kind, other.kind) or OFFICE in (role.kind, other.kind):
        return role.kind in ACTORS | {UNKNOWN, OFFICE} and group(role.kind) not in ("product",)
    return group(role.kind) == group(other.kind)
