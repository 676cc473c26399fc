"""The words of the interface, in three languages: `texts/<language>.toml`, one table a page."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from kb.errors import SettingsError
from kb.models import LANGUAGES

TEXTS = Path(__file__).parent / "texts"
NAMES: Mapping[str, str] = {"en": "English", "de": "Deutsch", "zh": "中文"}


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one language, by page and name: `words("library.found", count=3)`."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, name: str, /, **values: object) -> str:
        """The text called `name` with its blanks filled in. A name that is not there is a KeyError."""
        text = self.texts[name]
        return text.format(**values) if values else text

    def of(self, table: str, value: str) -> str:
        """The word for a value out of a fixed set (a verdict, an outcome); the value itself if there is none."""
        return self.texts.get(f"{table}.{value}", value)


@cache
def words_of(language: str) -> Words:
    """The texts of a language. Raises SettingsError if its file cannot be read."""
    file = TEXTS / f"{language}.toml"
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file} cannot be read: {error}; restore it") from error
    return Words(language, {f"{table}.{name}": text for table, row in tables.items() for name, text in row.items()})


def spoken(locale: str | None, chosen: str = "") -> str:
    """The interface language for a browser's locale (like de-CH), unless one was chosen; English for others."""
    for name in (chosen, locale or ""):
        primary = name.replace("_", "-").split("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return "en"
