"""Where each language lies in the embedder's space, before a store has enough articles to tell.

`data/calibration/<embedder>.npz` holds the mean vector of each language, computed from the starter
corpus. Made anew, after a change of the embedder or the corpus, from a home that holds that corpus:

    python -m kb.search.prior HOME
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from kb.models import LANGUAGES
from kb.settings import DATA

FOLDER = DATA / "calibration"


@cache
def language_means(embedder: str) -> Mapping[str, np.ndarray]:
    """The mean vector (d,) of each language for an embedder; empty for one that none were computed for."""
    path = FOLDER / f"{embedder}.npz"
    if not path.exists():
        return {}
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def compute(home: Path) -> Path:
    """Write the means of the languages in a home; the file."""
    from kb.knowledge import open_kb

    with open_kb(home) as kb:
        kb.index.refresh()
        known = kb.index.statistics()
        path = FOLDER / f"{kb.embedder.id}.npz"
        means = {name: known[name].mean.astype(np.float32) for name in LANGUAGES}
    FOLDER.mkdir(exist_ok=True)
    np.savez(path, **means)  # type: ignore[arg-type]
    return path


if __name__ == "__main__":
    print(compute(Path(sys.argv[1])))
