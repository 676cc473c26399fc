"""Days, months, quarters and years that a text names, and whether one carries another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kb.verifying.numerals import HAN_NUMERAL, from_han

MONTHS = {
    name: number
    for names in (
        "january february march april may june july august september october november december",
        "januar februar märz april mai juni juli august september oktober november dezember",
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "jän feb mär apr mai jun jul aug sept okt nov dez",
    )
    for number, name in enumerate(names.split(), 1)
} | {"jänner": 1, "maerz": 3}

WEEKDAYS = {
    name: number
    for names in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    )
    for number, name in enumerate(names.split(), 1)
} | {"sonnabend": 6}
_HAN_WEEKDAYS = {char: number for number, char in enumerate("一二三四五六日", 1)} | {"天": 7}

_ORDER = {"first": 1, "second": 2, "third": 3, "fourth": 4, "erst": 1, "zweit": 2, "dritt": 3, "viert": 4}
_ORDER |= {"一": 1, "二": 2, "三": 3, "四": 4, "上": 1, "下": 2, "首": 1}

_YEAR = r"(?:19|20)\d\d"
_MONTH = "|".join(sorted((name for name in MONTHS if len(name) > 3), key=len, reverse=True))
_MONTH += r"|(?:jan|feb|mar|mär|apr|jun|jul|aug|sep|oct|okt|nov|dec|dez)\b\.?|may|mai"
_DAY = r"\d{1,2}"
_HAN_NUMBER = rf"(?:\d{{1,2}}|[{HAN_NUMERAL}]{{1,3}})"
_NOT_PRICE = r"(?![.,]?\d|\s*(?:%|percent|prozent|million|billion|mio|mrd|dollar|euro|yuan))"

_PATTERNS = (
    # 2024年7月9日, 二〇二四年七月九日, 7月9日, 2024年7月
    (
        "zh",
        rf"(?:(?P<y>{_YEAR}|[二一][{HAN_NUMERAL}]{{3}})\s*年\s*)?(?P<m>{_HAN_NUMBER})\s*月(?!球|饼|薪)"
        rf"(?:\s*(?P<d>{_HAN_NUMBER})\s*[日号](?!线|召|称|码|楼|文))?",
    ),
    # 2024年第三季度, 三季度, 2024年上半年
    ("zhq", rf"(?:(?P<y>{_YEAR})\s*年\s*)?第?(?P<q>[一二三四1-4])\s*季度?(?![^\W\d_]?末)"),
    ("zhh", rf"(?:(?P<y>{_YEAR})\s*年\s*)?(?P<h>[上下])半年"),
    ("zhy", rf"(?P<y>{_YEAR}|[二一][{HAN_NUMERAL}]{{3}})\s*年(?!代|期|级|度?报)"),
    ("iso", rf"(?<![\w.])(?P<y>{_YEAR})-(?P<m>0\d|1[0-2])(?:-(?P<d>[0-3]\d))?(?![\w-])"),
    ("num", rf"(?<![\w.])(?P<d>[0-3]?\d)\.\s?(?P<m>[01]?\d)\.(?:\s?(?P<y>{_YEAR}))?(?!\d)"),
    # 24 and 25 June 2024, 9 July, 9. Juli 2024, 9th of July
    (
        "dm",
        rf"\b(?P<d>{_DAY})(?:st|nd|rd|th)?\.?(?:\s+(?:of|day of))?\s+(?P<n>{_MONTH})(?![a-zäöü])"
        rf"(?:,?\s+(?P<y>{_YEAR})\b)?",
    ),
    # July 9, 2024; July 9; Oct. 7
    (
        "md",
        rf"\b(?P<n>{_MONTH})(?![a-zäöü])\s+(?P<d>{_DAY})(?:st|nd|rd|th)?\b{_NOT_PRICE}(?:,?\s+(?P<y>{_YEAR})\b)?",
    ),
    ("my", rf"\b(?P<n>{_MONTH})(?![a-zäöü])(?:\s+of)?,?\s+(?P<y>{_YEAR})\b"),
    ("q", rf"\bQ(?P<q>[1-4])\b(?:[\s/]*(?:of\s+)?(?P<y>{_YEAR})\b)?"),
    ("yq", rf"\b(?P<y>{_YEAR})[\s/]*Q(?P<q>[1-4])\b"),
    (
        "wq",
        r"\b(?P<w>first|second|third|fourth|erst\w{1,2}|zweit\w{1,2}|dritt\w{1,2}|viert\w{1,2}|[1-4](?:\.|st|nd|rd|th))"
        rf"[\s-]+(?:quarter|quartals?)(?:\s+(?:of\s+|des\s+jahres\s+)?(?P<y>{_YEAR})\b)?",
    ),
    (
        "wh",
        r"\b(?P<w>first|second|erst\w{1,2}|zweit\w{1,2}|[12]\.)[\s-]+(?:half(?:\s+of)?(?:\s+the\s+year)?|halbjahrs?|jahreshälfte)"
        rf"(?:\s+(?:of\s+|des\s+jahres\s+)?(?P<y>{_YEAR})\b)?",
    ),
    ("hy", rf"\bH(?P<h>[12])\s+(?P<y>{_YEAR})\b"),
    ("ys", rf"(?<![\w.,$€¥£/-])(?P<y>{_YEAR})[-–/]\d\d(?![\w%]|[-/.,]\d)"),
    ("m", rf"\b(?P<n>{_MONTH})(?![a-zäöü])"),
    ("y", rf"(?<![\w.,$€¥£/-])(?P<y>{_YEAR})(?![\d%]|[.,]\d|[-/]\d{{3}}|er\b|s\b)(?=\b)"),
    ("wd", r"\b(?P<wd>" + "|".join(WEEKDAYS) + r")s?\b"),
    ("zwd", r"(?:星期|周|礼拜)(?P<wd>[一二三四五六日天])(?!期|年|刊)"),
)
_COMPILED = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _PATTERNS)

_BEFORE_MONTH = re.compile(
    r"(?:\b(?:in|of|since|by|until|till|from|during|early|late|mid|this|last|next|for|before|after|and|to|end of|im|ab|"
    r"seit|bis|ende|anfang|mitte|vom|zum|und|nach|vor|dieses|letzten)[\s-]+)$",
    re.IGNORECASE,
)
_LIST_DAY = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?\s*(?:,|and|und|to|until|bis|or|oder|[-–—])\s*$", re.IGNORECASE
)
_LIST_DAY_AFTER = re.compile(
    r"\s*(?:,|and|[-–—]|to)\s*(?P<d>\d{1,2})(?:st|nd|rd|th)?\b(?!\s*(?:%|percent|million|billion))"
)
_HAN_DAY_AFTER = re.compile(r"(?P<list>(?:和|至|到|与|、|[-–—~])\s*)(?P<d>\d{1,2})\s*[日号]")
_HAN_DAY = re.compile(
    rf"(?<![\d月{HAN_NUMERAL}])(?P<d>\d{{1,2}}|[{HAN_NUMERAL}]{{2,3}})日(?!元|本|内|常|益|前|后|以|报|均)"
)


@dataclass(frozen=True, slots=True)
class Day:
    """A point in time as a text names it; what it leaves open is None. `inferred` if the year stands elsewhere."""

    start: int
    end: int
    year: int | None = None
    month: int | None = None
    day: int | None = None
    quarter: int | None = None
    half: int | None = None
    weekday: int | None = None
    inferred: bool = False


def days(text: str) -> tuple[Day, ...]:
    """The dates in `text`, in order, without overlap. A year left out is taken from the date before, and marked so."""
    taken: list[Day] = []
    for kind, pattern in _COMPILED:
        for match in pattern.finditer(text):
            if any(match.start() < day.end and match.end() > day.start for day in taken):
                continue
            day = _day(kind, match, text)
            if day is not None:
                taken.append(day)
                taken += _neighbours(text, day, kind)
    for match in _HAN_DAY.finditer(text):
        value = _number(match["d"])
        if value and not any(match.start() < day.end and match.end() > day.start for day in taken) and value <= 31:
            taken.append(Day(match.start(), match.end(), day=value))
    return _with_years(sorted(taken, key=lambda day: day.start))


def _day(kind: str, match: re.Match[str], text: str) -> Day | None:
    found = {key: value for key, value in match.groupdict().items() if value}
    start, end = match.span()
    name = found.get("n", "").lower().rstrip(".")
    if kind in ("m", "md", "dm", "my") and not match["n"][0].isupper():
        return None
    if kind == "m" and not _is_month(name, match["n"], text, start):
        return None
    year = _number(found["y"]) if "y" in found else None
    month = MONTHS.get(name) if name else (_number(found["m"]) if "m" in found else None)
    day = _number(found["d"]) if "d" in found else None
    if kind == "zh" and day is None and year is None and text[end : end + 1] in "份底初中内末" and month is None:
        return None
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    if kind == "num" and year is None and not re.search(r"(?:am|vom|zum|ab|seit|bis)\s*$", text[:start], re.IGNORECASE):
        return None
    if kind == "zh" and year is None and day is None and text[start - 1 : start] in ("个", "几", "数"):
        return None
    quarter = _order(found.get("q") or (found.get("w", "") if kind == "wq" else ""))
    half = _order(found.get("h") or (found.get("w", "") if kind == "wh" else ""))
    weekday = None
    if "wd" in found:
        written = found["wd"].lower()
        weekday = WEEKDAYS.get(written) or _HAN_WEEKDAYS.get(written)
        if kind == "wd" and not match["wd"][0].isupper():
            return None
    return Day(start, end, year, month, day, quarter, half, weekday)


def _is_month(name: str, written: str, text: str, start: int) -> bool:
    """Whether a month's name alone means the month: "May" and "March" are other words as well."""
    if len(name) <= 3 and name not in ("may", "mai"):
        return False
    return name not in ("may", "march", "mai") or _BEFORE_MONTH.search(text[:start]) is not None


