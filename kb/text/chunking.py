"""Version text → chunks: spans of whole sentences, of a size the embedder reads whole.

Sentences are packed in order until a chunk is full; the next one begins with the last sentences of
the one before, so that what is said across a boundary stands in one of them whole. Spans are exact:
`chunk.text == text[chunk.start:chunk.end]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from kb.models import Chunk, digest
from kb.text.sentences import sentences

CHUNKER = "sentences-220-40-4"
"""Name and revision of the chunker and of the terms beside it; a store is bound to it."""

SIZE = 220
"""Most tokens of a chunk, as the embedder counts: about 900 characters of English, 330 of Chinese."""

OVERLAP = 40
"""Most tokens that a chunk repeats of the one before it."""

LONGEST = 1_000
"""Characters of a piece that is not cut further before it is counted: a longer one has no sentences in it."""

_CLAUSE = re.compile(r"[,;:，；：、]\s*|\s+")


def chunks(version_id: str, text: str, language: str, tokens: Callable[[str], int]) -> Iterator[Chunk]:
    """The chunks of a version in reading order; `tokens` counts what the embedder would read."""
    for position, (start, end) in enumerate(spans(text, tokens)):
        identity = digest("chunk", version_id, str(position), CHUNKER)
        yield Chunk(identity, version_id, position, start, end, text[start:end], language)


def spans(text: str, tokens: Callable[[str], int]) -> list[tuple[int, int]]:
    """Start and end of each chunk in `text`, ascending; no chunk is blank."""
    pieces = [piece for start, end in sentences(text) for piece in _pieces(text, start, end, tokens)]
    found: list[tuple[int, int]] = []
    first = size = 0
    for number, (_, _, count) in enumerate(pieces):
        if size and size + count > SIZE:
            found.append((pieces[first][0], pieces[number - 1][1]))
            first, size = _overlap(pieces, first, number, SIZE - count)
        size += count
    if pieces:
        found.append((pieces[first][0], pieces[-1][1]))
    return found


def _overlap(pieces: list[tuple[int, int, int]], first: int, number: int, room: int) -> tuple[int, int]:
    """Where the chunk after `number - 1` begins, and the tokens it repeats: at most OVERLAP, and at most `room`."""
    start, size = number, 0
    while start - 1 > first and size + pieces[start - 1][2] <= min(OVERLAP, room):
        start -= 1
        size += pieces[start][2]
    return start, size


def _pieces(text: str, start: int, end: int, tokens: Callable[[str], int]) -> Iterator[tuple[int, int, int]]:
    """A sentence with its tokens; one that is too long for a chunk is cut at clauses, then anywhere."""
    if end - start <= LONGEST and (count := tokens(text[start:end])) <= SIZE:
        yield start, end, count
        return
    middle = (start + end) // 2
    cuts = [match.end() for match in _CLAUSE.finditer(text, start, end) if start < match.end() < end]
    cut = min(cuts, key=lambda place: abs(place - middle), default=middle)
    yield from _pieces(text, start, cut, tokens)
    yield from _pieces(text, cut, end, tokens)
