"""What one text says otherwise than another, in pieces that a person can read.

Lines are compared first, then words (Chinese: characters) within the lines that changed. A word that stayed the same
by chance between two that did not is shown with them: whole phrases read better than confetti.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from html import escape

from kb.models import Version

TOKEN = re.compile(r"[㐀-鿿豈-﫿]|\w+|\s+|[^\w\s]")

LONGEST = 4_000
"""Tokens of a changed part that are still compared one by one; in longer ones whole lines are exchanged."""

ALIKE = 0.3
"""Share of tokens that two lines have in common from which one is shown as a change of the other."""


class Kind(StrEnum):
    """Whether a piece stands in both texts, only in the newer, or only in the older."""

    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    kind: Kind = Kind.SAME


Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What `new` says otherwise than `old`. `lines` hold both texts: without the added pieces the old one."""

    old: Version
    new: Version
    title: Line
    lines: tuple[Line, ...]

    @property
    def added(self) -> int:
        """Characters that came in."""
        return _size(self.lines, Kind.ADDED)

    @property
    def removed(self) -> int:
        """Characters that went."""
        return _size(self.lines, Kind.REMOVED)

    def changed(self, around: int = 1) -> Iterator[Line | None]:
        """The lines that changed, each with `around` lines about it; None stands for what is left out."""
        marked = [at for at, line in enumerate(self.lines) if any(piece.kind is not Kind.SAME for piece in line)]
        wanted = sorted({at + by for at in marked for by in range(-around, around + 1)})
        before = -1
        for at in (at for at in wanted if 0 <= at < len(self.lines)):
            if at > before + 1:
                yield None
            yield self.lines[at]
            before = at
        if before + 1 < len(self.lines):
            yield None

    def _repr_html_(self) -> str:
        marks = {Kind.ADDED: "ins", Kind.REMOVED: "del"}
        rows = []
        for line in (self.title, *self.changed()):
            pieces = (
                f"<{marks[piece.kind]}>{escape(piece.text)}</{marks[piece.kind]}>"
                if piece.kind in marks
                else escape(piece.text)
                for piece in line or (Piece("…"),)
            )
            rows.append(f"<p>{''.join(pieces)}</p>")
        head = f"version {self.old.number} → {self.new.number}: +{self.added} −{self.removed} characters"
        return f"<p><small>{head}</small></p>{''.join(rows)}"


def between(old: Version, new: Version) -> Difference:
    """What `new` says otherwise than `old`."""
    title = next(iter(lines(old.title.replace("\n", " "), new.title.replace("\n", " "))), ())
    return Difference(old, new, title, tuple(lines(old.text, new.text)))


def lines(old: str, new: str) -> Iterator[Line]:
    """The lines of both texts in one order, in pieces; empty lines are left out."""
    before = [line for line in old.split("\n") if line]
    after = [line for line in new.split("\n") if line]
    for kind, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield from ((Piece(line),) for line in after[start:end])
        elif kind == "replace":
            yield from _replaced(before[first:last], after[start:end])
        else:
            yield from _whole(before[first:last], after[start:end])


def _replaced(before: list[str], after: list[str]) -> Iterator[Line]:
    """Lines exchanged for others: those that are alike are paired in their order, the rest came or went whole."""
    while before or after:
        pair = next(
            ((i, j) for total in range(len(before) + len(after) - 1) for i in range(total + 1)
             if i < len(before) and (j := total - i) < len(after) and _alike(before[i], after[j])),
            None,
        )  # fmt: skip
        if pair is None:
            yield from _whole(before, after)
            return
        yield from _whole(before[: pair[0]], after[: pair[1]])
        yield tuple(_words(before[pair[0]], after[pair[1]]))
        before, after = before[pair[0] + 1 :], after[pair[1] + 1 :]


def _whole(before: Iterable[str], after: Iterable[str]) -> Iterator[Line]:
    yield from ((Piece(line, Kind.REMOVED),) for line in before)
    yield from ((Piece(line, Kind.ADDED),) for line in after)


def _alike(old: str, new: str) -> bool:
    return SequenceMatcher(None, TOKEN.findall(old), TOKEN.findall(new), autojunk=False).quick_ratio() >= ALIKE


def _words(old: str, new: str) -> list[Piece]:
    before, after = TOKEN.findall(old), TOKEN.findall(new)
    if max(len(before), len(after)) > LONGEST:
        return [Piece(old, Kind.REMOVED), Piece(new, Kind.ADDED)]
    parts = [
        ("".join(before[first:last]), "".join(after[start:end]), kind == "equal")
        for kind, first, last, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    ]
    return list(_pieces(_joined(parts)))


def _joined(parts: Sequence[tuple[str, str, bool]]) -> list[tuple[str, str, bool]]:
    """Short pieces that stayed between two longer changes, joined with these."""
    joined: list[tuple[str, str, bool]] = []
    for at, (out, in_, same) in enumerate(parts):
        lonely = same and 0 < at < len(parts) - 1
        if lonely and len(out) < min(_length(parts[at - 1]), _length(parts[at + 1])) and len(out.strip()) < 4:
            same = False
        if joined and not same and not joined[-1][2]:
            joined[-1] = (joined[-1][0] + out, joined[-1][1] + in_, False)
        else:
            joined.append((out, in_, same))
    return joined


def _length(part: tuple[str, str, bool]) -> int:
    return max(len(part[0]), len(part[1]))


def _pieces(parts: Iterable[tuple[str, str, bool]]) -> Iterator[Piece]:
    for out, in_, same in parts:
        if same:
            yield Piece(in_)
            continue
        if out:
            yield Piece(out, Kind.REMOVED)
        if in_:
            yield Piece(in_, Kind.ADDED)


def _size(text: Iterable[Line], kind: Kind) -> int:
    return sum(len(piece.text) for line in text for piece in line if piece.kind is kind)
