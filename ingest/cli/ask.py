"""`lagebild search` and `lagebild ask`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ingest.cli.app import FAILED, Json, app, opened, print_json
from ingest.cli.narrowing import Count, Where, narrowed
from kb.models import Narrowing

Provider = Annotated[str | None, typer.Option("--provider", "-p", help="Who answers; `none` gives the evidence alone.")]
Model = Annotated[str | None, typer.Option("--model", "-m", help="Which of the provider's models.")]
AnswerLanguage = Annotated[
    str | None, typer.Option(help="Language of the answer (en, de, zh); default: the question's.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Leave out sentences that no passage carries.")]
Judge = Annotated[
    bool, typer.Option("--judge", help="Let the model that answered judge what the check let pass (one call more).")
]


@app.command()
@narrowed
def search(context: typer.Context, query: str, filters: Narrowing, k: Count = 8, as_json: Json = False) -> None:
    """Find passages for QUERY, in whatever language they are."""
    from ingest.cli.show import show_passages
    from kb.show.contract import search_json

    with opened(context) as kb:
        found = kb.search(query, k, **filters)
    if as_json:
        print_json(search_json(query, found))
    else:
        show_passages(found)


@app.command()
@narrowed
def ask(
    context: typer.Context,
    question: str,
    filters: Narrowing,
    provider: Provider = None,
    model: Model = None,
    answer_language: AnswerLanguage = None,
    fallback: Annotated[
        list[str] | None, typer.Option(help="Who is asked next if that one fails; repeatable, in this order.")
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="Let the next in the order have what a filter refused.")
    ] = False,
    data_path: Where = None,
    strict: Strict = False,
    judge: Judge = False,
    after: Annotated[
        str | None, typer.Option(help="Go on from this stored answer, so that “and Tencent?” is understood.")
    ] = None,
    k: Count = 8,
    as_json: Json = False,
) -> None:
    """Answer QUESTION from the articles, every sentence cited and checked."""
    from ingest.cli.show import AnswerPrinter
    from kb.answer.calling import Own
    from kb.show.contract import asked_json

    with opened(context) as kb:
        earlier = kb.answer(after) if after else None
        events = kb.stream(
            question,
            provider=provider,
            model=model,
            answer_language=answer_language,
            k=k,
            fallback=[id.strip() for each in fallback for id in each.split(",")] if fallback else None,
            consent=consent,
            own=Own(data_path) if data_path else None,
            strict=strict,
            judge=judge,
            before=[earlier.understood or earlier.question] if earlier else (),
            **filters,
        )
        answer = AnswerPrinter(quiet=as_json).follow(events)
    if as_json:
        print_json(asked_json(answer))
    if answer.status in ("provider_refused", "provider_failed"):
        sys.exit(FAILED)
