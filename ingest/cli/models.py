"""`lagebild providers` and `lagebild models`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, Json, app, err, opened, out, print_json, settings
from ingest.cli.show import plain

providers = typer.Typer(help="The LLM providers that can be asked.", no_args_is_help=True)
models = typer.Typer(help="The weights of local models.", no_args_is_help=True)
app.add_typer(providers, name="providers")
app.add_typer(models, name="models")


@providers.command("list")
def list_providers(context: typer.Context, as_json: Json = False) -> None:
    """List the providers, their models, and whether a key is there (never the key)."""
    from kb.providers import load_registry
    from kb.providers.keys import find_key

    home = settings(context).home
    registry = load_registry(home)
    rows = []
    for one in registry.values():
        key = find_key(one, "", home)
        rows.append(
            {
                "id": one.id,
                "name": one.name,
                "kind": str(one.kind),
                "default": one.default,
                "models": [model.id for model in one.models],
                "key": key.where if key else None,
                "needs": one.auth.env[0] if one.auth.required and one.auth.env else None,
                "hosts": [endpoint.host for endpoint in one.endpoints],
                "status": one.status,
            }
        )
    if as_json:
        print_json({"checked": registry.checked, "providers": rows})
        return
    table = Table(header_style="bold", caption=f"list checked on {registry.checked}")
    for name in ("id", "name", "default model", "key"):
        table.add_column(name)
    for row in rows:
        key_text = f"from {row['key']}" if row["key"] else f"set {row['needs']}" if row["needs"] else "none needed"
        table.add_row(str(row["id"]), Text(str(row["name"])), Text(str(row["default"])), key_text)
    out.print(table)


@providers.command("test")
def test_provider(
    context: typer.Context,
    id: str,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    as_json: Json = False,
) -> None:
    """Ask a provider for one word, and say how it ended."""
    from kb.errors import ProviderError
    from kb.providers import Message

    with opened(context) as kb:
        try:
            call = kb.caller(id, model)()
            done = call.chat.complete([Message("user", "Reply with the word: ready")], max_tokens=16)
        except ProviderError as error:
            result = {"provider": id, "outcome": error.outcome, "message": str(error), "detail": error.detail}
        else:
            result = {"provider": id, "outcome": str(done.outcome), "model": done.model, "message": done.text.strip()}
    if as_json:
        print_json(result)
    else:
        out.print(plain(f"{id}: {result['outcome']}: {result['message']}"), markup=False)
    if result["outcome"] != "answered":
        sys.exit(FAILED)


@models.command("list")
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List the local models, their size and licence, and which are here."""
    from kb.local.weights import catalogue, path_of

    folder = settings(context).model_folder
    rows = [{**asdict(one), "here": path_of(one, folder) is not None} for one in catalogue()]
    if as_json:
        print_json({"folder": str(folder), "models": rows})
        return
    table = Table(header_style="bold", caption=f"folder: {folder}")
    for name in ("id", "name", "size", "licence", "sum", "here"):
        table.add_column(name)
    for row in rows:
        table.add_row(
            row["id"],
            row["name"],
            f"{row['size'] / 1e9:.1f} GB",
            row["licence"],
            "pinned" if row["sha256"] else "not pinned",
            "yes" if row["here"] else "no",
        )
    out.print(table)


@models.command("pull")
def pull_model(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(help="Default: the model of the settings.")] = None,
    channel: Annotated[list[str] | None, typer.Option(help="Only this channel; repeatable.")] = None,
) -> None:
    """Download the weights of a local model; goes on where an earlier download stopped."""
    from kb.local.weights import Progress, by_id, pull

    chosen = settings(context)
    wanted = by_id(id or chosen.model)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=err, transient=True) as bar:
        task = bar.add_task(wanted.name, total=wanted.size)

        def show(now: Progress) -> None:
            bar.update(task, completed=now.done, description=f"{now.channel} {now.note}".strip())

        path = pull(
            wanted, chosen.model_folder, progress=show, hf_endpoint=chosen.hf_endpoint, channels=channel or None
        )
    err.print(f"{wanted.id}: {path}", markup=False)


@models.command("remove")
def remove_model(context: typer.Context, id: str) -> None:
    """Delete the weights of a local model."""
    from kb.local.weights import by_id, remove

    there = remove(by_id(id), settings(context).model_folder)
    err.print(f"{id}: {'removed' if there else 'was not here'}", markup=False)
