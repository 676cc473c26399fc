"""The figures of a text (value, unit, hedge), read across scripts.

150 million = 150 Mio. = 150,000,000 = 150.000.000 = 1.5亿. Dates and names are the caller's to blank out first:
the 9 of "9 July" and the 20 of "H20" are no figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from kb.verifying.hanfigures import han_figures
from kb.verifying.measures import IMPLIED, Figure, make, scale
from kb.verifying.numerals import DIGITS, HAN_NUMERAL, HAN_SCALES, from_digits, from_han, ordinal_words, words
from kb.verifying.units import SCALES

_SCALE = "|".join(sorted((re.escape(word) for word in SCALES), key=len, reverse=True))
_NUMBER = re.compile(rf"(?<![A-Za-zÀ-ɏ0-9_.,])(?P<sign>[-−](?=\d))?(?P<digits>{DIGITS})")
_SCALE_AFTER = re.compile(rf"[\s-]?(?P<scale>{_SCALE})(?![a-zäöüß])\.?", re.IGNORECASE)
_HAN_SCALE_AFTER = re.compile(
    r"\s*(?P<many>[多余几]?)(?P<scale>[十百千]?(?:[万萬亿億]|兆(?![瓦赫字])){1,2}|[十百千](?=[多余]?[万亿元家名人项个]))"
)
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+(?:-[^\W\d_\u3400-\u9fff]+)*")
_ORDINAL = re.compile(
    r"(?<![\w.,])(?P<digits>\d{1,3})(?:st|nd|rd|th)\b|第\s?(?P<han>\d{1,6}|"
    + f"[{HAN_NUMERAL}]+)|(?<![\\w.,])(?P<de>\\d{{1,2}})\\.(?=\\s+[A-ZÄÖÜ])"
)
_OTHERS = re.compile(r"third[\s-](?:countr|part(?:y|ies)\b)|dritte[nr]? (?:Länder|Staaten)", re.IGNORECASE)
"""A third country is any other one, where German says "Drittstaat"."""

_RANGE = (
    r"to|and|or|instead of|rather than|bis|auf|und|oder|statt(?: de[rns] \w+)?|sondern auf|"
    "至|到|而非|而不是|[升增降减]至|-|–|—|~"
)
_JOINED = re.compile(rf"\s*(?:{_RANGE}|和|或|、|,)\s*(?:about |rund |US)?[$€£¥]?\s*$", re.IGNORECASE)

_TENTHS = re.compile(
    r"(?<![\w.,-])(?P<part>[a-zäöüß]+|\d)\s+(?:out of(?: every)?|in(?: every)?|von|aus)\s+(?:ten|zehn|10)\b(?![.,]\d)"
    r"(?!\s*(?:%|per ?cent|prozent|jahr|year|tag|day|minut|stund|hour|monat|month|woche|week))",
    re.IGNORECASE,
)

_HALVED = re.compile(r"\b(?:halv(?:ed|es|ing)|halbier\w*)\b|减半|砍半|腰斩", re.IGNORECASE)
_A_YEAR = re.compile(
    r"\b(?:an?|eine?[mnrs]?)(?= (?:year|month|week|day|hour|minute|jahr(?:es|e)?|monats?|woche|tag(?:es)?|stunde)\b)",
    re.IGNORECASE,
)


def figures(text: str, language: str) -> tuple[Figure, ...]:
    """The figures in `text` in order. `language` decides how 1.500 and "Billion" are read."""
    found = [
        *_ordinals(text),
        *_tenths(text),
        *_implied(text, language),
        *_in_digits(text, language),
        *_in_words(text, language),
        *han_figures(text),
    ]
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
        number = ordinal_words().get(match.group().lower())
        if number is not None and not _OTHERS.match(text, match.start()):
            # "Second" is a unit of time and a turn of phrase as well.
            kind = "small" if number == 2 else "ordinal"
            yield Figure(match.start(), match.end(), float(number), frozenset(), kind)


def _tenths(text: str) -> Iterator[Figure]:
    """Nine out of ten = neun von zehn = 九成 = 90 percent."""
    for match in _TENTHS.finditer(text):
        part = match["part"].lower()
        value = int(part) if part.isdigit() else words().get(part, 0)
        if 0 < value < 10:
            yield Figure(match.start(), match.end(), 10.0 * value, frozenset({"percent"}))


def _implied(text: str, language: str) -> Iterator[Figure]:
    """The one of "a year", which as often counts nothing ("a day later"), and the half of "halved"."""
    for match in _HALVED.finditer(text):
        yield Figure(match.start(), match.end(), 50.0, frozenset({"percent"}), IMPLIED)
    for match in _A_YEAR.finditer(text):
        yield replace(make(text, match.start(), match.end(), 1.0, scaled=False, language=language), kind=IMPLIED)


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
        elif named := _SCALE_AFTER.match(text, end):
            factor = scale(named["scale"], language, text[named.end() :])
            if factor:
                value *= factor
                end, scaled = named.end(), True
        yield make(text, match.start(), end, value, scaled=scaled, language=language)


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
                kind = "small" if stem < 4 and "mal" in match.group().lower() else "number"
                yield Figure(match.start(), match.end(), float(stem), frozenset({"times"}), kind)
            continue
        value = float(numbers[word])
        end = match.start() + len(word)
        scaled = False
        while not tail and at < len(matches) and text[end : matches[at].start()].strip(" -") == "":
            following = matches[at].group().lower()
            factor = 100.0 if following == "hundred" else scale(following, language, text[matches[at].end() :])
            if not factor:
                break
            value, end, scaled = value * factor, matches[at].end(), True
            at += 1
            rest = re.match(r"\s+and\s+([a-z-]+)", text[end:])
            if factor == 100 and rest and rest[1] in numbers and numbers[rest[1]] < 100:
                value += numbers[rest[1]]
                end += rest.end()
                at += 2
        figure = make(text, match.start(), end, value, scaled=scaled, language=language)
        # "one", "eine", "two" are as often articles and pronouns as counts.
        small = value < 4 and not scaled and not figure.measured
        yield replace(figure, kind="small") if small else figure


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
        named = re.match(rf"(?:\s+an?)?\s+({_SCALE})(?![a-zäöü])", after, re.IGNORECASE)
        if named and (factor := scale(named[1], language, after[named.end() :])):
            return make(text, match.start(), match.end() + named.end(), factor / 2, scaled=True, language=language)
        if word == "half" and (re.match(r"\s+(?:of|the|its|their|all)\b", after) or re.search(r"\bby\s+$", before)):
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


def _han_scale(written: str) -> float:
    value = 1.0
    for char in written:
        value *= HAN_SCALES.get(char) or {"十": 10, "百": 100, "千": 1000}[char]
    return value


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
    return re.fullmatch(rf"\s*(?:{_RANGE})\s*(?:US)?[$€£¥]?\s*", joint, re.IGNORECASE) is not None
