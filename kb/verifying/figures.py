"""The figures of a text (value, unit, hedge), read across scripts.

150 million = 150 Mio. = 150,000,000 = 150.000.000 = 1.5亿. Dates and names are the caller's to blank out first:
the 9 of "9 July" and the 20 of "H20" are no figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kb.verifying.numerals import DIGITS, HAN_NUMERAL, HAN_SCALES, from_digits, from_han, ordinal_words, words
from kb.verifying.units import ADJACENT, CURRENCY_BEFORE, HAN_UNITS, NOUNS, SCALES

_SCALE = "|".join(sorted((re.escape(word) for word in SCALES), key=len, reverse=True))
_NUMBER = re.compile(rf"(?<![A-Za-zÀ-ɏ0-9_.,])(?P<sign>[-−](?=\d))?(?P<digits>{DIGITS})")
_SCALE_AFTER = re.compile(rf"[\s-]?(?P<scale>{_SCALE})(?![a-zäöüß])\.?", re.IGNORECASE)
_HAN_SCALE_AFTER = re.compile(
    r"\s*(?P<many>[多余几]?)(?P<scale>[十百千]?(?:[万萬亿億]|兆(?![瓦赫字])){1,2}|[十百千](?=[多余]?[万亿元家名人项个]))"
)
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+(?:-[^\W\d_\u3400-\u9fff]+)*")
_HAN = re.compile(
    rf"百分之(?P<percent>[{HAN_NUMERAL}点]+)|(?P<tenths>[{HAN_NUMERAL}])成(?P<half>[{HAN_NUMERAL}半]?)(?!为|功|立|本|员|果|就|长|都|交|型|分|绩)"
    rf"|(?P<of>[{HAN_NUMERAL}]+)分之(?P<part>[{HAN_NUMERAL}]+)|(?P<digits>第?[{HAN_NUMERAL}]+(?:点[{HAN_NUMERAL}]+)?(?:[万亿]+[{HAN_NUMERAL}]*)*)"
)
_ORDINAL = re.compile(
    r"(?<![\w.,])(?P<digits>\d{1,3})(?:st|nd|rd|th)\b|第\s?(?P<han>\d{1,6}|"
    + f"[{HAN_NUMERAL}]+)|(?<![\\w.,])(?P<de>\\d{{1,2}})\\.(?=\\s+[A-ZÄÖÜ])"
)
_NUMBERED = re.compile(
    r"(?:\b(?:No|Nos|Nr|Number|Nummer|Section|Article|Artikel|Art|Annex|Anhang|Announcement|Order|EO|§)\.?\s*)$",
    re.IGNORECASE,
)

_ABOUT = (
    r"about|around|roughly|approximately|approx|circa|some|close to|an estimated|"
    r"rund|etwa|ungefähr|zirka|ca|annähernd|gut"
)
_UNDER = (
    r"almost|nearly|fewer than|less than|below|under|up to|at most|no more than|not more than|maximum of|"
    r"as much as|as many as|"
    r"knapp|fast|beinahe|weniger als|unter|bis zu|höchstens|maximal|nicht mehr als"
)
_OVER = (
    r"more than|over|at least|exceeding|above|upwards of|no less than|not less than|minimum of|"
    r"mehr als|über|mindestens|wenigstens|nicht weniger als"
)
_HEDGE = re.compile(
    rf"(?:\b(?:(?P<under>{_UNDER})|(?P<over>{_OVER})|(?P<about>{_ABOUT}))\.?(?:\s+(?:the|a|an|die|der|den|das))?"
    r"|(?P<hunder>不足|不到|少于|低于|最多|至多|多达|高达|近|将近|接近|不超过|以内)|(?P<hover>超过|超|逾|多于|高于|至少|不少于|不低于|大于)"
    r"|(?P<habout>约|大约|大概|左右|估计))\s*(?:US)?[$€£¥]?\s*$",
    re.IGNORECASE,
)
_HAN_HEDGE_AFTER = re.compile(r"(?P<about>左右|上下|前后)|(?P<over>以上|多|余|有余)|(?P<under>以下|以内)")
_JOINED = re.compile(
    r"\s*(?:to|and|or|bis|und|oder|至|到|和|或|、|-|–|—|~|,)\s*(?:about |rund |US)?[$€£¥]?\s*$", re.IGNORECASE
)
_STOPS = (
    "in on at by for from with to into over under since until which that who and or but as than were was is are had "
    "has have will would of the a an in im am an auf aus bei für mit nach seit von vom zu zum zur und oder aber die "
    "der das dem den des als wurden wurde sind ist war waren haben hat"
)
_STOP_WORDS = frozenset(_STOPS.split())


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as a text names it. `units` are those it may carry, `hedge` is about, over, under or "".

    `kind` is number, ordinal or small (a number word below four without a measure, often no count at all).
    """

    start: int
    end: int
    value: float
    units: frozenset[str]
    kind: str = "number"
    hedge: str = ""
    scaled: bool = False

    @property
    def measured(self) -> bool:
        """Whether it has a unit that a figure cannot do without: money, percent, time, length."""
        return any(unit not in NOUNS.values() for unit in self.units)


