"""Who can be asked: the providers with what each lacks, and the local model's state."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from kb.answer.calling import BUILT_IN
from kb.errors import KBError, ModelUnavailable, SettingsError
from kb.providers import DataPath, Provider, Registry
from kb.providers.entries import Kind
from kb.providers.keys import Key, any_key, find_key
from kb.settings import Settings

NOBODY = "none"
"""The choice of evidence alone."""


@dataclass(frozen=True, slots=True)
class Option:
    """A provider to choose; `lacks` is "", "key", "weights", "models" (it serves what its user loads) or "path".

    The first of its models is the default one.
    """

    id: str
    lacks: str
    models: tuple[str, ...]


def options(
    registry: Registry, settings: Settings, path: DataPath = DataPath.ANY, keys: Container[str] = ()
) -> list[Option]:
    """The built-in model, the evidence alone, then those that could answer now, then the rest.

    `path` narrows that of the settings; `keys` are the providers that this session has a key of its own for.
    """
    within = path.within(DataPath(settings.data_path))
    others = [_option(each, settings, within, keys) for each in registry.values() if each.id != BUILT_IN]
    ready = [option for option in others if not option.lacks]
    rest = [option for option in others if option.lacks]
    built_in = Option(BUILT_IN, "" if weights_here(settings) else "weights", (settings.model,))
    return [built_in, Option(NOBODY, "", ()), *ready, *rest]


def first(options: list[Option], settings: Settings) -> str:
    """The provider chosen at the start: that of the settings if it can answer, else the evidence alone."""
    return next((each.id for each in options if each.id == settings.provider and not each.lacks), NOBODY)


def weights_here(settings: Settings) -> bool:
    """Whether the local model of the settings can be started."""
    return weights(settings) is not None


def weights(settings: Settings) -> Path | None:
    from kb.local.weights import locate

    if settings.model == "none":
        return None
    try:
        return locate(settings.model, settings.model_folder)
    except ModelUnavailable:
        return None


def key_of(provider: Provider, home: Path) -> Key | None:
    """The key that a call would use, at whichever endpoint there is one for."""
    try:
        return any_key(provider, home)
    except SettingsError:
        return None


def keys_problem(provider: Provider, home: Path) -> KBError | None:
    """Why the file of keys cannot be used, if it cannot."""
    try:
        find_key(provider, "", home)
    except SettingsError as error:
        return error
    return None


def name_of(provider: Provider, language: str) -> str:
    return provider.name_zh if language == "zh" and provider.name_zh else provider.name


def paths(settings: Settings) -> list[DataPath]:
    """The data paths a session may choose: that of the settings, and those that narrow it."""
    widest = DataPath(settings.data_path)
    return [widest, *(each for each in DataPath if each is not widest and each.within(widest) is each)]


def _option(provider: Provider, settings: Settings, path: DataPath, keys: Container[str]) -> Option:
    current = [model.id for model in provider.models if not model.retired]
    models = tuple(sorted(current, key=lambda id: id != provider.default))
    lacks = ""
    if any(each.usable for each in provider.endpoints) and not provider.reachable(path):
        lacks = "path"
    elif provider.id not in keys and provider.auth.required and key_of(provider, settings.home) is None:
        lacks = "key"
    elif provider.kind is Kind.LOCAL and not provider.default:
        lacks = "models"
    return Option(provider.id, lacks, models)
