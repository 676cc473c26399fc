"""Whether a sentence says the opposite of its passages: a negation, a direction or two actors turned round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kb.text.entities import load_entities
from kb.verifying.actors import UNKNOWN
from kb.verifying.alignment import Unit, Window, comparable, counted, found_in
from kb.verifying.binding import exchanged, misbound
from kb.verifying.quotes import quotations, stands_in
from kb.verifying.reading import Reading
from kb.verifying.roles import Cast, Part, Role, cast, displaced, group, named, replaced, turned
from kb.verifying.statements import Statement, overlap, statements, topic

FORCE, ASSENT = "force", "assent"
"""Axes of direction: what begins or ends, and what is permitted or barred."""

ABOUT = 0.35
"""Share of the sentence a window or statement must carry to be about the same."""

LEVEL = 0.8
"""Windows of this share of the best one's weight are looked at as well."""

CLOSE = 0.5
"""Share of the sentence a window must carry for another actor in it to be another story of the same event."""

WHOLE = 0.85
"""Share of the best pair of sentences that one of them must carry to say it all by itself."""

LITTLE = 0.5
"""The least weight a statement must share with the claim."""

RELEVANT = 0.6
"""Share of the best statement's weight that one with the claim's axis must have to be compared with it."""

DEEDS = frozenset({"hold", "stay", "presence"})
"""Axes whose no is a deed of its own (to sell, to leave) rather than a denial."""

NEAR = 0.4
"""Statements this close in weight to the best one are as good."""


@dataclass(frozen=True, slots=True)
class Opposed:
    """How the claim goes against its passages: code is actor or negation."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A statement of a passage and how much of the claim's topic it carries."""

    score: float
    statement: Statement
    passage: Reading


