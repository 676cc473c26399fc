"""Dates: what a string says, and which of several witnesses to a publication date is believed.

A time without a zone is a time only if the source's zone is known; otherwise it is the day that is printed, no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import timezone as fixed
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kb.errors import UsageError
from kb.models import Precision, Published

EARLIEST = datetime(1985, 1, 1, tzinfo=UTC)
"""Older dates on a web page are placeholders (1970-01-01, 0001-01-01) or stand in the text."""

AHEAD = timedelta(days=1)
"""How far after the fetch a date may lie: clocks and zones, not announcements."""

PREFERENCE = ("given", "json-ld", "meta", "feed", "url", "time-tag", "file", "text", "sitemap")
"""Witnesses, the best first. A text names many days, a sitemap says only when a page changed."""

_MONTHS = {
    1: "jan january januar jänner jaenner januari",
    2: "feb february februar feber",
    3: "mar march mär märz maerz mrz",
    4: "apr april",
    5: "may mai",
    6: "jun june juni",
    7: "jul july juli",
    8: "aug august",
    9: "sep sept september",
    10: "oct october okt oktober",
    11: "nov november",
    12: "dec december dez dezember",
}
MONTHS = {name: month for month, names in _MONTHS.items() for name in names.split()}

ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "bst": 60, "west": 60, "cet": 60, "mez": 60, "cest": 120,
    "mesz": 120, "eet": 120, "eest": 180, "msk": 180, "ist": 330, "hkt": 480, "sgt": 480, "jst": 540, "kst": 540,
    "aest": 600, "aedt": 660, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "et": -300, "pt": -480,
}  # fmt: skip
"""Minutes east of UTC by abbreviation. CST is also China's: see `parse`."""

CHINA = ("Asia/Shanghai", "Asia/Taipei", "Asia/Macau", "PRC", "ROC")

_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_DAYS = (
    # Year first; also compact and Chinese.
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)-(?P<m>\d{1,2})(?:-(?P<d>\d{1,2}))?(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)([/.])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?!\d)"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)\s*年\s*(?P<m>\d{1,2})\s*月(?:\s*(?P<d>\d{1,2})\s*[日号號])?"),
    re.compile(r"(?<!\d)(?P<y>(?:19|20)\d\d)(?P<m>[01]\d)(?P<d>[0-3]\d)(?=T?\d{6}\b|T?\d{4}\b|(?!\d))"),
    # Day first with a name, month name first, day first in numbers with dots.
    re.compile(
        rf"{_WEEKDAY}(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\.?[\s-]+(?P<m>{_MONTH})\b\.?,?[\s-]+(?P<y>\d{{4}})", re.I
    ),
    re.compile(rf"{_WEEKDAY}(?<!\d)(?P<d>\d{{1,2}})\s+(?P<m>{_MONTH})\s+(?P<y>\d{{2}})(?=\s+\d\d:)", re.I),
    re.compile(rf"\b(?P<m>{_MONTH})\b\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>(?:19|20)\d\d)(?!\d)", re.I),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>(?:19|20)\d\d)(?!\d)"),
    re.compile(r"(?<!\d)(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d\d)(?!\d)"),
    # "July 2024": the month is all that is said.
    re.compile(rf"(?<!\d )(?<!\d\. )\b(?P<m>{_MONTH})\b\.?,?\s+(?P<y>(?:19|20)\d\d)(?!\d)", re.I),
)
_SLASHES = re.compile(r"(?<!\d)(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>(?:19|20)\d\d)(?!\d)")
_TIME = re.compile(
    r"^[T\s,|·•–—-]*(?:um|at|[日星期周一二三四五六天]{1,4})?\s*"
    r"(?P<half>上午|下午|晚上)?\s*(?P<h>\d{1,2})(?:[:.：时時点](?P<n>\d{2}))(?:[:：分](?P<s>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<ap>[ap]\.?m\.?)?\s*(?:uhr|h)?\s*\(?(?P<zone>Z\b|(?:GMT|UTC)?\s?[+\-−]\d{1,2}:?(?:\d{2})?"
    r"|[A-Za-z]{2,4}\b)?",
    re.I,
)
_COMPACT_TIME = re.compile(r"^T?(?P<h>\d{2})(?P<n>\d{2})(?P<s>\d{2})?(?P<zone>Z|[+-]\d{4})?(?!\d)")
_EPOCH = re.compile(r"^\s*1\d{9}(?:\d{3})?\s*$")
_YEAR = re.compile(r"^\s*((?:19|20)\d\d)\s*$")
_OFFSET = re.compile(r"(?:GMT|UTC)?\s?([+\-−])(\d{1,2}):?(\d{2})?$", re.I)

