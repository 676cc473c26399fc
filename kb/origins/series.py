"""Texts that differ in what they are about and hardly in their words: "12th package" and "13th", a daily report.

Two texts of one language are laid side by side. Where one has a figure, a date or a number of order and the
other has another one in the same place, they conflict; a copy of a story changes words, a number of a series
changes figures. So conflicts weigh by how often they come compared with changed words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from kb.text.entities import load_entities
from kb.verifying.dates import days
from kb.verifying.numerals import HAN_NUMERAL, from_digits, from_han, ordinal_words, words
from kb.verifying.reading import HAN, fold

HEAD = 4000
"""Characters of a text that are laid side by side."""

LEAD = 300
"""Characters that say what a text is about; of Chinese ones half as many."""

_MARKED = re.compile(
    rf"第\s?(?P<han>\d+|[{HAN_NUMERAL}]+)|(?P<number>\d+)\s?号|(?<![\w.,])(?P<order>\d{{1,4}})(?:st|nd|rd|th)\b"
    r"|(?<![\w.,])(?P<de>\d{1,3})\.(?=\s+[A-ZÄÖÜ][a-zäöü])"
    r"|\b(?:No|Nos|Nr|Number|Nummer|Order|Announcement|Docket|Section|Article|Artikel)\.?\s?(?P<no>\d[\d./-]*)"
    r"|\b(?P<document>\d{2,5}[/-]\d{2,6})\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![A-Za-z0-9_])\d+(?:[.,' ]\d{3})*(?:[.,]\d+)?")
_WORD = re.compile(r"[^\W\d_\u3400-\u9fff]+|[\u3400-\u9fff]|\d[\d.,]*")


@dataclass(frozen=True, slots=True)
class Token:
    """A word, or with a `kind` (day, order, figure, name) something that tells one matter from another."""

    start: int
    value: str
    kind: str = ""

    @property
    def masked(self) -> str:
        return self.kind or self.value


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Places where two texts have different figures (`figures`), numbers of order (`orders`) or days; those that
    agree; and the share of their other words that differ."""

    figures: int
    orders: int
    days: int
    lead_figures: int
    lead_orders: int
    agreed: int
    changed: float

    @property
    def rate(self) -> float:
        """The share of figures, orders and days that conflict."""
        conflicting = self.figures + self.orders + self.days
        return conflicting / (conflicting + self.agreed) if conflicting else 0.0


def another_number(title: str, text: str, other_title: str, other_text: str) -> bool:
    """Whether two texts that are alike are two numbers of a series, not two copies; the order does not matter."""
    if (other_title, other_text) < (title, text):
        title, text, other_title, other_text = other_title, other_text, title, text
    if _titles_differ(title, other_title):
        return True
    found = conflicts(text[:HEAD], other_text[:HEAD])
    if found.lead_orders:
        return True
    many = found.figures + found.orders + found.days >= 2
    # Between a slip here and there and another wording altogether, changed figures are part of the editing.
    if many and (found.rate > max(0.25, 2 * found.changed) or (found.rate >= 0.2 and found.changed > 0.15)):
        return True
    return bool(found.lead_figures) and found.rate > 0.12 and found.rate > 3 * found.changed


def _titles_differ(title: str, other: str) -> bool:
    """Whether two headlines name different numbers, days or names in one form of words, or different numbers of
    order in any."""
    left, right = (list(tokens(each[:LEAD], names=True)) for each in (title, other))
    first = {item.value for item in left if item.kind == "order"}
    second = {item.value for item in right if item.kind == "order"}
    if first and second and not first & second:
        return True
    matcher = SequenceMatcher(None, [each.masked for each in left], [each.masked for each in right], autojunk=False)
    alike = matcher.ratio()
    if alike < 0.75:
        return False
    # A chip maker for its name is an editor's choice: names count where nothing else was changed.
    for kind in ("order", "figure", "day") if alike < 0.95 else ("order", "figure", "day", "name"):
        first = {item.value for item in left if item.kind == kind}
        second = {item.value for item in right if item.kind == kind}
        if first - second and second - first:
            return True
    return False


def conflicts(text: str, other: str) -> Conflicts:
    """Lay two texts of one language side by side."""
    left, right = _laid_out(text), _laid_out(other)
    lead = LEAD if not HAN.search(text[:100]) else LEAD // 2
    counts = dict.fromkeys(("figure", "order", "day", "lead figure", "lead order", "lead day"), 0)
    agreed = 0
    for context in left.places.keys() & right.places.keys():
        for one, two in zip(left.places[context], right.places[context], strict=False):
            if one.value == two.value:
                agreed += 1
            elif one.value not in right.known and two.value not in left.known:
                counts[one.kind] += 1
                counts[f"lead {one.kind}"] += min(one.start, two.start) < lead
    most = max(left.words.total(), right.words.total(), 1)
    return Conflicts(
        counts["figure"],
        counts["order"],
        counts["day"],
        counts["lead figure"],
        counts["lead order"],
        agreed,
        1 - (left.words & right.words).total() / most,
    )


@dataclass(frozen=True, slots=True)
class _Text:
    """A text for comparing: its figures, orders and days by kind and the words around them, and its other words."""

    places: Mapping[tuple[str, ...], Sequence[Token]]
    known: frozenset[str]
    words: Counter[str]


@lru_cache(maxsize=256)
def _laid_out(text: str) -> _Text:
    found = list(tokens(text))
    places: dict[tuple[str, ...], list[Token]] = {}
    masked = ["", "", "", *(item.masked for item in found), "", ""]
    for at, item in enumerate(found):
        if item.kind:
            before = masked[at : at + 3]
            # A Chinese character is less of a context than a word.
            wide = bool(HAN.match(before[-1]))
            after = masked[at + 4 : at + (6 if wide else 5)]
            places.setdefault((item.kind, *(before if wide else before[1:]), *after), []).append(item)
    known = frozenset(item.value for item in found if item.kind)
    return _Text(places, known, Counter(item.value for item in found if not item.kind))


def tokens(text: str, names: bool = False) -> Iterator[Token]:
    """The words of a text in order, with its days, numbers of order, figures and (if asked for) names as such."""
    folded = fold(text)
    found: list[tuple[int, int, str, str]] = []
    for day in days(folded):
        if day.month and day.day:
            found.append((day.start, day.end, "day", f"{day.month}-{day.day}"))
        elif day.weekday:
            found.append((day.start, day.end, "day", f"weekday {day.weekday}"))
    if names:
        for mention in load_entities().mentions(folded):
            if not any(map(str.isdigit, folded[mention.start : mention.end])):
                found.append((mention.start, mention.end, "name", " ".join(sorted(mention.ids))))
    for match in _MARKED.finditer(folded):
        written = next(group for group in match.groups() if group)
        number = from_han(written) if written[0] in HAN_NUMERAL else None
        found.append((match.start(), match.end(), "order", f"{number:.0f}" if number else written.strip("./-")))
    for match in _NUMBER.finditer(folded):
        found.append((match.start(), match.end(), "figure", f"{from_digits(match.group(), 'en'):g}"))
    numbers, orders = words(), ordinal_words()
    for match in _WORD.finditer(folded):
        word = match.group().lower()
        if word in orders:
            found.append((match.start(), match.end(), "order", str(orders[word])))
        elif numbers.get(word, 0) > 1:
            found.append((match.start(), match.end(), "figure", str(numbers[word])))
        else:
            found.append((match.start(), match.end(), "", word))
    end = 0
    for start, stop, kind, value in sorted(found, key=lambda item: (item[0], not item[2], -item[1])):
        if start >= end:
            yield Token(start, value, kind)
            end = stop
