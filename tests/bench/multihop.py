"""MultiHop-RAG (sample): how much of the evidence of an English question over several articles is found.

    LAGEBILD_BENCH=… python -m tests.bench.multihop [--keep FOLDER] [--limit N]

The pool is the 438 sentences of evidence, each under its article's title with outlet and day. No LLM.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from tests.bench.ground import Asked, Ground, document, ground, ranked, recall, report, rows

FLOORS = {"recall@4": 0.80, "recall@10": 0.92}


def articles(place: Ground) -> list:
    return [
        document(row["eid"], row["fact"], "en", title=row["title"], day=row["published_at"], source=row["source"])
        for row in rows(place.bench / "multihop_rag" / "evidence.jsonl.gz")
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.multihop", description=__doc__.splitlines()[0])
    with ground(parser, arguments) as (place, given), place.store("multihop", articles(place)) as kb:
        kinds: dict[str, list[tuple[Asked, list[str]]]] = {}
        queries = [row for row in rows(place.bench / "multihop_rag" / "queries.jsonl.gz") if row["evidence"]]
        for row in queries[: given.limit or None]:
            asked = Asked(row["query"], "en", frozenset(row["evidence"]))
            kinds.setdefault(row["question_type"], []).append((asked, ranked(kb, asked)))
    every = [pair for pairs in kinds.values() for pair in pairs]
    found = {f"recall@{cut}": recall(every, cut) for cut in (4, 10)}
    by_kind = {kind: {f"recall@{cut}": recall(pairs, cut) for cut in (4, 10)} for kind, pairs in kinds.items()}
    missed = [f"{name} {found[name]} below {floor}" for name, floor in FLOORS.items() if found[name] < floor]
    return report({"set": "multihop", "questions": len(every), **found, "by_kind": by_kind}, missed, began)


if __name__ == "__main__":
    raise SystemExit(main())
