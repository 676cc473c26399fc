"""How much of an ingestion run is embedding, and what a second run over the same costs.

    python -m tests.bench.ingestion [--articles 1000] [--words 500] [--seed 1]

Articles of random words (ours) go through the command line's own run as JSON Lines. The time spent in
the embedder is taken inside that run, so that the ratio does not depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ingest.run import ingest
from ingest.targets import FileTarget
from ingest.up import STARTER
from kb.embedding import Embedder, load_embedder
from kb.knowledge import open_kb
from kb.settings import Settings


def vocabulary() -> list[str]:
    """The words of the English starter briefs, as often as they stand there: random articles of few words would all be
    near copies of one another, as no news is."""
    return re.findall(r"[A-Za-z]+", " ".join(path.read_text("utf-8") for path in sorted((STARTER / "en").glob("*.md"))))


class Timed:
    """The real embedder with a stopwatch."""

    def __init__(self, real: Embedder) -> None:
        self.real, self.seconds, self.texts = real, 0.0, 0
        self.id, self.dimension, self.max_tokens = real.id, real.dimension, real.max_tokens
        self.query, self.tokens, self.llama = real.query, real.tokens, real.llama

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        began = time.perf_counter()
        found = self.real.passages(texts)
        self.seconds += time.perf_counter() - began
        self.texts += len(texts)
        return found


def write(path: Path, articles: int, words: int, seed: int) -> None:
    dice, known = random.Random(seed), vocabulary()
    with path.open("w", encoding="utf-8") as file:
        for number in range(articles):
            sentences = (" ".join(dice.choices(known, k=20)).capitalize() + "." for _ in range(words // 20))
            row = {"url": f"https://news.example/{number}", "title": f"Notice {number}", "text": " ".join(sentences)}
            file.write(json.dumps({**row, "language": "en", "published": "2024-07-09"}) + "\n")


def run(home: Path, file: Path, embedder: Timed) -> float:
    began = time.perf_counter()
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        for _ in ingest(kb, [FileTarget(file)]):
            pass
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--words", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    embedder = Timed(load_embedder("e5"))
    embedder.query("warm")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "articles.jsonl"
        write(file, given.articles, given.words, given.seed)
        first = run(Path(folder) / "home", file, embedder)
        embedding, texts = embedder.seconds, embedder.texts
        second = run(Path(folder) / "home", file, embedder)
    again = embedder.texts - texts
    print(
        f"ingestion: {given.articles} articles, {texts} chunks, run {first:.1f} s, embedding {embedding:.1f} s, "
        f"ratio {first / embedding:.3f}; second run {second:.1f} s ({second / first:.1%}), {again} texts embedded again"
    )


if __name__ == "__main__":
    main()
