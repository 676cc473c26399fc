"""Citation markers: out of a model's stream, into numbers that resolve.

Models write [1], [1, 2], [1][2], 【1】 or ［１］. All become [1][2] with numbers of passages that were
shown; a number that was not shown never reaches a reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kb.errors import BadCitation
from kb.text.sentences import sentences

OPEN = "[【［"
CLOSE = "]】］"
MARKER = re.compile(r"\[(\d{1,3})\]")
_LIST = re.compile(r"^\s*(\d{1,3})(?:\s*[,，、;–-]\s*(\d{1,3}))*\s*$")
LONGEST = 24
"""Characters after an opening bracket within which a marker must close; longer text is not a marker."""


class Markers:
    """Normalises the markers of one answer as it streams, and remembers the numbers that do not resolve."""

    def __init__(self, shown: int) -> None:
        self._shown = shown
        self._held = ""
        self.bad: list[int] = []

    def feed(self, text: str) -> str:
        """The text that can be shown now; an unfinished marker is held back."""
        return "".join(self._pass(character) for character in text)

    def end(self) -> str:
        """What was held back when the stream ended."""
        held, self._held = self._held, ""
        return held

    def _pass(self, character: str) -> str:
        if not self._held:
            if character in OPEN:
                self._held = character
                return ""
            return character
        self._held += character
        if character in CLOSE:
            held, self._held = self._held, ""
            return self._marker(held)
        if len(self._held) > LONGEST or character in OPEN:
            held, self._held = self._held, ""
            return held
        return ""

    def _marker(self, held: str) -> str:
        if not _LIST.match(held[1:-1]):
            return held
        numbers = [int(number) for number in re.findall(r"\d+", held)]
        self.bad += [number for number in numbers if not 1 <= number <= self._shown]
        return "".join(f"[{number}]" for number in dict.fromkeys(numbers) if 1 <= number <= self._shown)


def split(sentence: str) -> tuple[str, tuple[int, ...]]:
    """A sentence without its markers, and their numbers in order of appearance."""
    numbers = tuple(dict.fromkeys(int(number) for number in MARKER.findall(sentence)))
    bare = re.sub(r"\s+([.,;:!?。！？，；：])", r"\1", MARKER.sub("", sentence))
    return re.sub(r"[ \t]{2,}", " ", bare).strip(), numbers


def recited(sentence: str, number: int) -> str:
    """The sentence with one marker, where its first one stands."""
    first = MARKER.search(sentence)
    assert first is not None, "only a cited sentence is cited anew"
    return f"{sentence[: first.start()]}[{number}]{MARKER.sub('', sentence[first.end() :])}"


def carried_back(text: str) -> str:
    """The text with the markers of a sentence also at the uncited sentences before it in its paragraph.

    Writers put one marker at the end of what one passage says; each of the sentences is then checked
    against that passage.
    """
    spans = sentences(text)
    found = list(text)
    later: list[int] = []
    for number in range(len(spans) - 1, -1, -1):
        start, end = spans[number]
        following = spans[number + 1][0] if number + 1 < len(spans) else len(text)
        if "\n" in text[end:following]:
            later = []
        bare, own = split(text[start:end])
        if own:
            later = list(own)
        elif bare and later:
            found.insert(end, " " * (not text[end - 1].isspace()) + "".join(f"[{mark}]" for mark in later))
    return "".join(found)


def check(numbers: Iterable[int], shown: int) -> None:
    """Raise BadCitation if a number is not one of 1..shown."""
    if bad := [number for number in numbers if not 1 <= number <= shown]:
        raise BadCitation(bad)


def cited(sentences: Iterable[tuple[int, ...]]) -> Iterator[int]:
    """The numbers cited anywhere, ascending."""
    yield from sorted({number for numbers in sentences for number in numbers})
