"""Who does what to whom, whichever side it is told from: "buys from" is "sells to", "was sued by" is "sued".

The relations are those of `data/entities/relations.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.verifying.actors import STATE, Names, shared_names
from kb.verifying.lexicon import BACK, load_words
from kb.verifying.reading import Reading
from kb.verifying.roles import Cast, Part, Role, cast, widened


@dataclass(frozen=True, slots=True)
class Deed:
    """One relation told in a clause: who does it, to whom; empty where nobody is named; and all who are `present` in
    the clause, whatever their part."""

    relation: str
    doers: tuple[Role, ...]
    others: tuple[Role, ...]
    present: tuple[Role, ...]


def deeds(reading: Reading, names: Names) -> Iterator[Deed]:
    """The relations told in a text, clause by clause."""
    relations = load_words().relations
    found = [item for item in reading.matters if item.id.removesuffix(BACK) in relations]
    for start, end in reading.clauses:
        told = dict.fromkeys(item.id for item in found if start <= item.start < end)
        if not told:
            continue
        there = cast(reading, [(start, end)], names)
        for id in told:
            back = id.endswith(BACK)
            if not back and id + BACK in told:
                continue
            relation = relations[id.removesuffix(BACK)]
            subjects = there.of(Part.AGENT)
            others = _others(there, relation.back_other if back else relation.other)
            doers, others = (others, subjects) if back else (subjects, others)
            yield Deed(relation.id, doers, others, there.roles)


def _others(there: Cast, marks: frozenset[str]) -> tuple[Role, ...]:
    """Those acted on; of several, those tied to the verb as its words want it."""
    targets = [role for role in there.roles if role.part is not Part.AGENT]
    tied = [role for role in targets if role.mark in marks] if marks else []
    plain = [role for role in targets if role.part is Part.TARGET and role.mark in ("", "to")]
    return tuple(tied or plain)


@dataclass(frozen=True, slots=True)
class Told:
    """How passages tell the relations of a claim: one of them the same way (`straight`), or with two actors in each
    other's place: (claim's doer, passage's)."""

    straight: bool
    turned: tuple[str, str] | None = None


def told(claim: Reading, passages: Sequence[Reading]) -> Told:
    """The relations of a claim laid beside those of its passages."""
    names = shared_names(claim, passages)
    theirs = [deed for passage in passages for deed in deeds(passage, names)]
    relations = load_words().relations
    alone = len({role.id for role in cast(claim, claim.sentences, names).roles}) == 1
    straight = False
    for mine in deeds(claim, names):
        if relations[mine.relation].mutual or not (mine.doers or mine.others):
            continue
        same = [deed for deed in theirs if deed.relation == mine.relation]
        if pair := next((pair for deed in same if (pair := _exchanged(mine, deed))), None):
            return Told(False, pair)
        if any(_agree(mine, deed) for deed in same):
            straight = straight or alone or any(_meet(mine.others, deed.others) for deed in same)
        elif same and all(_of_other(mine, deed) for deed in same):
            return Told(False, (mine.doers[0].id, mine.others[0].id))
    return Told(straight)


def _of_other(mine: Deed, deed: Deed) -> bool:
    """Whether whom it is done to in one deed does it in the other, where who does it in the first has no part."""
    return bool(mine.doers) and _meet(mine.others, deed.doers) and not _meet(mine.doers, deed.present)


def _agree(mine: Deed, deed: Deed) -> bool:
    """Whether nobody stands in another place: who is named on one side only says nothing."""
    return _meet(mine.doers, deed.doers) or (_meet(mine.others, deed.others) and not (mine.doers and deed.doers))


def _exchanged(mine: Deed, deed: Deed) -> tuple[str, str] | None:
    """Two of one deed who have each other's place in another: by their own names, or if nobody stands where he did."""
    for doer in mine.doers:
        for other in mine.others:
            if _named(other, deed.doers) and _named(doer, deed.others) and not _named(doer, deed.doers):
                return doer.id, other.id
            alike = (doer.kind in STATE) == (other.kind in STATE)
            if alike and _meet((other,), deed.doers) and _meet((doer,), deed.others) and not _agree(mine, deed):
                return doer.id, other.id
    return None


def _named(role: Role, there: Sequence[Role]) -> bool:
    return any(role.id == other.id for other in there)


def _meet(one: Sequence[Role], other: Sequence[Role]) -> bool:
    return any(widened(left) & widened(right) for left in one for right in other)
