"""What the measures of retrieval share: public sets as articles, stores of their own, vectors kept between runs.

Every measure reads the folder LAGEBILD_BENCH names (see its README for the formats) and takes `--keep
FOLDER`, where stores and vectors stay for the next run; without it they are thrown away. Each prints
one JSON object and one verdict line.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

import numpy as np

from kb.embedding import Embedder, load_embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Filters, Precision, Published, digest
from kb.settings import Settings


class Remembering:
    """The real embedder with its vectors kept in a file, so that no run embeds what another did."""

    def __init__(self, real: Embedder, file: Path) -> None:
        self.real = real
        self.id, self.dimension, self.max_tokens = real.id, real.dimension, real.max_tokens
        self.tokens, self.llama = real.tokens, real.llama
        self._db = sqlite3.connect(file, check_same_thread=False)
        self._db.execute("CREATE TABLE IF NOT EXISTS vector (name TEXT PRIMARY KEY, value BLOB)")

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._kept(texts, "passage", self.real.passages)

    def query(self, text: str) -> np.ndarray:
        return np.asarray(
            self._kept([text], "query", lambda texts: np.stack([self.real.query(one) for one in texts]))[0]
        )

    def _kept(self, texts: Sequence[str], kind: str, embed: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
        names = [digest(self.id, kind, text) for text in texts]
        found = {}
        for name in names:
            row = self._db.execute("SELECT value FROM vector WHERE name = ?", (name,)).fetchone()
            if row:
                found[name] = np.frombuffer(row[0], np.float32)
        if missing := {name: text for name, text in zip(names, texts, strict=True) if name not in found}:
            for name, vector in zip(missing, embed(list(missing.values())), strict=True):
                found[name] = np.asarray(vector, np.float32)
                self._db.execute("INSERT OR IGNORE INTO vector VALUES (?, ?)", (name, found[name].tobytes()))
            self._db.commit()
        return np.stack([found[name] for name in names])


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a set with the documents that answer it; `today` is its day, None for now."""

    text: str
    language: str
    relevant: frozenset[str]
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a measure runs: the public data, and the folder for stores and vectors."""

    bench: Path
    folder: Path
    embedder: Embedder

    @contextmanager
    def store(self, name: str, articles: Iterable[Article]) -> Iterator[KnowledgeBase]:
        """A store with just these articles; one that is there from an earlier run is used as it is."""
        home = self.folder / name
        with open_kb(settings=Settings(home=home), embedder=self.embedder) as kb:
            if not (home / "whole").exists():
                _fill(kb, list(articles))
                (home / "whole").touch()
            elif (built := kb.catalog.meta("binding")) != kb._binding:
                say(f"{name} was built as {built}: making it anew")
                kb.rebuild()
            yield kb


def _fill(kb: KnowledgeBase, articles: Sequence[Article]) -> None:
    for start in range(0, len(articles), 200):
        with kb.writing():
            for article in articles[start : start + 200]:
                kb.add(article)
        say(f"{min(start + 200, len(articles))} of {len(articles)} documents")
    kb.publish(force=True)


@contextmanager
def ground(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None
) -> Iterator[tuple[Ground, argparse.Namespace]]:
    """The arguments that every measure takes, read; its ground, open."""
    parser.add_argument("--keep", type=Path, help="folder where stores and vectors stay for the next run")
    parser.add_argument("--limit", type=int, default=0, help="only so many questions of each kind")
    given = parser.parse_args(arguments)
    bench = os.environ.pop("LAGEBILD_BENCH", "")
    if not bench:
        parser.error("set LAGEBILD_BENCH to the folder with the public test data")
    with tempfile.TemporaryDirectory() as folder:
        place = given.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        yield Ground(Path(bench), place, Remembering(load_embedder("e5"), place / "vectors.sqlite")), given


def rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a compressed JSON Lines file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def document(id: str, text: str, language: str, *, title: str = "", day: str = "", source: str = "set") -> Article:
    """A document of a set as an article; its id is the last part of its URL."""
    published = None
    if day:
        published = Published(datetime.combine(date.fromisoformat(day[:10]), clock(), UTC), Precision.DAY, "given")
    return Article(f"urn:lagebild:bench:{id}", title, text, language, source, datetime.now(UTC), published)


def ranked(kb: KnowledgeBase, asked: Asked, languages: tuple[str, ...] = ()) -> list[str]:
    """The ids of the documents for a question, the best first, each at its best passage's place."""
    names = _names(kb)
    hits = kb.retriever.candidates(asked.text, asked.language, Filters(languages=languages), today=asked.today).hits
    return list(dict.fromkeys(names[hit.seq] for hit in hits))


_NAMES: dict[Path, dict[int, str]] = {}


def _names(kb: KnowledgeBase) -> dict[int, str]:
    home = kb.settings.home
    if home not in _NAMES:
        by_article = {version.article_id: version.url.rpartition(":")[2] for version in kb.catalog.articles()}
        _NAMES[home] = {seq: by_article[article] for seq, article in kb.catalog.chunk_articles()}
    return _NAMES[home]


def recall(rankings: Iterable[tuple[Asked, Sequence[str]]], cut: int) -> float:
    """Mean share of the relevant documents among the first `cut`."""
    shares = [len(asked.relevant & set(found[:cut])) / len(asked.relevant) for asked, found in rankings]
    return round(sum(shares) / len(shares), 4) if shares else 0.0


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def report(result: Mapping[str, Any], missed: Sequence[str], began: float) -> int:
    """Print the figures and the verdict; the exit code."""
    print(json.dumps({**result, "seconds": round(time.perf_counter() - began)}, indent=1))
    print(f"FAIL: {'; '.join(missed)}" if missed else "PASS: every floor is met")
    return 1 if missed else 0
