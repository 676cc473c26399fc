"""`eval extraction`: our extraction and plain trafilatura, page by page, against a set's gold, by the set's own metric.

The sets are folders of pages.zip and gold files; their sources, formats and metrics are those of trafilatura's and
htmldate's evaluations, scrapinghub's article-extraction-benchmark, WCXB, fundus' parser tests, fundus-evaluation and
GeneralNewsExtractor. Nothing of them is part of this project: they are read from the folder that is given.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import mean
from typing import Any

from kb.errors import CollectError, UsageError
from kb.models import Page

Gold = Mapping[str, Any]
TRUNCATED = 30_000_000
"""Bytes of one unpacked page; the largest of the sets has half a megabyte."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one extractor read off one page: text, title, authors joined by "; ", and the day as it is printed."""

    text: str = ""
    title: str = ""
    authors: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Scores:
    """The marks of one page. `text` holds (precision, recall, f1), or counts for a set that pools them."""

    text: tuple[float, ...] | None = None
    counts: tuple[int, int, int, int] | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    language: str = ""


def evaluate(directory: Path) -> dict[str, Any]:
    """`{"set", "pages", "ours", "trafilatura", "by_language"}` for one folder; see the module's docstring.

    Both sides have f1, precision and recall, and title, date and authors as far as the set has gold for them: shares
    of the pages with gold that were read exactly. Raises UsageError for a folder that is none of the sets.
    """
    logging.getLogger("trafilatura").setLevel(logging.ERROR)
    pages = Pages(directory)
    golds = list(pages.golds())
    ours: list[Scores] = []
    plain: list[Scores] = []
    for name, gold in golds:
        content = pages.read(str(gold["id"]))
        address = str(gold.get("url") or "https://www.example.org/article")
        ours.append(score(name, gold, read_ours(content, address, gold)))
        plain.append(score(name, gold, read_plain(content, address)))
    languages = sorted({scores.language for scores in ours if scores.language})
    return {
        "set": directory.name,
        "pages": len({gold["id"] for _, gold in golds}),
        "ours": summary(ours),
        "trafilatura": summary(plain),
        "by_language": {
            language: {
                "pages": sum(scores.language == language for scores in ours),
                "ours": summary([scores for scores in ours if scores.language == language]),
                "trafilatura": summary([scores for scores in plain if scores.language == language]),
            }
            for language in languages
        },
    }


class Pages:
    """The pages and gold of one set."""

    FILES = ("gold.jsonl.gz", "segments.jsonl.gz", "dates.jsonl.gz", "silver.jsonl.gz")

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        archive = directory / "pages.zip"
        if not archive.exists() or not any((directory / name).exists() for name in self.FILES):
            raise UsageError(
                f"{directory} holds no pages.zip with {', '.join(self.FILES)} beside it; name one of the sets"
            )
        self._archive = zipfile.ZipFile(archive)
        self._names = {info.filename: info for info in self._archive.infolist()}

    def golds(self) -> Iterator[tuple[str, Gold]]:
        """Pairs of the gold's kind and one page's record."""
        for name in self.FILES:
            path = self._directory / name
            if path.exists():
                with gzip.open(path, "rt", encoding="utf-8") as file:
                    for line in file:
                        record = json.loads(line)
                        yield _kind(name, record), record

    def read(self, id: str) -> bytes:
        """A page's bytes, unpacked. The archive of the Chinese set leaves out the first folder of its ids."""
        name = next((name for name in (id, id.partition("/")[2]) if name in self._names), None)
        if name is None:
            raise UsageError(f"{self._directory / 'pages.zip'} has no page {id}")
        content = self._archive.read(name)
        if name.endswith(".gz"):
            import zlib

            content = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(content, TRUNCATED)
        return content


def _kind(file: str, record: Gold) -> str:
    if not file.startswith("gold"):
        return file.partition(".")[0]
    keys = {"articleBody": "shingles", "main_content": "words", "publisher": "news"}
    return next((kind for key, kind in keys.items() if key in record), "rouge")


