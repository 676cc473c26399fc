"""The settings of a process: read once at the entry point, passed on as one frozen value.

Every setting is an environment variable LAGEBILD_<NAME>; an unknown one is an error, so that a typo
is noticed. Keys of LLM providers are not settings (see `kb.providers`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

from platformdirs import user_data_path

from kb.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
"""The data files that are part of the program: registries, entities, the starter corpus."""

ELSEWHERE = {"BENCH", "FAULT", "SEED", "LIVE"}
"""LAGEBILD_ variables that tests and benchmarks read; not settings."""


DATA_PATHS = ("any", "local", "mainland", "no-mainland")
"""Where questions, evidence and embeddings may go (see `kb.providers.datapath`)."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are, and which embedder and LLM are used. The defaults need no key and no network."""

    home: Path
    embedder: str = "e5"
    embedding_url: str = ""
    embedding_model: str = ""
    embedding_dimension: int = 0
    embedding_key: str = field(default="", repr=False)
    chroma: str = ""
    reranker: str = ""
    reranker_model: str = ""
    rephrase: str = ""
    provider: str = "local"
    model: str = "qwen2.5-coder-1.5b"
    models: Path | None = None
    hf_endpoint: str = "https://huggingface.co"
    threads: int = 0
    language: str = "en"
    data_path: str = "any"
    fallback: tuple[str, ...] = ()
    daily_cap: tuple[tuple[str, float], ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None, home: Path | None = None) -> Settings:
        """Settings from `env` (default: the process's), with `home` before LAGEBILD_HOME.

        Raises SettingsError for a name that is not a setting or a value that cannot be read.
        """
        env = os.environ if env is None else env
        prefix = "LAGEBILD_"
        given = {key.removeprefix(prefix): value for key, value in env.items() if key.startswith(prefix)}
        given = {key: value for key, value in given.items() if value and key not in ELSEWHERE}
        known = {item.name.upper(): item.name for item in fields(cls)}
        if unknown := sorted(given.keys() - known.keys()):
            names = ", ".join(prefix + name for name in unknown)
            raise SettingsError(f"unknown settings: {names}; known are: {', '.join(prefix + k for k in sorted(known))}")
        values = {known[key]: _cast(key, value) for key, value in given.items()}
        if home is not None:
            values["home"] = home
        values.setdefault("home", default_home())
        values["home"] = Path(str(values["home"])).expanduser().resolve()
        return cls(**values)  # type: ignore[arg-type]

    @property
    def model_folder(self) -> Path:
        """Where the weights of local models lie; shared by all homes unless set."""
        return self.models or self.home / "models"

    def model_for(self, provider: str) -> str | None:
        """The model to ask of `provider`: the setting belongs to the provider of the settings; None: its default."""
        named = provider == self.provider != "local" and self.model != Settings.model_default()
        return self.model if named else None

    @classmethod
    def model_default(cls) -> str:
        """The local model of a process that sets none."""
        return next(str(item.default) for item in fields(cls) if item.name == "model")


def default_home() -> Path:
    """`data/store` in a checkout, else the user's data directory."""
    return DATA / "store" if (ROOT / ".git").exists() else user_data_path("lagebild")


def _data_path(value: str) -> str:
    if value not in DATA_PATHS:
        raise ValueError(f"one of {', '.join(DATA_PATHS)}")
    return value


def _ids(value: str) -> tuple[str, ...]:
    return tuple(id.strip() for id in value.split(",") if id.strip())


def _caps(value: str) -> tuple[tuple[str, float], ...]:
    found = []
    for part in value.split(","):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Z]{3})", part.strip())
        if match is None:
            raise ValueError("amounts a day with their currency, like 5 CNY or 5 CNY, 1 USD")
        found.append((match[2], float(match[1])))
    return tuple(found)


CASTS: dict[str, Callable[[str], object]] = {
    "HOME": Path,
    "MODELS": Path,
    "THREADS": int,
    "EMBEDDING_DIMENSION": int,
    "DATA_PATH": _data_path,
    "FALLBACK": _ids,
    "DAILY_CAP": _caps,
}


def _cast(key: str, value: str) -> object:
    try:
        return CASTS.get(key, str)(value)
    except ValueError as error:
        wanted = "a number" if CASTS[key] is int else str(error)
        raise SettingsError(f"LAGEBILD_{key}={value!r} cannot be read; it should be {wanted}") from None
