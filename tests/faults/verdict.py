"""What a row of the matrix found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SHOWN = 10
"""Failures that are printed below a verdict."""

LONGEST = 300
"""Characters of one of them."""


@dataclass(slots=True)
class Tally:
    """Counts the cases of a row and keeps the names of those that failed. `told` is what else was measured."""

    cases: int = 0
    failures: list[str] = field(default_factory=list)
    told: str = ""
    skipped: str = ""

    def check(self, name: str, good: bool, seen: object = "") -> None:
        """One case; `seen` is what came instead."""
        self.cases += 1
        if not good:
            self.failures.append(f"{name}: {seen}"[:LONGEST] if seen != "" else name)

    @property
    def good(self) -> bool:
        return not self.failures and (self.cases > 0 or bool(self.skipped))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the matrix: `run` makes its cases from a seed, all of them if `full`, else a small fixed part."""

    number: int
    fault: str
    target: str
    run: Callable[[int, bool], Tally]

    def line(self, found: Tally, seconds: float) -> str:
        """The verdict in one line; the failures on lines of their own."""
        head = f"row {self.number:2d} {self.fault}: "
        if found.skipped:
            return f"{head}skipped, {found.skipped}"
        good = found.cases - len(found.failures)
        told = f"; {found.told}" if found.told else ""
        verdict = "ok" if found.good else "MISSED"
        line = f"{head}{good}/{found.cases} {self.target}{told} ({seconds:.1f} s): {verdict}"
        return "\n".join([line, *(f"    {failure}" for failure in found.failures[:SHOWN])])
