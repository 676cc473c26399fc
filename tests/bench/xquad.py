"""XQuAD in one pool of three languages: is the evidence found whatever language it is in?

    LAGEBILD_BENCH=… python -m tests.bench.xquad [--keep FOLDER] [--limit N] [--tenfold de,en,zh] [--pairs]
    LAGEBILD_BENCH=… python -m tests.bench.xquad --rephrase local --between zh-de,de-zh --limit 60

Measures the share of the three versions of the paragraph in the top ten, for questions in each language;
the same with one language ten times as large (distractors from the other sets); and with --pairs the nDCG@10
between two languages, in a store of the second alone. No LLM, no reranker; but with --rephrase the named provider
translates each question for the pairs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from math import log2
from typing import Any

from kb.models import LANGUAGES, Article
from kb.text.chunking import spans
from kb.text.language import detect
from tests.bench.ground import Asked, Ground, document, ground, ranked, recall, report, rows, say

FLOORS = {"en": 0.95, "de": 0.94, "zh": 0.91}
MOST_LOST = 0.03
BETWEEN = 0.85
SIB = {"en": "eng_Latn", "de": "deu_Latn"}
TENFOLD = 9 * 240
"""Distractors that make a language ten times as large as the 240 paragraphs."""


def paragraphs(place: Ground, languages: Sequence[str] = LANGUAGES) -> list[Article]:
    contexts = rows(place.bench / "xquad" / "contexts.jsonl.gz")
    return [document(f"{row['pid']}-{name}", row[name], name) for row in contexts for name in languages]


def distractors(place: Ground, language: str) -> list[Article]:
    """Passages of other sets in that language, each of about a paragraph."""
    texts = islice(_others(place, language), TENFOLD)
    return [document(f"other{number}-{language}", text, language) for number, text in enumerate(texts)]


def _others(place: Ground, language: str) -> Iterator[str]:
    if language == "zh":
        yield from (row["text"] for row in rows(place.bench / "chronoqa" / "chunks.jsonl.gz"))
        return
    if language == "en":
        yield from (row["fact"] for row in rows(place.bench / "multihop_rag" / "evidence.jsonl.gz"))
    for text in _pages(place, language):
        yield from (text[start:end] for start, end in spans(text, place.embedder.tokens))
    for file in sorted((place.bench / "sib200").glob(f"{SIB[language]}.*.jsonl.gz")):
        yield from (row["text"] for row in rows(file))


def _pages(place: Ground, language: str) -> Iterator[str]:
    """The texts of the public news pages and web pages of a language."""

    for name in sorted(path.name for path in place.bench.glob("extraction_*")):
        folder = place.bench / name
        for file in sorted(folder.glob("*.jsonl.gz")):
            for row in rows(file):
                text = row.get("body") or row.get("main_content") or row.get("articleBody") or row.get("content") or ""
                text = "\n".join(text) if isinstance(text, list) else str(text)
                if len(text) > 300 and detect(text) == language:
                    yield text


def shared(place: Ground, name: str, extra: Sequence[Article], limit: int) -> dict[str, float]:
    """Share of the three versions in the top ten by the question's language."""
    found = {}
    with place.store(name, [*paragraphs(place), *extra]) as kb:
        for language in LANGUAGES:
            pairs = [(asked, ranked(kb, asked)) for asked in questions(place, language, LANGUAGES, limit)]
            found[language] = recall(pairs, 10)
    return found


def questions(place: Ground, language: str, targets: Sequence[str], limit: int) -> list[Asked]:
    found = rows(place.bench / "xquad" / "questions.jsonl.gz")[: limit or None]
    return [
        Asked(row[f"q_{language}"], language, frozenset(f"{row['pid']}-{name}" for name in targets)) for row in found
    ]


def pairs(place: Ground, limit: int, between: str = "", rephrase: str = "") -> dict[str, float]:
    """nDCG@10 of questions in one language over the paragraphs of another, alone in a store; of the pairs named in
    `between`, default all."""
    found = {}
    for target in LANGUAGES:
        with place.store(f"xquad-{target}", paragraphs(place, (target,)), rephrase) as kb:
            for language in LANGUAGES:
                if between and f"{language}-{target}" not in between.split(","):
                    continue
                asked = questions(place, language, (target,), limit)
                found[f"{language}->{target}"] = round(
                    sum(_ndcg(one, ranked(kb, one)) for one in asked) / len(asked), 4
                )
    return found


def _ndcg(asked: Asked, ranking: Sequence[str]) -> float:
    (wanted,) = asked.relevant
    return 1 / log2(ranking.index(wanted) + 2) if wanted in ranking[:10] else 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    began = time.perf_counter()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.xquad", description=__doc__.splitlines()[0])
    parser.add_argument("--tenfold", default="", help="languages that are made ten times as large, one after another")
    parser.add_argument("--pairs", action="store_true", help="nDCG@10 between languages as well")
    parser.add_argument("--between", default="", help="pairs to measure alone, such as zh-de,de-zh")
    parser.add_argument("--rephrase", default="", help="provider that translates the questions of these pairs")
    with ground(parser, arguments) as (place, given):
        if given.between:
            found = pairs(place, given.limit, given.between, given.rephrase)
            missed = [f"{pair} {value} below {BETWEEN}" for pair, value in found.items() if value < BETWEEN]
            return report({"set": "xquad", "rephrased by": given.rephrase, "pairs": found}, missed, began)
        result: dict[str, Any] = {"set": "xquad", "top ten": shared(place, "xquad", (), given.limit)}
        missed = [
            f"{name} {result['top ten'][name]} below {floor}"
            for name, floor in FLOORS.items()
            if result["top ten"][name] < floor
        ]
        for language in filter(None, given.tenfold.split(",")):
            extra = distractors(place, language)
            say(f"{language}: {len(extra)} distractors")
            name = f"{language} with {len(extra)} more"
            result[name] = shared(place, f"xquad-tenfold-{language}", extra, given.limit)
            missed += [
                f"{name}: {one} fell by {result['top ten'][one] - result[name][one]:.3f}"
                for one in LANGUAGES
                if result["top ten"][one] - result[name][one] > MOST_LOST
            ]
        if given.pairs:
            result["pairs"] = pairs(place, given.limit)
            known = json.loads((place.bench / "baselines_measured_here.json").read_text(encoding="utf-8"))["xquad"]
            missed += [
                f"{pair} {value} below {known[f'e5s {pair}']['nDCG10']}"
                for pair, value in result["pairs"].items()
                if value < known[f"e5s {pair}"]["nDCG10"]
            ]
    return report(result, missed, began)


if __name__ == "__main__":
    raise SystemExit(main())
