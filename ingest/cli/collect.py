"""`lagebild ingest` and `lagebild sources`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from ingest.cli.app import FAILED, INTERRUPTED, PARTLY, Json, app, day, err, note, opened, out, print_json, settings
from ingest.cli.show import plain
from kb.errors import UsageError
from kb.models import Outcome

if TYPE_CHECKING:
    from ingest.progress import Progress
    from kb.storage.ledger import SourceState

TOLD = 10
"""Lists and files whose account is printed; of more, the counts say enough."""

sources = typer.Typer(help="The sources that articles are collected from.", no_args_is_help=True)
app.add_typer(sources, name="sources")


@app.command()
def ingest(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Source ids, addresses of feeds, sitemaps or articles, files, folders. None: all that are due.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only articles published since this day, YYYY-MM-DD.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many pages and files.", min=1)] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Also fetch from loopback and private addresses.")
    ] = False,
    ignore_robots: Annotated[
        bool, typer.Option("--ignore-robots", help="Fetch pages that robots.txt asks programs to leave alone.")
    ] = False,
    recheck: Annotated[bool, typer.Option("--recheck", help="Look at recent articles again.")] = False,
    replay: Annotated[
        str | None, typer.Option(help="Read what was refused for this reason again, without the network.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Collect from the due sources until stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Collect articles: fetch, extract, embed and store them."""
    from ingest import run
    from ingest.sources import load_sources
    from ingest.targets import read_targets

    if sum([bool(targets), recheck, replay is not None, watch]) > 1:
        raise UsageError("TARGETs, --recheck, --replay and --watch are different runs: give one of them")
    with opened(context) as kb, _bar() as bar:
        options = run.Options(day(since, "--since"), limit, allow_private, ignore_robots)
        show = _shower(bar)
        if watch:
            from ingest.schedule import watch as keep

            keep(kb, options, show, note)
            return
        if recheck:
            found = run.recheck(kb, options, show)
        elif replay is not None:
            found = run.replay(kb, replay, options, show)
        else:
            chosen = read_targets(targets, load_sources(kb.settings.home)) if targets else run.due_targets(kb)
            found = run.ingest(kb, chosen, options, show)
        outcomes, stopped = _all(found)
    _report(outcomes, as_json)
    if stopped:
        err.print(stopped, markup=False)
        sys.exit(INTERRUPTED)
    bad = sum(not outcome.ok for outcome in outcomes)
    if bad:
        sys.exit(FAILED if bad == len(outcomes) else PARTLY)


def _all(found: Iterable[Outcome]) -> tuple[list[Outcome], str]:
    """The outcomes of a run, and why it stopped before its end, if it did."""
    from ingest.run import Interrupted

    outcomes: list[Outcome] = []
    try:
        outcomes.extend(found)
    except Interrupted as stopped:
        return outcomes, str(stopped)
    return outcomes, ""


def _bar() -> AbstractContextManager[Bar]:
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )


def _shower(bar: Bar) -> Any:
    task = bar.add_task("collecting", total=None, counts="")

    def show(now: Progress) -> None:
        counts = f"{now.added} new, {now.updated} changed, {now.refused + now.failed} refused, {now.rate:.1f}/s"
        bar.update(task, completed=now.done, total=now.total or None, counts=counts)

    return show


def _report(outcomes: list[Outcome], as_json: bool) -> None:
    changes = Counter(str(outcome.change) for outcome in outcomes if outcome.change)
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.reason)
    if as_json:
        items = [asdict(outcome) for outcome in outcomes]
        print_json({"counts": dict(changes), "refused": dict(reasons), "outcomes": items})
        return
    for outcome in outcomes:
        if not outcome.ok:
            err.print(Text.assemble((f"{outcome.reason}: ", "yellow"), plain(f"{outcome.target}: {outcome.message}")))
    told = [one for one in outcomes if one.ok and one.message]
    for outcome in told if len(told) <= TOLD else ():
        err.print(plain(f"{outcome.target}: {outcome.message}"), style="dim", markup=False)
    done = ", ".join(f"{count} {name}" for name, count in changes.most_common()) or "nothing new"
    refused = f"; refused: {', '.join(f'{count} {name}' for name, count in reasons.most_common())}" if reasons else ""
    err.print(f"{done}{refused}", markup=False)


