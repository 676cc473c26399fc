"""A TOML table read key by key, so that every wrong or unknown key is named where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TypeVar

from kb.errors import SettingsError

T = TypeVar("T")


class Problems:
    """What is wrong in a file, gathered so that all of it is told at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: list[str] = []

    def add(self, where: str, text: str) -> None:
        self.lines.append(f"{where}: {text}")

    def raise_if_any(self) -> None:
        """SettingsError with one line for each bad key."""
        if self.lines:
            listed = "\n".join(f"  {line}" for line in self.lines)
            raise SettingsError(f"{self.file} cannot be used; correct these keys:\n{listed}")


class Table:
    """One table. Each getter marks its key as known; `close` reports what was never asked for."""

    def __init__(self, raw: object, where: str, problems: Problems) -> None:
        self.where = where
        self.problems = problems
        self.raw: Mapping[str, object] = raw if isinstance(raw, Mapping) else {}
        self.known: set[str] = set()
        if not isinstance(raw, Mapping):
            problems.add(where or "the file", f"should be a table, is {raw!r}")

    def __contains__(self, key: str) -> bool:
        return key in self.raw

    def _path(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def fail(self, key: str, text: str) -> None:
        self.problems.add(self._path(key), text)

    def _get(self, key: str, kinds: tuple[type, ...], default: T, wanted: str) -> T:
        self.known.add(key)
        if key not in self.raw:
            return default
        value = self.raw[key]
        if isinstance(value, bool) != (bool in kinds) or not isinstance(value, kinds):
            self.fail(key, f"should be {wanted}, is {value!r}")
            return default
        return value  # type: ignore[return-value]

    def text(self, key: str, default: str = "") -> str:
        return self._get(key, (str,), default, "a text")

    def needed(self, key: str) -> str:
        value = self.text(key)
        if key not in self.raw:
            self.fail(key, "is missing")
        return value

    def flag(self, key: str, default: bool) -> bool:
        return self._get(key, (bool,), default, "true or false")

    def number(self, key: str, default: T) -> float | T:
        return self._get(key, (int, float), default, "a number")

    def count(self, key: str, default: T) -> int | T:
        value = self._get(key, (int,), default, "a whole number above 0")
        if isinstance(value, int) and value < 1:
            self.fail(key, f"should be a whole number above 0, is {value}")
            return default
        return value

    def one_of(self, key: str, allowed: type[T], default: T) -> T:
        """A member of the StrEnum `allowed`."""
        value = self.text(key, str(default))
        try:
            return allowed(value)  # type: ignore[call-arg]
        except ValueError:
            self.fail(key, f"should be one of {', '.join(str(each) for each in allowed)}, is {value!r}")  # type: ignore[attr-defined]
            return default

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        return self._list(key, str, default, "a list of texts")

    def counts(self, key: str) -> tuple[int, ...]:
        return self._list(key, int, (), "a list of whole numbers")

    def _list(self, key: str, kind: type[T], default: tuple[T, ...], wanted: str) -> tuple[T, ...]:
        value: object = self._get(key, (list,), list(default), wanted)
        items = value if isinstance(value, list) else []
        if any(isinstance(item, bool) or not isinstance(item, kind) for item in items):
            self.fail(key, f"should be {wanted}, is {items!r}")
            return default
        return tuple(items)

    def mapping(self, key: str) -> Mapping[str, object] | None:
        return self._get(key, (dict,), None, "a table")

    def pattern(self, key: str) -> re.Pattern[str] | None:
        if key not in self:
            self.known.add(key)
            return None
        try:
            return re.compile(self.text(key), re.IGNORECASE)
        except re.error as error:
            self.fail(key, f"is not a regular expression: {error}")
            return None

    def table(self, key: str) -> Table | None:
        self.known.add(key)
        return Table(self.raw[key], self._path(key), self.problems) if key in self.raw else None

    def rows(self, key: str) -> Iterator[Table]:
        """The tables of an array; each is named by its id, or counted from 1."""
        value: object = self._get(key, (list,), [], "a list of tables")
        for number, row in enumerate(value if isinstance(value, list) else [], 1):
            name = row.get("id", number) if isinstance(row, Mapping) else number
            yield Table(row, f"{self._path(key)}[{name}]", self.problems)

    def close(self) -> None:
        for key in sorted(self.raw.keys() - self.known):
            self.fail(key, f"is not a known key; known are {', '.join(sorted(self.known))}")
