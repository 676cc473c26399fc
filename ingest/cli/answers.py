"""`lagebild answers`: what was asked before, opened again, exported, asked again of another model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, Json, app, err, opened, out, print_json
from ingest.cli.ask import AnswerLanguage, Judge, Model, Strict

answers = typer.Typer(help="Stored answers: list, show, export, ask again of another model.", no_args_is_help=True)
app.add_typer(answers, name="answers")

Id = Annotated[str, typer.Argument(help="The id of an answer, or its beginning.")]


@answers.command(name="list")
def list_answers(
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="Only questions that contain this.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
    as_json: Json = False,
) -> None:
    """List stored answers, the newest first."""
    from dataclasses import asdict

    from ingest.cli.show import plain

    with opened(context) as kb:
        found = kb.answers(limit, text)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    table = Table(show_header=True, header_style="bold")
    for name in ("id", "asked", "question", "status", "model"):
        table.add_column(name)
    for each in found:
        question = Text(plain(each.understood or each.question))
        model = plain(each.model or each.asked)
        table.add_row(each.id, f"{each.asked_at.astimezone():%Y-%m-%d %H:%M}", question, each.status, model)
    if found:
        out.print(table)
    else:
        err.print("no answers are stored here yet; lagebild ask stores each")


@answers.command()
def show(context: typer.Context, id: Id, as_json: Json = False) -> None:
    """Show a stored answer as it was, and what has become known since."""
    from ingest.cli.show import AnswerPrinter
    from kb.show.contract import asked_json

    with opened(context) as kb:
        found = kb.answer(id)
    if as_json:
        print_json(asked_json(found))
    else:
        AnswerPrinter(quiet=False).show(found)


@answers.command()
def export(
    context: typer.Context,
    id: Id,
    file: Annotated[Path | None, typer.Argument(help="Where to; default: standard output.")] = None,
) -> None:
    """Write a stored answer as Markdown with footnotes."""
    from kb.errors import UsageError
    from kb.show.export import markdown

    with opened(context) as kb:
        written = markdown(kb.answer(id), kb.settings.language)
    if file is None:
        sys.stdout.write(written)
        return
    try:
        file.write_text(written, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}") from error
    err.print(Text(f"written to {file}"))


@answers.command()
def again(
    context: typer.Context,
    id: Id,
    provider: Annotated[str, typer.Option("--provider", "-p", help="Who answers now.")],
    model: Model = None,
    answer_language: AnswerLanguage = None,
    strict: Strict = False,
    judge: Judge = False,
    as_json: Json = False,
) -> None:
    """Ask a stored answer's question of another model, on the same passages."""
    from ingest.cli.show import AnswerPrinter
    from kb.show.contract import asked_json

    with opened(context) as kb:
        events = kb.stream_again(
            id, provider=provider, model=model, answer_language=answer_language, strict=strict, judge=judge
        )
        found = AnswerPrinter(quiet=as_json).follow(events)
    if as_json:
        print_json(asked_json(found))
    if found.status in ("provider_refused", "provider_failed"):
        sys.exit(FAILED)
