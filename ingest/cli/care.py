"""`lagebild up`, `status`, `rebuild`, `backup`, `restore`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, Json, app, err, note, opened, out, print_json, settings
from ingest.cli.show import plain

if TYPE_CHECKING:
    from kb.care.status import FailingSource


@app.command()
def up(
    context: typer.Context,
    model: Annotated[str | None, typer.Option(help="Local model to get, or `none`.")] = None,
    port: Annotated[int, typer.Option(help="Port of the web page, on this machine only.")] = 8501,
    serve: Annotated[bool, typer.Option(help="Serve the page at the end.")] = True,
) -> None:
    """First start: home, starter corpus, local model if wanted, then the web page."""
    from ingest.up import start

    start(settings(context), model=model, port=port, serve=serve, say=lambda line: err.print(line, markup=False))


@app.command()
def status(context: typer.Context, as_json: Json = False) -> None:
    """Show what is stored, how the index stands, and which sources fail."""
    with opened(context) as kb:
        found = kb.status()
    if as_json:
        print_json(asdict(found))
    else:
        table = Table(show_header=False, box=None)
        languages = ", ".join(f"{count} {name}" for name, count in found.by_language.items())
        table.add_row("home", found.home)
        table.add_row("articles", f"{found.articles}  ({languages or 'none'}), {found.versions} versions")
        if found.gone:
            table.add_row("gone", f"{found.gone} articles whose page is no longer there")
        table.add_row("newest", found.newest or "–")
        table.add_row("chunks", f"{found.chunks}, {found.embeddings} embeddings")
        table.add_row("index", f"{found.generation or 'no generation yet'}, {found.waiting} changes since")
        table.add_row("answers", str(found.answers))
        for line in found.spend:
            cost = f"{line.cost:.4f} {line.currency or ''}".strip() if line.cost is not None else "no price known"
            cost += f" (price of {line.price_as_of})" if line.price_as_of else ""
            tokens = f"{line.prompt_tokens}+{line.completion_tokens} tokens"
            table.add_row("used", f"{line.day} {line.provider}: {line.calls} calls, {tokens}, {cost}")
        for source in found.failing:
            table.add_row("failing", Text(_failing(source)))
        if found.refused:
            kinds = ", ".join(f"{count} {name}" for name, count in found.refused.items())
            table.add_row("refused", f"{sum(found.refused.values())}: {kinds} (lagebild refusals)")
        table.add_row("problems", "; ".join(found.problems) or "none")
        out.print(table)
    if found.problems:
        sys.exit(FAILED)


def _failing(source: FailingSource) -> str:
    later = f", next try {source.next_try[:16]}" if source.next_try else ""
    return plain(f"{source.id} since {source.since[:10]}: {source.reason}{later}; {source.message}")


@app.command()
def rebuild(context: typer.Context) -> None:
    """Make the index anew from the catalog; what has an embedding is not embedded again."""
    with opened(context) as kb:
        kb.rebuild(note)
        counts = kb.index.state()
    err.print(f"index {counts['generation']}: {counts['indexed']} chunks")


@app.command()
def backup(context: typer.Context, file: Path) -> None:
    """Write everything that is not derived into FILE (zip), also while the base is in use."""
    with opened(context) as kb:
        kb.backup(file, note)
    err.print(f"{file}: {file.stat().st_size / 1e6:.1f} MB")


@app.command()
def restore(context: typer.Context, file: Path) -> None:
    """Put the state of the backup FILE in place of what is stored, then rebuild the index."""
    with opened(context) as kb:
        kb.restore(file, note)
        articles = kb.catalog.counts()["articles"]
    err.print(f"restored: {articles} articles")
