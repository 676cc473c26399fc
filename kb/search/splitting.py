"""A question about several events → the parts that are looked for one by one.

One vector for "A and B: which came first?" lies between A and B and is near neither. By rule, so
that it costs nothing and needs no model: events set side by side (和, 与, 、, "and", "und"), events tied
in time (当天, 当月, "before", "während"), and the clauses of a long sentence. A question that holds
one matter stays whole; the whole question is always searched as well, so a wrong cut costs little.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from kb.text.words import cut

MOST = 5
"""Parts of one question; more would each be a few words."""

_OPEN, _CLOSE = '《“‘「『（(["', '》”’」』）)]"'

_COMPARED = re.compile(
    r"哪(?:一)?(?:个|件|项|场|起|次|些|部|家|位)?(?:事件|事)?[^，。？]{0,12}?(?:先|早|晚|后|迟|前|近|久|多|高|大|长|快)"
    r"|(?:最|更)(?:先|早|晚|后|迟|近)[^，。？]{0,6}哪"
    r"|谁[^，。？]{0,4}?(?:先|早|晚|后)"
    r"|(?:是否|是不是|是|都|均|有没有)?(?:都|均)?(?:发生)?(?:是)?在?同(?:一|样)?(?:个)?(?:年|月|天|日|季度|周|星期|时|期)"
    r"|(?:都|均)(?:是)?(?:发生)?在"
    r"|时间(?:先后)?顺序|先后(?:顺序|排列|发生)?|(?:相隔|间隔|相差|隔|相距)(?:了)?(?:多久|多长|多少|几)"
    r"|(?:之间|两者|二者|三者|分别|各自)"
)
_TRAILING = re.compile(r"(?:这[些两几三二]?[个件]?(?:事件?)|(?:的)?(?:事件|时间|日期)|[中里是，,都均按照这在])*$")
_ANNOUNCED = re.compile(r"[：:；;？?。]\s*")
_EMPTY = re.compile(r"(?:以下|下列|下面|这|上述)[^，。]{0,12}|.{0,4}(?:相关|有关)?事件[中里]|(?:哪|请问).{0,8}")
_WHEN = re.compile(r"(?:在|从)?[\d年月日号至到和、—\-\s上下半初中末底旬第周季度]+(?:期间|间|内|中|里)?")
_DAY = r"(?:19|20)?\d\d年(?:\d{1,2}月)?(?:\d{1,2}[日号])?"
_TWO_DAYS = re.compile(
    rf"在?({_DAY})(?:和|与|及|以及|、)((?:19|20)\d\d年(?:\d{{1,2}}月)?(?:\d{{1,2}}[日号])?|\d{{1,2}}月(?:\d{{1,2}}[日号])?)[，,]?(.{{5,}})"
)
_WITHIN = re.compile(
    r"和平|和谐|和解|和约|共和|总和|饱和|缓和|温和|求和|调和|参与|与会|给予|与否|普及|涉及|以及|及时|及其"
)
_TIED = re.compile(
    r"(?:的)?(?:(?:当(?:天|日|周|月|季度|季|年)|同(?:一|样)?(?:个)?(?:天|日|月|年|期|周))(?:内|里|中)?[，,]?"
    r"|(?:期间|之(?:前|后|时)|以(?:前|后))[，,])(?=.{5,})"
)
_TIES: dict[Literal["day", "month", "year"], re.Pattern[str]] = {
    "day": re.compile(r"当[天日]|同一?[天日]|same day|that day|am selben tag|am gleichen tag", re.IGNORECASE),
    "month": re.compile(r"当月|同一?个?月|same month|im selben monat|im gleichen monat", re.IGNORECASE),
    "year": re.compile(r"当年|同一?年|same year|im selben jahr|im gleichen jahr", re.IGNORECASE),
}
_SENTENCE = re.compile(r"[；;？?！!。]+(?![^《]*》)\s*")
_ASKS = re.compile(r"什么|哪|多少|谁|何|几|怎么|如何|是否|吗")
_JOINED = re.compile(r"^(?:是|还是|以及|和|与|并且|并|且|而|同时|另外)(?=.{4,})")
_LINKS = ("以及", "和", "与", "及", "跟", "并且", "还是")
_SHORTEST_HAN = 4

_CLAUSES = re.compile(
    r"\s*[;?!]\s+|\s*[,–—]\s+(?:and|but|while|whereas|which|who|that|also|as well as|or|yet)\s+"
    r"|\s+(?:while|whereas|before|after|not only|but also|compared (?:to|with)|as opposed to|versus|than)\s+"
    r"|\s+(?:and|or)\s+(?=(?:the|a|an|did|does|do|was|were|is|has|have|in|on|also|that|whether|when|how|why)\s)"
    r"|\s+(?:and|or)\s+(?=['\"‘“][A-Z])"
    r"|\s*[,–—]\s+(?:und|oder|aber|während|sowie|wobei|die|der|das|wer)\s+"
    r"|\s+(?:während|bevor|nachdem|sowie|beziehungsweise|verglichen mit|im vergleich zu)\s+"
    r"|\s+(?:und|oder)\s+(?=(?:die|der|das|den|dem|des|ein|eine|hat|ist|wurde|wann|wie|warum|ob)\s)"
    r"|\s*,\s+",
    re.IGNORECASE,
)
_SHORTEST = 5
"""Words of a clause that is looked for by itself; a shorter one stays with the clause before it."""

_DEPENDENT = re.compile(
    r"(?:about|regarding|concerning|on|in|at|by|of|for|from|with|as|according|published|reported|including|such as"
    r"|especially|particularly|despite|über|zu|von|vom|im|am|laut|nach|gemäß|veröffentlicht|einschließlich|trotz)\b|\W*\d",
    re.IGNORECASE,
)
"""Beginnings of a clause that says something of the one before it."""

_LONG = 14
"""Words from which on a sentence may hold several matters."""


@dataclass(frozen=True, slots=True)
class Split:
    """The parts of a question in its order, at most MOST; none if it holds one matter. `tied` if they are said to
    lie on the same day, in the same month or year, so that the time of one tells that of the others."""

    parts: tuple[str, ...] = ()
    tied: Literal["", "day", "month", "year"] = ""


def split(question: str, language: str) -> Split:
    """The parts of a question in `language` by rule."""
    found = _together(_chinese(question)) if language == "zh" else list(_clauses(question))
    found = list(dict.fromkeys(part.strip(" ，,、。？?！!：:；;") for part in found))
    return Split(tuple(found[:MOST]), _tie(question)) if len(found) > 1 else Split()


def _tie(question: str) -> Literal["", "day", "month", "year"]:
    return next((unit for unit, pattern in _TIES.items() if pattern.search(question)), "")


def _together(found: Iterator[str]) -> list[str]:
    """The parts without those that name nothing; a day or year by itself goes to each of the others."""
    bare = (_JOINED.sub("", part.strip(" ，,、")) for part in found)
    named = [part for part in bare if not _EMPTY.fullmatch(part)]
    days = [part for part in named if _WHEN.fullmatch(part)]
    rest = [part for part in named if part not in days]
    return [f"{days[0]}{part}" for part in rest] if len(days) == 1 and len(rest) > 1 else rest


def _chinese(question: str) -> Iterator[str]:
    if (listed := _after(question)) is not None:
        yield from listed
        return
    if match := _TWO_DAYS.fullmatch(question):
        first, second, rest = match.groups()
        year = "" if "年" in second else first[: first.index("年") + 1]
        yield first + rest
        yield year + second + rest
        return
    for sentence in filter(None, _SENTENCE.split(question)):
        if (cue := _compared(sentence)) is not None:
            yield from _listed(_TRAILING.sub("", sentence[:cue]))
            continue
        tied = [match for match in _TIED.finditer(sentence) if match.start() > _SHORTEST_HAN]
        if tied:
            yield sentence[: tied[0].start()]
            yield sentence[tied[0].end() :]
            continue
        clauses = [clause for clause in re.split("[，,]", sentence) if clause]
        asking = [clause for clause in clauses if _ASKS.search(clause)]
        yield from clauses if len(asking) > 1 else [sentence]


def _after(question: str) -> list[str] | None:
    """The members of a list that stands behind the question put to it (以下哪个事件最早？甲、乙、丙)."""
    for match in _ANNOUNCED.finditer(question):
        asked, rest = question[: match.start()], question[match.end() :].rstrip("。？?！! ")
        if _COMPARED.search(asked) and len(listed := list(_listed(rest))) > 1:
            return listed
    return None


def _compared(sentence: str) -> int | None:
    """Where the comparison begins that the events before it are put to, if there is one."""
    for match in _COMPARED.finditer(sentence):
        head = _TRAILING.sub("", sentence[: match.start()])
        if len(list(_listed(head))) > 1:
            return match.start()
    return None


def _listed(head: str) -> Iterator[str]:
    """The members of a list, cut at its commas and at the one link that joins its last two."""
    tokens = list(_outside(head))
    commas = [place for place, token in tokens if token in "、，"]
    after = commas[-1] if commas else -1
    links = [(place, token) for place, token in tokens if token in _LINKS and place > after]
    if not links:
        # The word cutter draws a name into the link at times (和亨特).
        inside = {place for match in _WITHIN.finditer(head) for place in range(*match.span())}
        signs = enumerate(head[after + 1 :], after + 1)
        links = [(place, sign) for place, sign in signs if sign in "和与" and place not in inside]
    cuts = [(place, 1) for place in commas]
    if link := _best(links, after + 1, len(head)):
        cuts.append((link[0], len(link[1])))
    start = 0
    for place, width in sorted(cuts):
        if place - start >= _SHORTEST_HAN and len(head) - place - width >= _SHORTEST_HAN:
            yield head[start:place]
            start = place + width
    yield head[start:]


def _best(links: list[tuple[int, str]], start: int, end: int) -> tuple[int, str] | None:
    """Of several links the strongest kind, and of those the one nearest to the middle."""
    for kind in _LINKS:
        if same := [link for link in links if link[1] == kind]:
            return min(same, key=lambda link: abs(link[0] - (start + end) / 2))
    return None


def _outside(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text with their places, without those in brackets or quotation marks."""
    place = depth = 0
    for token in cut(text):
        if token in _OPEN and not (token in _CLOSE and depth):
            depth += 1
        elif token in _CLOSE:
            depth = max(0, depth - 1)
        elif not depth:
            yield place, token
        place += len(token)


def _clauses(question: str) -> Iterator[str]:
    if len(question.split()) < _LONG:
        yield question
        return
    kept: list[str] = []
    for clause in filter(None, _CLAUSES.split(question)):
        short = kept and min(len(clause.split()), len(kept[-1].split())) < _SHORTEST
        if kept and (short or _DEPENDENT.match(clause)):
            kept[-1] = f"{kept[-1]}, {clause}"
        else:
            kept.append(clause)
    yield from _fewer(kept, lambda clause: len(clause.split()))


def _fewer(clauses: list[str], size: Callable[[str], int]) -> list[str]:
    """The clauses, the shortest put to its neighbour until there are no more than MOST."""
    while len(clauses) > MOST:
        at = min(range(len(clauses) - 1), key=lambda place: size(clauses[place]) + size(clauses[place + 1]))
        clauses[at : at + 2] = [f"{clauses[at]}, {clauses[at + 1]}"]
    return clauses