@sources.command("list")
def list_sources(
    context: typer.Context,
    every: Annotated[bool, typer.Option("--all", help="Also those that are off.")] = False,
    as_json: Json = False,
) -> None:
    """List the sources with their health."""
    from ingest.sources import load_sources
    from kb.storage.ledger import Ledger, SourceState

    with opened(context) as kb:
        registry = load_sources(kb.settings.home)
        states = Ledger(kb.catalog).sources()
    shown = [source for source in registry.values() if every or source.enabled]
    if as_json:
        rows = [{**asdict(one), "state": asdict(states.get(one.id, SourceState(one.id)))} for one in shown]
        print_json({"sources": rows})
        return
    table = Table(header_style="bold")
    for name in ("id", "name", "language", "side", "kind", "health"):
        table.add_column(name)
    for one in shown:
        state = states.get(one.id)
        health = "not asked yet" if state is None else _failing(state) if state.failing else "well"
        if not one.enabled:
            health = f"off: {one.note}" if one.note else "off"
        if one.ignore_optout:
            health += "; its opt-outs are ignored"
        table.add_row(one.id, Text(one.name), one.language, one.side, str(one.kind), Text(health))
    out.print(table)


def _failing(state: SourceState) -> str:
    since = f" since {state.failing_since:%Y-%m-%d}" if state.failing_since else ""
    later = f", next try {state.next_try:%Y-%m-%d %H:%M}" if state.next_try else ""
    return f"failing{since}: {state.reason}{later}"


@sources.command("add")
def add_source(
    context: typer.Context,
    url: str,
    id: Annotated[str, typer.Option(help="A short name; default: from the address.")] = "",
    name: Annotated[str, typer.Option(help="The outlet's name; default: from the address.")] = "",
    kind: Annotated[str, typer.Option(help="feed, sitemap, page or folder; default: by the address.")] = "",
    find: Annotated[bool, typer.Option("--find", help="Look there first; of a page, take the feed it names.")] = False,
    language: Annotated[str, typer.Option(help="Its language (en, de, zh, …).")] = "und",
    side: Annotated[str, typer.Option(help="Whose voice it is, such as us-gov or cn-media.")] = "",
    allow_private: Annotated[bool, typer.Option("--allow-private", help="With --find: also on loopback.")] = False,
) -> None:
    """Add the feed, sitemap, page or folder at URL to your own sources."""
    from ingest.sources import Kind, add_sources, load_sources, new_source

    if kind and kind not in set(Kind) - {Kind.API}:
        raise UsageError(f"--kind {kind}: should be feed, sitemap, page or folder")
    home = settings(context).home
    known: dict[str, Any] = {"kind": kind} if kind else {}
    if find:
        url, known["kind"] = _found(url, allow_private)
    added = new_source(url, load_sources(home), id=id, name=name, language=language, side=side, **known)
    add_sources(home, [added])
    err.print(f"added {added.id} ({added.kind}); collect from it with: lagebild ingest {added.id}", markup=False)


def _found(url: str, allow_private: bool) -> tuple[str, str]:
    """Where to collect from at an address, and what that is."""
    from ingest.finding import found_at
    from ingest.politeness import MemoryHosts
    from ingest.run import Options
    from ingest.work import Bench

    bench = Bench(Options(allow_private=allow_private).fetching(), MemoryHosts())
    try:
        found = found_at(url, bench)
    finally:
        bench.close()
    for feed in found.named[1:]:
        err.print(plain(f"it names another feed: {feed}"), markup=False)
    return found.url, found.kind