def figures(text: str, language: str) -> tuple[Figure, ...]:
    """The figures in `text` in order. `language` decides how 1.500 and "Billion" are read."""
    found = [*_ordinals(text), *_in_digits(text, language), *_in_words(text, language), *_in_han(text)]
    found.sort(key=lambda figure: (figure.start, -figure.end))
    kept: list[Figure] = []
    for figure in found:
        if kept and figure.start < kept[-1].end:
            continue
        kept.append(figure)
    return tuple(_with_neighbours(text, kept))


def _ordinals(text: str) -> Iterator[Figure]:
    for match in _ORDINAL.finditer(text):
        written = match["digits"] or match["han"] or match["de"]
        value = float(written) if written.isdigit() else from_han(written)
        if value is not None and (value > 1 or match["han"] is None):
            yield Figure(match.start(), match.end(), value, frozenset(), "ordinal")
    for match in _WORD.finditer(text):
        if (number := ordinal_words().get(match.group().lower())) is not None:
            # "Second" is a unit of time and a turn of phrase as well.
            kind = "small" if number == 2 else "ordinal"
            yield Figure(match.start(), match.end(), float(number), frozenset(), kind)


def _in_digits(text: str, language: str) -> Iterator[Figure]:
    for match in _NUMBER.finditer(text):
        value = from_digits(match["digits"], language)
        end = match.end()
        scaled = False
        if many := _HAN_SCALE_AFTER.match(text, end):
            value *= _han_scale(many["scale"])
            end, scaled = many.end(), True
            # 1亿5000万
            if (rest := re.match(r"(\d{1,4})万", text[end:])) and "亿" in many["scale"]:
                value += int(rest[1]) * 10**4
                end += rest.end()
        elif scale := _SCALE_AFTER.match(text, end):
            factor = _scale(scale["scale"], language, text[scale.end() :])
            if factor:
                value *= factor
                end, scaled = scale.end(), True
        yield _figure(text, match.start(), end, value, scaled=scaled, language=language)