# ── the two sides ─────────────────────────────────────────────────────────────────────────────────


def read_ours(content: bytes, url: str, gold: Gold) -> Reading:
    """What our extraction reads, refusals aside: the sets hold pages of every kind, and ask for their text."""
    from ingest.extract.article import read_parts

    crawled = str(gold.get("crawl_date") or "")[:10]
    fetched = datetime.fromisoformat(crawled).replace(tzinfo=UTC) if crawled else datetime.now(UTC)
    try:
        parts = read_parts(Page(url, url, content, "text/html", None, fetched))
    except CollectError:
        return Reading()
    return Reading(parts.text, parts.title, "; ".join(parts.authors), parts.dated.day)


def read_plain(content: bytes, url: str) -> Reading:
    """What trafilatura reads with its defaults, comments off."""
    from ingest.extract.body import plain_reading

    text, title, authors, day = plain_reading(content, url)
    return Reading(text, title, authors, _day(day))


# ── metrics ───────────────────────────────────────────────────────────────────────────────────────


def score(kind: str, gold: Gold, reading: Reading) -> Scores:
    """One page's marks by the metric of its set."""
    language = str(gold.get("lang") or gold.get("language") or ("zh" if kind == "silver" else "en"))
    if kind == "dates":
        wanted = _day(gold["date"])
        hit = reading.day == wanted
        return Scores(None, None, {"date_f1": float(hit), "_answered": float(reading.day is not None)}, language)
    shares = dict(_metadata(gold, reading))
    if kind == "segments":
        return Scores(None, _segments(gold, reading.text), shares, language)
    return Scores(METRICS[kind](gold, reading.text), None, shares, language)


def summary(scores: Iterable[Scores]) -> dict[str, float]:
    """Means over pages; pooled counts for segments; F1 of mean precision and recall for shingles."""
    scores = list(scores)
    result: dict[str, float] = {}
    if texts := [one.text for one in scores if one.text is not None]:
        precision, recall, f1 = (mean(text[at] for text in texts) for at in range(3))
        pooled = any(len(text) > 3 for text in texts)
        result |= {"f1": _harmonic(precision, recall) if pooled else f1, "precision": precision, "recall": recall}
    if counts := [one.counts for one in scores if one.counts is not None]:
        tp, fp, fn, tn = (sum(count[at] for count in counts) for at in range(4))
        precision, recall = tp / ((tp + fp) or 1), tp / ((tp + fn) or 1)
        result |= {
            "f1": _harmonic(precision, recall),
            "precision": precision,
            "recall": recall,
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
        }
    if days := [one.shares for one in scores if "date_f1" in one.shares]:
        hits = sum(day["date_f1"] for day in days)
        answered = sum(day["_answered"] for day in days)
        # No answer is a miss, a wrong one a false alarm: they exclude each other.
        result |= {"dates_f1": 2 * hits / (2 * hits + (len(days) - hits)), "dates_accuracy": hits / len(days)}
        result |= {
            "dates_precision": hits / (answered or 1),
            "dates_recall": hits / ((hits + len(days) - answered) or 1),
        }
    for key in ("title", "date", "authors"):
        if marks := [one.shares[key] for one in scores if key in one.shares]:
            result[key] = mean(marks)
    return {key: round(value, 4) for key, value in result.items()}


def _metadata(gold: Gold, reading: Reading) -> Iterator[tuple[str, float]]:
    if title := gold.get("title"):
        yield "title", float(normalised(str(title)) == normalised(reading.title))
    names = gold.get("authors") if "authors" in gold else gold.get("author")
    names = [names] if isinstance(names, str) else [name for name in names or () if name]
    names = [part for name in names for part in (re.split(r"\s*;\s*", name) if ";" in name else [name])]
    if names:
        found = normalised(reading.authors)
        yield "authors", float(all(normalised(str(name)) in found for name in names))
    day = _day(gold.get("date") or gold.get("publishing_date") or gold.get("publish_date"))
    if day is not None:
        yield "date", float(reading.day == day)


