"""The words of a passage that carry a sentence best: what a citation shows."""

from __future__ import annotations

from kb.verifying.alignment import windows
from kb.verifying.checking import Similarity
from kb.verifying.quotes import Found, locate, quotations
from kb.verifying.reading import read

CLOSE = 1.0
"""Windows this close to the best in weight are told apart by similarity."""


def best_span(sentence: str, passage: str, *, similarity: Similarity | None = None) -> tuple[int, int]:
    """Offsets of the one or two sentences of `passage` that carry `sentence` best.

    A verbatim quotation decides; then figures, dates and names shared across scripts, then words; similarity only
    between windows that are level. The whole passage if it has no sentences; (0, 0) only for an empty one.
    """
    reading = read(passage)
    found = windows(sentence, [reading])
    if not found:
        return (0, len(passage))
    for quotation in quotations(sentence):
        state, start, end = locate(quotation.text, passage)
        if state is Found.VERBATIM and not quotation.is_term:
            holding = [window for window in found if window.start <= start and end <= window.end]
            if holding:
                return holding[0].start, holding[0].end
    best = found[0]
    if similarity is not None:
        level = [window for window in found if window.weight >= best.weight - CLOSE][:4]
        if len(level) > 1:
            best = max(level, key=lambda window: similarity(sentence, passage[window.start : window.end]))
    return best.start, best.end
