"""`lagebild eval`: measures, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ingest.cli.app import Json, app, note, opened, out, print_json, settings

evaluate = typer.Typer(help="Measure retrieval, extraction, answers and the claim check.", no_args_is_help=True)
app.add_typer(evaluate, name="eval")


@evaluate.command()
def retrieval(
    context: typer.Context,
    directory: Path,
    store: Annotated[Path | None, typer.Option(help="Keep the store here and use it again.")] = None,
    as_json: Json = False,
) -> None:
    """Rank the queries of a folder in BEIR layout over its corpus, in a store of its own."""
    from kb.measure.evaluation import evaluate_retrieval

    _show(evaluate_retrieval(directory, settings(context), store, note), as_json)


@evaluate.command()
def extraction(directory: Path, as_json: Json = False) -> None:
    """Extract the pages of a folder and compare with its gold, beside plain trafilatura."""
    from ingest.evaluation import evaluate as measure

    _show(measure(directory), as_json)


@evaluate.command()
def claims(file: Path, as_json: Json = False) -> None:
    """Check the claims of a JSON Lines file (claim, evidence, label) and compare with their labels."""
    from kb.verifying.evaluation import evaluate_claims

    _show(evaluate_claims(file), as_json)


@evaluate.command()
def answers(
    context: typer.Context,
    file: Path,
    provider: Annotated[str | None, typer.Option("--provider", "-p")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    as_json: Json = False,
) -> None:
    """Ask the questions of a JSON Lines file (question, answers, answerable, optionally passages or corpus), and count
    right, wrong and invented answers, wrong refusals, and how well citations carry their sentences."""
    from kb.measure.evaluation import expected_cost
    from kb.measure.grading import evaluate_answers

    with opened(context) as kb:
        if provider != "none":
            note(expected_cost(kb, file, provider, model))
        _show(evaluate_answers(kb, file, provider, model, note), as_json)


@evaluate.command()
def refusal(
    context: typer.Context,
    file: Path,
    provider: Annotated[
        str, typer.Option("--provider", "-p", help="Who answers; `none` lets the gate alone decide.")
    ] = "none",
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    limit: Annotated[int | None, typer.Option(help="Only so many of each kind, corpus and language.")] = None,
    store: Annotated[Path | None, typer.Option(help="Keep the stores here and use them again.")] = None,
    as_json: Json = False,
) -> None:
    """Ask the questions of a JSON Lines file (question, answerable, corpus) and count what was invented and what was
    wrongly refused."""
    from kb.measure.refusing import evaluate_refusal

    _show(evaluate_refusal(file, settings(context), provider, model, store, limit, note), as_json)


@evaluate.command()
def injection(
    context: typer.Context,
    path: Path,
    provider: Annotated[str | None, typer.Option("--provider", "-p")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    disguised: Annotated[bool, typer.Option(help="Plant the attacks as reported speech.")] = False,
    limit: Annotated[int | None, typer.Option(help="Only so many attacks.")] = None,
    store: Annotated[Path | None, typer.Option(help="Keep the store here and use it again.")] = None,
    as_json: Json = False,
) -> None:
    """Plant the texts under `attack` of a JSON Lines file, or of all in a folder, into passages that answer questions
    over the starter corpus, and count what was obeyed and shown."""
    from ingest.up import load_starter
    from kb.measure.evaluation import store_of
    from kb.measure.planting import attacks, evaluate_injection

    chosen = settings(context)
    with store_of(chosen, store) as kb:
        load_starter(kb, note)
        planted = list(attacks(path))[:limit]
        result = evaluate_injection(kb, planted, provider or chosen.provider, model, disguised=disguised, note=note)
    _show(result, as_json)


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(result)
        return
    simple = {key: value for key, value in result.items() if not isinstance(value, dict | list)}
    for key, value in simple.items():
        out.print(f"{key}: {value}", markup=False)
    for key, value in result.items():
        if isinstance(value, dict):
            for table in _tables(key, value):
                out.print(table)


def _tables(title: str, values: dict[str, Any]) -> Iterator[Table]:
    """One table for the plain figures of a result or for rows of them, one more for each kind of row beside them."""
    nested = {key: value for key, value in values.items() if isinstance(value, dict)}
    plain = {key: value for key, value in values.items() if key not in nested}
    rows = {key: value for key, value in nested.items() if not any(isinstance(each, dict) for each in value.values())}
    if plain or not nested:
        yield _table(title, {"": plain})
    elif rows:
        yield _table(title, rows)
    for key, value in nested.items():
        if plain or key not in rows:
            yield from _tables(f"{title}, {key}", value)


def _table(title: str, nested: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    columns = list(dict.fromkeys(name for value in nested.values() for name in value))
    table.add_column("")
    for name in columns:
        table.add_column(str(name), justify="right")
    for key, value in nested.items():
        table.add_row(str(key), *(_number(value.get(name)) for name in columns))
    return table


def _number(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)
