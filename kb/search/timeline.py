"""The events that people date things by ("since the October 2022 rules"), from `data/timeline.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from kb.errors import SettingsError
from kb.models import LANGUAGES
from kb.settings import DATA

TIMELINE = DATA / "timeline.toml"


@dataclass(frozen=True, slots=True)
class Named:
    """An event with the names it goes by in each language, and its days, first and last."""

    id: str
    first: date
    last: date
    names: tuple[str, ...]
    pattern: re.Pattern[str]

    def named(self, text: str) -> Iterator[tuple[int, int]]:
        """Where one of its names stands in `text`, in any case."""
        return (match.span() for match in self.pattern.finditer(text))


def read_timeline(path: Path) -> tuple[Named, ...]:
    """The events of a file, in its order. Raises SettingsError, naming the entry, for one that cannot be used."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8"))["event"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise SettingsError(f"{path} cannot be read ({error}); restore it from the repository") from error
    return tuple(_event(row, path) for row in rows)


def _event(row: dict[str, object], path: Path) -> Named:
    first, names = row.get("date"), row.get("names")
    if not isinstance(first, date) or not isinstance(names, dict) or not all(names.get(name) for name in LANGUAGES):
        raise SettingsError(f"{path}: event {row.get('id')!r} needs a date and names in {', '.join(LANGUAGES)}")
    listed = tuple(str(name) for language in LANGUAGES for name in names[language])
    days = row.get("days", 1)
    last = first + timedelta(days=int(days if isinstance(days, int) else 1) - 1)
    joined = "|".join(re.escape(name) for name in sorted(listed, key=len, reverse=True))
    # An ending of one or two letters may follow a name; a letter may not stand before one in Latin script.
    pattern = re.compile(rf"(?<![A-Za-z])(?:{joined})(?![A-Za-zäöüß]{{3}})", re.IGNORECASE)
    return Named(str(row.get("id")), first, last, listed, pattern)


@cache
def load_timeline() -> tuple[Named, ...]:
    """The events that ship with the program, read once per process."""
    return read_timeline(TIMELINE)
