"""The registry of LLM providers: data/providers.toml, with the user's providers.toml laid over it.

Adding a provider, a model or an address touches no code. Every key is checked when it is read; a bad one is
named with its place in the file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from kb.errors import ProviderError, SettingsError
from kb.providers.datapath import Area, is_near
from kb.providers.entries import Provider
from kb.providers.outcomes import Outcome
from kb.providers.parsing import Contents, contents
from kb.settings import DATA

FILE = "providers.toml"


class Registry(Mapping[str, Provider]):
    """Providers by id, in the order of the file, with the error rules all of them share."""

    def __init__(self, held: Contents) -> None:
        self._providers = dict(held.providers)
        self.errors = held.errors
        self.sources = dict(held.sources)
        self.checked = held.checked

    def __getitem__(self, id: str) -> Provider:
        return self._providers[id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._providers)

    def __len__(self) -> int:
        return len(self._providers)

    def area(self, url: str) -> Area:
        """Where the host of `url` stands: this machine and its network, as an endpoint says, or unknown."""
        host = urlsplit(url).hostname or ""
        if is_near(host):
            return Area.LOCAL
        every = (each for provider in self.values() for each in provider.endpoints)
        return next((each.area for each in every if each.host == host), Area.UNKNOWN)

    def provider(self, id: str) -> Provider:
        """The provider of that id. Raises ProviderError that names the known ones."""
        try:
            return self._providers[id]
        except KeyError:
            known = ", ".join(self._providers)
            message = f"no provider is called {id!r}; known are: {known}. Others are added in {FILE} of the home"
            raise ProviderError(str(Outcome.BAD_REQUEST), message, provider=id) from None


def load_registry(home: Path | None = None) -> Registry:
    """The shipped registry, with `home`/providers.toml laid over it if there is one.

    Raises SettingsError that names every bad key of either file.
    """
    shipped = _read(DATA / FILE)
    registry = parse(shipped, str(DATA / FILE))
    overlay = home / FILE if home is not None else None
    if overlay is None or not overlay.exists():
        return registry
    return parse(overlaid(shipped, _read(overlay)), str(overlay))


def _read(file: Path) -> dict[str, object]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}; correct the file or remove it") from error


def overlaid(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`base` with `over` laid on it: tables key by key, rows with an id by that id, error rules in front."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            merged[key] = overlaid(old, value)
        elif isinstance(old, list) and isinstance(value, list) and key == "errors":
            merged[key] = value + old
        elif isinstance(old, list) and isinstance(value, list) and _have_ids(old) and _have_ids(value):
            rows = {row["id"]: row for row in old}
            for row in value:
                rows[row["id"]] = overlaid(rows.get(row["id"], {}), row)
            merged[key] = list(rows.values())
        else:
            merged[key] = value
    return merged


def _have_ids(rows: list[object]) -> bool:
    return bool(rows) and all(isinstance(row, Mapping) and isinstance(row.get("id"), str) for row in rows)


def parse(raw: Mapping[str, object], file: str) -> Registry:
    """A registry from read TOML. Raises SettingsError with one line for each bad key, naming `file`."""
    return Registry(contents(raw, file))
