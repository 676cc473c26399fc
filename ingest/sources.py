"""The registry of sources: data/sources.toml, with the user's sources.toml of the home laid over it.

Adding a source touches no code. Every key is checked when it is read; a bad one is named with its place in
the file. The user's file is written with its comments kept; the shipped one is never written.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from kb.errors import HomeError, SettingsError, UsageError
from kb.providers.tables import Problems, Table
from kb.settings import DATA

if TYPE_CHECKING:
    import tomlkit

SCHEMA = 1
FILE = "sources.toml"
ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?\Z")
LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
REMOVED = "removed"


class Kind(StrEnum):
    """What lies at a source's address. An api is listed with what is known of it, but not read."""

    FEED = "feed"
    SITEMAP = "sitemap"
    PAGE = "page"
    FOLDER = "folder"
    API = "api"


@dataclass(frozen=True, slots=True)
class Source:
    """One place that articles come from, as the registry describes it.

    `url` is an address, or an absolute path for a folder. `outlet` is the publication as a reader knows it,
    `side` whose voice it is. `timezone` (IANA) is for dates that the feed gives without one. `evidence` and
    `seen` say how well the address is known; `note` why a source is off. `ignore_optout` lets a user take
    what the site has reserved for readers: to be set knowingly, never shipped.
    """

    id: str
    name: str
    kind: Kind
    url: str
    homepage: str = ""
    language: str = "und"
    country: str = ""
    side: str = ""
    topics: tuple[str, ...] = ()
    access: str = "unknown"
    evidence: str = "none"
    seen: str = ""
    timezone: str | None = None
    outlet: str = ""
    enabled: bool = True
    note: str = ""
    ignore_optout: bool = False


class Sources(Mapping[str, Source]):
    """Sources by id, in the order of the files: the shipped ones, then the user's own."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self._sources = {source.id: source for source in sources}

    def __getitem__(self, id: str) -> Source:
        return self._sources[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def source(self, id: str) -> Source:
        """The source of that id. Raises UsageError that names those that are spelled alike."""
        try:
            return self._sources[id]
        except KeyError:
            raise UsageError(f"no source is called {id!r}; {self.like(id)}lagebild sources list shows all") from None

    def like(self, id: str) -> str:
        """`did you mean …? `, or nothing."""
        close = difflib.get_close_matches(id.lower(), self._sources, n=3, cutoff=0.6)
        return f"did you mean {' or '.join(close)}? " if close else ""

    def enabled(self) -> list[Source]:
        """The sources that a run without targets asks."""
        return [source for source in self._sources.values() if source.enabled]

    def at(self, url: str) -> Source | None:
        """The source with that address, if there is one."""
        return next((source for source in self._sources.values() if source.url == url), None)


# ── reading ───────────────────────────────────────────────────────────────────────────────────────


def load_sources(home: Path | None = None) -> Sources:
    """The shipped registry with `home`/sources.toml laid over it.

    Raises SettingsError that names every bad key of either file.
    """
    shipped = _read(DATA / FILE)
    parse(shipped, str(DATA / FILE))
    if home is None or not (home / FILE).exists():
        return parse(shipped, str(DATA / FILE))
    own = _read(home / FILE)
    return parse(_overlaid(shipped, own), str(home / FILE))


def parse(raw: Mapping[str, object], file: str) -> Sources:
    """Sources of a TOML document. Raises SettingsError with one line for each bad key."""
    problems = Problems(file)
    top = Table(raw, "", problems)
    if top.count("schema", SCHEMA) != SCHEMA:
        top.fail("schema", f"should be {SCHEMA}")
    listed = top.mapping("sources") or {}
    top.close()
    found = [_source(id, Table(table, f"sources.{id}", problems), problems) for id, table in listed.items()]
    problems.raise_if_any()
    return Sources(source for source in found if source)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not TOML: {error}; correct it, or move it away to start anew") from error
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error


def _overlaid(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The user's keys over the shipped ones, source by source."""
    merged = {id: dict(table) for id, table in shipped["sources"].items()}
    listed = own.get("sources", {})
    if not isinstance(listed, Mapping):
        return {**shipped, **own}
    for id, table in listed.items():
        merged[id] = {**merged.get(id, {}), **table} if isinstance(table, Mapping) else table
    return {**shipped, **own, "sources": merged}


def _source(id: str, table: Table, problems: Problems) -> Source | None:
    removed = table.flag(REMOVED, False)
    if removed:
        return None
    if not ID.match(id):
        problems.add(table.where, "an id is made of a-z, 0-9 and -, at most 64 of them")
    name, kind = table.needed("name"), table.one_of("kind", Kind, Kind.FEED)
    source = Source(
        id=id,
        name=name,
        kind=kind,
        url=table.needed("url"),
        homepage=table.text("homepage"),
        language=table.text("language", "und"),
        country=table.text("country"),
        side=table.text("side"),
        topics=table.texts("topics"),
        access=table.text("access", "unknown"),
        evidence=table.text("evidence", "none"),
        seen=table.text("seen"),
        timezone=table.text("timezone") or None,
        outlet=table.text("outlet") or name.split(": ")[0],
        enabled=table.flag("enabled", True),
        note=table.text("note"),
        ignore_optout=table.flag("ignore_optout", False),
    )
    for key, complaint in complaints(source):
        table.fail(key, complaint)
    table.close()
    return source


