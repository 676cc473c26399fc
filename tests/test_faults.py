"""A fixed part of the fault matrix. The whole of it is a command: `python -m tests.faults run --seed 1 --full`.

Not here are the rows that other tests walk in full: 1 (test_crash), 2 and 13 (test_run), 27 (test_politeness), 46
(test_providers_keys), 47 (conftest denies the network to all tests), and 9, which needs the right to mount a disk.
"""

from __future__ import annotations

import pytest

from tests.faults.__main__ import ROWS, chosen
from tests.faults.verdict import Row, Tally

HERE = [row for row in ROWS.values() if row.number not in (1, 2, 9, 13, 27, 46, 47)]


@pytest.mark.parametrize("row", HERE, ids=lambda row: f"{row.number}-{row.fault.replace(' ', '-')}")
def test_row(row: Row) -> None:
    found = row.run(1, False)
    assert found.good, row.line(found, 0.0)


def test_rows_are_chosen_by_number_and_range() -> None:
    assert [row.number for row in chosen("2,20-22,39")] == [2, 20, 21, 22]
    assert len(chosen(None)) == len(ROWS) == 26


def test_a_failure_is_said_and_counted() -> None:
    tally, row = Tally(), ROWS[25]
    tally.check("one", True)
    tally.check("two", False, "a page")
    assert not tally.good
    assert row.line(tally, 0.5).splitlines() == ["row 25 SSRF: 1/2 refused (0.5 s): MISSED", "    two: a page"]
    assert not Tally().good
    assert row.line(Tally(skipped="no right to"), 0.0) == "row 25 SSRF: skipped, no right to"
