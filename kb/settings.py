"""The settings of a process: read once at the entry point, passed on as one frozen value.

Every setting is an environment variable LAGEBILD_<NAME>; an unknown one is an error, so that a typo
is noticed. Keys of LLM providers are not settings (see `kb.providers`).
"""

from __future__ import annotations

import os
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
    provider: str = "local"
    model: str = "qwen2.5-coder-1.5b"
    models: Path | None = None
    hf_endpoint: str = "https://huggingface.co"
    threads: int = 0
    language: str = "en"

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


def default_home() -> Path:
    """`data/store` in a checkout, else the user's data directory."""
    return DATA / "store" if (ROOT / ".git").exists() else user_data_path("lagebild")


CASTS: dict[str, Callable[[str], object]] = {
    "HOME": Path,
    "MODELS": Path,
    "THREADS": int,
    "EMBEDDING_DIMENSION": int,
}


def _cast(key: str, value: str) -> object:
    try:
        return CASTS.get(key, str)(value)
    except ValueError:
        raise SettingsError(f"LAGEBILD_{key}={value!r} cannot be read; it should be a number") from None
