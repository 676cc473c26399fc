"""Who says it, where nothing is quoted: "Baidu accused Washington" of what the passage has a ministry say.

Told only where both are known to speak: the one the sentence names says something else in the passage, and what the
sentence has him say stands in the words of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.text.entities import load_entities
from kb.verifying.alignment import share_told
from kb.verifying.attribution import CAPITALS, SAYS, SPEAKERS, han_speakers, meets
from kb.verifying.reading import Reading

NEAR = {"zh": 14, "": 45}
"""Characters between a speaker and the word for saying, at most."""

CARRIED, ELSEWHERE = 0.5, 0.5
"""Share of what is said that the other speaker's sentence has at least, and how much of that share those of the named
one have at most (his name is part of it)."""

SPEAKING = SPEAKERS | {"country"}


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence with who speaks in it: ids of the registry, or a name it does not know."""

    text: str
    ids: frozenset[str]
    name: str

    @property
    def shown(self) -> str:
        return self.name or ", ".join(load_entities()[id].name for id in sorted(self.ids))


def said_by_other(claim: Reading, passages: Sequence[Reading]) -> str:
    """Who says in the passages what the claim has somebody else say; "" where that is not sure."""
    own = [each for each in spoken(claim) if each.ids or each.name]
    if len(own) != 1:
        return ""
    there = [each for passage in passages for each in spoken(passage)]
    his = [each for each in there if _same(own[0], each)]
    others = [each for each in there if not _same(own[0], each)]
    if not his or not others:
        return ""
    best = max(others, key=lambda each: share_told(claim.text, each.text))
    carried = share_told(claim.text, best.text)
    if carried < CARRIED or max(share_told(claim.text, each.text) for each in his) > ELSEWHERE * carried:
        return ""
    return best.shown


def spoken(reading: Reading) -> Iterator[Spoken]:
    """The sentences in which somebody known speaks."""
    for start, end in reading.sentences:
        text = reading.text[start:end]
        for verb in SAYS.finditer(text):
            found = _speaker(reading, start, end, start + verb.start(), start + verb.end())
            if found is not None:
                yield found
                break


def _speaker(reading: Reading, start: int, end: int, verb: int, after: int) -> Spoken | None:
    near = NEAR.get(reading.language, NEAR[""])
    text = reading.text
    known = [
        (mention.start, mention.end, frozenset(mention.ids), "")
        for mention in reading.mentions
        if start <= mention.start < end and any(load_entities()[id].kind in SPEAKING for id in mention.ids)
    ]
    if reading.language == "zh":
        for name in han_speakers(text[start:after]):
            at = text.rfind(name, start, after)
            known += [(at, at + len(name), frozenset(), name)] if at >= 0 else []
    else:
        known += [
            (start + match.start(), start + match.end(), frozenset(), match.group())
            for match in CAPITALS.finditer(text[start:end])
            if " " in match.group()
            and not any(a < start + match.end() and b > start + match.start() for a, b, *_ in known)
        ]
    before = [each for each in known if each[1] <= verb and verb - each[1] <= near]
    behind = [each for each in known if after <= each[0] <= after + 6]
    chosen = max(before, key=lambda each: each[1], default=None) or min(behind, key=lambda each: each[0], default=None)
    return Spoken(text[start:end], chosen[2], chosen[3]) if chosen else None


def _same(one: Spoken, other: Spoken) -> bool:
    if one.ids and other.ids:
        return meets(set(one.ids), set(other.ids)) or bool(one.ids & other.ids)
    words = {word for word in one.name.split() if len(word) > 2}
    return any(word in other.text for word in words) if words else any(part in one.text for part in other.name.split())
