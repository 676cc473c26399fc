"""A question in other words: the type alone, so that a search needs nothing of who made it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rephrased:
    """What a model made of a question: its parts, in its language, and the whole in other languages; `trouble` says why
    it made nothing of it."""

    parts: tuple[str, ...] = ()
    translations: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


NOTHING = Rephrased()