def opposition(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> Opposed | None:
    """What in the claim goes against its passages, or None."""
    near = [window for window in found if window.share >= ABOUT][:3]
    near = [window for window in near if window.weight >= LEVEL * near[0].weight]
    return (
        (_actors(claim, passages, near) if near else None) or _statements(claim, passages) or _bindings(claim, passages)
    )


def _bindings(claim: Reading, passages: Sequence[Reading]) -> Opposed | None:
    if pair := exchanged(claim, passages):
        doer, agent = (_shown(id) for id in pair)
        return Opposed("actor", f"in the cited passage {doer} and {agent} have each other's place")
    if pair := misbound(claim, passages):
        doer, agent = (_shown(id) for id in pair)
        return Opposed("actor", f"the cited passage says this of {agent}, not of {doer}")
    return None


def _actors(claim: Reading, passages: Sequence[Reading], near: Sequence[Window]) -> Opposed | None:
    mine = cast(claim, claim.sentences)
    for window in near:
        passage = passages[window.passage]
        theirs = cast(passage, passage.sentences[window.first : window.last + 1])
        if pair := turned(mine, theirs):
            doer, agent = (_shown(id) for id in pair)
            return Opposed("actor", f"in the cited passage {agent} acts, not {doer}")
    best = next((window for window in near if window.first == window.last), near[0])
    first = passages[near[0].passage]
    told = _straight(mine, cast(first, first.sentences[near[0].first : near[0].last + 1]))
    if told and best.weight < WHOLE * near[0].weight:
        return None
    passage = passages[best.passage]
    theirs = cast(passage, passage.sentences[best.first : best.last + 1])
    if not theirs.of(Part.AGENT) and best.first:
        theirs = cast(passage, passage.sentences[best.first - 1 : best.last + 1])
    if best.share >= CLOSE and (pair := replaced(mine, theirs) or displaced(mine, theirs)):
        doer, agent = (_shown(id) for id in pair)
        return Opposed("actor", f"the cited passage says this of {agent}, not of {doer}")
    return None


def _straight(mine: Cast, theirs: Cast) -> bool:
    """Whether an actor of the claim acts in the passage as well."""
    return bool({role.id for role in mine.of(Part.AGENT)} & {role.id for role in theirs.of(Part.AGENT)})


def _statements(claim: Reading, passages: Sequence[Reading]) -> Opposed | None:
    quoted = [(item.start, item.end) for item in quotations(claim.text) if not item.is_term]
    for statement in statements(claim.text):
        written = claim.text[statement.part.start : statement.part.end]
        if any(start <= statement.part.start < end for start, end in quoted):
            continue
        if any(stands_in(written, passage.text) for passage in passages):
            continue
        wanted = topic(claim.text, statement)
        candidates = _candidates(claim, wanted, passages)
        if not candidates:
            continue
        found = (
            _direction(claim, statement, wanted, candidates)
            or _denial(claim, statement, wanted, candidates)
            or _owner(claim, statement, wanted, candidates)
        )
        if found:
            return found
    return None


def _candidates(claim: Reading, wanted: Sequence[Unit], passages: Sequence[Reading]) -> list[_Candidate]:
    """All statements of the passages that carry some of what the claim's statement is about, the best first."""
    found = []
    for passage in passages:
        able = [unit for unit in wanted if counted(unit, claim, passage)]
        all_of_it = statements(passage.text)
        for statement in all_of_it:
            score = overlap(able, statement, all_of_it, passage)
            if score > 0:
                found.append(_Candidate(score, statement, passage))
    return sorted(found, key=lambda item: -item.score)


def _level(candidates: Sequence[_Candidate], wanted: Sequence[Unit]) -> list[_Candidate]:
    """The candidates that fit best, if they are about the same at all."""
    if not candidates:
        return []
    best = max(item.score for item in candidates)
    if best < LITTLE or best < ABOUT * LITTLE * sum(unit.weight for unit in wanted):
        return []
    return [item for item in candidates if item.score >= best - NEAR]


def _direction(
    claim: Reading, statement: Statement, wanted: Sequence[Unit], candidates: Sequence[_Candidate]
) -> Opposed | None:
    """The claim's direction against that of the statements most like it."""
    for axis in sorted({stance.axis for stance in statement.stances}):
        mine = [stance for stance in statement.stances if stance.axis == axis]
        if len({stance.sign for stance in mine}) > 1:
            continue
        on_axis = [item for item in candidates if any(stance.axis == axis for stance in item.statement.stances)]
        own = [item for item in on_axis if named(statement.actors) & _doers(item.statement)]
        if not own and _told_apart(statement, candidates):
            # The passage says what this actor does elsewhere; what others do is not to be laid beside it.
            on_axis = [item for item in on_axis if not item.statement.actors]
        if axis == FORCE and not any(stance.axis == ASSENT for stance in statement.stances):
            # A block that takes effect ends what it blocks: "stopped its service" does not deny it.
            on_axis = [item for item in on_axis if not _restrains(item.statement)]
            own = [item for item in own if item in on_axis]
        level = _level(own, wanted) or _level(on_axis, wanted)
        near = RELEVANT if not own else CLOSE
        chosen = [item for item in level if item.score >= near * candidates[0].score]
        theirs = [(stance, item) for item in chosen for stance in item.statement.stances if stance.axis == axis]
        ids = {stance.id for stance in mine}
        theirs = [(stance, item) for stance, item in theirs if stance.id in ids] or theirs
        if not theirs:
            continue
        if any(stance.sign == mine[0].sign for stance, _ in theirs):
            if wrong := _exchanged(statement, axis, mine[0].sign, chosen, on_axis):
                return wrong
            continue
        said = claim.text[mine[0].start : mine[0].end]
        there = theirs[0][1].passage.text[theirs[0][0].start : theirs[0][0].end]
        return Opposed("negation", f'"{said}" points the other way than "{there}" in the cited passage')
    return None


def _restrains(statement: Statement) -> bool:
    return any(stance.axis == ASSENT and stance.sign < 0 for stance in statement.stances)


def _doers(statement: Statement) -> frozenset[str]:
    return named(statement.actors or statement.taken_over)


def _told_apart(statement: Statement, candidates: Sequence[_Candidate]) -> bool:
    """Whether a clause much like the claim's has the claim's actor for its own."""
    near = [item for item in candidates if item.score >= CLOSE * candidates[0].score]
    return any(named(statement.actors) & named(item.statement.actors) for item in near)


def _exchanged(
    statement: Statement, axis: str, sign: int, chosen: Sequence[_Candidate], on_axis: Sequence[_Candidate]
) -> Opposed | None:
    """An actor of the claim that the passage, in the same sentence or beside it, puts on the other side."""
    best = chosen[0]
    for role in statement.actors:
        if named((role,)) & named(best.statement.actors):
            continue
        rivals = [other for other in best.statement.actors if group(other.kind) == group(role.kind)]
        rivals = [other for other in rivals if not named((other,)) & named(statement.actors)]
        for item in on_axis:
            same = item.passage is best.passage and abs(item.statement.sentence - best.statement.sentence) <= 1
            signs = {stance.sign for stance in item.statement.stances if stance.axis == axis}
            if rivals and same and named((role,)) & named(item.statement.actors) and signs == {-sign}:
                return Opposed(
                    "actor", f"the cited passage says this of {_shown(rivals[0].id)}, not of {_shown(role.id)}"
                )
    return None


def _denial(
    claim: Reading, statement: Statement, wanted: Sequence[Unit], candidates: Sequence[_Candidate]
) -> Opposed | None:
    """What one side denies and the other says, in the sentence most like the claim."""
    level = _level(candidates, wanted)
    if not level:
        return None
    passage = level[0].passage
    able = comparable(claim, passage)
    around = [item for item in statements(passage.text) if item.sentence == level[0].statement.sentence]
    for unit in statement.denied:
        holders = [item for item in around if counted(unit, claim, passage) and found_in(unit, [item.part], passage)]
        rest = [other for other in wanted if other is not unit and counted(other, claim, passage)]
        related = [item for item in around if any(found_in(other, [item.part], passage) for other in rest)]
        if holders and not any(_negative(item) for item in (*holders, *related)):
            return Opposed("negation", "the sentence denies what the cited passage says")
    if _negative(statement):
        return None
    own = {key for unit in wanted for key in unit.keys if able or key[0] in "em"}
    own |= {f"m:{stance.id}" for stance in statement.stances}
    for item in around:
        for unit in item.denied:
            said = any(
                unit.keys & other.part.keys
                for other in around
                if other is not item and not any(stance.sign < 0 for stance in other.stances)
            )
            if unit.keys & own and not said:
                return Opposed("negation", "the cited passage denies what the sentence says")
    return None


def _negative(statement: Statement) -> bool:
    denies = any(stance.sign < 0 and stance.axis not in DEEDS for stance in statement.stances)
    return bool(statement.denied) or denies


def _owner(
    claim: Reading, statement: Statement, wanted: Sequence[Unit], candidates: Sequence[_Candidate]
) -> Opposed | None:
    """Whether the clause that says what the claim says, says it of another actor, and the claim's stands elsewhere."""
    mine = statement.actors
    if not mine or statement.denied:
        return None
    rest = [unit for unit in wanted if not any(f"e:{role.id}" in unit.keys for role in mine)]
    stances = {(stance.axis, stance.sign) for stance in statement.stances}
    scored = []
    for item in candidates:
        able = [unit for unit in rest if counted(unit, claim, item.passage)]
        score = sum(unit.weight for unit in able if found_in(unit, [item.statement.part], item.passage))
        score += len(stances & {(stance.axis, stance.sign) for stance in item.statement.stances})
        total = sum(unit.weight for unit in able) + len(stances)
        scored.append((score, total, item))
    best = max((entry for entry in scored), key=lambda entry: entry[0])
    if best[0] < 2.0 or best[0] < CLOSE * best[1]:
        return None
    level = [item for score, _, item in scored if score >= best[0] - NEAR]
    others: list[Role] = []
    for item in level:
        there = item.statement.actors or item.statement.taken_over
        if not there or named(there) & named(mine):
            return None
        others += [role for role in there if any(group(role.kind) == group(own.kind) != UNKNOWN for own in mine)]
        if len(item.statement.actors) == 0:
            return None
    own = [score for score, _, item in scored if named(mine) & named(item.statement.actors)]
    if not others or not own or max(own) >= CLOSE * best[0]:
        return None
    return Opposed("actor", f"the cited passage says this of {_shown(others[0].id)}, not of {_shown(mine[0].id)}")


def _shown(id: str) -> str:
    registry = load_entities()
    return registry[id].name if id in registry else id.partition(":")[2]