def _in_words(text: str, language: str) -> Iterator[Figure]:
    numbers = words()
    matches = list(_WORD.finditer(text))
    at = 0
    while at < len(matches):
        match = matches[at]
        word = match.group().lower()
        at += 1
        if word in ("half", "halb", "halbe", "halben") or word in _FRACTIONS:
            if figure := _fraction(text, match, word, language):
                yield figure
            continue
        word, _, tail = (word, "", "") if word in numbers else _hyphenated(word, numbers)
        if word not in numbers or word in ("hundred", "null", "zero"):
            if factor := _FACTORS.get(match.group().lower()):
                yield Figure(match.start(), match.end(), factor, frozenset({"times"}))
            elif (stem := _multiplied(match.group().lower(), numbers)) is not None:
                yield Figure(match.start(), match.end(), float(stem), frozenset({"times"}))
            continue
        value = float(numbers[word])
        end = match.start() + len(word)
        scaled = False
        while not tail and at < len(matches) and text[end : matches[at].start()].strip(" -") == "":
            following = matches[at].group().lower()
            factor = 100.0 if following == "hundred" else _scale(following, language, text[matches[at].end() :])
            if not factor:
                break
            value, end, scaled = value * factor, matches[at].end(), True
            at += 1
            rest = re.match(r"\s+and\s+([a-z-]+)", text[end:])
            if factor == 100 and rest and rest[1] in numbers and numbers[rest[1]] < 100:
                value += numbers[rest[1]]
                end += rest.end()
                at += 2
        figure = _figure(text, match.start(), end, value, scaled=scaled, language=language)
        # "one", "eine", "two" are as often articles and pronouns as counts.
        small = value < 4 and not scaled and not figure.measured
        yield replace(figure, kind="small") if small else figure


_PLAN = re.compile(
    r"(?<![一二三四五六七八九])(?P<n>十[一二三四五六七八]?)五(?![十百千万亿年月日个家名项种天])(?=规划|时期|计划|期间|末|[”」』\"']|$|，)"
)
"""十四五: the fourteenth five-year plan."""

_FACTORS = {
    "doubled": 2.0,
    "doubles": 2.0,
    "doubling": 2.0,
    "tripled": 3.0,
    "quadrupled": 4.0,
    "verdoppelt": 2.0,
    "verdoppelte": 2.0,
    "verdreifacht": 3.0,
    "verdreifachte": 3.0,
    "vervierfacht": 4.0,
    "twofold": 2.0,
    "threefold": 3.0,
    "tenfold": 10.0,
}
_FRACTIONS = {
    "third": 100 / 3,
    "drittel": 100 / 3,
    "quarter": 25.0,
    "viertel": 25.0,
    "fifth": 20.0,
    "fünftel": 20.0,
    "hälfte": 50.0,
    "tenth": 10.0,
    "zehntel": 10.0,
    "thirds": 200 / 3,
    "quarters": 75.0,
}


def _hyphenated(word: str, numbers: dict[str, int]) -> tuple[str, str, str]:
    """ "two-week" → ("two", "-", "week"); "zweiwöchig" → ("zwei", "", "wöchig")."""
    head, dash, tail = word.partition("-")
    if dash and head in numbers:
        return head, dash, tail
    if match := re.fullmatch(r"([a-zäöüß]+?)(jährig|monatig|wöchig|tägig|stündig)\w{0,2}", word):
        head = match[1]
        if head in numbers or head == "ein":
            return head, "", match[2]
    return word, "", ""


def _multiplied(word: str, numbers: dict[str, int]) -> int | None:
    """The number in "zehnfach", "dreimal", "twofold"."""
    match = re.fullmatch(r"(\w+?)(?:fach\w{0,2}|mal|fold)", word)
    return numbers.get(match[1]) if match else None


def _fraction(text: str, match: re.Match[str], word: str, language: str) -> Figure | None:
    after = text[match.end() :]
    before = text[: match.start()]
    if word.startswith(("half", "halb")):
        scale = re.match(rf"(?:\s+an?)?\s+({_SCALE})(?![a-zäöü])", after, re.IGNORECASE)
        if scale and (factor := _scale(scale[1], language, after[scale.end() :])):
            return _figure(text, match.start(), match.end() + scale.end(), factor / 2, scaled=True, language=language)
        if word == "half" and re.match(r"\s+(?:of|the|its|their|all)\b", after):
            return Figure(match.start(), match.end(), 50.0, frozenset({"percent"}))
        return None
    if word == "hälfte":
        return Figure(match.start(), match.end(), 50.0, frozenset({"percent"}))
    counted = re.search(r"\b(a|one|ein|einem|two|zwei|three|drei)[\s-]+$", before, re.IGNORECASE)
    if not counted or (
        word in ("third", "quarter", "fifth", "tenth", "quarters", "thirds")
        and not re.match(r"\s+(?:of|des|der)\b", after)
    ):
        return None
    count = {"two": 2, "zwei": 2, "three": 3, "drei": 3}.get(counted[1].lower(), 1)
    share = {"thirds": 100 / 3, "quarters": 25.0}.get(word, _FRACTIONS[word])
    return Figure(counted.start(), match.end(), count * share, frozenset({"percent"}))


