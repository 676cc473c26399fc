"""Whether a translation is told from another text on the same matter.

    python -m tests.bench.translations [--bench DIR] [--join 1 --join 3]

The paragraphs of XQuAD stand in English, German and Chinese: each alone (a hundred words) and several of one
article joined, as parallel texts; every other pair across languages, and the starter briefs, which tell the same
events in words of their own, as texts that are none. Recall, precision, and what the briefs made of it; the store's
own decision, on the vectors that it would keep. Embeds some 800 texts.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ingest.documents import read_folder
from ingest.up import STARTER
from kb.embedding import load_embedder
from kb.models import LANGUAGES, Article
from kb.origins.translation import NEAR, carried_over, facts
from kb.search.prior import language_means

PRECISION = 0.98


@dataclass(frozen=True, slots=True)
class Text:
    """A text with the name of what it says, and the mean of its vectors without that of its language."""

    name: str
    title: str
    text: str
    language: str
    vector: npt.NDArray[np.float32]


def joined(bench: Path, many: int) -> Iterator[tuple[str, str, list[str]]]:
    """Name, language and paragraphs of each text: `many` paragraphs that follow each other in XQuAD."""
    with gzip.open(bench / "xquad" / "contexts.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    for start in range(0, len(rows) - many + 1, many):
        for language in LANGUAGES:
            yield f"{many}/{start}", language, [row[language] for row in rows[start : start + many]]


def merged(one: Text, other: Text) -> bool:
    if float(one.vector @ other.vector) < NEAR:
        return False
    return carried_over(*(facts(each.title, each.text, each.language) for each in (one, other)))


def counted(texts: Sequence[Text]) -> tuple[int, int, int, int]:
    """Parallel pairs that are told as such, of all; other pairs taken for parallel, of all."""
    right = parallel = wrong = others = 0
    for one, other in combinations(texts, 2):
        if one.language == other.language:
            continue
        same = merged(one, other)
        if one.name == other.name:
            parallel += 1
            right += same
        else:
            others += 1
            wrong += same
    return right, parallel, wrong, others


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, default=os.environ.get("LAGEBILD_BENCH"))
    parser.add_argument("--join", type=int, action="append")
    chosen = parser.parse_args(arguments)
    if chosen.bench is None:
        parser.error("name the folder with the test data: --bench DIR or LAGEBILD_BENCH")
    embedder = load_embedder("e5")
    means = language_means(embedder.id)

    def text(name: str, title: str, language: str, parts: Sequence[str]) -> Text:
        middle = embedder.passages([f"{title}\n{part}".strip() for part in parts]).mean(axis=0) - means[language]
        return Text(name, title, "\n\n".join(parts), language, middle / np.linalg.norm(middle))

    right = wrong = 0
    for many in chosen.join or [1, 3]:
        found = counted([text(name, "", language, parts) for name, language, parts in joined(Path(chosen.bench), many)])
        right, wrong = right + found[0], wrong + found[2]
        print(f"{many} paragraphs: told {found[0]} of {found[1]} parallel pairs; wrongly {found[2]} of {found[3]}")
    briefs = [item for item in read_folder(STARTER) if isinstance(item, Article)]
    _, _, taken, others = counted([text(each.url, each.title, each.language, [each.text]) for each in briefs])
    wrong += taken
    print(f"starter briefs: wrongly {taken} of {others}")
    precision = right / max(right + wrong, 1)
    print(f"{'PASS' if precision >= PRECISION else 'FAIL'} precision {precision:.3f} over {right + wrong} pairs told")
    return 0 if precision >= PRECISION else 1


if __name__ == "__main__":
    sys.exit(main())
