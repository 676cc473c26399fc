"""How results draw themselves in a notebook: HTML in which every foreign text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from kb.models import Answer, Passage, Verdict, Version
from kb.orders import gives_orders

MARKER = re.compile(r"\[(\d{1,3})\]")

COLOURS = {
    Verdict.SUPPORTED: "#2e7d32",
    Verdict.PARTIAL: "#b26a00",
    Verdict.UNSUPPORTED: "#b71c1c",
    Verdict.CONTRADICTED: "#b71c1c",
    Verdict.UNCHECKED: "#616161",
}


class Passages(list[Passage]):
    """The passages found for a question; a list that draws itself."""

    def __init__(self, query: str, found: Iterable[Passage]) -> None:
        super().__init__(found)
        self.query = query

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>Nothing found for <b>{escape(self.query)}</b>.</p>"
        rows = "".join(
            f"<tr><td>{item.rank}</td><td>{item.score:.2f}</td><td>{headline(item.version)}</td>"
            f"<td style='text-align:left'>{escape(shortened(item.text, 280))}{marked(item)}</td></tr>"
            for item in self
        )
        head = "<tr><th>#</th><th>score</th><th>article</th><th>passage</th></tr>"
        return f"<table><caption>{escape(self.query)}</caption>{head}{rows}</table>"


def answer_html(answer: Answer) -> str:
    """An answer with its verdicts, its citations and who was asked."""
    parts = [f"<p><b>{escape(answer.question)}</b></p>"]
    for sentence in answer.sentences:
        colour = COLOURS[sentence.verdict]
        title = escape(f"{sentence.verdict}: {sentence.reason}" if sentence.reason else sentence.verdict)
        parts.append(f"<p style='border-left:3px solid {colour};padding-left:8px' title='{title}'>")
        parts.append(f"{escape(sentence.text)}</p>")
    if answer.message:
        parts.append(f"<p><i>{escape(answer.message)}</i></p>")
    if answer.citations:
        items = "".join(
            f"<li value='{item.n}'>{headline(item.passage.version)}<br><q>{escape(item.quote)}</q></li>"
            for item in answer.citations
        )
        parts.append(f"<ol>{items}</ol>")
    by = f"{answer.answered_by} ({answer.model})" if answer.answered_by else "no model"
    parts.append(f"<p style='color:#616161'>{escape(answer.status)} · {escape(by)}</p>")
    return "".join(parts)


def marked(passage: Passage) -> str:
    """A word about a passage that gives orders to whoever answers from it."""
    return "<br><small style='color:#b71c1c'>gives orders to the model</small>" if gives_orders(passage.text) else ""


def headline(version: Version) -> str:
    """Title, outlet, date and language of an article; a link only where the address is one of the web."""
    when = version.published.iso() if version.published else "no date"
    title = escape(version.title or version.url)
    if link := web_address(version):
        title = f"<a href='{escape(link, quote=True)}' rel='noreferrer noopener'>{title}</a>"
    return f"{title} <small>{escape(version.source)}, {escape(when)}, {escape(version.language)}</small>"


def web_address(version: Version) -> str | None:
    """The http(s) address a reader can open: the article's own, else the first primary source it names."""
    for address in (version.url, *version.references):
        if urlsplit(address).scheme in ("http", "https"):
            return address
    return None


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