@sources.command("remove")
def remove(context: typer.Context, id: str) -> None:
    """Take a source off the list; its articles stay."""
    from ingest.sources import remove_source

    remove_source(settings(context).home, id)
    err.print(f"removed {id}", markup=False)


@sources.command("enable")
def enable(context: typer.Context, id: str) -> None:
    """Ask a source in every run from now on."""
    _switch(context, id, on=True)


@sources.command("disable")
def disable(context: typer.Context, id: str) -> None:
    """Leave a source alone until it is enabled again."""
    _switch(context, id, on=False)


def _switch(context: typer.Context, id: str, *, on: bool) -> None:
    from ingest.sources import switch_source

    switched = switch_source(settings(context).home, id, on=on)
    err.print(f"{switched.id} is {'on' if on else 'off'}", markup=False)


@sources.command("optouts")
def optouts(
    context: typer.Context,
    id: str,
    ignore: Annotated[
        bool, typer.Option("--ignore/--honour", help="Take what is reserved, or leave it alone (the default).")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether you may.")] = False,
) -> None:
    """Say whether what a source reserves from text and data mining is left alone."""
    from ingest.sources import load_sources, switch_optouts

    home = settings(context).home
    source = load_sources(home).source(id)
    if ignore and not yes:
        err.print(
            f"{source.name} may reserve its pages from programs (robots.txt for AI agents, tdmrep, noai, noarchive). "
            "Take them only with its permission, or where a law permits it.",
            markup=False,
        )
        typer.confirm("Do you have that right?", abort=True, err=True)
    switched = switch_optouts(home, id, ignore=ignore)
    err.print(f"opt-outs of {switched.id} are {'ignored' if ignore else 'honoured'} from now on", markup=False)


@sources.command("check")
def check(
    context: typer.Context,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Default: all that are on.")] = None,
    allow_private: Annotated[bool, typer.Option("--allow-private")] = False,
    as_json: Json = False,
) -> None:
    """Ask sources and say how they are: reachable, kind, items, age of the newest, share with full text."""
    from ingest.checks import check_sources
    from ingest.run import Options
    from ingest.sources import load_sources

    registry = load_sources(settings(context).home)
    chosen = [registry.source(id) for id in ids] if ids else registry.enabled()
    found = []
    table = Table(header_style="bold")
    for name in ("id", "verdict", "kind", "items", "newest", "full text", "note"):
        table.add_column(name)
    for one in check_sources(chosen, Options(allow_private=allow_private).fetching()):
        found.append(one)
        newest = f"{one.newest:%Y-%m-%d}, {one.age:.0f} days" if one.newest and one.age is not None else "–"
        share = f"{one.full_text:.0%}" if one.full_text is not None else "–"
        table.add_row(one.id, str(one.verdict), one.kind, str(one.items), newest, share, Text(plain(one.message)))
        note(f"{one.id}: {one.verdict}")
    if as_json:
        print_json({"sources": [asdict(one) for one in found]})
    else:
        out.print(table)
    if any(not one.well for one in found):
        sys.exit(FAILED if not any(one.well for one in found) else PARTLY)


@sources.command("import")
def import_opml(context: typer.Context, file: Path) -> None:
    """Add the feeds of an OPML file to your own sources."""
    from ingest.opml import read_opml
    from ingest.sources import add_sources, load_sources

    home = settings(context).home
    found = read_opml(file, load_sources(home))
    add_sources(home, found.new)
    err.print(f"{len(found.new)} added, {len(found.known)} known already, {len(found.unusable)} unusable", markup=False)
    for line in found.unusable:
        err.print(plain(f"  {line}"), markup=False)


@sources.command("export")
def export_opml(context: typer.Context, file: Path) -> None:
    """Write the sources that are on to an OPML file."""
    from ingest.opml import write_opml
    from ingest.sources import load_sources

    chosen = load_sources(settings(context).home).enabled()
    file.write_bytes(write_opml(chosen))
    err.print(f"{len(chosen)} sources written to {file}", markup=False)
