"""Who is bound to what: two actors who have changed places, or one who is said to do what another does."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.verifying.actors import ACTORS, OFFICE, PARTS, STATE, UNKNOWN, Names, actors, shared_names
from kb.verifying.alignment import Segment, Unit, clauses, counted, found_in, units
from kb.verifying.lexicon import BACK
from kb.verifying.quotes import quotations
from kb.verifying.reading import Reading
from kb.verifying.roles import Cast, Part, Role, cast, group, widened
from kb.verifying.statements import Statement, statements, topic

HALF = 0.5
"""Share of what a clause says, its actors aside, that another must say to be about the same."""

FAR = 1.6
"""By how much the clause of the other actor must fit better than any clause of the claim's."""


VERB = 2.0
"""What a verb counts beside other words: who did it is the question."""

_SAYS = frozenset({"m:say", "m:announcement"})

BEFORE = 3
"""Words before the doer of a clause, or Chinese characters by twos, at most."""

_WORDS = re.compile(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]{2}")
_SHE = re.compile(r"\b(?:it|they|he|she|we|er|sie|es|wir)\b|[他她它]", re.IGNORECASE)

LEVEL = 0.9
"""Clauses of this share of the best one's score are as good."""

_UNNAMED = re.compile(
    r"\W*(?:(?:and|but|while|und|aber|doch) )?"
    r"(?:(?:the|its|their|his|her|these|both|der|die|das|ihre?|seine?|beide) [\w-]+"
    r"|(?:该|这家|两家)?(?:公司|企业|集团|机构|部门|双方))",
    re.IGNORECASE,
)
"""A clause that opens with somebody who has no name there: "the firm", 公司; it may be anybody named before."""
_LATTER = re.compile(
    r"\b(?:weil|da|nachdem|obwohl|denn|dass|während) diese[rs]?\b|\bletztere[rs]?\b|\bthe latter\b"
    r"|^\W*(?:which|who)\b|后者"
)
_REFERS = re.compile(
    r"\b(?:such|same|likewise|too|as well|similarly|also|ebenfalls|ebenso|gleichfalls|auch|solche\w*|dasselbe|"
    r"derselbe\w*)\b|同样|也|亦|此类|类似",
    re.IGNORECASE,
)
"""What stands for the one named last, not for the one who acted."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A clause of a passage: how much of the claim's it says, whether it names the claim's actor itself (`own`) or
    takes it over from the clause before (`beside`), whether it `refers` to what was said before of another ("such a
    licence", "as well"), whether it `does` what the claim's doer does, as far as that can be told, whether it tells a
    relation from the other side (`back`), and who acts in it."""

    score: float
    own: bool
    beside: bool
    refers: bool
    back: bool
    does: bool
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


def _casts(reading: Reading, names: Names) -> Iterator[tuple[Segment, Cast]]:
    quoted = [(item.start, item.end) for item in quotations(reading.text) if not item.is_term]
    for part in clauses(reading.text):
        if any(start <= part.start and part.end <= end for start, end in quoted):
            continue
        found = cast(reading, [(part.start, part.end)], names)
        if len(found.roles) > 1:
            yield part, found


def _alike(claim: Reading, part: Segment, mine: Cast, passage: Reading, there: Segment, names: Names) -> bool:
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
    for statement in statements(claim.text, names):
        mine = cast(claim, [(statement.part.start, statement.part.end)], names).roles
        doers = [role for role in _subjects(mine) if _nominal(role, claim)]
        if len(doers) != 1:
            continue
        doer = doers[0]
        if not _opens(claim, doer, statement, names):
            continue
        wanted = _said_of(claim, doer, statement, names)
        if claim.language == "en" and wanted and not any(claim.text[unit.start].islower() for unit in wanted):
            # The rest of a list: nothing is said of anybody.
            continue
        bound, total = _bound(claim, doer, wanted, statement, passages, names)
        own = [item.score for item in bound if item.own]
        if any(item.own and item.refers for item in bound):
            continue
        if not own or not bound or bound[0].score < HALF * total or bound[0].score < FAR * max(own):
            continue
        level = [item for item in bound if item.score >= LEVEL * bound[0].score]
        named_at = next(actor for actor in actors(claim, names) if doer.id in actor.ids)
        if doer.kind != UNKNOWN and _HEADED.match(claim.text, named_at.end):
            continue
        others = [role for role in bound[0].doers if _may_be(role, doer) and not widened(role) & widened(doer)]
        same_side = bound[0].back == _told_back(statement)
        if others and same_side and bound[0].does and not any(item.own or item.beside for item in level):
            return doer.id, others[0].id
    return None


def _subjects(roles: Sequence[Role]) -> tuple[Role, ...]:
    """Who acts; where nobody does, to whom something is done."""
    agents = tuple(role for role in roles if role.part is Part.AGENT)
    return agents or tuple(role for role in roles if role.part is Part.TARGET and not role.mark)


def _told_back(statement: Statement) -> bool:
    """Whether a statement tells a relation from the other side: "gets", "buys from"."""
    return any(key.endswith(BACK) for key in statement.part.keys)


