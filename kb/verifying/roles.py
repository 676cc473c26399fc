"""Who does it and to whom it is done, told from prepositions, voice and order; for countries, firms, people, models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kb.entities import load_entities
from kb.verifying.reading import Reading

STATE = frozenset({"country", "agency", "government-body", "legislature", "place"})
ACTORS = STATE | {"company", "person", "organization", "media", "project", "model", "chip", "product"}

_BY = re.compile(
    r"(?:\bby(?: the)?|\bvon(?: der| den| dem)?|\bvom|\bdurch(?: die| das| den)?|被|由|遭到|遭|受到)\s*(?:\w+\s)?$", re.IGNORECASE
)
_AGAINST = re.compile(
    r"(?:\b(?:against|to|toward|towards|on|at|into|over|upon|targeting|hitting|than)(?: the| its| a)?"
    r"|\b(?:gegen|an|nach|gegenüber|auf|als|zu|zum|zur)(?: die| das| den| der| dem)?|对|向|给|针对|比|输往|运往|出口到|运到|赴)\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_DISPOSED = re.compile(r"(?:将|把)[^，。；、\s]{0,8}$")
_SOURCE = re.compile(
    r"\b(?:according to|laut|as per|says|said|told|sagte|erklärte|zufolge|in a statement to)(?: the| der| dem| die)?\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:\b(?:of|in|with|for|between|like|via|from|about|under|within|including|after|since|through|across|near"
    r"|bei|mit|unter|zwischen|wie|seit|des|aus|in|im|für|über|um|samt|trotz|wegen|statt|darunter)"
    r"(?: the| its| der| den| die| dem| das| einem| einer)?|在|与|和|同|自|从|来自|以及|及|跟)\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_OBLIQUE = re.compile(r"\b(?:den|dem|einen|einem|einer|des)\s+(?:\w+\s)?$|\b(?:der)\s+\w+en\s$")
_JOINED = re.compile(r"\s*(?:and|und|sowie|or|oder|,|和|与|及|以及|、)\s*(?:the |die |der |das )?$", re.IGNORECASE)
_PASSIVE = {
    "en": re.compile(
        r"\b(?:was|were|is|are|been|be|being|gets?|got)\s+(?:\w+ly\s+|also\s+|not\s+|to be\s+)?"
        r"(?:\w+ed|\w+en|\w+wn|\w+ught|cut|put|hit|struck|sold|told|built|sent|held|made|found|led)\b(?! (?:by|with) its own)"
    ),
    "de": re.compile(r"\b(?:wird|werden|wurde|wurden|worden)\b"),
}
_PERFECT_STATE = re.compile(r"\b(?:is|are|was|were) (?:expected|set|due|supposed|scheduled|planned|based|made up|forced)\b")
_CONVERSE = re.compile(
    r"\b(?:receiv\w+|obtain\w*|gets?|got|need\w*|lost|loses?|pays?|paid|buys?|bought|faces?|faced|awaits?|wins?|won|hears?|heard|imports?|imported|comes? from|"
    r"erhält|erhielt\w*|erhalten|bekomm\w*|bekam\w*|brauch\w*|verlor\w*|verlier\w*|zahl\w*|kauft\w*|import\w*|unterlieg\w*)\b|获得|得到|收到|需要|失去|支付|购买|面临|进口|遭",
    re.IGNORECASE,
)


class Part(StrEnum):
    """What an actor does in a sentence; ASIDE is everything that is neither."""

    AGENT = "agent"
    TARGET = "target"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Role:
    """An actor named in a sentence and its part in it. Models outside the registry have ids like "model:qwen2.5"."""

    id: str
    part: Part
    kind: str


@dataclass(frozen=True, slots=True)
class Cast:
    """The actors of a few sentences; `converse` if a verb like "receive" turns the usual order of giver and taker."""

    roles: tuple[Role, ...]
    converse: bool

    def ids(self, *parts: Part) -> frozenset[str]:
        return frozenset(role.id for role in self.roles if role.part in parts)


def cast(reading: Reading, spans: Sequence[tuple[int, int]]) -> Cast:
    """The actors of some sentences of a text."""
    found = [role for start, end in spans for role in _roles(reading, start, end)]
    converse = any(_CONVERSE.search(reading.text, start, end) for start, end in spans)
    return Cast(tuple(found), converse)


def _roles(reading: Reading, start: int, end: int) -> Iterator[Role]:
    registry = load_entities()
    named: list[tuple[int, int, tuple[str, ...], str]] = []
    for mention in reading.mentions:
        kind = registry[mention.ids[0]].kind
        if start <= mention.start < end and kind in ACTORS:
            named.append((mention.start, mention.end, mention.ids, kind))
    covered = [(left, right) for left, right, _, _ in named]
    for left, right in reading.models:
        if start <= left < end and not any(left < stop and right > begin for begin, stop in covered):
            named.append((left, right, (f"model:{reading.text[left:right].lower()}",), "model"))
    named.sort()
    previous: tuple[int, Part] | None = None
    led = False
    for left, right, ids, kind in named:
        part = _part(reading, start, end, left, right, led)
        if previous is not None and _JOINED.fullmatch(reading.text[previous[0] : left]):
            part = previous[1]
        led = led or part is not Part.ASIDE
        previous = (right, part)
        yield from (Role(id, part, kind) for id in ids)


def _part(reading: Reading, start: int, end: int, left: int, right: int, led: bool) -> Part:
    """The part of the actor at text[left:right] in its sentence; `led` if another stands before it as doer or target."""
    text = reading.text
    before = text[max(start, left - 28) : left]
    clause = next(((a, b) for a, b in reading.clauses if a <= left < b), (start, end))
    pattern = _PASSIVE.get(reading.language)
    passive = pattern is not None and any(
        not _PERFECT_STATE.match(text, match.start()) for match in pattern.finditer(text, clause[0], clause[1])
    )
    if reading.language == "zh":
        if re.match(r"[^，。；]{0,6}被", text[right:end]):
            return Part.TARGET
        if _DISPOSED.search(before):
            return Part.TARGET
    if _SOURCE.search(before):
        return Part.AGENT
    if _BY.search(before):
        owner = reading.language == "de" and not passive and re.search(r"\bvo[nm]\b", before, re.IGNORECASE)
        return Part.ASIDE if owner else Part.AGENT
    if _AGAINST.search(before):
        return Part.TARGET
    if _ASIDE.search(before):
        return Part.ASIDE
    if reading.language == "de" and _OBLIQUE.search(before):
        return Part.TARGET if led else Part.ASIDE
    if not led:
        return Part.TARGET if passive else Part.AGENT
    return Part.ASIDE if passive else Part.TARGET


def turned(claim: Cast, evidence: Cast) -> tuple[str, str] | None:
    """Two actors whose parts the claim has the other way round: (who acts in the claim, who acts in the evidence).

    On the evidence's side an actor stands for what it brings with it: a ministry acts for its country.
    """
    doers, sufferers = claim.ids(Part.AGENT), claim.ids(Part.TARGET)
    agents, targets = _implied(evidence.ids(Part.AGENT)), _implied(evidence.ids(Part.TARGET))
    for doer in sorted(doers):
        for sufferer in sorted(sufferers - {doer}):
            crossed = doer in targets and sufferer in agents and not _kin(doer, sufferer)
            if crossed and not (doer in agents and sufferer in targets):
                return doer, sufferer
    if claim.converse != evidence.converse:
        return None
    others, aside = claim.ids(Part.TARGET, Part.ASIDE), evidence.ids(Part.TARGET, Part.ASIDE)
    if not doers or not evidence.ids(Part.AGENT) or _implied(doers) & agents:
        return None
    for doer in sorted(doers & _implied(aside)):
        for agent in sorted(evidence.ids(Part.AGENT)):
            if _implied({agent}) & others and not _kin(doer, agent):
                return doer, agent
    return None


def replaced(claim: Cast, evidence: Cast) -> tuple[str, str] | None:
    """An actor of the claim in whose place the evidence has another of the same kind: (claim's, evidence's)."""
    doers = [role for role in claim.roles if role.part is Part.AGENT]
    agents = [role for role in evidence.roles if role.part is Part.AGENT]
    present = _implied({role.id for role in evidence.roles})
    if not doers or not agents:
        return None
    for doer in doers:
        if _widened(doer) & present or doer.id in present:
            return None
    for doer in doers:
        for agent in agents:
            if _group(doer.kind) == _group(agent.kind) and not _widened(doer) & _widened(agent):
                return doer.id, agent.id
    return None


def _widened(role: Role) -> frozenset[str]:
    """What an actor may be called instead: a state body goes by its country, a firm only by its parent."""
    if role.kind in STATE:
        return _implied({role.id})
    registry = load_entities()
    if role.id not in registry:
        return frozenset({role.id})
    return frozenset(id for id in registry.implied(role.id) if registry[id].kind not in STATE) | {role.id}


def _kin(one: str, other: str) -> bool:
    """Whether one stands for the other anyway: a ministry and its country."""
    return other in _implied({one}) or one in _implied({other})


def _group(kind: str) -> str:
    return "state" if kind in STATE else "product" if kind in ("model", "chip", "product") else kind


def _implied(ids: frozenset[str] | set[str]) -> frozenset[str]:
    registry = load_entities()
    return frozenset(implied for id in ids for implied in (registry.implied(id) if id in registry else {id}))
