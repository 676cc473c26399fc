"""How results draw themselves in a notebook: HTML in which every foreign text is escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from urllib.parse import urlsplit

from kb.models import Answer, Changes, Passage, Status, Verdict, Version
from kb.origins.credit import credits
from kb.show.wording import words
from kb.text.orders import gives_orders

NAMED = 6
"""Outlets of a story that are named; the rest is counted."""

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
            f"<td style='text-align:left'>{escape(shortened(item.text, 280))}{_also(item)}{marked(item)}</td></tr>"
            for item in self
        )
        head = "<tr><th>#</th><th>score</th><th>article</th><th>passage</th></tr>"
        return f"<table><caption>{escape(self.query)}</caption>{head}{rows}</table>"


def answer_html(answer: Answer) -> str:
    """An answer with its verdicts, its citations and who was asked; a no with its kind and what is nearest."""
    text = words("en")
    parts = [f"<p><b>{escape(answer.question)}</b></p>"]
    if answer.understood:
        parts.append(f"<p><i>{text['understood']}: {escape(answer.understood)}</i></p>")
    if answer.as_of:
        parts.append(f"<p><i>{text['as_of']} {answer.as_of}</i></p>")
    if answer.status is not Status.ANSWERED:
        parts.append(f"<p><b>{text[answer.status].capitalize()}</b></p>")
    parts.append(sentences_html(answer))
    parts.append(_list(text["differ"], differences(answer)))
    if answer.citations:
        parts.append(citations_html(answer))
    else:
        near = answer.status in (Status.NO_EVIDENCE, Status.THIN_EVIDENCE)
        parts.append(_list(text["nearest" if near else "coverage"], map(headline, versions(answer.passages))))
    if answer.changes:
        heading = text["changed"].format(day=answer.changes.day)
        parts.append(_list(heading, changed(answer.changes)))
    elif answer.as_of and answer.changes is not None:
        parts.append(f"<p><i>{text['unchanged']}</i></p>")
    by = f"{answer.answered_by} ({answer.model})" if answer.answered_by else "no model"
    parts.append(f"<p style='color:#616161'>{escape(answer.status)} · {escape(by)} · {escape(answer.id)}</p>")
    return "".join(parts)


def sentences_html(answer: Answer) -> str:
    """The sentences of an answer, each with the colour of its verdict, and what is to be said of them."""
    parts = []
    for sentence in answer.sentences:
        colour = COLOURS[sentence.verdict]
        title = escape(f"{sentence.verdict}: {sentence.reason}" if sentence.reason else sentence.verdict)
        parts.append(f"<p style='border-left:3px solid {colour};padding-left:8px' title='{title}'>")
        parts.append(f"{escape(sentence.text)}</p>")
    if answer.message:
        parts.append(f"<p><i>{escape(answer.message)}</i></p>")
    return "".join(parts)


def citations_html(answer: Answer) -> str:
    """The quotations of an answer under their numbers."""
    items = "".join(
        f"<li value='{item.n}'>{headline(item.passage.version)}<br><q>{escape(item.quote)}</q></li>"
        for item in answer.citations
    )
    return f"<ol>{items}</ol>" if items else ""


def marked(passage: Passage) -> str:
    """A word about a passage that gives orders to whoever answers from it."""
    return "<br><small style='color:#b71c1c'>gives orders to the model</small>" if gives_orders(passage.text) else ""


def differences(answer: Answer) -> list[str]:
    """A line for each pair of passages that contradict each other, with the words of both, as HTML."""
    return [
        " ≠ ".join(f"<q>{escape(each.quote)}</q> [{each.n}]" for each in (found.first, found.second))
        for found in answer.contradictions
    ]


def changed(changes: Changes) -> list[str]:
    """A line for each thing that became known after the day of an answer, as HTML."""
    text = words("en")
    lines = [
        f"[{each.n}] {text['reworded']}; {text['stands' if each.stands else 'fallen']}" for each in changes.reworded
    ]
    lines += [f"[{number}] {text['gone']}" for number in changes.gone]
    return lines + [f"{text['newer']}: {headline(version)}" for version in changes.newer]


def versions(passages: Iterable[Passage]) -> list[Version]:
    """The articles of passages, each once, the best first."""
    return list({passage.version.id: passage.version for passage in passages}.values())


def _list(heading: str, lines: Iterable[str]) -> str:
    items = "".join(f"<li>{line}</li>" for line in lines)
    return f"<p><b>{escape(heading)}</b></p><ul>{items}</ul>" if items else ""


def headline(version: Version) -> str:
    """Title, outlet, date and language of an article; a link only where the address is one of the web."""
    when = version.published.iso() if version.published else "no date"
    title = escape(version.title or version.url)
    if link := web_address(version):
        title = f"<a href='{escape(link, quote=True)}' rel='noreferrer noopener'>{title}</a>"
    return f"{title} <small>{escape(version.source)}, {escape(when)}, {escape(version.language)}</small>"


def _also(passage: Passage) -> str:
    return f"<br><small>also in: {escape(elsewhere(passage))}</small>" if passage.also else ""


def elsewhere(passage: Passage) -> str:
    """Where else the story of a passage stands: outlets with their days, a few by name."""
    named = [f"{copy.source}, {copy.published[:10]}" if copy.published else copy.source for copy in passage.also]
    return "; ".join(dict.fromkeys(named[:NAMED])) + (f" +{len(named) - NAMED}" if len(named) > NAMED else "")


def via(version: Version) -> str:
    """The agencies that an article of another outlet credits."""
    return ", ".join(name for name in credits(version) if name.casefold() not in version.source.casefold())


def web_address(version: Version) -> str | None:
    """The http(s) address a reader can open: the article's own, else the first primary source it names."""
    for address in (version.url, *version.references):
        if urlsplit(address).scheme in ("http", "https"):
            return address
    return None


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
