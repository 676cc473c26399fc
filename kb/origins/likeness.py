"""Whether two texts of one language are the same story: decided from the texts alone, in either order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from kb.origins.series import another_number
from kb.origins.shingles import Shingles, enough, overlap, shingle_size, shingles, signature
from kb.text.han import simplified

WINDOW = 7
"""Days that two dated articles may lie apart."""

SAME = 0.4
"""Jaccard likeness from which two texts are the same story. (Measured on Chinese news: two reports of one event in
their own words seldom share 0.35; copies with one word in ten changed share 0.6, with one letter in ten 0.42.)"""

SAME_CREDIT, OTHER_CREDIT = 0.35, 0.5
"""The same, if both texts credit an agency: the same one, or different ones."""

EXCERPT = 0.85
"""Share of the shorter text that stands in the longer one, if that is a cut version of it."""

SHORTEST_EXCERPT = 0.4
"""Length of an excerpt, as a share of the whole; a text that quotes a note is no copy of it."""

STUB = 400
"""Shingles up to which a text that one outlet prints under two headlines is a stub or a notice, not a story."""

CANDIDATE = 0.22
"""Estimated likeness from which two texts are compared exactly: three standard errors below SAME_CREDIT."""


@dataclass(frozen=True, slots=True)
class Told:
    """A version as it is compared: what it says, who prints it, whom it credits."""

    title: str
    text: str
    source: str
    credits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """What is kept of a text to find others like it. `signature` is None for a text too short to compare."""

    size: int
    signature: npt.NDArray[np.uint8] | None


def trace(text: str) -> Trace:
    size, found = _shingled(text)
    return Trace(size, signature(found) if enough(found, size) else None)


def copied(one: Told, other: Told) -> float | None:
    """How alike two texts are (Jaccard, 0 to 1) if they are one story, else None."""
    size, left = _shingled(one.text)
    other_size, right = _shingled(other.text)
    if size != other_size or not (enough(left, size) and enough(right, size)):
        return None
    both, smaller = overlap(left, right)
    excerpt = smaller >= EXCERPT and _ratio(left, right) >= SHORTEST_EXCERPT
    if both < _wanted(one.credits, other.credits) and not excerpt:
        return None
    short = max(len(left), len(right)) < STUB
    if short and one.source == other.source and not _headlines_alike(one.title, other.title):
        return None
    return None if _another_number(one, other, size) else both


def continued(one: Told, other: Told) -> tuple[bool, str]:
    """Whether two texts that their publisher gives one name are states of one story, and by what that is told.

    A story that grows keeps what stood there, so an excerpt may be as short as it likes; a name that is used for a new
    text, or for the next number of a series, says nothing.
    """
    if (one.title, one.text) == (other.title, other.text):
        return True, "the text is the same"
    size, left = _shingled(one.text)
    other_size, right = _shingled(other.text)
    if size != other_size:
        return False, "the texts are in different scripts"
    if not (enough(left, size) and enough(right, size)):
        return False, "the texts are too short to compare"
    both, smaller = overlap(left, right)
    found = f"{both:.0%} of both texts and {smaller:.0%} of the shorter one agree"
    if both < SAME and smaller < EXCERPT:
        return False, found
    if _another_number(one, other, size):
        return False, f"{found}, but they are two numbers of a series"
    return True, found


def _another_number(one: Told, other: Told, size: int) -> bool:
    texts = (one.title, one.text, other.title, other.text)
    # Else every word of a copy in the other script would count as changed.
    return another_number(*(map(simplified, texts) if size == 3 else texts))


@lru_cache(maxsize=128)
def _shingled(text: str) -> tuple[int, Shingles]:
    size = shingle_size(text)
    return size, shingles(text, size)


def _wanted(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    if not (one and other):
        return SAME
    return SAME_CREDIT if set(one) & set(other) else OTHER_CREDIT


def _ratio(one: Shingles, other: Shingles) -> float:
    return min(len(one), len(other)) / max(len(one), len(other))


def _headlines_alike(one: str, other: str) -> bool:
    left, right = shingles(one, 3), shingles(other, 3)
    return not (len(left) and len(right)) or overlap(left, right)[0] >= 0.5
