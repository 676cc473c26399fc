"""Quotations of a sentence, and whether they stand verbatim in a passage."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from kb.text.sentences import sentences

SENTENCE = 12
"""Characters of a short (Chinese) sentence."""

GAP = 120
"""Characters an ellipsis may leave out, within one sentence of the passage."""

_PAIRS = (
    r"“([^“”]+)”",
    r"„([^„“”\"]+)[“”\"]",
    r"»([^»«]+)«",
    r"«([^«»]+)»",
    r"「([^「」]+)」",
    r"『([^『』]+)』",
    r"(?<![\w])\"([^\"]+)\"",
    r"‚([^‚‘]+)‘",
    r"(?<![\w’])‘([^‘’]{3,}(?:’\w[^‘’]*)*)’(?!\w)",
    r"(?<![\w'])'([^'\n]{3,}(?:'\w[^'\n]*)*)'(?!\w)",
)
_QUOTED = re.compile("|".join(_PAIRS))
_ELLIPSIS = re.compile(r"\s*(?:[\[(]\s*(?:…+|\.{3}|……)\s*[\])]|…+|\.{3,}|\. \. \.)\s*")
_INSERTED = re.compile(r"\[[^\[\]]{1,40}\]")
_QUOTE_MARK = re.compile('[“”„«»「」『』"]')
_EDGES = " \t.,;:!?。，；：！？、-–—"
_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


class Found(StrEnum):
    """How a quotation stands in a passage."""

    VERBATIM = "verbatim"
    STITCHED = "stitched"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Quotation:
    """Quoted words: `start` and `end` span the marks, `text` is what stands between them."""

    start: int
    end: int
    text: str

    @property
    def is_term(self) -> bool:
        """Whether it is so short that it may be a name or an expression set off, rather than someone's words."""
        han = len(_HAN.findall(self.text))
        return han <= 6 if han else len(self.text.split()) <= 2

    @property
    def is_title(self) -> bool:
        """Whether it reads as the title of a work or case: most of its longer words have capitals."""
        words = [word for word in re.findall(r"[^\W\d_]+", self.text) if len(word) > 3]
        return len(words) > 1 and sum(word[0].isupper() for word in words) >= 0.7 * len(words)


@lru_cache(maxsize=2048)
def quotations(text: str) -> tuple[Quotation, ...]:
    """The quotations of `text`, in order; empty ones and single letters left out."""
    found = []
    for match in _QUOTED.finditer(text):
        content = next(group for group in match.groups() if group is not None)
        if len(content.strip(_EDGES)) > 1:
            found.append(Quotation(match.start(), match.end(), content))
    return tuple(found)


def locate(quote: str, passage: str) -> tuple[Found, int, int]:
    """How `quote` stands in `passage`, and where: offsets of its first and last character there, 0 and 0 if absent.

    White space, width, case and the shape of quotation marks and dashes do not count. What an ellipsis joins must
    stand in this order in one sentence and one quotation, not further apart than GAP characters.
    """
    plain, origin = _plain(passage)
    parts = [part for piece in _ELLIPSIS.split(quote) for part in _INSERTED.split(piece)]
    wanted = [_plain(part.strip(_EDGES))[0].strip(_EDGES) for part in parts]
    wanted = [part for part in wanted if part]
    if not wanted:
        return Found.ABSENT, 0, 0
    starts = _places(plain, wanted[0])
    if len(wanted) == 1:
        if not starts:
            return Found.ABSENT, 0, 0
        return Found.VERBATIM, origin[starts[0]], origin[starts[0] + len(wanted[0]) - 1] + 1
    if not all(_places(plain, part) for part in wanted):
        return Found.ABSENT, 0, 0
    ends = [end for _, end in sentences(passage)]
    for start in starts:
        if (end := _follow(plain, wanted, start)) and not (
            any(origin[start] < stop <= origin[end - 1] for stop in ends)
            or _QUOTE_MARK.search(passage, origin[start], origin[end - 1])
        ):
            return Found.VERBATIM, origin[start], origin[end - 1] + 1
    return Found.STITCHED, origin[starts[0]], origin[starts[0]] + 1


def stands_in(words: str, passage: str) -> bool:
    """Whether some words, at least a short sentence of them, stand in the passage as they are and as a clause:
    what follows "denied that" does not."""
    wanted = _plain(words)[0].strip(_EDGES)
    if len(wanted) < SENTENCE:
        return False
    plain, origin = _plain(passage)
    for at in _places(plain, wanted):
        end = at + len(wanted)
        before = passage[: origin[at]].rstrip(" \t")[-1:]
        after = passage[origin[end - 1] + 1 :].lstrip(" \t")[:1]
        if not (before.isalnum() or after.isalnum()):
            return True
    return False


def omitted(quote: str, passage: str) -> str:
    """What the ellipses of a verbatim quotation leave out of the passage."""
    found, start, end = locate(quote, passage)
    parts = [part.strip(_EDGES) for part in _ELLIPSIS.split(quote)]
    if found is not Found.VERBATIM or len(parts) < 2:
        return ""
    left = passage[start:end]
    for part in parts:
        left = left.replace(part, " … ", 1)
    return left


def _follow(plain: str, parts: Sequence[str], start: int) -> int:
    """The end of the last part if all follow each other closely from `start`, else 0."""
    end = start + len(parts[0])
    for part in parts[1:]:
        at = plain.find(part, end)
        if at < 0 or at - end > GAP:
            return 0
        end = at + len(part)
    return end


def _places(plain: str, part: str) -> list[int]:
    """Where `part` stands in `plain` as whole words."""
    found = []
    at = plain.find(part)
    while at >= 0:
        before, after = plain[at - 1 : at], plain[at + len(part) : at + len(part) + 1]
        if not (_joins(before, part[0]) or _joins(part[-1], after)):
            found.append(at)
        at = plain.find(part, at + 1)
    return found


def _joins(left: str, right: str) -> bool:
    """Whether two neighbouring characters are inside one word of a script with spaces."""
    return bool(left and right) and left.isalnum() and right.isalnum() and not (_HAN.match(left) or _HAN.match(right))


_SAME = {**dict.fromkeys('“”„«»‹›「」『』"', '"'), **dict.fromkeys("‘’‚'`´", "'"), **dict.fromkeys("–—−‐‑", "-")}


@lru_cache(maxsize=512)
def _plain(text: str) -> tuple[str, tuple[int, ...]]:
    """The text folded for comparison, and for each of its characters the offset it comes from."""
    chars: list[str] = []
    origin: list[int] = []
    for offset, char in enumerate(text):
        for folded in unicodedata.normalize("NFKC", _SAME.get(char, char)).casefold():
            folded = _SAME.get(folded, folded)
            if folded == '"':
                continue
            if folded.isspace():
                # A space beside a Chinese character carries nothing.
                if not chars or chars[-1] == " " or _HAN.match(chars[-1]):
                    continue
                folded = " "
            elif chars and chars[-1] == " " and _HAN.match(folded):
                chars.pop()
                origin.pop()
            chars.append(folded)
            origin.append(offset)
    return "".join(chars), tuple(origin)
