"""Fifty kills in CI; `python -m tests.crash --kills 1000` is the long run."""

from __future__ import annotations

import pytest

from tests.crash import run


@pytest.mark.slow
def test_fifty_kills_lose_nothing_and_double_nothing() -> None:
    verdict, good = run(kills=50, seed=1)
    assert good, verdict
