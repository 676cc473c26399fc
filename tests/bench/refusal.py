"""The gate alone, no model asked: how often it lets a question through that has no answer here, and stops one that has.

    LAGEBILD_BENCH=… python -m tests.bench.refusal [--keep FOLDER] [--limit N] [--signals FILE]

Three stores: some XQuAD paragraphs in en, de and zh, one language each; ChronoQA without the passages of the
questions that must be refused; the MultiHop-RAG sentences. `--signals` writes each question's signal, to calibrate on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kb.gate import Evidence
from kb.models import LANGUAGES, Article, Filters
from tests.bench.ground import Ground, document, ground, report, rows

CEILING = 0.10
HELD = ("xquad_part",)
"""The indexes whose rates must be below the ceiling in each language."""


def articles(place: Ground, index: str, language: str) -> list[Article]:
    """The documents of one of the set's indexes."""
    if index == "xquad_part":
        part = {row["pid"] for row in rows(place.bench / "refusal" / "xquad_part_pids.jsonl.gz")}
        found = rows(place.bench / "xquad" / "contexts.jsonl.gz")
        return [document(row["pid"], row[language], language) for row in found if row["pid"] in part]
    if index == "chronoqa_minus_dropped":
        dropped = {row["cid"] for row in rows(place.bench / "refusal" / "chronoqa_dropped_cids.jsonl.gz")}
        found = rows(place.bench / "chronoqa" / "chunks.jsonl.gz")
        return [document(row["cid"], row["text"], "zh") for row in found if row["cid"] not in dropped]
    found = rows(place.bench / "multihop_rag" / "evidence.jsonl.gz")
    return [
        document(row["eid"], row["fact"], "en", title=row["title"], day=row["published_at"], source=row["source"])
        for row in found
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.refusal", description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=Path, help="a JSON Lines file for the signal of each question")
    with ground(parser, arguments) as (place, given):
        cases: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows(place.bench / "refusal" / "cases.jsonl.gz"):
            cases.setdefault((row["index"], row["lang"]), []).append(row)
        result: dict[str, Any] = {"set": "refusal"}
        signals, missed = [], []
        for (index, language), asked in sorted(cases.items()):
            name = f"{index} {language}"
            with place.store(f"refusal-{index}-{language}", articles(place, index, language)) as kb:
                wrong = {True: 0, False: 0}
                total = {True: 0, False: 0}
                for row in asked[: given.limit or None]:
                    found = kb.retriever.find(row["question"], language, Filters(), 8)
                    wanted = bool(row["answerable"])
                    total[wanted] += 1
                    wrong[wanted] += (found.evidence is Evidence.ENOUGH) is not wanted
                    signals.append(
                        {"name": name, "answerable": wanted, "dense": found.signal.dense, "words": found.signal.words}
                    )
            rates = {"invented": wrong[False] / max(total[False], 1), "refused": wrong[True] / max(total[True], 1)}
            result[name] = {"asked": sum(total.values()), **{kind: round(rate, 3) for kind, rate in rates.items()}}
            if index in HELD and language in LANGUAGES:
                missed += [f"{name}: {kind} {rate:.3f}" for kind, rate in rates.items() if rate > CEILING]
    if given.signals:
        given.signals.write_text("\n".join(map(json.dumps, signals)), encoding="utf-8")
    return report(result, missed, began)


if __name__ == "__main__":
    raise SystemExit(main())
