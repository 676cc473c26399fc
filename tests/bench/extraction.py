"""Extraction on all public sets at hand, ours beside plain trafilatura's: python -m tests.bench.extraction DIR.

DIR holds the folders extraction_*. Prints a table; `--json` the figures. Fifteen minutes on two cores.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from ingest.evaluation import evaluate

COLUMNS = ("f1", "precision", "recall", "title", "date", "authors", "dates_f1", "dates_accuracy")


def main(arguments: list[str]) -> None:
    as_json = "--json" in arguments
    folders = [Path(one) for one in arguments if not one.startswith("--")]
    sets = [found for folder in folders for found in sorted(folder.glob("extraction_*"))]
    if not sets:
        raise SystemExit("name the folder that holds the folders extraction_*")
    results = []
    if not as_json:
        print(f"{'set':24}{'side':13}" + "".join(f"{column:>15}" for column in COLUMNS))
    for directory in sets:
        started = time.perf_counter()
        result = evaluate(directory)
        results.append(result)
        if as_json:
            continue
        for side in ("ours", "trafilatura"):
            figures = "".join(f"{result[side].get(column, ''):>15}" for column in COLUMNS)
            print(f"{result['set'].removeprefix('extraction_'):24}{side:13}{figures}")
        print(f"{'':24}{result['pages']} pages, {time.perf_counter() - started:.0f} s")
    if as_json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
