"""Foreign text on the page: shown as text, whatever it says.

Articles, models, feeds and providers write what they like. Nothing of it reaches Streamlit's Markdown, which
loads any image and link it is given, nor HTML: what is shown is either built by `fill` from our own template
with every value escaped, or drawn by `ui.parts` as text nodes. Labels of widgets are Markdown too: `label`.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from html import escape
from typing import Any
from urllib.parse import urlsplit

from kb.text.inert import JOINER, plain

MARKUP = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$^=&\"'])")


class Safe(str):
    """HTML of our own making, in which every foreign text is escaped."""

    __slots__ = ()


class _Escaping(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        text = format(value, format_spec)
        return text if isinstance(value, Safe) else escape(plain(text), quote=True)


_ESCAPING = _Escaping()


def fill(template: str, /, **values: object) -> Safe:
    """`template` (ours) with its {blanks} filled in; a value that is not `Safe` is escaped."""
    return Safe(_ESCAPING.vformat(template, (), values))


def join(parts: Iterable[Safe], between: str = "") -> Safe:
    """Safe parts in a row, with `between` (ours) between them."""
    return Safe(between.join(parts))


def label(text: str) -> str:
    """Foreign text for a place that reads Streamlit's Markdown (labels of widgets), so that it reads as it stands.

    Streamlit has marks of its own (`:material/x:`, `:red[…]`), so more is parted here than in `kb.text.inert.inert`.
    """
    flat = " ".join(plain(text).split())
    marked = MARKUP.sub(r"\\\1", flat)
    marked = re.sub(r"([:@])", rf"\1{JOINER}", marked)
    return re.sub(r"(?i)(www|http|https|ftp)", rf"\1{JOINER}", marked)


def web_link(address: str) -> str | None:
    """The address if a browser may be sent there (http or https, a host, no user name), else None."""
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return None
    return address if usable and plain(address) == address and not re.search(r"\s", address) else None


def anchor(address: str, text: str) -> Safe:
    """A link that opens in a tab of its own and tells the other side nothing; text alone where it may not be one."""
    if web_link(address) is None:
        return fill("{text}", text=text)
    return fill('<a href="{address}" target="_blank" rel="noreferrer noopener">{text}</a>', address=address, text=text)


def show(body: Safe, place: Any = None) -> None:
    """Put HTML of ours on the page (or into `place`). Takes nothing else."""
    if not isinstance(body, Safe):
        raise TypeError("only Safe text is shown as HTML; build it with fill")
    import streamlit as st

    (place or st).html(body)


def notice(kind: str, heading: str, text: str = "", more: str = "") -> Safe:
    """A box of its own: `kind` is info, good, warn or bad; `more` is folded under the text."""
    body = fill('<p class="text">{text}</p>', text=text) if text else Safe("")
    folded = fill("<details><summary>…</summary><p>{more}</p></details>", more=more) if more else Safe("")
    return fill(
        '<div class="lb-notice {kind}" role="status"><strong>{heading}</strong>{body}{folded}</div>',
        kind=kind,
        heading=heading,
        body=body,
        folded=folded,
    )
