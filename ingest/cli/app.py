"""The application: what stands before a command, and how every command ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from kb.errors import KBError, SettingsError, UsageError
from kb.settings import Settings

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase

FAILED, USAGE, PARTLY, INTERRUPTED = 1, 2, 3, 130

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

app = typer.Typer(
    name="lagebild",
    help="News and analysis on AI policy and the US-China tech conflict, with cited and checked answers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Json = Annotated[bool, typer.Option("--json", help="Print JSON alone on stdout.")]


@dataclass(frozen=True, slots=True)
class State:
    """What the options before the command say."""

    settings: Settings


@app.callback()
def before(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="The folder that holds everything.", envvar="LAGEBILD_HOME", show_default=False)
    ] = None,
) -> None:
    context.obj = State(Settings.from_env(home=home))


def settings(context: typer.Context) -> Settings:
    state: State = context.obj
    return state.settings


@contextmanager
def opened(context: typer.Context) -> Iterator[KnowledgeBase]:
    """The knowledge base of the chosen home, closed at the end."""
    from kb.knowledge import open_kb

    with open_kb(settings=settings(context)) as kb:
        yield kb


def day(value: str | None, option: str) -> date | None:
    """A day given on the command line as YYYY-MM-DD. Raises UsageError that names the option."""
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise UsageError(f"{option} {value}: not a day; write it as 2024-07-09") from None


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def note(text: str) -> None:
    err.print(f"[dim]{text}[/dim]")


def main() -> None:
    """Run a command; an error of ours ends it with one line on stderr."""
    from ingest.cli import answers, ask, care, collect, compare, doctor, measure, models, read

    # Each registers its commands.
    assert all((answers, ask, care, collect, compare, doctor, measure, models, read))
    try:
        app(standalone_mode=True)
    except (UsageError, SettingsError) as error:
        _say(error)
        sys.exit(USAGE)
    except KBError as error:
        _say(error)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        err.print("interrupted; what was done is kept")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(FAILED)


def _say(error: KBError) -> None:
    from rich.text import Text

    err.print(Text.assemble(("lagebild: ", "bold red"), str(error)))
