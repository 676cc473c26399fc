"""Who speaks quoted words: in the sentence, and in the passage."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kb.text.entities import load_entities
from kb.text.words import STOPWORDS
from kb.verifying.lexicon import load_words
from kb.verifying.names import GENERIC
from kb.verifying.quotes import Quotation, quotations
from kb.verifying.reading import HAN, Reading

_TAIL = re.compile(
    r"[“”\"』」«]?(?:[，,](?!\s*(?:while|whereas|but|though|although|während|wohingegen|aber|doch|obwohl)\b|而|但))?"
    r"[^，,;；:：。.]*",
    re.IGNORECASE,
)
"""What follows a quotation and may name its speaker; a clause that sets somebody else against him does not."""

SPEAKERS = frozenset(["company", "agency", "person", "organization", "government-body", "legislature", "media"])

_SPEECH = (
    r"said|says|say|saying|claim\w*|contradict\w*|spoke|speaks|speaking|urged|urges|mentioned|complained|demanded|promised|denounced|"
    r"warning|told|tells|according to|stated|argued|argues|called|calls|wrote|writes|warned|warns|asked|"
    r"added|adds|declared|"
    r"insisted|replied|answered|noted|describ\w+|accus\w+|critici\w+|disagreed|agreed|explained|"
    r"remark\w*|comment\w*|observed|maintain\w*|labell?ed|dubbed|termed|hailed|dismiss\w*|(?:saw|sees) (?:in|it|that)|"
    r"sagt\w*|sprach|spricht|sprachen|verlangt\w*|klagt\w*|beklagt\w*|bezeichnete|erklär\w*|laut|zufolge|nannte|nennt|"
    r"schrieb|schreibt|warnt\w*|betont\w*|teilte|äußert\w*|hieß|heißt|entgegnet\w*|widersprach|"
    r"bemerkte|merkte|kommentiert\w*|sieht|sah|hält|hielt|tat|wertete|wertet|"
    r"lobte|kritisiert\w*|forder\w*|wünsch\w*|meint\w*|fügte|berichtet\w*|bezeichnet\w*|versprach|antwortet\w*"
)
_HAN_SPEECH = r"称|表示|说道|说|指出|强调|写道|认为|警告|据|回应|宣布|批评|透露|反驳|补充|呼吁|形容|评价|称赞|直言|坦言"
SAYS = re.compile(rf"\b(?:{_SPEECH})\b|{_HAN_SPEECH}", re.IGNORECASE)
CAPITALS = re.compile(r"[A-ZÄÖÜ][\wäöüßéèšćč’'-]+(?:\s+(?:von|van|de|der|den|al)?\s*[A-ZÄÖÜ][\wäöüßéèšćč’'-]+)*")
_ACRONYM = re.compile(r"[A-ZÄÖÜ]{2,6}")
_HAN_SPEAKER = re.compile(r"([\u4e00-\u9fff·]{2,12}?)(?:在[^，。“”]{1,12})?(?:[^，。；“”\w])?(?:" + _HAN_SPEECH + r")")
_HAN_TITLE = re.compile(
    r"官员|人士|公司|发言人|专家|分析师|部门|媒体|报告|记者|他们|她们|协会|机构|集团|企业|方面|总裁|董事长|部长|主席|负责人|院长|主任|经理|另一位|"
    r"一位|一名"
)


def said_by_another(claim: Reading, quotation: Quotation, passage: Reading, start: int, end: int) -> str:
    """Who the passage has speak the words at [start, end), if the sentence gives them to someone else; otherwise ""."""
    outside = _without(claim.text, [(item.start, item.end) for item in quotations(claim.text)])
    if not SAYS.search(outside):
        return ""
    ids = {id for mention in claim.mentions for id in mention.ids if outside[mention.start] != "\x00" and _speaks(id)}
    names = _names(outside, claim)
    if not ids and not names:
        return ""
    for left, right in _scopes(passage, start, end):
        scope = _without(passage.text, [(item.start, item.end) for item in quotations(passage.text)])[left:right]
        there = {
            id
            for mention in passage.mentions
            if left <= mention.start < right and scope[mention.start - left] != "\x00"
            for id in mention.ids
            if _speaks(id)
        }
        if meets(ids, there) or any(word in scope for name in names for word in _parts(name)):
            return ""
        others = [load_entities()[id].name for id in sorted(there)] or _names(scope, passage)
        if others:
            return others[0]
    before = passage.text[: max(right for _, right in _scopes(passage, start, end))]
    named = {id for mention in passage.mentions if mention.start < len(before) for id in mention.ids}
    if not meets(ids, named) and not any(word in before for name in names for word in _parts(name)):
        return "someone else"
    return ""


def _scopes(passage: Reading, start: int, end: int) -> list[tuple[int, int]]:
    """Where the speaker may be named, the nearest first: between its neighbours, the sentence, the one before."""
    at = next((n for n, (left, right) in enumerate(passage.sentences) if left <= start < right), 0)
    left, right = passage.sentences[at]
    others = [
        item for item in quotations(passage.text) if left <= item.start < right and not item.start <= start < item.end
    ]
    near_left = max([item.end for item in others if item.end <= start] + [left])
    near_left = max(
        [near_left] + [near_left + match.end() for match in re.finditer(r"[;；]", passage.text[near_left:start])]
    )
    near_right = min([item.start for item in others if item.start >= end] + [right])
    # What follows the words speaks of their speaker only up to the next clause.
    tail = _TAIL.match(passage.text[end:near_right])
    # "X praised it as “a”, Y criticised it: “b”": what stands since the last quotation comes first.
    spans = [(near_left, end + (tail.end() if tail else 0)), (left, right)]
    if at > 0:
        spans.append(passage.sentences[at - 1])
    return spans


def _speaks(id: str) -> bool:
    return load_entities()[id].kind in SPEAKERS


def meets(ids: set[str], there: set[str]) -> bool:
    """Whether two sets of speakers share one, by themselves or through the body they speak for."""
    registry = load_entities()

    def bodies(found: set[str]) -> set[str]:
        return {implied for id in found for implied in registry.implied(id) if registry[implied].kind != "country"}

    return bool(bodies(ids) & bodies(there))


def _names(outside: str, reading: Reading) -> list[str]:
    """Names of people and bodies outside the registry that may be speaking."""
    if reading.language == "zh":
        return [name for name in han_speakers(outside) if name]
    known = [(mention.start, mention.end) for mention in reading.mentions] if outside is not reading.text else []
    found = []
    for match in CAPITALS.finditer(outside):
        words = [word for word in re.split(r"\s+", match.group()) if not _is_common(word)]
        if not words or any(
            match.start() < right and match.end() > left for left, right in known if len(outside) == len(reading.text)
        ):
            continue
        if len(words) > 1 or _ACRONYM.fullmatch(words[0]) or _beside_speech(outside, match):
            found.append(" ".join(words))
    return found


def _is_common(word: str) -> bool:
    lower = word.lower().removesuffix("'s").removesuffix("’s")
    if re.search(r"[a-z][A-Z]", word):
        return False
    return (
        lower in GENERIC
        or lower in STOPWORDS["en"]
        or lower in STOPWORDS["de"]
        or bool(load_words().lexicon.ids(lower))
    )


def _beside_speech(text: str, match: re.Match[str]) -> bool:
    before, after = text[max(0, match.start() - 14) : match.start()], text[match.end() : match.end() + 16]
    return bool(SAYS.search(after) and not re.match(r"\s*[.;]", after)) or bool(
        re.search(rf"\b(?:{_SPEECH})\s+$", before, re.IGNORECASE)
    )


def han_speakers(text: str) -> list[str]:
    found = []
    for match in _HAN_SPEAKER.finditer(text):
        name = match[1].replace("\x00", "")
        piece = re.split(r"[，。；、\s]", name)[-1]
        tail = _HAN_TITLE.split(piece)[-1]
        if re.match(r"[他她它我你其还并也]", piece):
            continue
        if 2 <= len(tail) <= 4 and HAN.match(tail):
            found.append(tail[-3:] if len(tail) > 3 else tail)
        elif len(body := _HAN_TITLE.sub("", piece)) >= 2 and HAN.match(body):
            # 美国务院一名官员: the body an unnamed official speaks for.
            found.append(body)
    return found


def _parts(name: str) -> list[str]:
    """The words of a name that a text may use alone; a Chinese name as it is."""
    words = [word.removesuffix("'s").removesuffix("’s") for word in name.split()]
    return [word for word in words if HAN.match(word) or (len(word) > 2 and word[0].isupper())]


def _without(text: str, spans: Sequence[tuple[int, int]]) -> str:
    chars = list(text)
    for start, end in spans:
        chars[start:end] = "\x00" * (end - start)
    return "".join(chars)