def complaints(source: Source) -> Iterator[tuple[str, str]]:
    """What is wrong with the values of a source, by key."""
    if not source.name.strip():
        yield "name", "is empty"
    if source.kind is Kind.FOLDER:
        if not Path(source.url).is_absolute():
            yield "url", f"should be an absolute path, is {source.url!r}"
    elif not _is_address(source.url):
        yield "url", f"should be an http or https address, is {source.url!r}"
    if source.homepage and not _is_address(source.homepage):
        yield "homepage", f"should be an http or https address, is {source.homepage!r}"
    if not LANGUAGE.match(source.language):
        yield "language", f"should be a language tag such as en, de, zh or und, is {source.language!r}"
    if source.timezone and not _is_zone(source.timezone):
        yield "timezone", f"should be a time zone such as Asia/Shanghai, is {source.timezone!r}"
    if source.enabled and source.kind is Kind.API:
        yield "enabled", "an api is not read; set enabled = false"


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
    except ValueError:
        return False


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


# ── writing the user's file ───────────────────────────────────────────────────────────────────────


def new_source(url: str, sources: Sources, *, id: str = "", name: str = "", **values: Any) -> Source:
    """A source for an address or a folder, with an id of its own where none is given.

    `values` are further fields of Source. Raises UsageError for what cannot be used or is there already.
    """
    if there := sources.at(url):
        raise UsageError(f"{url} is the source {there.id!r} already; lagebild sources enable {there.id} turns it on")
    if id and id in sources:
        raise UsageError(f"a source {id!r} is there already, with the address {sources[id].url}; choose another id")
    place = urlsplit(url).hostname if _is_address(url) else Path(url).name
    id = id or free_id(name or place or "source", sources)
    name = name or (place or url).removeprefix("www.")
    by_address = Kind.SITEMAP if "sitemap" in url.lower() else Kind.FEED
    kind = Kind(values.pop("kind", by_address if _is_address(url) else Kind.FOLDER))
    source = Source(
        id=id, name=name, kind=kind, url=url, outlet=values.pop("outlet", "") or name.split(": ")[0], **values
    )
    if not ID.match(id):
        raise UsageError(f"{id!r} cannot be an id; use a-z, 0-9 and -, at most 64 of them")
    if wrong := [f"{key} {complaint}" for key, complaint in complaints(source)]:
        raise UsageError(f"the source {id!r} cannot be added: {'; '.join(wrong)}")
    return source


def free_id(name: str, taken: Mapping[str, Source]) -> str:
    """An id made of a name (`www.scmp.com` gives scmp-com), not yet taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("www.")).strip("-")[:56].strip("-") or "source"
    numbered = (f"{plain}-{number}" for number in range(2, 10_000))
    return plain if plain not in taken else next(id for id in numbered if id not in taken)


def add_sources(home: Path, added: Iterable[Source]) -> None:
    """Write new sources into the user's file; those with the same id are replaced."""
    rows = {source.id: _row(source) for source in added}

    def put(listed: Any) -> None:
        import tomlkit

        for id, row in rows.items():
            table = tomlkit.table()
            table.update(row)
            listed[id] = table

    _edit(home, put)


def remove_source(home: Path, id: str) -> None:
    """Take a source out of the registry; its articles and their history stay. Raises UsageError if it is not there."""
    load_sources(home).source(id)
    shipped = id in load_sources()

    def take(listed: Any) -> None:
        listed.pop(id, None)
        if shipped:
            listed[id] = {REMOVED: True}

    _edit(home, take)


def switch_source(home: Path, id: str, *, on: bool) -> Source:
    """Turn a source on or off in the user's file; what it is now. Raises UsageError if that cannot be."""
    source = load_sources(home).source(id)
    if on and source.kind is Kind.API:
        raise UsageError(f"{id} is an api, which is not read ({source.note}); use a feed, sitemap or page instead")

    return _set(home, id, "enabled", on)


def switch_optouts(home: Path, id: str, *, ignore: bool) -> Source:
    """Take from a source what it has reserved, or honour that again; what it is now. Raises UsageError."""
    load_sources(home).source(id)
    return _set(home, id, "ignore_optout", ignore)


def _set(home: Path, id: str, key: str, value: bool) -> Source:
    def put(listed: Any) -> None:
        listed.setdefault(id, {})[key] = value

    _edit(home, put)
    return load_sources(home).source(id)


def _row(source: Source) -> dict[str, Any]:
    """A source as TOML values, the defaults left out."""
    defaults = {item.name: item.default for item in fields(Source)}
    row: dict[str, Any] = {}
    for item in fields(Source):
        value = getattr(source, item.name)
        if item.name == "id" or value in (None, defaults[item.name]):
            continue
        if item.name == "outlet" and value == source.name.split(": ")[0]:
            continue
        row[item.name] = list(value) if isinstance(value, tuple) else str(value) if isinstance(value, str) else value
    return row


def _edit(home: Path, change: Callable[[Any], None]) -> None:
    """Change the user's file through `change(sources table)`; it is checked before it takes its name."""
    import tomlkit

    path = home / FILE
    if path.exists():
        _read(path)
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    else:
        document = _fresh()
    if "sources" not in document:
        document["sources"] = tomlkit.table(is_super_table=True)
    change(document["sources"])
    content = tomlkit.dumps(document)
    parse(_overlaid(_read(DATA / FILE), tomllib.loads(content)), str(path))
    unfinished = path.with_name(f"{FILE}.{os.getpid()}.part")
    try:
        home.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(content, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        raise HomeError(f"{path} cannot be written: {error.strerror}; check its permissions") from error


def _fresh() -> tomlkit.TOMLDocument:
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Sources of this home, laid over the shipped ones key by key."))
    document.add("schema", tomlkit.item(SCHEMA))
    return document
