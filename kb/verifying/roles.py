"""Who does it and to whom it is done, told from prepositions, voice and order; for countries, firms, people, models."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from itertools import zip_longest

from kb.text.entities import load_entities
from kb.verifying.actors import OFFICE, OFFICES, PARTS, STATE, UNKNOWN, Actor, Names, actors
from kb.verifying.lexicon import load_words
from kb.verifying.reading import Reading, read

_BY = re.compile(
    r"(?:\bby(?: the)?\b|\bvon(?: der| den| dem)?\b|\bvom\b|\bdurch(?: die| das| den)?\b|被|由|遭到|遭|受到)"
    r"\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_AGAINST = re.compile(
    r"(?:\b(?:against|to|toward|towards|on|at|into|over|upon|targeting|hitting|than)(?: the| its| a)?\b"
    r"|\b(?:gegen|an|nach|gegenüber|auf|als|zu|zum|zur)(?: die| das| den| der| dem)?\b"
    r"|对|向|给|针对|比|输往|运往|出口到|运到|赴)\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_ARTICLE = r"(?: the| its| a| die| das| den| dem| der)?\s(?:\w+\s)?$"
_MARKS = {
    "of": re.compile(r"\b(?:from|of|von|vom|aus|des)" + _ARTICLE + "|(?:从|自|来自)$", re.IGNORECASE),
    "to": re.compile(r"\b(?:to|an|nach|zu|zum|zur|toward|towards)" + _ARTICLE + "|(?:向|给|对|到|与)$", re.IGNORECASE),
    "against": re.compile(r"\b(?:against|gegen)" + _ARTICLE + "|针对$", re.IGNORECASE),
}
_OPENING = re.compile(
    r"(?:[\s,;:，；]|\b(?!(?:by|von|vom|durch|against|gegen|with|mit|for|für|of|to|an|in|from|and|und|or|oder)\b)"
    r"[^\W\d_\u4e00-\u9fff]+\b){0,9}",
    re.IGNORECASE,
)
"""What may stand before the first actor of a clause: "while her colleague", "nachdem sich der Kunde"."""
_ADJECTIVE = re.compile(r"\w+(?:ese|ish|utch|ian|ean|can|ench|sche[rnms]?|\bUS|\bU\.S|\bUK|\bEU)$")
SOMEBODY = OFFICES | {
    "company",
    "entity",
    "government",
    "ministry",
    "minister",
    "president",
    "industry",
    "bank",
    "person",
}
"""Matters that may act for the country whose adjective stands before them."""
_DISPOSED = re.compile(r"(?:将|把)[^，。；、\s]{0,8}$")
_SOURCE = re.compile(
    r"\b(?:according to|laut|as per)(?: the| der| dem| die)?\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r"(?:\b(?:of|in|with|for|between|like|via|from|about|under|within|including|after|since|through|across|near"
    r"|bei|mit|unter|zwischen|wie|seit|des|aus|in|im|für|über|um|samt|trotz|wegen|statt|darunter)"
    r"(?: the| its| der| den| die| dem| das| einem| einer)?\b|在|与|和|同|自|从|来自|以及|及|跟|于)\s*(?:\w+\s)?$",
    re.IGNORECASE,
)
_OBLIQUE = re.compile(r"\b(?:den|dem|einen|einem|einer|des)\s+(?:\w+\s)?$|\b(?:der)\s+\w+en\s$")
_JOINED = re.compile(r"\s*(?:and|und|sowie|or|oder|,|和|与|及|以及|、)\s*(?:the |die |der |das )?$", re.IGNORECASE)
_PASSIVE = {
    "en": re.compile(
        r"\b(?:was|were|is|are|been|be|being|gets?|got)\s+(?:\w+ly\s+|also\s+|not\s+|to be\s+)?"
        r"(?:\w+ed|\w+en|\w+wn|\w+ught|cut|put|hit|struck|sold|told|built|sent|held|made|found|led|"
        r"lent|paid|kept|left|lost|met|read|set|shut|spent|won|laid|fed|hired|lost)\b"
        r"(?! (?:by|with) its own)"
    ),
    "de": re.compile(r"\b(?:wird|werden|wurde|wurden|worden)\b"),
}
_PERFECT_STATE = re.compile(
    r"\b(?:is|are|was|were) (?:expected|set|due|supposed|scheduled|planned|based|made up|forced)\b"
)
_CONVERSE = re.compile(
    r"\b(?:receiv\w+|obtain\w*|gets?|got|need\w*|lost|loses?|pays?|paid|buys?|bought|faces?|faced|awaits?|"
    r"wins?|won|hears?|heard|imports?|imported|comes? from|"
    r"erhält|erhielt\w*|erhalten|bekomm\w*|bekam\w*|brauch\w*|verlor\w*|verlier\w*|zahl\w*|kauft\w*|import\w*|unterlieg\w*)\b"
    r"|获得|得到|收到|需要|失去|支付|购买|面临|进口|遭",
    re.IGNORECASE,
)
_TITLES = (
    "chief executive minister president head boss founder chairman chairwoman chair spokesman spokeswoman director "
    "spokesperson lawyer analyst secretary senator judge ambassador envoy supplier maker unit subsidiary official "
    "manager commissioner economist researcher professor prosecutor chancellor lawmaker counsel broker rival "
    "start-up startup finance foreign trade justice economy interior prime deputy vice former"
)
_TITLE = re.compile(
    rf"(?:['’]s (?:[a-z-]+ )?)|[\s-]?(?:(?:{'|'.join(_TITLES.split())}|[A-ZÄÖÜ][\w-]*)\s)*"
    r"|[\u4e00-\u9fff]{0,6}(?:长|总裁|主席|总监|官|席|发言人|负责人|创始人|律师|经理|教授|专家|员|师|公司|企业|集团|旗下|市场|行业|最高|前|现任|原|副)|的"
)
"""What may stand between two actors of one phrase: titles, or nothing."""
_OWNER = re.compile(r"['’]s |的")
_WHOSE = re.compile(r"\s(?:at|of|from|for|bei|von|vom|des|der)\s(?:the )?")
"""What stands between an office and the one it serves: "analysts at Brightwater"."""


VERBS = frozenset({"accuse", "sanction", "summon", "fine", "arrest"})
"""Matters that are verbs more often than nouns."""

_EN_VERB = re.compile(
    r"\b(?:put|puts|placed|added|told|ordered|forced|asked|sued|sues|reported|named|told|fined|charged|accused|hit|warned|urged|blamed|"
    r"called|criticised|criticized|praised|allowed|banned|barred|blocked|investigated|acquired|bought|joined)\s+(?:\w+\s)?$"
)

_PRONOUN = re.compile(
    r"\b(?:it|they|he|she|we|which|er|sie|es|wir|man)\b|[他她它其](?:们)?(?:[^，。]{0,6})$", re.IGNORECASE
)


FEW = 4
"""Actors of a sentence, at most, whose parts can be told from their order alone."""


class Part(StrEnum):
    """What an actor does in a sentence; ASIDE is everything that is neither."""

    AGENT = "agent"
    TARGET = "target"
    ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class Role:
    """An actor named in a sentence and its part in it, with what ties it to the verb: "from", "to", "of" or "against",
    in whatever language. Actors outside the registry have ids like "model:qwen2.5", "name:tan", "office:court"."""

    id: str
    part: Part
    kind: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Cast:
    """The actors of a few sentences; `converse` if a verb like "receive" turns the usual order of giver and taker."""

    roles: tuple[Role, ...]
    converse: bool

    def of(self, *parts: Part) -> tuple[Role, ...]:
        return tuple(role for role in self.roles if role.part in parts)


def cast(reading: Reading, spans: Sequence[tuple[int, int]], names: Names) -> Cast:
    """The actors of some sentences of a text; `names` are words known to be names (see `shared_names`)."""
    return _cast(reading.text, tuple(spans), names)


@lru_cache(maxsize=8192)
def _cast(text: str, spans: tuple[tuple[int, int], ...], names: Names) -> Cast:
    reading = read(text)
    found = [role for start, end in spans for role in _roles(reading, start, end, names)]
    converse = any(_CONVERSE.search(text, start, end) for start, end in spans)
    return Cast(tuple(found), converse)


def _roles(reading: Reading, start: int, end: int, names: Names) -> Iterator[Role]:
    previous: tuple[int, Part] | None = None
    led = False
    inside = [actor for actor in actors(reading, names) if start <= actor.start < end]
    for phrase in _phrases(inside, reading.text):
        left, right = phrase[0].start, phrase[-1].end
        if led and _opens_clause(reading, left) and not _named_before(inside, reading, left):
            led = False
        if phrase[0].kind == "country" and len(phrase) == 1 and _tells_which(reading, left, right):
            part = Part.ASIDE
        else:
            part = _part(reading, start, end, left, right, led or _acted_on(reading, start, left))
        if previous is not None and _JOINED.fullmatch(reading.text[previous[0] : left]):
            part = previous[1]
        led = led or part is not Part.ASIDE
        previous = (right, Part.ASIDE if len(phrase) > 1 and phrase[0].kind == OFFICE else part)
        for actor, following in zip_longest(phrase, phrase[1:]):
            owned = following and _OWNER.match(reading.text, actor.end, following.start)
            if owned or (actor is not phrase[0] and phrase[0].kind == OFFICE):
                yield from (Role(id, Part.ASIDE, actor.kind, "of") for id in actor.ids)
                continue
            mark = _mark(reading.text, start, left, actor.end)
            yield from (Role(id, part, actor.kind, mark) for id in actor.ids)


def _phrases(found: Sequence[Actor], text: str) -> Iterator[list[Actor]]:
    """The actors, those of one phrase together: "regulator chief Olaf Renner", "Apple's supplier Luxshare"."""
    phrase: list[Actor] = []
    for actor in found:
        whose = phrase and phrase[-1].kind == OFFICE and _WHOSE.fullmatch(text, phrase[-1].end, actor.start)
        if phrase and (whose or _TITLE.fullmatch(text, phrase[-1].end, actor.start)):
            phrase.append(actor)
            continue
        if phrase:
            yield phrase
        phrase = [actor]
    if phrase:
        yield phrase


def _mark(text: str, start: int, left: int, right: int) -> str:
    """What ties an actor to the verb or to another word."""
    if re.match(r"['’]s\b|的", text[right:]):
        return "of"
    before = text[max(start, left - 28) : left]
    return next((mark for mark, pattern in _MARKS.items() if pattern.search(before)), "")


def _tells_which(reading: Reading, left: int, right: int) -> bool:
    """Whether a country only tells which things are meant: "Chinese plants", "niederländische Regeln", 美国设备."""
    following = {item.id for item in reading.matters if right <= item.start <= right + 1}
    if reading.language != "zh" and not _ADJECTIVE.match(reading.text[left:right]):
        return False
    words = load_words()
    deeds = words.directions.keys() | words.relations.keys() | VERBS
    return bool(following) and following.isdisjoint(SOMEBODY | deeds)


def _named_before(found: Sequence[Actor], reading: Reading, at: int) -> bool:
    """Whether another actor stands before `at` in its clause."""
    start = next((left for left, right in reading.clauses if left <= at < right), at)
    return any(start <= actor.start < at for actor in found)


def _opens_clause(reading: Reading, at: int) -> bool:
    """Whether an actor is the first thing named in a clause that is not the first of its sentence."""
    start = next((left for left, right in reading.clauses if left <= at < right), at)
    if any(left == start for left, _ in reading.sentences):
        return False
    return _OPENING.fullmatch(reading.text, start, at) is not None and reading.text[start - 1 : start + 1] != "、"


def _acted_on(reading: Reading, start: int, at: int) -> bool:
    """Whether someone without a name acts before the actor at `at`: "lawmakers criticised Nvidia"."""
    clause = next((left for left, right in reading.clauses if left <= at < right), start)
    before = reading.text[max(start, clause) : at]
    if _PRONOUN.search(before):
        return True
    if reading.language == "de":
        return False
    if reading.language == "en" and _EN_VERB.search(before):
        return True
    directions = load_words().directions.keys() | VERBS
    return any(item.id in directions and max(start, clause) <= item.start < at for item in reading.matters)


def _has_verb(reading: Reading, start: int, end: int) -> bool:
    """Whether a clause has a verb we know; "thirteen firms, among them Biren, were listed" has it later."""
    verbs = load_words().directions.keys() | VERBS | {"say", "announcement"}
    known = any(item.id in verbs and start <= item.start < end for item in reading.matters)
    return (
        known
        or re.search(r"\b(?:is|are|was|were|has|have|had|will|wird|hat|haben|ist|sind)\b", reading.text[start:end])
        is not None
    )


def _acts_before(reading: Reading, after: int, at: int) -> bool:
    """Whether the actor that ends at `after` already has a verb before `at`: a passive there is of someone else."""
    directions = load_words().directions
    return any(item.id in directions and after <= item.start and item.end < at for item in reading.matters)


def _part(reading: Reading, start: int, end: int, left: int, right: int, led: bool) -> Part:
    """The part of the actor at text[left:right] in its sentence; `led` if another one stands before it."""
    text = reading.text
    before = text[max(start, left - 28) : left]
    clause = next(((a, b) for a, b in reading.clauses if a <= left < b), (start, end))
    pattern = _PASSIVE.get(reading.language)
    stop = clause[1] if _has_verb(reading, *clause) else end
    passive = pattern is not None and any(
        not _PERFECT_STATE.match(text, match.start()) and not _acts_before(reading, right, match.start())
        for match in pattern.finditer(text, clause[0], stop)
    )
    if reading.language == "zh":
        if re.match(r"[^，。；]{0,14}被", text[right:end]):
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
    if reading.language == "de" and not led and re.search(r"\bzu \w+en\W*$|\w+zu\w+en\W*$", text[right : clause[1]]):
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

    A state body stands for its country, a person for the firm: the ministry acts for China.
    """
    claim, evidence = _sure(claim), _sure(evidence)
    if max(len(claim.roles), len(evidence.roles)) > FEW:
        return None
    doers, agents = claim.of(Part.AGENT), evidence.of(Part.AGENT)
    if pair := _crossed(claim, evidence):
        return pair
    agents_named, targets = named(agents), named(evidence.of(Part.TARGET))
    sufferers = claim.of(Part.TARGET)
    for doer in doers:
        for sufferer in sufferers:
            crossed = widened(doer) & targets and widened(sufferer) & agents_named
            straight = widened(doer) & agents_named and widened(sufferer) & targets
            if crossed and not straight and not widened(doer) & widened(sufferer):
                return doer.id, sufferer.id
    return None


