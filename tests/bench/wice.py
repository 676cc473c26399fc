"""WiCE dev: is a sentence of Wikipedia supported by the sentences it cites? F1 of "supported" against the rest.

    LAGEBILD_BENCH=/path/to/bench python -m tests.bench.wice [--similarity] [--every N]

No LLM. Published on the same items (EMNLP 2023): T5-3B-ANLI .618, T5-3B-ANLI fine-tuned on WiCE .778; GPT-4 .610 and
GPT-3.5 .393 on 100 of them. --similarity lets multilingual-e5 be the last witness; --every N takes each Nth item.
Exit status 1 if the floor is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

from kb.models import Verdict
from kb.verifying import check
from kb.verifying.checking import Similarity

FLOOR = 0.62


def similarity() -> Similarity:
    """Cosine of a sentence (as query) and a span (as passage) by the built-in embedder."""
    from kb.embedding import load_embedder

    embedder = load_embedder("e5")
    return lambda sentence, span: float(embedder.query(sentence) @ embedder.passages([span])[0])


def measure(path: Path, every: int, witness: Similarity | None) -> dict[str, object]:
    """Precision, recall and F1 of supported, the codes by label, and milliseconds a sentence."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][::every]
    started = time.perf_counter()
    found = [check(row["claim"], [" ".join(row["evidence"])], similarity=witness) for row in rows]
    seconds = time.perf_counter() - started
    pairs = [(row["label"], finding) for row, finding in zip(rows, found, strict=True)]
    hits = sum(label == "supported" and finding.verdict is Verdict.SUPPORTED for label, finding in pairs)
    called = sum(finding.verdict is Verdict.SUPPORTED for finding in found)
    true = sum(label == "supported" for label, _ in pairs)
    codes = Counter(f"{label}: {finding.code}" for label, finding in pairs)
    return {
        "items": len(rows),
        "precision": round(hits / called, 3),
        "recall": round(hits / true, 3),
        "f1": round(2 * hits / (called + true), 3),
        "milliseconds": round(1000 * seconds / len(rows), 1),
        "codes": dict(codes.most_common()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--similarity", action="store_true")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    if not os.environ.get("LAGEBILD_BENCH"):
        print("set LAGEBILD_BENCH to the folder that holds wice/", file=sys.stderr)
        return 2
    path = Path(os.environ["LAGEBILD_BENCH"]) / "wice" / "dev_oracle_claim.jsonl.gz"
    result = measure(path, given.every, similarity() if given.similarity else None)
    print(json.dumps(result, indent=2))
    return 0 if float(str(result["f1"])) >= FLOOR else 1


if __name__ == "__main__":
    sys.exit(main())