def normalised(text: str) -> str:
    """Letters and digits, folded: what "exact" is meant up to in the published figures of titles and names."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10]) if value else None
    except ValueError:
        return None


def _harmonic(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _segments(gold: Gold, text: str) -> tuple[int, int, int, int]:
    """tp, fp, fn, tn of substrings, white space aside."""
    whole = " ".join(text.split())
    wanted = [" ".join(part.split()) in whole for part in gold["with"]]
    unwanted = [" ".join(part.split()) in whole for part in gold["without"]]
    return sum(wanted), sum(unwanted), len(wanted) - sum(wanted), len(unwanted) - sum(unwanted)


def _bag(gold: Counter[Any], found: Counter[Any]) -> tuple[float, float, float]:
    common = sum((gold & found).values())
    if not gold or not found:
        same = float(not gold and not found)
        return same, same, same
    precision, recall = common / sum(found.values()), common / sum(gold.values())
    return precision, recall, _harmonic(precision, recall)


def _words(text: str) -> list[str]:
    return re.findall(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+", text.casefold())


def _word_f1(gold: Gold, text: str) -> tuple[float, ...]:
    wanted = gold["main_content"] if "main_content" in gold else gold["body"]
    return _bag(Counter(_words(str(wanted))), Counter(_words(text)))


def _bigrams(gold: Gold, text: str) -> tuple[float, ...]:
    def pairs(value: str) -> Counter[str]:
        compact = "".join(value.split())
        return Counter(compact[at : at + 2] for at in range(len(compact) - 1))

    return _bag(pairs(str(gold["content"])), pairs(text))


def _shingles(gold: Gold, text: str) -> tuple[float, ...]:
    """4-gram shingles of each page; the mark at the end says that F1 is made of the means."""

    def grams(value: str) -> Counter[tuple[str, ...]]:
        words = re.findall(r"\w+", value)
        return Counter(tuple(words[at : at + 4]) for at in range(max(1, len(words) - 3)) if words)

    precision, recall, f1 = _bag(grams(str(gold["articleBody"])), grams(text))
    return precision, recall, f1, 1.0


def _rouge(gold: Gold, text: str) -> tuple[float, ...]:
    """ROUGE-Lsum: the union of longest common subsequences between each wanted paragraph and all found ones."""
    wanted = [re.findall(r"[a-z0-9]+", part.lower()) for part in gold["body"]]
    found = [re.findall(r"[a-z0-9]+", part.lower()) for part in text.split("\n")]
    left = Counter(word for part in wanted for word in part)
    right = Counter(word for part in found for word in part)
    size, given = sum(left.values()), sum(right.values())
    hits = 0
    for paragraph in wanted:
        matched: set[int] = set()
        for part in [paragraph] if paragraph in found else found:
            matched |= _common(paragraph, part)
        for at in sorted(matched):
            word = paragraph[at]
            if left[word] > 0 and right[word] > 0:
                hits += 1
                left[word] -= 1
                right[word] -= 1
    if not size or not given:
        return 0.0, 0.0, 0.0
    precision, recall = hits / given, hits / size
    return precision, recall, _harmonic(precision, recall)


def _common(wanted: list[str], found: list[str]) -> set[int]:
    """Places in `wanted` of one longest common subsequence with `found`."""
    if not set(wanted) & set(found):
        return set()
    rows = [[0] * (len(found) + 1)]
    for word in wanted:
        above, row = rows[-1], [0]
        for at, other in enumerate(found):
            row.append(above[at] + 1 if word == other else max(above[at + 1], row[at]))
        rows.append(row)
    places: set[int] = set()
    i, j = len(wanted), len(found)
    while i and j:
        if wanted[i - 1] == found[j - 1]:
            places.add(i - 1)
            i, j = i - 1, j - 1
        elif rows[i - 1][j] >= rows[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return places


METRICS: Mapping[str, Callable[[Gold, str], tuple[float, ...]]] = {
    "shingles": _shingles,
    "words": _word_f1,
    "news": _word_f1,
    "silver": _bigrams,
    "rouge": _rouge,
}