def _opens(claim: Reading, doer: Role, statement: Statement, names: Names) -> bool:
    """Whether a clause begins with its doer, or nearly so: what comes later may belong to somebody without a name."""
    start = statement.part.start
    at = next(
        (a.start for a in actors(claim, names) if start <= a.start < statement.part.end and doer.id in a.ids), start
    )
    before = claim.text[start:at]
    return len(_WORDS.findall(before)) <= BEFORE and _SHE.search(before) is None


def _said_of(claim: Reading, doer: Role, statement: Statement, names: Names) -> list[Unit]:
    """What a statement says, without what only names its doer ("industry" of "the industry association")."""
    part = statement.part
    own = next((a for a in actors(claim, names) if part.start <= a.start < part.end and doer.id in a.ids), None)
    said = [unit for unit in topic(claim.text, statement) if not _is_actor(unit, [doer], claim)]
    if own is None or any(part.start <= actor.start < own.start for actor in actors(claim, names)):
        return said
    return [unit for unit in said if not part.start <= unit.start < own.end]


def _nominal(role: Role, reading: Reading) -> bool:
    """Whether somebody acts, rather than a product."""
    return role.kind not in ("model", "chip", "product")


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
    names: Names,
) -> tuple[list[Bound], float]:
    """The clauses of the passages by how much of `wanted` and of the claim's directions they say, rare things more."""
    rows = [(item, passage) for passage in passages for item in statements(passage.text, names)]
    stances = {(stance.axis, stance.sign) for stance in mine.stances}
    hits = [
        [counted(unit, claim, passage) and found_in(unit, [item.part], passage) for unit in wanted]
        for item, passage in rows
    ]
    able = [any(counted(unit, claim, passage) for passage in passages) for unit in wanted]
    verb = _verb(claim, wanted)
    weights = [
        unit.weight * (VERB if unit is verb else 1.0) * math.log((len(rows) + 1) / (sum(row[n] for row in hits) + HALF))
        if able[n]
        else 0.0
        for n, unit in enumerate(wanted)
    ]
    found = []
    before: tuple[Role, ...] = ()
    latter: tuple[Role, ...] = ()
    named_before = named_at_all = False
    for (item, passage), row in zip(rows, hits, strict=True):
        same = stances & {(stance.axis, stance.sign) for stance in item.stances}
        score = sum(weight for weight, hit in zip(weights, row, strict=True) if hit) + len(same)
        roles = cast(passage, [(item.part.start, item.part.end)], names).roles
        named_here = _names(doer, roles, passage, item)
        agents = tuple(role for role in roles if role.part is doer.part and (doer.part is Part.AGENT or not role.mark))
        if not agents and latter and _LATTER.search(passage.text[item.part.start : item.part.end]):
            agents = latter
        unnamed = None if agents else _UNNAMED.match(passage.text, item.part.start, item.part.end)
        found.append(
            Bound(
                score,
                own=named_here,
                back=_told_back(item),
                beside=not agents and (named_before or (unnamed is not None and named_at_all)),
                does=bool(same)
                if stances
                else verb is None or row[wanted.index(verb)] or not counted(verb, claim, passage),
                refers=_REFERS.search(passage.text, item.part.start, item.part.end) is not None,
                doers=agents or (before if not roles and not unnamed else ()),
            )
        )
        named_at_all = named_at_all or named_here
        before, named_before = agents or before, named_here or (named_before and not agents)
        latter = tuple(role for role in roles[-1:] if role.part is not Part.AGENT) if len(roles) > 1 else ()
    total = sum(weights) + len(stances)
    return sorted(found, key=lambda item: -item.score), total


def _verb(claim: Reading, wanted: Sequence[Unit]) -> Unit | None:
    """What the doer does: the first thing said of it; in German the last one if it is a verb by its small letter."""
    said = [unit for unit in wanted if unit.keys and not unit.keys & _SAYS]
    if claim.language == "de":
        return next((unit for unit in reversed(said) if claim.text[unit.start].islower()), None)
    return said[0] if said else None


def _names(doer: Role, roles: Sequence[Role], passage: Reading, statement: Statement) -> bool:
    """Whether a clause names the claim's actor, in whatever part."""
    if any(widened(role) & widened(doer) for role in roles):
        return True
    word = doer.id.partition("name:")[2]
    return bool(word) and word in passage.text[statement.part.start : statement.part.end].lower()


_HEADED = re.compile(
    r"['’]s? (?:chief|head|boss|ceo|spokes\w+|chair\w*|founder|president)|-?(?:chef|sprecher|vorstand|gründer)\w*\b"
    r"|(?:公司)?(?:社长|总裁|董事长|首席|发言人|创始人|负责人|总经理)",
    re.IGNORECASE,
)
"""What makes the one named after or before it speak for a firm."""


def _may_be(role: Role, other: Role) -> bool:
    """Whether two actors are of a kind, as far as that can be told, and not one of them by another word."""
    if (role.id in PARTS) != (other.id in PARTS):
        return False
    if UNKNOWN in (role.kind, other.kind) or OFFICE in (role.kind, other.kind):
        return role.kind in ACTORS | {UNKNOWN, OFFICE} and group(role.kind) not in ("product",)
    return group(role.kind) == group(other.kind)
