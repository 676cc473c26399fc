"""Traditional and simplified characters of Chinese as one: for comparing texts, not for reading them.

A character is replaced wherever it stands, also where a simplified text uses it in another sense (乾隆): both sides of
a comparison are treated alike, so that this does no harm, and no words have to be cut.
"""

from __future__ import annotations

import tomllib
from functools import cache

from kb.settings import DATA

TABLE = DATA / "han.toml"


def simplified(text: str) -> str:
    """The text with simplified characters in place of traditional ones, as long as before."""
    return text.translate(_table())


@cache
def _table() -> dict[int, str]:
    given = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return dict(
        zip(
            map(ord, "".join(given["traditional"].split())),
            "".join(given["simplified"].split()),
            strict=True,
        )
    )