def _sure(there: Cast) -> Cast:
    """The actors whose parts can be told without a look at the verb."""
    return replace(there, roles=tuple(role for role in there.roles if role.kind not in (UNKNOWN, OFFICE)))


def _crossed(claim: Cast, evidence: Cast) -> tuple[str, str] | None:
    """Two actors, both named on both sides, with their parts exchanged: bodies of one country among them."""
    doers, sufferers = ({role.id for role in claim.of(part)} for part in (Part.AGENT, Part.TARGET))
    agents, targets = ({role.id for role in evidence.of(part)} for part in (Part.AGENT, Part.TARGET))
    for doer in sorted(doers & targets - agents):
        for sufferer in sorted(sufferers & agents - targets):
            return doer, sufferer
    return None


def replaced(claim: Cast, evidence: Cast) -> tuple[str, str] | None:
    """An actor of the claim in whose place the evidence has another of the same kind: (claim's, evidence's)."""
    doers, agents = claim.of(Part.AGENT), evidence.of(Part.AGENT)
    present = named(evidence.roles)
    if not doers or not agents or named(doers) & present:
        return None
    for doer in doers:
        for agent in agents:
            if group(doer.kind) == group(agent.kind) != UNKNOWN and (doer.id in PARTS) == (agent.id in PARTS):
                return doer.id, agent.id
    return None


def named(roles: Sequence[Role]) -> frozenset[str]:
    return frozenset(id for role in roles for id in widened(role))


def widened(role: Role) -> frozenset[str]:
    """What an actor may be called instead: a state body goes by its country, a firm only by its parent."""
    registry = load_entities()
    if role.id not in registry:
        return frozenset({role.id})
    implied = registry.implied(role.id)
    if role.kind in STATE or role.kind == "person":
        return implied
    return frozenset(id for id in implied if registry[id].kind not in STATE)


def group(kind: str) -> str:
    return "state" if kind in STATE else "product" if kind in ("model", "chip", "product") else kind