def _neighbours(text: str, day: Day, kind: str) -> list[Day]:
    """Days that share the month of `day`: "24 and 25 June", "July 9–12", 6月24日和25日."""
    found = []
    if kind == "dm" and (match := _LIST_DAY.search(text[: day.start])) and 1 <= int(match["d"]) <= 31:
        found.append(replace(day, start=match.start(), end=day.start, day=int(match["d"])))
    if kind == "md" and (match := _LIST_DAY_AFTER.match(text, day.end)) and 1 <= int(match["d"]) <= 31:
        found.append(replace(day, start=day.end, end=match.end(), day=int(match["d"])))
    at = day.end
    while kind == "zh" and day.day is not None and (match := _HAN_DAY_AFTER.match(text, at)):
        found.append(replace(day, start=match.start(), end=match.end(), day=int(match["d"])))
        at = match.end()
    return found


def _with_years(found: Sequence[Day]) -> tuple[Day, ...]:
    """The same dates, those without a year taking the one named last before them (a day alone its month too)."""
    year: int | None = None
    month: int | None = None
    complete = []
    for day in found:
        if day.year is not None:
            year = day.year
        elif day.weekday is None and year is not None:
            day = replace(day, year=year, inferred=True)
        if day.month is not None:
            month = day.month
        elif day.day is not None and month is not None:
            day = replace(day, month=month, inferred=True)
        complete.append(day)
    return tuple(complete)


