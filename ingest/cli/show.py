"""How results look in a terminal. Foreign text is printed as text: markup and control codes are inert."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ingest.cli.app import err, out
from kb.models import Answer, Passage, Verdict, Version
from kb.show.views import elsewhere, shortened, via, web_address
from kb.text.orders import gives_orders

if TYPE_CHECKING:
    from kb.answer.answering import Event

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

MARKS = {
    Verdict.SUPPORTED: ("✓", "green"),
    Verdict.PARTIAL: ("≈", "yellow"),
    Verdict.UNSUPPORTED: ("?", "red"),
    Verdict.CONTRADICTED: ("✗", "red"),
    Verdict.UNCHECKED: ("·", "dim"),
}


def plain(text: str) -> str:
    """Foreign text without terminal control codes."""
    return CONTROL.sub(" ", text)


def byline(version: Version) -> str:
    when = version.published.iso() if version.published else "no date"
    outlet = f"{version.source} ({agencies})" if (agencies := via(version)) else version.source
    return plain(f"{outlet}, {when}, {version.language}")


def show_passages(found: Iterable[Passage]) -> None:
    table = Table(show_header=True, header_style="bold", expand=True)
    table.add_column("#", justify="right")
    table.add_column("score", justify="right")
    table.add_column("article", ratio=1)
    table.add_column("passage", ratio=2)
    for item in found:
        article = Text.assemble((plain(item.version.title), "bold"), "\n", (byline(item.version), "dim"))
        if item.also:
            article.append(plain(f"\nalso in: {elsewhere(item)}"), "dim")
        if gives_orders(item.text):
            article.append("\ngives orders to the model", "red")
        table.add_row(
            str(item.rank), f"{item.score:.2f}", article, Text(shortened(plain(item.text).replace("\n", " "), 300))
        )
    if table.row_count:
        out.print(table)
    else:
        err.print("nothing found; `lagebild status` shows what is stored")


class AnswerPrinter:
    """Prints an answer as it comes; with `quiet`, only follows it to its end."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet

    def follow(self, events: Iterable[Event]) -> Answer:
        from kb.answer.answering import Done, Evidence
        from kb.answer.answering import Text as Piece
        from kb.answer.events import Understood, Waiting

        answer: Answer | None = None
        for event in events:
            if isinstance(event, Done):
                answer = event.answer
            elif self._quiet:
                continue
            elif isinstance(event, Understood):
                err.print(Text(f"understood as: {plain(event.question)}", style="bold"))
            elif isinstance(event, Evidence):
                languages = ", ".join(f"{count} {name}" for name, count in event.coverage.by_language.items())
                err.print(f"[dim]{event.coverage.passages} passages ({languages or 'none'}); asking …[/dim]")
            elif isinstance(event, Waiting) and event.ahead:
                err.print(f"[dim]the local model is busy; {event.ahead} before this question …[/dim]")
            elif isinstance(event, Piece):
                out.print(Text(plain(event.text)), end="")
        assert answer is not None, "a stream of events ends with Done"
        if not self._quiet:
            out.print()
            self._end(answer)
        return answer

    def show(self, answer: Answer) -> None:
        """A stored answer, from its question on."""
        out.print(Text(plain(answer.question), style="bold"))
        if answer.understood:
            out.print(Text(f"understood as: {plain(answer.understood)}", style="bold"))
        self._end(answer)

    def _end(self, answer: Answer) -> None:
        if answer.as_of:
            nothing = ", nothing newer is stored" if answer.changes is not None and not answer.changes else ""
            out.print(Text(f"as known on {answer.as_of}{nothing}", style="dim"))
        if answer.message:
            out.print(Text(plain(answer.message), style="yellow"))
        for sentence in answer.sentences:
            mark, style = MARKS[sentence.verdict]
            reason = f"  ({plain(sentence.reason)})" if sentence.reason and sentence.verdict != "supported" else ""
            out.print(Text.assemble((f"{mark} {sentence.verdict:<12}", style), plain(sentence.text), (reason, "dim")))
        _show_differences(answer)
        for citation in answer.citations:
            version = citation.passage.version
            head = Text.assemble((f"[{citation.n}] ", "bold cyan"), (plain(version.title), "bold"))
            body = Text.assemble(
                f"“{plain(citation.quote)}”\n",
                (byline(version), "dim"),
                "\n",
                (plain(web_address(version) or version.url), "dim"),
            )
            out.print(Panel(body, title=head, title_align="left", border_style="dim"), soft_wrap=False)
        if answer.status in ("no_evidence", "thin_evidence") and answer.passages:
            out.print(Text("nearest articles:", style="bold"))
            show_passages(answer.passages)
        elif not answer.sentences:
            show_passages(answer.passages)
        _show_changes(answer)
        _show_end(answer)


def _show_differences(answer: Answer) -> None:
    for each in answer.contradictions:
        out.print(Text("sources contradict each other:", style="bold yellow"))
        for side in (each.first, each.second):
            outlet = answer.passages[side.n - 1].version.source
            out.print(Text(plain(f"  [{side.n}] {outlet}: “{side.quote}”")))


def _show_changes(answer: Answer) -> None:
    changes = answer.changes
    if not changes:
        return
    out.print(Text(f"known only after {changes.day}, no part of the answer:", style="bold"))
    for each in changes.reworded:
        stands = "the quoted words still stand" if each.stands else "the quoted words are no longer there"
        out.print(f"  \\[{each.n}] has a later version of {each.version.first_seen:%Y-%m-%d}; {stands}")
    for number in changes.gone:
        out.print(f"  \\[{number}] its page is gone")
    for version in changes.newer:
        out.print(Text(f"  {plain(version.title)} ({byline(version)})"))


def _show_end(answer: Answer) -> None:
    """Who answered, what it took, what was left out, and which sources give nothing now."""
    coverage, usage = answer.coverage, answer.usage
    if coverage.wished:
        out.print(Text(plain(f"read in the question: {'; '.join(coverage.wished)}"), style="dim"))
    for line in coverage.left_out:
        out.print(Text(plain(line), style="dim"))
    for source in coverage.failing:
        out.print(Text(plain(f"source {source.source} fails since {source.since[:10]}: {source.reason}"), style="dim"))
    if answer.judge:
        judge = answer.judge
        said = f"{judge.confirmed} confirmed, {judge.lowered} lowered" if not judge.detail else judge.detail
        out.print(Text(plain(f"judge {judge.provider} · {judge.model}: {said}"), style="dim"))
    who = f"{answer.answered_by} · {answer.model}" if answer.answered_by else "no model"
    tokens = f" · {usage.prompt_tokens}+{usage.completion_tokens} tokens" if usage.prompt_tokens else ""
    price = f", price of {usage.price_as_of}" if usage.price_as_of else ""
    cost = f" · {usage.cost:.4f} {usage.currency or ''}{price}" if usage.cost else ""
    articles = f"{coverage.articles or coverage.origins} articles, {coverage.origins} origins"
    out.print(Text(plain(f"{answer.status} · {who}{tokens}{cost} · {articles} · {answer.id}"), style="dim"))
