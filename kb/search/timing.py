"""What of time a question speaks of: "last week", "im Juni 2024", 上个月, "since the October 2022 rules".

A phrase becomes a stretch of days, counted from a given today, with the words it was read from. It
is a wish, not a filter: an article on what happened in June may be of July or have no date at all (a hard
filter by date lost 6 to 10 points of recall in the literature's own measure: Scientific Data 2025, ChronoQA).
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from kb.search.timeline import load_timeline
from kb.text.words import MONTHS
from kb.verifying.dates import Day, days


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days from `first` to `last`, both in it, None where it is open; `words` as the question has them."""

    first: date | None
    last: date | None
    words: str
    event: str | None = None

    @property
    def short(self) -> bool:
        """Whether it is a month or less."""
        return self.first is not None and self.last is not None and (self.last - self.first).days <= 31

    def holds(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.first}"
        return f"{self.first or '…'} – {self.last or '…'}"


_NUMBERS = {
    word: number
    for words in (
        "one two three four five six seven eight nine ten eleven twelve",
        "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
        "一 二 三 四 五 六 七 八 九 十 十一 十二",
    )
    for number, word in enumerate(words.split(), 1)
} | {"a": 1, "an": 1, "einem": 1, "einer": 1, "ein": 1, "eine": 1, "两": 2, "半": 0}
_COUNT = "|".join(sorted(map(re.escape, _NUMBERS), key=len, reverse=True))

_UNITS = {
    "day": ("day", "days", "tag", "tage", "tagen", "天", "日"),
    "week": ("week", "weeks", "woche", "wochen", "周", "星期", "个星期", "礼拜"),
    "month": ("month", "months", "monat", "monate", "monaten", "monats", "月", "个月"),
    "quarter": ("quarter", "quarters", "quartal", "quartale", "quartalen", "季度", "个季度"),
    "year": ("year", "years", "jahr", "jahre", "jahren", "jahres", "年"),
}
_UNIT_OF = {word: unit for unit, words in _UNITS.items() for word in words}
_UNIT = "|".join(sorted(_UNIT_OF, key=len, reverse=True))

_DAYS = {
    "today": 0, "heute": 0, "今天": 0, "今日": 0, "yesterday": -1, "gestern": -1, "昨天": -1, "昨日": -1,
    "vorgestern": -2, "前天": -2, "tomorrow": 1, "明天": 1,
}  # fmt: skip
_YEARS = {"今年": 0, "去年": -1, "前年": -2, "明年": 1}
_DAY_WORD = "|".join(rf"\b{word}\b" if word.isascii() else word for word in _DAYS)

_THIS = r"\b(?:this|dies\w{1,2})|本|这个?"
_BEFORE = r"\b(?:last|previous|letzt\w{1,2}|vergangen\w{1,2}|vorig\w{1,2})|上一?个?"
_AFTER = r"\b(?:next|nächst\w{1,2}|kommend\w{1,2})|下一?个?"
_RECENT = r"\b(?:the\s+)?(?:last|past|previous)|\b(?:den|der|die)\s+(?:letzten|vergangenen)|最近|过去|近"
_SOME = rf"\d{{1,3}}|{_COUNT}"

_RELATIVE = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("day", _DAY_WORD),
        ("year", "|".join(_YEARS)),
        ("recent", rf"(?:{_RECENT})\s*(?P<n>{_SOME}|few|wenigen|几)\s*(?P<u>{_UNIT})(?:来|内|里)?"),
        ("ago", rf"\bvor\s+(?P<n>{_SOME})\s+(?P<u>{_UNIT})\b"),
        ("ago", rf"\b(?P<n>{_SOME})\s+(?P<u>{_UNIT})\s+ago\b"),
        ("ago", rf"(?P<n>{_SOME})(?P<u>{_UNIT})(?:之)?前"),
        (
            "shift",
            rf"(?:\b(?:im|in|der|die|das|den|dem|the)\s+)?(?:(?P<this>{_THIS})|(?P<last>{_BEFORE})|(?P<next>{_AFTER}))"
            rf"\s*(?P<u>{_UNIT})(?![a-zäöü末报份])",
        ),
    )
)

_ARTICLE = r"(?:\s+(?:the|dem|der|den|am|im|early|late|end of|anfang|ende))?"
_SINCE = re.compile(rf"(?:\b(?:since|from|starting(?: in)?|seit|ab|as of){_ARTICLE}|自从?|从)\s*$", re.IGNORECASE)
_SINCE_AFTER = re.compile(r"^\s*(?:以来|至今|起|之?后|以后)")
# In small letters only: BIS is an agency.
_UNTIL = re.compile(
    rf"(?:\b(?:before|until|till|by|up to|prior to|(?-i:bis(?: zum)?|vor)){_ARTICLE}|截至|截止)\s*$", re.IGNORECASE
)
_UNTIL_AFTER = re.compile(r"^\s*(?:之前|以前|前)")
_LATER = re.compile(rf"\b(?:after|following|nach){_ARTICLE}\s*$", re.IGNORECASE)
_RANGE = re.compile(r"^\s*(?:to|and|until|through|(?-i:bis)|und|[-–—至到])\s*$", re.IGNORECASE)


