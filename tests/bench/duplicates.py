"""Whether copies of a story are found, and numbers of a series kept apart.

    python -m tests.bench.duplicates [--copies 12] [--seed 1] [--bench DIR]

Copies are made of the starter briefs as newsrooms make them: another headline, a dateline and credit of an agency,
another order of paragraphs or one less, and 1 to 10 % of the words (of Chinese text, of the characters) replaced,
left out, doubled or moved. What must not merge: different briefs, and the series of tests/data/series.toml, also
where two numbers of one differ in nothing else. With --bench (or LAGEBILD_BENCH), the real texts of crud_news_zh
that appeared under several headers are copied in the same way. A pair counts as merged if the signatures make
it a candidate and the texts decide it is one story. Seeded; nothing is fetched.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path

from ingest.documents import read_folder
from ingest.up import STARTER
from kb.models import Article
from kb.origins.credit import read_credits
from kb.origins.likeness import CANDIDATE, Told, Trace, copied, trace
from kb.origins.shingles import estimate

SERIES = Path(__file__).parent.parent / "data" / "series.toml"
RECALL, PRECISION = 0.95, 0.98

PIECE = re.compile(r"[^\W\d_\u3400-\u9fff]+|[\u3400-\u9fff]")
"""What an editor changes: a word or a Chinese character, not a figure."""
ANYTHING = re.compile(r"\w+(?<![\u3400-\u9fff])|[\u3400-\u9fff]")

DATELINES = {
    "en": ("WASHINGTON, {day} (Reuters) - ", "BEIJING (AP) — ", "BRUSSELS, {day} (AFP) - ", ""),
    "de": ("Berlin (dpa) - ", "Brüssel (AFP) - ", "Peking (Reuters) - ", ""),
    "zh": ("新华社北京{day}电 ", "中新网{day}电 ", "路透社华盛顿{day}电 ", ""),
}
HEADLINES = {
    "en": ("What to know: ", "Update: ", "Analysis - "),
    "de": ("Hintergrund: ", "Überblick: ", "Das Wichtigste: "),
    "zh": ("快讯：", "最新消息：", "综述："),
}
DAYS = {"en": "July {n}", "de": "{n}. Juli 2024", "zh": "7月{n}日"}


@dataclass(frozen=True, slots=True)
class Story:
    """A text as it is compared, and the number of the story it tells."""

    told: Told
    trace: Trace
    number: int
    language: str


@dataclass(slots=True)
class Count:
    """Pairs of one kind that were merged, of all there are."""

    merged: int = 0
    pairs: int = 0
    wrong: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.merged}/{self.pairs}"


def merged(one: Story, other: Story) -> bool:
    if one.trace.signature is None or other.trace.signature is None or one.trace.size != other.trace.size:
        return False
    if estimate(one.trace.signature, other.trace.signature[None])[0] < CANDIDATE:
        return False
    return copied(one.told, other.told) is not None


def story(title: str, text: str, source: str, number: int, language: str) -> Story:
    return Story(Told(title, text, source, read_credits(text, (), source)), trace(text), number, language)


def edited(text: str, share: float, random: random.Random, words: Sequence[str], figures: bool = False) -> str:
    """The text with a share of its words (Chinese: characters) replaced, left out, doubled or moved."""
    spans = [match.span() for match in (ANYTHING if figures else PIECE).finditer(text)]
    chosen = sorted(random.sample(spans, min(len(spans), max(1, round(share * len(spans))))), reverse=True)
    for start, end in chosen:
        written = text[start:end]
        kind = random.choice(("replace", "replace", "leave", "insert"))
        gap = "" if "\u3400" <= written[0] <= "\u9fff" else " "
        if kind == "leave":
            text = text[:start].rstrip(" ") + text[end:]
        elif kind == "insert":
            text = text[:end] + gap + random.choice(words) + text[end:]
        else:
            text = text[:start] + random.choice(words) + text[end:]
    return text


def copies(
    title: str, text: str, language: str, number: int, many: int, random: random.Random, words: Sequence[str],
    figures: bool = False,
) -> Iterator[Story]:  # fmt: skip
    """The text itself, and copies edited by 1, 2, … 10 % in turn."""
    yield story(title, text, "Outlet 0", number, language)
    first = random.randrange(1, 27)
    for copy in range(1, many + 1):
        paragraphs = edited(text, (1 + (copy - 1) % 10) / 100, random, words, figures).split("\n\n")
        if len(paragraphs) > 3 and copy % 3 == 0:
            paragraphs.pop(random.randrange(1, len(paragraphs)))
        if len(paragraphs) > 3 and copy % 4 == 0:
            paragraphs[-1], paragraphs[-2] = paragraphs[-2], paragraphs[-1]
        day = DAYS[language].format(n=first + copy % 2).replace(" 2024", "")
        body = random.choice(DATELINES[language]).format(day=day) + "\n\n".join(paragraphs)
        headline = random.choice(HEADLINES[language]) + edited(title, 0.3, random, words, figures)
        yield story(headline, body, f"Outlet {copy}", number, language)


def series(many: int, random: random.Random) -> list[list[Story]]:
    """Of each series some numbers, all filled in anew; and of each, two that differ in their number alone."""
    found: list[list[Story]] = []
    for row in tomllib.loads(SERIES.read_text(encoding="utf-8"))["series"]:
        first = random.randrange(3, 60)
        numbers = [filled(row, first + step, random) for step in range(many)]
        found.append([story(*each, "Outlet", place, row["language"]) for place, each in enumerate(numbers)])
        slots = values(row["language"], first, random)
        if "{n}" in row["title"] or "{order}" in row["title"]:
            same = [slots | numbered(row["language"], first + step) for step in range(2)]
            pair = [(row["title"].format(**each), row["text"].format(**each)) for each in same]
            found.append([story(*each, f"Outlet {at}", at, row["language"]) for at, each in enumerate(pair)])
    return found


def filled(row: dict[str, str], number: int, random: random.Random) -> tuple[str, str]:
    slots = values(row["language"], number, random) | numbered(row["language"], number)
    return row["title"].format(**slots), row["text"].format(**slots)


def numbered(language: str, number: int) -> dict[str, str]:
    if language == "zh":
        tens, ones = divmod(number, 10)
        digits = "零一二三四五六七八九"
        written = (("" if tens == 1 else digits[tens]) + "十" if tens else "") + (digits[ones] if ones else "")
        return {"n": str(number), "order": written}
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number not in (11, 12, 13) else "th"
    return {"n": str(number), "order": f"{number}{ending}" if language == "en" else f"{number}."}


def values(language: str, number: int, random: random.Random) -> dict[str, str]:
    return {
        "day": DAYS[language].format(n=1 + number % 28),
        "count": str(random.randrange(11, 99)),
        "money": str(random.randrange(100, 9999)),
        "percent": f"{random.randrange(1, 9)}.{random.randrange(1, 9)}".replace(".", "," if language == "de" else "."),
    }


def briefs() -> list[Article]:
    return [item for item in read_folder(STARTER) if isinstance(item, Article)]


def reprinted(bench: Path) -> list[str]:
    """Real Chinese news texts that appeared under several headers."""
    with gzip.open(bench / "crud_news_zh" / "same_body_groups.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def count(groups: Sequence[Sequence[Story]], random: random.Random, others: int) -> tuple[Count, Count]:
    """Pairs within the groups that merge, and pairs of different groups of one language (a sample) that do."""
    within, across = Count(), Count()
    for group in groups:
        for one, other in combinations(group, 2):
            _add(within, one, other, wanted=True)
    for language in sorted({group[0].language for group in groups}):
        own = [group for group in groups if group[0].language == language]
        for one, other in combinations(own, 2):
            for _ in range(others):
                _add(across, random.choice(one), random.choice(other), wanted=False)
    return within, across


def _add(counted: Count, one: Story, other: Story, *, wanted: bool) -> None:
    same = merged(one, other)
    counted.pairs += 1
    counted.merged += same
    if same != wanted:
        counted.wrong.append((f"{one.told.title} | {one.told.source}", f"{other.told.title} | {other.told.source}"))


def vocabulary(texts: Sequence[str]) -> list[str]:
    return sorted({match.group() for text in texts for match in PIECE.finditer(text)})


def measure(many: int, seed: int, bench: Path | None, *, stories: int | None = None) -> dict[str, Count]:
    """Counts by kind: `copies`, `different`, `series`, with figures edited too, and on the real texts."""
    chance = random.Random(seed)
    found: dict[str, Count] = {}
    chosen = chance.sample(briefs(), stories) if stories else briefs()
    words = {
        language: vocabulary([each.text for each in chosen if each.language == language]) for language in DATELINES
    }
    for name, figures in (("", False), (" with figures edited", True)):
        groups = [
            list(copies(each.title, each.text, each.language, at, many, chance, words[each.language], figures))
            for at, each in enumerate(chosen)
        ]
        found["copies" + name], found["different" + name] = count(groups, chance, 2)
    found["series"] = Count()
    for group in series(4, chance):
        for one, other in combinations(group, 2):
            _add(found["series"], one, other, wanted=False)
    if bench is not None:
        texts = reprinted(bench)
        own = vocabulary(texts)
        groups = [list(copies("", text, "zh", at, many, chance, own)) for at, text in enumerate(texts)]
        found["crud copies"], found["crud different"] = count(groups, chance, 2)
    return found


def verdict(found: dict[str, Count]) -> tuple[float, float, bool]:
    """Recall, precision, and whether both hold; edits of figures are reported, not judged."""
    wanted = [value for name, value in found.items() if name.endswith("copies")]
    unwanted = [found[name] for name in ("different", "series", "crud different") if name in found]
    right, pairs = sum(each.merged for each in wanted), sum(each.pairs for each in wanted)
    wrong = sum(each.merged for each in unwanted)
    recall, precision = right / pairs, right / max(right + wrong, 1)
    return recall, precision, recall >= RECALL and precision >= PRECISION


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bench", type=Path, default=os.environ.get("LAGEBILD_BENCH"))
    parser.add_argument("--wrong", action="store_true", help="name the pairs that were decided wrongly")
    chosen = parser.parse_args(arguments)
    found = measure(chosen.copies, chosen.seed, Path(chosen.bench) if chosen.bench else None)
    for name, counted in found.items():
        print(f"{name}: merged {counted}")
        if chosen.wrong:
            for pair in counted.wrong[:40]:
                print("   ", *pair, sep="  ")
    recall, precision, holds = verdict(found)
    pairs = sum(each.pairs for each in found.values())
    word = "PASS" if holds else "FAIL"
    print(f"{word} recall {recall:.3f} precision {precision:.3f} over {pairs} pairs, seed {chosen.seed}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
