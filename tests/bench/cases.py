"""The refusal set as `lagebild eval refusal` reads it: questions that name their corpus, and the corpora beside them.

LAGEBILD_BENCH=… python -m tests.bench.cases FOLDER
lagebild eval refusal FOLDER/cases.jsonl --store FOLDER/stores [-p local --limit 5]
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kb.embedding import load_embedder
from kb.settings import Settings
from tests.bench.ground import Ground, rows
from tests.bench.refusal import articles


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cases", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    bench = Path(os.environ["LAGEBILD_BENCH"])
    place = Ground(bench, folder, load_embedder(Settings(home=folder).embedder))
    cases, corpora = [], set()
    for row in rows(bench / "refusal" / "cases.jsonl.gz"):
        corpus = f"{row['index']}-{row['lang']}.jsonl"
        if corpus not in corpora:
            corpora.add(corpus)
            found = articles(place, row["index"], row["lang"])
            write(folder / corpus, [
                {"_id": each.url, "url": each.url, "title": each.title, "text": each.text, "language": each.language,
                 "source": each.source, "published": each.published.iso() if each.published else None}
                for each in found
            ])  # fmt: skip
        cases.append({**row, "language": row["lang"], "corpus": corpus})
    write(folder / "cases.jsonl", cases)
    print(f"{len(cases)} questions over {len(corpora)} corpora in {folder}")


def write(path: Path, found: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")


if __name__ == "__main__":
    main()