def stretches(question: str, today: date) -> tuple[Stretch, ...]:
    """The stretches of time a question names, in its order, each once."""
    spans: list[_Span] = []
    for span in (*_events(question), *_relative(question, today), *_explicit(question, today)):
        if not any(span[0] < end and span[1] > start for start, end, *_ in spans):
            spans.append(span)
    spans.sort(key=lambda span: span[0])
    return tuple(_directed(question, _joined(question, spans)))


_Span = tuple[int, int, date, date, str | None]
"""Where the words stand, first and last day, and the event's id."""


def _explicit(question: str, today: date) -> Iterator[_Span]:
    for day in days(question):
        if (bounds := _bounds(day, today)) is not None:
            yield day.start, day.end, *bounds, None


def _bounds(day: Day, today: date) -> tuple[date, date] | None:
    """First and last day of a date; one without a year is the latest that has begun by today."""
    if day.year is None and day.month is None and day.quarter is None and day.half is None:
        return None
    first_month, months = 1, 12
    if day.month is not None:
        first_month, months = day.month, 1
    elif day.quarter is not None:
        first_month, months = 3 * day.quarter - 2, 3
    elif day.half is not None:
        first_month, months = 6 * day.half - 5, 6
    year = day.year if day.year is not None else today.year
    if day.year is None and (first_month, day.day or 1) > (today.month, today.day):
        year -= 1
    last_month = first_month + months - 1
    if day.month is not None and day.day is not None:
        if day.day > monthrange(year, day.month)[1]:
            return None
        return date(year, day.month, day.day), date(year, day.month, day.day)
    return date(year, first_month, 1), date(year, last_month, monthrange(year, last_month)[1])


def _relative(question: str, today: date) -> Iterator[_Span]:
    taken: list[tuple[int, int]] = []
    for kind, pattern in _RELATIVE:
        for match in pattern.finditer(question):
            if any(match.start() < end and match.end() > start for start, end in taken):
                continue
            if (bounds := _counted(kind, match, today)) is not None:
                taken.append(match.span())
                yield *match.span(), *bounds, None


def _counted(kind: str, match: re.Match[str], today: date) -> tuple[date, date] | None:
    word = match.group().lower()
    if kind == "day":
        day = today + timedelta(days=_DAYS[word])
        return day, day
    if kind == "year":
        return _period("year", today, _YEARS[word])
    found = {key: value.lower() for key, value in match.groupdict().items() if value}
    unit = _UNIT_OF[found["u"]]
    if kind == "shift":
        return _period(unit, today, 0 if "this" in found else -1 if "last" in found else 1)
    count = _number(found["n"])
    if kind == "recent":
        return _back(unit, today, count), today
    then = _back(unit, today, count)
    return (then, then) if unit == "day" else _period(unit, then, 0)


def _number(word: str) -> int:
    return int(word) if word.isdigit() else _NUMBERS.get(word, 3)


def _back(unit: str, day: date, count: int) -> date:
    if unit in ("day", "week"):
        return day - timedelta(days=count * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 - count * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    return date(max(year, 1), month + 1, min(day.day, monthrange(max(year, 1), month + 1)[1]))


def _period(unit: str, day: date, shift: int) -> tuple[date, date]:
    """The day, week (Monday first), month, quarter or year that `day` lies in, or one `shift` away."""
    if unit in ("day", "week"):
        length = 7 if unit == "week" else 1
        first = day - timedelta(days=day.weekday() if unit == "week" else 0) + timedelta(days=shift * length)
        return first, first + timedelta(days=length - 1)
    length = {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(day.year * 12 + (day.month - 1) // length * length + shift * length, 12)
    last = _back("month", date(year, month + 1, 1), -length) - timedelta(days=1)
    return date(year, month + 1, 1), last


def _events(question: str) -> Iterator[_Span]:
    for event in load_timeline():
        for match in event.named(question):
            yield *match, event.first, event.last, event.id


def _joined(question: str, spans: list[_Span]) -> Iterator[_Span]:
    """Two dates with a "to" between them as one stretch."""
    waiting: _Span | None = None
    for span in spans:
        if waiting is not None and _RANGE.match(question[waiting[1] : span[0]]) and waiting[2] <= span[3]:
            waiting = (waiting[0], span[1], waiting[2], span[3], None)
            continue
        if waiting is not None:
            yield waiting
        waiting = span
    if waiting is not None:
        yield waiting


def _directed(question: str, spans: Iterator[_Span]) -> Iterator[Stretch]:
    """Stretches opened by "since", "after", "until" and "before"."""
    for start, end, first, last, event in spans:
        before, after, words = question[:start], question[end:], question[start:end]
        if _SINCE.search(before) or _SINCE_AFTER.match(after):
            yield Stretch(first, None, words, event)
        elif _LATER.search(before):
            yield Stretch(last, None, words, event)
        elif _UNTIL.search(before) or _UNTIL_AFTER.match(after):
            yield Stretch(None, last, words, event)
        else:
            yield Stretch(first, last, words, event)


def written(unit: str, year: int, month: int, day: int, language: str) -> str:
    """A day, month or year (`unit`) as the texts of a language write it."""
    if unit == "year":
        return f"{year}年" if language == "zh" else str(year)
    if language == "zh":
        return f"{year}年{month}月" + (f"{day}日" if unit == "day" else "")
    name = MONTHS["de" if language == "de" else "en"].split()[month - 1].capitalize()
    if unit == "month":
        return f"{name} {year}"
    return f"{day}. {name} {year}" if language == "de" else f"{day} {name} {year}"
