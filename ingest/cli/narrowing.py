"""The filters of a search as options: declared once for every command that searches."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from ingest.cli.app import day
from kb.models import Narrowing
from kb.providers.datapath import DataPath

Languages = Annotated[list[str], typer.Option("--language", "-l", help="Only this language (en, de, zh); repeatable.")]
Sources = Annotated[list[str], typer.Option("--source", "-s", help="Only this outlet or source id; repeatable.")]
Since = Annotated[str | None, typer.Option(help="Published on or after this day, YYYY-MM-DD.")]
Until = Annotated[str | None, typer.Option(help="Published on or before this day, YYYY-MM-DD.")]
AsOf = Annotated[str | None, typer.Option(help="Only what was known at the end of this day, YYYY-MM-DD.")]
Count = Annotated[int, typer.Option("-k", help="How many passages.", min=1)]
Where = Annotated[
    DataPath | None,
    typer.Option("--data-path", help="Where the question may go; narrows what the settings allow, never more."),
]


def narrowed(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the filters as options of its own; it is given them as `filters`, a Narrowing."""

    @wraps(command)
    def run(*args: Any, **given: Any) -> None:
        options = {name: given.pop(name) for name in inspect.signature(_filters).parameters}
        command(*args, filters=_filters(**options), **given)

    # Typer reads the options off the signature: there the filters stand in the place of `filters`.
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        parameters += inspect.signature(_filters).parameters.values() if parameter.name == "filters" else [parameter]
    hints = {**get_type_hints(command, include_extras=True), **get_type_hints(_filters, include_extras=True)}
    kept = [each.replace(annotation=hints[each.name]) for each in parameters]
    run.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in kept}
    return run


def _filters(
    language: Languages = [],  # noqa: B006
    source: Sources = [],  # noqa: B006
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
) -> Narrowing:
    return {
        "languages": language,
        "sources": source,
        "since": day(since, "--since"),
        "until": day(until, "--until"),
        "as_of": day(as_of, "--as-of"),
    }
