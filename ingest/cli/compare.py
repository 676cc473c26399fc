"""`lagebild compare`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, PARTLY, Json, app, note, opened, out, print_json
from ingest.cli.ask import Judge, Strict
from ingest.cli.narrowing import Count, Where, narrowed
from ingest.cli.show import MARKS, plain
from kb.models import Narrowing

if TYPE_CHECKING:
    from kb.answer.comparing import Comparison


@app.command()
@narrowed
def compare(
    context: typer.Context,
    question: str,
    provider: Annotated[
        list[str], typer.Option("--provider", "-p", help="Whom to ask: an id, or id:MODEL; repeatable.")
    ],
    filters: Narrowing,
    answer_language: Annotated[str | None, typer.Option(help="Language of the answers (en, de, zh).")] = None,
    data_path: Where = None,
    k: Count = 8,
    strict: Strict = False,
    judge: Judge = False,
    as_json: Json = False,
) -> None:
    """Ask several providers QUESTION on the same passages, and show where they differ."""
    from kb.answer.calling import Own
    from kb.answer.estimating import told

    own = Own(data_path) if data_path else None
    with opened(context) as kb:
        note(told(kb.estimate(question, provider, own=own, k=k, **filters)))
        found = kb.compare(
            question, provider, answer_language=answer_language, k=k, strict=strict, judge=judge, own=own, **filters
        )
    if as_json:
        print_json(found.json())
    else:
        _show(found)
    failed = [answer for answer in found.answers if answer.status.startswith("provider_")]
    if failed:
        sys.exit(FAILED if len(failed) == len(found.answers) else PARTLY)


def _show(found: Comparison) -> None:
    from kb.answer.comparing import label

    for answer in found.answers:
        outcome = answer.attempts[-1].outcome if answer.attempts else answer.status
        out.print(Text.assemble((plain(label(answer)), "bold"), f"  {outcome}"))
        for sentence in answer.sentences:
            sign, style = MARKS[sentence.verdict]
            out.print(Text.assemble((f" {sign} ", style), plain(sentence.text)))
        for line in (answer.message, *answer.coverage.left_out):
            if line:
                out.print(Text(f"   {plain(line)}", style="yellow"))
    table = Table(show_header=False, box=None)
    for alone in found.alone:
        table.add_row("only", plain(alone.provider), Text(plain(alone.sentence.text)))
    for each in found.differences:
        table.add_row("differ", f"{each.first} / {each.second}", Text(plain(f"{each.first_says} / {each.second_says}")))
    for passage in found.unused:
        table.add_row("unused", plain(passage.version.source), Text(plain(passage.version.title)))
    if table.row_count:
        out.print(table)