_NO_COUNT = re.compile(
    r"一[些样起直般旦定致律再度向]|十分(?!之)|百般|千万不|万一|第一|一[方系]|两[国岸者会]|三[星方]|四[川]|[统唯单同专之]一|五角|百度|千问|一带一路|进一步|十足"
)
_HAN_COUNTED = re.compile(
    r"[家个名项种款座份条倍亿万元年天周月日轮次颗枚块片台人位件批起国部所只笔章号届期级层例小大多余成分城省]"
)


def _in_han(text: str) -> Iterator[Figure]:
    for match in _PLAN.finditer(text):
        yield Figure(match.start(), match.end(), float(from_han(match["n"]) or 0), frozenset(), "ordinal")
    for match in _HAN.finditer(text):
        if match["percent"]:
            value = from_han(match["percent"])
            if value is not None:
                yield Figure(
                    match.start(),
                    match.end(),
                    value,
                    frozenset({"percent"}),
                    hedge=_hedge(text, match.start(), match.end()),
                )
        elif match["tenths"]:
            value = from_han(match["tenths"])
            rest = match["half"]
            more = 5.0 if rest == "半" else (from_han(rest) or 0.0 if rest else 0.0)
            if value:
                yield Figure(
                    match.start(),
                    match.end(),
                    value * 10 + more,
                    frozenset({"percent"}),
                    hedge=_hedge(text, match.start(), match.end()),
                )
        elif match["of"]:
            whole, part = from_han(match["of"]), from_han(match["part"])
            if whole and part:
                yield Figure(match.start(), match.end(), 100 * part / whole, frozenset({"percent"}))
        elif figure := _han_count(text, match):
            yield figure
    for match in re.finditer(r"一半|半数|过半", text):
        yield Figure(
            match.start(), match.end(), 50.0, frozenset({"percent"}), hedge="over" if match.group() == "过半" else ""
        )
    for match in re.finditer(r"翻了?一?[番倍]|翻倍", text):
        yield Figure(match.start(), match.end(), 2.0, frozenset({"times"}))


def _han_count(text: str, match: re.Match[str]) -> Figure | None:
    written = match["digits"]
    start, end = match.span("digits")
    if written.startswith("第") or _NO_COUNT.match(text, start) or _NO_COUNT.match(text, max(0, start - 1)):
        return None
    parts = re.findall(rf"([{HAN_NUMERAL}点]*)([万亿]*)", written)
    value = 0.0
    for number, scales in parts:
        if not number and not scales:
            continue
        piece = from_han(number) if number else 1.0
        if piece is None:
            return None
        for scale in scales:
            piece *= HAN_SCALES[scale]
        value += piece
    scaled = any(scale in written for scale in "万亿")
    following = text[end : end + 1]
    if not scaled and (len(written) < 2 or value < 10) and not _HAN_COUNTED.match(following):
        return None
    figure = _figure(text, start, end, value, scaled=scaled, language="zh")
    small = value < 4 and not scaled and not figure.measured
    return replace(figure, kind="small") if small else figure


def _han_scale(written: str) -> float:
    value = 1.0
    for char in written:
        value *= HAN_SCALES.get(char) or {"十": 10, "百": 100, "千": 1000}[char]
    return value


def _scale(word: str, language: str, after: str) -> float:
    """The factor of a scale word; 0 if it is none here. "Billion" is a thousand times more in German."""
    folded = word.lower().rstrip(".")
    if folded in ("billion", "billionen"):
        return 1e12 if folded == "billionen" or (language == "de" and word[:1].isupper()) else 1e9
    if folded == "trillion":
        return 1e18 if language == "de" and word[:1].isupper() else 1e12
    return SCALES.get(folded, 0.0)


