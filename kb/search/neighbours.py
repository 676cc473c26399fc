"""Passages of one text that touch, as one: a reader, and a model, gets the whole of what was cut in two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kb.models import Passage


def joined(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """The passages with each that touches or overlaps an earlier one of its version put to that one, at the earlier
    one's place; ranks count from 1 again."""
    kept: list[Passage] = []
    for passage in passages:
        at = next((place for place, other in enumerate(kept) if _touch(passage, other)), None)
        if at is None:
            kept.append(passage)
        else:
            kept[at] = _one(kept[at], passage)
    return tuple(replace(passage, rank=rank) for rank, passage in enumerate(kept, 1))


def _touch(left: Passage, right: Passage) -> bool:
    """Whether nothing but blanks lies between two spans of one version."""
    if left.version.id != right.version.id:
        return False
    first, last = sorted((left, right), key=lambda passage: passage.start)
    return last.start <= first.end or not first.version.text[first.end : last.start].strip()


def _one(first: Passage, more: Passage) -> Passage:
    start, end = min(first.start, more.start), max(first.end, more.end)
    return replace(first, start=start, end=end, text=first.version.text[start:end])
