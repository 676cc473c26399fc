"""Whether a sentence says the opposite of its passages: a negation, a direction or two actors turned round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from kb.entities import load_entities
from kb.verifying.alignment import Unit, Window, clauses, comparable, counted, found_in, segments, units
from kb.verifying.polarity import Negation, Polarity, Stance, polarity
from kb.verifying.reading import Reading, read
from kb.verifying.roles import Role, opposed, roles

ABOUT = 0.35
"""Share of the sentence a window must carry to be about the same."""

SCOPE = 3
"""Names, matters and words after a negation that it denies."""


@lru_cache(maxsize=2048)
def _polarity(text: str) -> Polarity:
    return polarity(read(text))


def opposition(claim: Reading, passages: Sequence[Reading], found: Sequence[Window]) -> tuple[str, str] | None:
    """A code and reason if the claim says the opposite of what its best windows say."""
    near = [window for window in found if window.share >= ABOUT and window.first == window.last][:3]
    near = [window for window in near if window.weight >= 0.7 * near[0].weight]
    if not near:
        return None
    return _actors(claim, passages, near) or _directions(claim, passages, near) or _negations(claim, passages, near)


def _actors(claim: Reading, passages: Sequence[Reading], near: Sequence[Window]) -> tuple[str, str] | None:
    mine = [role for start, end in claim.sentences for role in roles(claim, start, end)]
    theirs: list[Role] = []
    for window in near:
        theirs += roles(passages[window.passage], window.start, window.end)
    if pair := opposed(mine, theirs):
        doer, sufferer = (load_entities()[id].name for id in pair)
        return "actor", f"in the cited passage {sufferer} acts and {doer} is acted upon"
    return None


def _directions(claim: Reading, passages: Sequence[Reading], near: Sequence[Window]) -> tuple[str, str] | None:
    mine = _polarity(claim.text).stances
    for axis in sorted({stance.axis for stance in mine}):
        signs = {stance.sign for stance in mine if stance.axis == axis}
        if len(signs) > 1:
            continue
        sign = signs.pop()
        for window in near:
            theirs = [
                stance for stance in _polarity(passages[window.passage].text).stances
                if stance.axis == axis and window.start <= stance.start < window.end
            ]
            if not theirs:
                continue
            chosen = _closest(claim, passages[window.passage], window, theirs)
            if any(stance.sign == sign for stance in chosen):
                break
            own = next(stance for stance in mine if stance.axis == axis)
            said, there = claim.text[own.start : own.end], chosen[0]
            written = passages[window.passage].text[there.start : there.end]
            return "negation", f'"{said}" points the other way than "{written}" in the cited passage'
    return None


def _closest(claim: Reading, passage: Reading, window: Window, theirs: Sequence[Stance]) -> Sequence[Stance]:
    """The stances of the window that the claim speaks of: all, if they agree; else those in the clause most like it."""
    if len({stance.sign for stance in theirs}) == 1:
        return theirs
    parts = clauses(passage.text)
    wanted = [unit for unit in units(claim.text) if counted(unit, comparable(claim, passage))]
    scored = [
        (sum(unit.weight for unit in wanted if found_in(unit, [parts[stance.clause]], passage)), -stance.start, stance)
        for stance in theirs
    ]
    best = max(score for score, _, _ in scored)
    return [stance for score, _, stance in scored if score >= best - 0.9]


def _negations(claim: Reading, passages: Sequence[Reading], near: Sequence[Window]) -> tuple[str, str] | None:
    mine = [negation for negation in _polarity(claim.text).negations]
    window = near[0]
    passage = passages[window.passage]
    theirs = [
        negation for negation in _polarity(passage.text).negations if window.start <= negation.start < window.end
    ]
    if any(negation.direction for negation in (*mine, *theirs)):
        return None
    able = comparable(claim, passage)
    if mine and not theirs:
        for negation in mine:
            denied = [unit for unit in _denied(claim, negation) if counted(unit, able)]
            if denied and any(found_in(unit, [part for part in segments(passage.text)[window.first : window.last + 1]], passage) for unit in denied):
                return "negation", "the sentence denies what the cited passage says"
    if theirs and not mine:
        wanted = {key for unit in units(claim.text) if counted(unit, able) for key in unit.keys}
        for negation in theirs:
            denied = _denied(passage, negation)[:2]
            if denied and any(not unit.keys.isdisjoint(wanted) for unit in denied):
                return "negation", "the cited passage denies what the sentence says"
    return None


def _denied(reading: Reading, negation: Negation) -> list[Unit]:
    """What a negation denies: the next things said in its clause; in German also the one before it."""
    start, end = reading.clauses[negation.clause]
    inside = [unit for unit in units(reading.text) if start <= unit.start < end]
    after = [unit for unit in inside if unit.start >= negation.end][:SCOPE]
    if reading.language == "de":
        after += [unit for unit in inside if unit.end <= negation.start][-1:]
    return after
