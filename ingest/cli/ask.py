"""`lagebild search` and `lagebild ask`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ingest.cli.app import FAILED, Json, app, day, opened, print_json
from kb.providers.datapath import DataPath

Languages = Annotated[list[str], typer.Option("--language", "-l", help="Only this language (en, de, zh); repeatable.")]
Sources = Annotated[list[str], typer.Option("--source", "-s", help="Only this outlet or source id; repeatable.")]
Since = Annotated[str | None, typer.Option(help="Published on or after this day, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option(help="Published on or before this day, YYYY-MM-DD.")]
AsOf = Annotated[str | None, typer.Option(help="Only what was known at the end of this day, YYYY-MM-DD.")]
Path = Annotated[
    DataPath | None,
    typer.Option("--data-path", help="Where the question may go; narrows what the settings allow, never more."),
]
Count = Annotated[int, typer.Option("-k", help="How many passages.", min=1)]


@app.command()
def search(
    context: typer.Context,
    query: str,
    k: Count = 8,
    language: Languages = [],  # noqa: B006
    source: Sources = [],  # noqa: B006
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Find passages for QUERY, in whatever language they are."""
    from ingest.cli.show import show_passages
    from kb.contract import search_json

    with opened(context) as kb:
        found = kb.search(
            query,
            k,
            languages=language,
            sources=source,
            since=day(since, "--since"),
            until=day(until, "--until"),
            as_of=day(as_of, "--as-of"),
        )
    if as_json:
        print_json(search_json(query, found))
    else:
        show_passages(found)


@app.command()
def ask(
    context: typer.Context,
    question: str,
    provider: Annotated[
        str | None, typer.Option("--provider", "-p", help="Who answers; `none` gives the evidence alone.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="Which of the provider's models.")] = None,
    answer_language: Annotated[
        str | None, typer.Option(help="Language of the answer (en, de, zh); default: the question's.")
    ] = None,
    fallback: Annotated[
        list[str] | None, typer.Option(help="Who is asked next if that one fails; repeatable, in this order.")
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="Let the next in the order have what a filter refused.")
    ] = False,
    data_path: Path = None,
    k: Count = 8,
    language: Languages = [],  # noqa: B006
    source: Sources = [],  # noqa: B006
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Answer QUESTION from the articles, every sentence cited and checked."""
    from ingest.cli.show import AnswerPrinter
    from kb.calling import Own
    from kb.contract import answer_json

    with opened(context) as kb:
        events = kb.stream(
            question,
            provider=provider,
            model=model,
            answer_language=answer_language,
            k=k,
            languages=language,
            sources=source,
            since=day(since, "--since"),
            until=day(until, "--until"),
            as_of=day(as_of, "--as-of"),
            fallback=[id.strip() for each in fallback for id in each.split(",")] if fallback else None,
            consent=consent,
            own=Own(data_path) if data_path else None,
        )
        printer = AnswerPrinter(quiet=as_json)
        answer = printer.follow(events)
    if as_json:
        print_json(answer_json(answer))
    if answer.status in ("provider_refused", "provider_failed"):
        sys.exit(FAILED)
