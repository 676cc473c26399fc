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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kb.knowledge import KnowledgeBase
from kb.models import LANGUAGES, Article, Filters
from kb.search.gate import Evidence
from tests.bench.ground import Ground, document, ground, report, rows

CEILING = 0.10
"""Highest rate of each of the two errors, in each language over all its stores."""


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


def _asked(kb: KnowledgeBase, name: str, row: dict[str, Any]) -> dict[str, Any]:
    found = kb.retriever.find(row["question"], row["lang"], Filters(), 8)
    passed, wanted = found.evidence is Evidence.ENOUGH, bool(row["answerable"])
    return {"name": name, "passed": passed, "answerable": wanted, **asdict(found.signal)}


def _rates(asked: Sequence[dict[str, Any]]) -> dict[str, float]:
    """The share of the unanswerable that passed the gate, and of the answerable that did not."""
    without = [one["passed"] for one in asked if not one["answerable"]]
    having = [not one["passed"] for one in asked if one["answerable"]]
    invented, refused = (round(sum(wrong) / max(len(wrong), 1), 3) for wrong in (without, having))
    return {"asked": len(asked), "invented": invented, "refused": refused}


def main(arguments: Sequence[str] | None = None) -> int:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.refusal", description=__doc__.splitlines()[0])
    parser.add_argument("--signals", type=Path, help="a JSON Lines file for the signal of each question")
    with ground(parser, arguments) as (place, given):
        cases: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for row in rows(place.bench / "refusal" / "cases.jsonl.gz"):
            cases.setdefault((row["index"], row["lang"]), []).append(row)
        result: dict[str, Any] = {"set": "refusal"}
        signals: list[dict[str, Any]] = []
        for (index, language), asked in sorted(cases.items()):
            name = f"{index} {language}"
            with place.store(f"refusal-{index}-{language}", articles(place, index, language)) as kb:
                own = [_asked(kb, name, row) for row in asked[: given.limit or None]]
            result[name] = _rates(own)
            signals += own
        for language in LANGUAGES:
            result[language] = _rates([one for one in signals if one["name"].endswith(language)])
        missed = [
            f"{language}: {kind} {result[language][kind]}"
            for language in LANGUAGES
            for kind in ("invented", "refused")
            if result[language][kind] > CEILING
        ]
    if given.signals:
        given.signals.write_text("\n".join(map(json.dumps, signals)), encoding="utf-8")
    return report(result, missed, began)


if __name__ == "__main__":
    raise SystemExit(main())
