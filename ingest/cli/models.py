"""`lagebild providers` and `lagebild models`."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, Json, app, err, note, opened, out, print_json, settings
from ingest.cli.show import plain

providers = typer.Typer(help="The LLM providers that can be asked.", no_args_is_help=True)
models = typer.Typer(help="The weights of local models.", no_args_is_help=True)
app.add_typer(providers, name="providers")
app.add_typer(models, name="models")


@providers.command("list")
def list_providers(context: typer.Context, as_json: Json = False) -> None:
    """List the providers, their models, and whether a key is there (never the key)."""
    from kb.answer.spend import free_left, past_calls
    from kb.providers import load_registry
    from kb.providers.keys import any_key

    home = settings(context).home
    registry = load_registry(home)
    past = past_calls(home)
    rows = []
    for one in registry.values():
        key = any_key(one, home)
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
                "free": [asdict(left) | {"left": left.left} for left in free_left(one, past)],
            }
        )
    if as_json:
        print_json({"checked": registry.checked, "providers": rows})
        return
    table = Table(header_style="bold", caption=f"list checked on {registry.checked}")
    for name in ("id", "name", "default model", "key", "free left"):
        table.add_column(name)
    for row in rows:
        key_text = f"from {row['key']}" if row["key"] else f"set {row['needs']}" if row["needs"] else "none needed"
        table.add_row(str(row["id"]), Text(str(row["name"])), Text(str(row["default"])), key_text, _free(row["free"]))
    out.print(table)


def _free(quotas: Any) -> str:
    return "; ".join(f"{each['left']:,} of {each['quota']['amount']:,} {each['quota']['unit']}" for each in quotas)


@providers.command("test")
def test_provider(
    context: typer.Context,
    id: str,
    model: Annotated[str | None, typer.Option("--model", "-m")] = None,
    as_json: Json = False,
) -> None:
    """Ask a provider for one word, and say how it ended."""
    with opened(context) as kb:
        found = kb.probe(id, model)
    if as_json:
        print_json(asdict(found))
    else:
        where = f" {found.model} at {found.host}, {found.seconds:.1f} s" if found.host else ""
        out.print(plain(f"{id}{where}: {found.outcome}: {found.message}"), markup=False)
    if found.outcome != "answered":
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
            ("pinned" if row["sha256"] else "not pinned") + (f", made by {row['made_by']}" if row["made_by"] else ""),
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


@models.command("test")
def test_model(
    context: typer.Context,
    id: Annotated[
        str | None, typer.Argument(help="An id, or a .gguf path; default: the model of the settings.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Load a local model, ask it one fixed question, and measure both."""
    from dataclasses import replace

    from kb.local import start

    chosen = settings(context)
    with start(replace(chosen, model=id or chosen.model)) as server:
        note(f"loading {server.model} …")
        found = server.trial()
    if as_json:
        print_json(asdict(found))
    else:
        out.print(f"{found.model}: loaded in {found.load_seconds} s", markup=False)
        out.print(f"reads {found.read_per_second} tokens/s, writes {found.written_per_second} tokens/s", markup=False)
        out.print(plain(f"{'right' if found.right else 'wrong'}: {found.answer}"), markup=False)
    if not found.right:
        sys.exit(FAILED)


@models.command("remove")
def remove_model(context: typer.Context, id: str) -> None:
    """Delete the weights of a local model."""
    from kb.local.weights import by_id, remove

    there = remove(by_id(id), settings(context).model_folder)
    err.print(f"{id}: {'removed' if there else 'was not here'}", markup=False)
