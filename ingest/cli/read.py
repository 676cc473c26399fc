"""`lagebild show` and `lagebild refusals`: what is stored of an article, and what did not become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from ingest.cli.app import Json, app, err, opened, out, print_json
from ingest.cli.show import byline, plain
from kb.errors import UsageError

if TYPE_CHECKING:
    from kb.models import Version
    from kb.storage.differences import Difference, Line


@app.command()
def show(
    context: typer.Context,
    article: Annotated[str, typer.Argument(help="The id or address of an article, or the id of a version.")],
    version: Annotated[int | None, typer.Option(help="This version instead of the current one.", min=1)] = None,
    history: Annotated[bool, typer.Option("--history", help="List its versions.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="What changed since the version before.")] = False,
    since: Annotated[int | None, typer.Option(help="With --diff: compare with this version.", min=1)] = None,
    as_json: Json = False,
) -> None:
    """Show a stored article, its versions, or what changed from one to another."""
    from ingest.canonical import canonical

    if history and diff:
        raise UsageError("--history and --diff are different views: give one of them")
    with opened(context) as kb:
        name = article if kb.history(article) else canonical(article)
        versions = kb.history(name)
        if not versions:
            raise UsageError(f"no article {article} is stored here; lagebild search shows the ids")
        change = kb.diff(name, since, version) if diff else None
    if change is not None:
        _show_change(change, as_json)
    elif history:
        _show_history(versions, as_json)
    else:
        wanted = next((one for one in versions if (one.current if version is None else one.number == version)), None)
        if wanted is None:
            raise UsageError(f"the article has {len(versions)} versions, none is {version}")
        _show_version(wanted, as_json)


def _show_version(version: Version, as_json: bool) -> None:
    if as_json:
        published = version.published.iso() if version.published else None
        print_json({**asdict(version), "published": published})
        return
    out.print(Text(plain(version.title), style="bold"))
    state = "" if version.current else ", no longer current"
    gone = ", the page is gone" if version.gone else ""
    out.print(Text(f"{byline(version)}, version {version.number}{state}{gone}\n{plain(version.url)}", style="dim"))
    for line in version.text.split("\n"):
        out.print(Text(f"\n{plain(line)}"))


def _show_history(versions: list[Version], as_json: bool) -> None:
    if as_json:
        keys = ("id", "number", "title", "first_seen", "fetched", "current", "gone", "snapshot")
        print_json({"versions": [{key: getattr(one, key) for key in keys} for one in versions]})
        return
    table = Table(header_style="bold")
    for name in ("version", "first seen", "fetched", "title", "state"):
        table.add_column(name)
    for one in versions:
        state = " ".join([*(["current"] if one.current else []), *(["gone"] if one.gone and one.current else [])])
        days = (f"{at:%Y-%m-%d %H:%M}" for at in (one.first_seen, one.fetched))
        table.add_row(str(one.number), *days, Text(plain(one.title)), state)
    out.print(table)


def _show_change(change: Difference, as_json: bool) -> None:
    if as_json:
        lines = [[asdict(piece) for piece in line] for line in change.lines]
        title = [asdict(piece) for piece in change.title]
        print_json({"old": change.old.number, "new": change.new.number, "title": title, "lines": lines})
        return
    seen = f"{change.old.fetched:%Y-%m-%d %H:%M} → {change.new.fetched:%Y-%m-%d %H:%M}"
    err.print(
        f"version {change.old.number} → {change.new.number}, {seen}: +{change.added} −{change.removed} characters"
    )
    for line in (change.title, *change.changed()):
        out.print(_drawn(line) if line is not None else Text("…", style="dim"))


def _drawn(line: Line) -> Text:
    """A line with signs as well as colours, so that it can be read in a file and by those who see no colours."""
    from kb.storage.differences import Kind

    marks = {Kind.ADDED: ("{+", "+}", "green"), Kind.REMOVED: ("[-", "-]", "red strike")}
    text = Text()
    for piece in line:
        before, after, style = marks.get(piece.kind, ("", "", ""))
        text.append(f"{before}{plain(piece.text)}{after}", style=style)
    return text


@app.command()
def refusals(
    context: typer.Context,
    reason: Annotated[str | None, typer.Option(help="Only those refused for this reason.")] = None,
    source: Annotated[str | None, typer.Option("--source", "-s", help="Only those of this source.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many addresses.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """List what did not become an article and why; `lagebild ingest --replay REASON` reads it again."""
    from kb.storage.ledger import Ledger

    with opened(context) as kb:
        found = [one for one in Ledger(kb.catalog).refused(reason) if source in (None, one.source_id)]
    counts = Counter(one.reason or "" for one in found)
    if as_json:
        keys = ("url", "reason", "message", "source_id", "since", "last", "attempts", "next_try", "snapshot", "stage")
        rows = [{key: getattr(one, key) for key in keys} for one in found[:limit]]
        print_json({"counts": dict(counts.most_common()), "refusals": rows})
        return
    table = Table(header_style="bold")
    for name in ("reason", "address, and what was seen there", "last try", "next try"):
        table.add_column(name, overflow="fold")
    for one in found[:limit]:
        later = f"{one.next_try:%Y-%m-%d %H:%M}" if one.next_try else "–"
        seen = (one.message or "").removeprefix(f"{one.url}: ")
        place = Text.assemble(plain(one.url), "\n", (plain(seen), "dim"))
        table.add_row(one.reason, place, f"{one.last:%Y-%m-%d}", later)
    if found:
        out.print(table)
    err.print(_counted(counts, len(found), limit), markup=False)


def _counted(counts: Counter[str], total: int, shown: int) -> str:
    if not total:
        return "nothing is refused"
    kinds: Iterable[str] = (f"{count} {name}" for name, count in counts.most_common())
    more = f" ({shown} shown; --limit shows more)" if total > shown else ""
    return f"{total} refused{more}: {', '.join(kinds)}"