def _figure(text: str, start: int, end: int, value: float, *, scaled: bool, language: str) -> Figure:
    kind = "ordinal" if _NUMBERED.search(text[max(0, start - 14) : start]) else "number"
    units, end, factor = _units(text, start, end)
    return Figure(start, end, value * factor, units, kind, _hedge(text, start, end), scaled)


def _units(text: str, start: int, end: int) -> tuple[frozenset[str], int, float]:
    """The units beside a number, where they end, and the factor to the base unit (weeks are days, years months)."""
    before = text[max(0, start - 6) : start]
    for written, unit in CURRENCY_BEFORE:
        if before.rstrip().endswith(written):
            return frozenset({unit}), end, 1.0
    rest = text[end : end + 60]
    for pattern, unit, factor in ADJACENT:
        if match := pattern.match(rest):
            return frozenset({unit}), end + match.end(), factor
    for written, unit, factor in HAN_UNITS:
        skipped = re.match(r"\s*[多余]?", rest)
        width = skipped.end() if skipped else 0
        if rest.startswith(written, width):
            return frozenset({unit}) if unit else frozenset(), end + width + len(written), factor
    return frozenset(_nouns(rest)), end, 1.0


def _nouns(rest: str) -> Iterator[str]:
    """Counted things named within the next words: "150 million free tokens" → token."""
    rest = re.sub(r"^[多余]?[个项种款枚颗](?=[A-Za-z])", "", rest)
    if han := re.match(r"[多余]?[个项种款]?([\u3400-\u9fff]{1,8})", rest):
        yield from (unit for word, unit in NOUNS.items() if word in han[1])
        return
    for at, match in enumerate(re.finditer(r"[^\W\d_]+|[.,;:!?()]", rest)):
        word = match.group().lower()
        if at > 3 or not word[0].isalpha() or word in _STOP_WORDS:
            return
        for part in (word, word.rsplit("-", 1)[-1]):
            if part in NOUNS:
                yield NOUNS[part]


def _hedge(text: str, start: int, end: int) -> str:
    before = text[max(0, start - 30) : start]
    if match := _HEDGE.search(before):
        name = match.lastgroup or ""
        return name.removeprefix("h") if name.startswith(("hunder", "hover", "habout")) else name
    window = text[end : end + 3]
    if match := _HAN_HEDGE_AFTER.match(window):
        return match.lastgroup or ""
    if re.search(r"[多余]", text[start:end]):
        return "over"
    return ""


def _with_neighbours(text: str, found: Sequence[Figure]) -> Iterator[Figure]:
    """Figures of a pair ("5 to 10 billion dollars", 5至10亿美元) with what their neighbour names for both."""
    for at, figure in enumerate(found):
        following = found[at + 1] if at + 1 < len(found) else None
        if following is not None and _JOINED.fullmatch(text[figure.end : following.start] or "x"):
            if not figure.units and following.units:
                figure = replace(figure, units=following.units)
            own = figure.units and not figure.units & following.units
            if (
                not own
                and not figure.scaled
                and following.scaled
                and figure.value < 1000
                and _is_range(text[figure.end : following.start])
            ):
                factor = 10 ** (3 * int((len(str(int(following.value))) - 1) // 3))
                if "亿" in text[following.start : following.end] or "万" in text[following.start : following.end]:
                    factor = 10**8 if "亿" in text[following.start : following.end] else 10**4
                figure = replace(figure, value=figure.value * factor, scaled=True)
        yield figure


def _is_range(joint: str) -> bool:
    return (
        re.fullmatch(r"\s*(?:to|and|bis|und|or|oder|至|到|-|–|—|~)\s*(?:US)?[$€£¥]?\s*", joint, re.IGNORECASE)
        is not None
    )
