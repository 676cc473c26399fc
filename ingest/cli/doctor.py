"""`lagebild doctor` and `lagebild migrate`."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ingest.cli.app import FAILED, Json, app, err, out, print_json, settings
from ingest.cli.show import plain

if TYPE_CHECKING:
    from kb.care.migrate import Migration
    from kb.providers import Registry
    from kb.settings import Settings

STYLES = {"ok": ("✓", "green"), "note": ("·", "yellow"), "problem": ("✗", "bold red")}


@app.command()
def doctor(
    context: typer.Context,
    network: Annotated[bool, typer.Option("--network", help="Also try the hosts that the settings use.")] = False,
    as_json: Json = False,
) -> None:
    """Look at versions, disk, home, model, keys and, with --network, hosts; say what is wrong and what to do."""
    from kb.care.doctor import State, examine

    found = []
    topic = ""
    for one in examine(settings(context), network=network):
        found.append(one)
        if as_json:
            continue
        if one.topic != topic:
            topic = one.topic
            out.print(Text(topic, style="bold"))
        sign, style = STYLES[one.state]
        out.print(Text.assemble((f" {sign} ", style), (plain(one.subject), "bold"), f"  {plain(one.message)}"))
        if one.advice:
            out.print(Text(f"   → {plain(one.advice)}", style="dim"))
    problems = [one for one in found if one.state is State.PROBLEM]
    if as_json:
        print_json({"findings": [asdict(one) for one in found], "problems": len(problems)})
    else:
        err.print(f"problems: {len(problems)}")
    if problems:
        sys.exit(FAILED)


@app.command()
def migrate(
    context: typer.Context,
    file: Annotated[list[Path] | None, typer.Argument(help="The .env files of a project that uses OpenAI.")] = None,
    to: Annotated[str | None, typer.Option(help="The provider to move to; without it, all are listed.")] = None,
    base_url: Annotated[str, typer.Option(help="Only an address of OpenAI is known.")] = "",
    model: Annotated[str, typer.Option(help="Only the name of a model is known.")] = "",
    test: Annotated[bool, typer.Option("--test", help="Ask the new provider for one word.")] = False,
    as_json: Json = False,
) -> None:
    """Read a project's OpenAI settings and print what replaces them at a domestic provider."""
    from kb.care.migrate import given_settings, migration, read_settings, suggestions
    from kb.errors import UsageError
    from kb.providers import DataPath, load_registry

    if test and to is None:
        raise UsageError("--test needs --to: which provider is to be tried?")
    chosen = settings(context)
    registry = load_registry(chosen.home)
    given = bool(base_url or model)
    found = given_settings(base_url, model) if given else read_settings(os.environ, file or _here())
    if not found:
        raise UsageError("no OpenAI settings here; name a .env file, or give --base-url or --model")
    path = DataPath(chosen.data_path)
    plans = [migration(found, registry, to, path)] if to else suggestions(found, registry, path)
    tried = _tried(chosen, registry, plans[0]) if test else None
    if as_json:
        print_json({"found": asdict(found), "plans": [asdict(plan) for plan in plans], "test": tried})
    else:
        for each in (*found.keys, *found.urls, *found.chat_models, *found.embedding_models, *found.lost):
            err.print(plain(f"found  {each.name} = {each.value}  ({each.where})"), markup=False)
        for plan in plans:
            _show(plan, whole=to is not None)
        if tried:
            out.print(plain(f"test: {tried['outcome']}: {tried['message']}"), markup=False)
    if tried and tried["outcome"] != "answered":
        sys.exit(FAILED)


def _here() -> list[Path]:
    return [file for file in (Path(".env"),) if file.is_file()]


def _show(plan: Migration, *, whole: bool) -> None:
    out.print(Text(f"{plan.provider}  {plan.name}", style="bold"))
    for each in (*plan.models, *plan.embeddings):
        by = f"published by the vendor, {each.as_of}" if each.by == "vendor" else "our suggestion"
        out.print(plain(f"  {each.old} → {each.new}  ({by})"), markup=False)
    if not whole:
        return
    for line in (*plan.changes, *([plan.offer] if plan.offer else [])):
        out.print(plain(f"  {line}"), markup=False)
    out.print()
    for line in plan.env.splitlines():
        out.print(plain(line), markup=False)


def _tried(chosen: Settings, registry: Registry, plan: Migration) -> dict[str, Any]:
    """How the new provider answers a test question with the new model."""
    from kb.errors import ProviderError
    from kb.providers import DataPath, open_chat
    from kb.providers.services import probe

    try:
        chat = open_chat(
            registry,
            plan.provider,
            model=plan.settings["LAGEBILD_MODEL"],
            endpoint=plan.endpoint,
            data_path=DataPath(chosen.data_path),
            home=chosen.home,
        )
    except ProviderError as error:
        return {"provider": plan.provider, "outcome": error.outcome, "message": str(error)}
    return asdict(probe(chat, chosen.language))
