"""Text as it is stored: NFC, readable characters only, no invisible ones that could carry a message."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

# Controls but newline and tab; soft hyphen; zero-width and bidi marks; variation selectors; object and byte
# order marks; surrogates; noncharacters; tag characters: Unicode's Default_Ignorable_Code_Point, as far as text can
# do without it.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BREAKS = re.compile("\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile(r"[^\S\n]+")
_GAPS = re.compile(r"\s*\n\s*")
_TAGS = re.compile(r"</?[a-zA-Z][^<>]{0,500}>")


def clean(text: str) -> str:
    """`text` in NFC with one paragraph a line, no empty lines, no invisible characters or surrogates.

    U+FFFD stays, as the mark of what could not be read.
    """
    lines = _BREAKS.sub("\n", text)
    visible = _INVISIBLE.sub(lambda match: "\ufffd" if match[0] == "\ufffd" else "", lines)
    return unicodedata.normalize("NFC", _GAPS.sub("\n", _SPACES.sub(" ", visible))).strip()


def one_line(text: str, limit: int = 500) -> str:
    """`text` as a single line of at most `limit` characters, with entities and tags resolved: titles and names."""
    plain = _TAGS.sub("", unescape(text)) if "<" in text or "&" in text else text
    line = clean(plain).replace("\n", " ")
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