_URL_DAYS = (
    re.compile(r"[/_-](?P<y>(?:19|20)\d\d)[/_-](?P<m>0?[1-9]|1[0-2])[/_-](?P<d>[0-2]?\d|3[01])(?=[/_.-]|$)"),
    re.compile(r"[/_-]t?(?P<y>(?:19|20)\d\d)[/_-]?(?P<m>0[1-9]|1[0-2])[/_-]?(?P<d>[0-2]\d|3[01])(?=\D|$)"),
    re.compile(r"/(?P<y>20\d\d)[/-](?P<m>0[1-9]|1[0-2])(?=/)"),
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one witness says: the time, and the day as it is printed there, which may be another one than in UTC."""

    published: Published
    day: date


@dataclass(frozen=True, slots=True)
class Dated:
    """The publication date believed, why, and what all witnesses said. `published` None: no date stays no date."""

    published: Published | None
    day: date | None
    reason: str
    witnesses: tuple[Published, ...] = ()


def parse(text: str, witness: str, timezone: str | None = None, *, chinese: bool = False) -> Published | None:
    """The time of `said`, for those who do not ask how it was printed."""
    found = said(text, witness, timezone, chinese=chinese)
    return found.published if found is not None else None


def said(text: str, witness: str, timezone: str | None = None, *, chinese: bool = False) -> Said | None:
    """The first date in `text`, in English, German or Chinese or as machines write it; None if there is none.

    `timezone` is the source's zone (IANA name): it is what a time without a zone is read in, and what the
    abbreviation CST means, which is China's in China and America's elsewhere. `chinese` says the same of a source
    whose zone is not known.
    """
    text = text[:400]
    if _EPOCH.match(text):
        seconds = int(text)
        then = datetime.fromtimestamp(seconds / (1000 if seconds > 10**11 else 1), UTC)
        return Said(Published(then, Precision.TIME, witness), then.date())
    if year := _YEAR.match(text):
        return _on(date(int(year[1]), 1, 1), Precision.YEAR, witness)
    found: re.Match[str] | None = None
    for pattern in _DAYS:
        match = pattern.search(text)
        if match and (found is None or match.start() < found.start()) and _day(match) is not None:
            found = match
    if found is None:
        return _slashes(text, witness)
    day = _day(found)
    assert day is not None
    if found.groupdict().get("d") is None:
        return _on(day, Precision.MONTH, witness)
    rest = text[found.end() :]
    clock = _COMPACT_TIME.match(rest) or _TIME.match(rest)
    at = _at(day, clock, timezone, chinese) if clock else None
    return Said(Published(at, Precision.TIME, witness), day) if at else _on(day, Precision.DAY, witness)


def _on(day: date, precision: Precision, witness: str) -> Said:
    return Said(Published(datetime(day.year, day.month, day.day, tzinfo=UTC), precision, witness), day)


def from_url(url: str) -> Said | None:
    """The day or month that stands in an address's path, as many outlets put it there."""
    path = url.split("://", 1)[-1].partition("/")[2].partition("?")[0]
    for pattern in _URL_DAYS:
        for match in pattern.finditer("/" + path):
            if (day := _day(match)) is not None and day.year >= 1995:
                precision = Precision.DAY if match.groupdict().get("d") else Precision.MONTH
                return _on(day, precision, "url")
    return None


def choose(witnesses: Iterable[Said], fetched: datetime) -> Dated:
    """The witness to believe: the preferred one that is possible, unless more others agree on an earlier day.

    A date more than a day after `fetched`, or before 1985, is no witness at all.
    """
    all_said = tuple(sorted(witnesses, key=lambda one: PREFERENCE.index(one.published.witness)))
    everything = tuple(one.published for one in all_said)
    possible = [one for one in all_said if EARLIEST <= one.published.at <= fetched + AHEAD]
    if not possible:
        reason = "every date on it lies in the future or before 1985" if all_said else "nothing on it names a date"
        return Dated(None, None, reason, everything)
    first = possible[0]
    reason = f"{first.published.witness} says so"
    holders = {one.published.witness for one in possible if _agree(one.published, first.published)}
    for one in possible[1:] if first.published.witness not in ("given", "feed") else ():
        backers = {other.published.witness for other in possible if _agree(other.published, one.published)}
        exact = one.published.precision in (Precision.DAY, Precision.TIME)
        if exact and len(backers) > len(holders) and one.published.at < first.published.at:
            reason = f"{' and '.join(sorted(backers))} agree against {first.published.witness}"
            first = one
            break
    for finer in _FINER.get(first.published.precision, ()):
        for one in possible:
            if one.published.precision is finer and _within(one, first):
                reason = f"{one.published.witness} says exactly what {first.published.witness} says roughly"
                first = one
                break
    return Dated(first.published, _printed(first, possible), reason, everything)


_FINER = {
    Precision.YEAR: (Precision.MONTH, Precision.DAY, Precision.TIME),
    Precision.MONTH: (Precision.DAY, Precision.TIME),
    Precision.DAY: (Precision.TIME,),
}


def _within(one: Said, rough: Said) -> bool:
    """Whether a more exact statement lies in the year, month or day of a rough one, as both are printed."""
    length = {Precision.YEAR: 4, Precision.MONTH: 7}.get(rough.published.precision, 10)
    return one.day.isoformat()[:length] == rough.day.isoformat()[:length]


def _printed(first: Said, possible: list[Said]) -> date:
    """The day the outlet itself counts: a machine's UTC time after midnight is the evening before in America."""
    days = [one for one in possible if one.published.precision is Precision.DAY]
    told = [one.day for one in days if one.published.witness in ("url", "time-tag", "text")]
    told = [one.day for one in days if one.published.witness == "url"] or told
    in_utc = first.published.precision is Precision.TIME and first.published.at.date() == first.day
    if in_utc and first.day not in told:
        return next((day for day in told if abs((day - first.day).days) <= 1), first.day)
    return first.day


def _agree(one: Published, other: Published) -> bool:
    """Whether both can be the same publication: a month holds its days, zones may move a day by one."""
    coarse = min(
        (one.precision, other.precision), key=(Precision.YEAR, Precision.MONTH, Precision.DAY, Precision.TIME).index
    )
    if coarse is Precision.YEAR:
        return one.at.year == other.at.year
    if coarse is Precision.MONTH:
        return (one.at.year, one.at.month) == (other.at.year, other.at.month)
    return abs(one.at - other.at) <= timedelta(hours=36)


def _day(match: re.Match[str]) -> date | None:
    groups = match.groupdict()
    month = MONTHS.get(groups["m"].lower()) or (int(groups["m"]) if groups["m"].isdigit() else 0)
    year = int(groups["y"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    try:
        return date(year, month, int(groups.get("d") or 1))
    except ValueError:
        return None


def _slashes(text: str, witness: str) -> Said | None:
    """3/14/2024 can be read in one way only, 3/4/2024 in two: that is no date."""
    for match in _SLASHES.finditer(text):
        first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
        if first > 12 or first == second:
            first, second = second, first
        elif second <= 12:
            continue
        try:
            return _on(date(year, first, second), Precision.DAY, witness)
        except ValueError:
            continue
    return None


def _at(day: date, clock: re.Match[str], timezone: str | None, chinese: bool) -> datetime | None:
    groups = clock.groupdict()
    hour, minute, second = int(groups["h"]), int(groups["n"] or 0), int(groups["s"] or 0)
    half = (groups.get("ap") or groups.get("half") or "").lower()
    if half.startswith("p") or half in ("下午", "晚上"):
        hour = hour % 12 + 12
    elif half.startswith("a"):
        hour %= 12
    try:
        naive = datetime(day.year, day.month, day.day, hour, minute, min(second, 59))
    except ValueError:
        return None
    zone = _zone((groups.get("zone") or "").strip(), timezone, chinese)
    return naive.replace(tzinfo=zone).astimezone(UTC) if zone is not None else None


def _zone(name: str, timezone: str | None, chinese: bool) -> fixed | ZoneInfo | None:
    if name.lower() == "cst" and (chinese or timezone in CHINA):
        return fixed(timedelta(hours=8))
    if name.lower() in ZONES:
        return fixed(timedelta(minutes=ZONES[name.lower()]))
    if match := _OFFSET.match(name):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        return fixed(timedelta(minutes=minutes if match[1] == "+" else -minutes)) if minutes <= 14 * 60 else None
    return zone_of(timezone) if timezone else None


def zone_of(timezone: str) -> ZoneInfo:
    """The zone of an IANA name. Raises UsageError for a name that is none."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        raise UsageError(f"{timezone!r} is no time zone; write it as Asia/Shanghai or Europe/Berlin") from None


def with_witness(published: Published, witness: str) -> Published:
    return replace(published, witness=witness)
