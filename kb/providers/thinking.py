"""Telling the answer from the thinking while it streams.

Most vendors send thinking in a field of its own; some models write it into the text between <think> tags at
its start. Either way it is never part of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

OPENING, CLOSING = "<think>", "</think>"


@dataclass(frozen=True, slots=True)
class Delta:
    """What came next: a piece of the answer, or of the thinking before it."""

    text: str = ""
    thinking: str = ""


class Flow:
    """Sorts what comes into text and thinking, and keeps both.

    A tag may be cut anywhere between two pieces, and so may a character that JSON wrote as two escapes.
    """

    def __init__(self) -> None:
        self.text = ""
        self.thinking = ""
        self.shown = False
        self._held = ""
        self._half = ""
        self._state = "start"

    def feed(self, text: str, thinking: str = "") -> Iterator[Delta]:
        if thinking:
            yield from self._emit(thinking=_whole(thinking))
        if text:
            text = self._half + text
            self._half = ""
            if "\ud800" <= text[-1] <= "\udbff":
                text, self._half = text[:-1], text[-1]
            yield from self._sort(_whole(text))

    def end(self) -> Iterator[Delta]:
        """What was held back because it might have become a tag."""
        held, self._held = self._held, ""
        if self._state == "thinking":
            yield from self._emit(thinking=held)
        else:
            yield from self._emit(text=held)

    def _sort(self, text: str) -> Iterator[Delta]:
        if self._state == "gap" and (text := text.lstrip()):
            self._state = "answer"
        if self._state in ("gap", "answer"):
            yield from self._emit(text=text)
            return
        self._held += text
        if self._state == "start":
            begun = self._held.lstrip()
            if begun.startswith(OPENING):
                self._state, self._held = "thinking", begun[len(OPENING) :]
            elif OPENING.startswith(begun):
                return
            else:
                self._state, held, self._held = "answer", self._held, ""
                yield from self._emit(text=held)
                return
        before, tag, after = self._held.partition(CLOSING)
        if tag:
            self._state, self._held = "gap", ""
            yield from self._emit(thinking=before)
            yield from self._sort(after)
            return
        keep = max((n for n in range(1, len(CLOSING)) if before.endswith(CLOSING[:n])), default=0)
        self._held = before[len(before) - keep :]
        yield from self._emit(thinking=before[: len(before) - keep])

    def _emit(self, text: str = "", thinking: str = "") -> Iterator[Delta]:
        if text or thinking:
            self.text += text
            self.thinking += thinking
            self.shown = True
            yield Delta(text, thinking)


def _whole(text: str) -> str:
    """`text` with pairs of surrogates joined and lone ones replaced, so that it can be written as UTF-8."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