def carries(evidence: Sequence[Day], claim: Day) -> bool:
    """Whether one of the dates of the evidence says what `claim` says, or more exactly so."""
    return any(same(day, claim, evidence) for day in evidence)


def same(day: Day, claim: Day, evidence: Sequence[Day]) -> bool:
    """Whether `day`, one of `evidence`, carries `claim`. A year that either only inferred may stand elsewhere."""
    if claim.weekday is not None:
        return day.weekday == claim.weekday
    if claim.day is not None and day.day != claim.day:
        return False
    if claim.month is not None and day.month != claim.month:
        return False
    if claim.quarter is not None and day.quarter != claim.quarter and _quarter(day) != claim.quarter:
        return False
    if claim.half is not None and day.half != claim.half and _half(day) != claim.half:
        return False
    if claim.year is None or claim.inferred or day.year == claim.year:
        return claim.year is None or claim.inferred or day.year == claim.year
    years = {other.year for other in evidence if other.year is not None}
    return (day.year is None or day.inferred) and day.month is not None and (not years or claim.year in years)


def _quarter(day: Day) -> int | None:
    return (day.month + 2) // 3 if day.month is not None else None


def _half(day: Day) -> int | None:
    if day.quarter is not None:
        return 1 if day.quarter <= 2 else 2
    return (1 if day.month <= 6 else 2) if day.month is not None else None


def _number(written: str) -> int | None:
    if written.isdigit():
        return int(written)
    value = from_han(written)
    return int(value) if value is not None else None


def _order(written: str) -> int | None:
    if not written:
        return None
    if written[0].isdigit():
        return int(written[0])
    return _ORDER.get(written) or next(
        (value for word, value in _ORDER.items() if written.lower().startswith(word)), None
    )
