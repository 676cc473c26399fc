"""Foreign text in a place that reads Markdown: it reads as it stands, and nothing of it is live.

Articles, models and readers write what they like. Escaped here are Markdown's marks and HTML's; what some readers
turn into links without being asked (www.…, http:…, names with @) is parted by a mark that nobody sees.
"""

from __future__ import annotations

import re
from urllib.parse import quote

JOINER = "\u2060"

CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]|[\U000e0000-\U000e007f]"
)
"""Control and direction marks, and invisible tags: they make text look like what it is not."""

_INLINE = re.compile(r"([\\`*_{}\[\]|~$^!])")
_BLOCK = re.compile(r"^([#>+=-]|\d+(?=[.)]))")
_LINK = re.compile(r"(?i)(www|https?|ftp|mailto|xmpp)(?=[.:])")
ADDRESS = "%/:?#&=+,;@~!$'*-._"
"""What stands in an address as it is; all else is written as %XX."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(text: str) -> str:
    """Foreign text without control characters and invisible marks; line breaks and tabs stay."""
    return CONTROL.sub("", text.replace("\r\n", "\n"))


def inert(text: str) -> str:
    """Foreign text as one line of Markdown that reads as it stands."""
    flat = " ".join(plain(text).split())
    parted = re.sub(r"(?<=\S)@(?=\S)", f"{JOINER}@", _LINK.sub(rf"\1{JOINER}", flat))
    parted = re.sub(r":(?=[a-z_+-]+[:\[(])", f":{JOINER}", parted)
    marked = re.sub(r"[&<>]", lambda match: _ENTITIES[match[0]], _INLINE.sub(r"\\\1", parted))
    return _BLOCK.sub(lambda match: f"{match[0]}{JOINER}" if match[0].isdigit() else f"\\{match[0]}", marked)


def link(text: str, address: str | None) -> str:
    """A Markdown link to an address that may be opened (see `kb.show.views.web_address`); without one, the text."""
    if address is None:
        return inert(text)
    return f"[{inert(text)}](<{quote(plain(address), safe=ADDRESS)}>)"
