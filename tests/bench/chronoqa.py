"""ChronoQA: recall of the passages behind Chinese questions that turn on time, question_date being today.

    LAGEBILD_BENCH=… python -m tests.bench.chronoqa [--keep FOLDER] [--limit N]

The pool is all 6,350 passages. No LLM: questions about several events are split by rule.
"""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Sequence
from datetime import date

from tests.bench.ground import Asked, document, ground, ranked, recall, report, rows, say

FLOORS = {"all": (0.94, 0.96), "several documents": (0.88, 0.92)}
"""Recall@5 and @10."""


def _day(written: str) -> date | None:
    """The question's day; a few are not whole dates."""
    parts = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", written)
    return date(*map(int, parts.groups())) if parts else None


def main(arguments: Sequence[str] | None = None) -> int:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.chronoqa", description=__doc__.splitlines()[0])
    with ground(parser, arguments) as (place, given):
        folder = place.bench / "chronoqa"
        articles = [document(row["cid"], row["text"], "zh") for row in rows(folder / "chunks.jsonl.gz")]
        pairs: list[tuple[Asked, list[str]]] = []
        with place.store("chronoqa", articles) as kb:
            for row in rows(folder / "questions.jsonl.gz")[: given.limit or None]:
                today = _day(row["question_date"])
                asked = Asked(row["question"], "zh", frozenset(row["gold"]), today)
                pairs.append((asked, ranked(kb, asked)))
                if len(pairs) % 500 == 0:
                    say(f"{len(pairs)} questions")
    groups = {
        "all": pairs,
        "one document": [pair for pair in pairs if len(pair[0].relevant) == 1],
        "several documents": [pair for pair in pairs if len(pair[0].relevant) > 1],
    }
    found = {name: {f"recall@{cut}": recall(group, cut) for cut in (5, 10)} for name, group in groups.items()}
    missed = [
        f"{name} recall@{cut} {found[name][f'recall@{cut}']} below {floor}"
        for name, floors in FLOORS.items()
        for cut, floor in zip((5, 10), floors, strict=True)
        if found[name][f"recall@{cut}"] < floor
    ]
    return report({"set": "chronoqa", "questions": len(pairs), **found}, missed, began)


if __name__ == "__main__":
    raise SystemExit(main())
