"""How fast a search is in a large store, beside a plain LlamaIndex index over Chroma with the same vectors.

    python -m tests.bench.speed --chunks 100000 --seed 1 [--keep FOLDER]

Texts are words of our making, as often as words are in a language (Zipf), one third each in English,
German and Chinese; vectors are drawn round a centre for each language and each topic. They go straight into the
catalog's tables, then a generation is published as ever. Each search has its question's vector at hand,
so nothing is embedded. A process of its own searches, so that its memory is that of a reader.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import insert

from kb.knowledge import KnowledgeBase, open_kb
from kb.models import LANGUAGES, Filters, digest
from kb.search.lexical import table
from kb.settings import Settings
from kb.storage import schema
from kb.storage.catalog import Catalog
from kb.storage.database import day_number
from kb.text.chunking import CHUNKER
from kb.text.words import HAN, _jieba, stem
from tests.bench.embedding import peak_memory

P50, P95, MEMORY = 0.060, 0.150, 1024.0
"""Ceilings: seconds of a warm search without the question's embedding, MB of the process that searches."""

PER_ARTICLE, LENGTH, VOCABULARY, TOPICS, DIMENSION = 5, 120, 40_000, 400, 384
WARM, QUESTIONS = 20, 200
FILTERS = {
    "none": Filters(),
    "year": Filters(since=date(2024, 1, 1), until=date(2024, 12, 31)),
    "month": Filters(since=date(2024, 6, 1), until=date(2024, 6, 30)),
    "outlet": Filters(sources=("Outlet 3",)),
    "as of": Filters(as_of=date(2024, 7, 1)),
    "language": Filters(languages=("zh",)),
}


class Drawn:
    """An embedder whose vectors were drawn: a question's is that of its number, which stands in front of it."""

    id, dimension, max_tokens = "drawn-1", DIMENSION, 512

    def __init__(self, questions: np.ndarray) -> None:
        self.questions = questions

    def query(self, text: str) -> np.ndarray:
        return np.asarray(self.questions[int(text.split(":", 1)[0])]) if ":" in text else self.questions[0]

    def passages(self, texts: Sequence[str]) -> np.ndarray:
        raise NotImplementedError("nothing is embedded here")

    def tokens(self, text: str) -> int:
        return len(text.split())

    def llama(self) -> Any:
        raise NotImplementedError


class Draw:
    """Texts and vectors from a seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        generator = np.random.default_rng(seed)
        self._normal = generator.standard_normal
        self._centres = {name: self._normal(DIMENSION) for name in LANGUAGES}
        self._topics = self._normal((TOPICS, DIMENSION))
        self._words = {name: _vocabulary(name, self.dice) for name in LANGUAGES}
        self._stems = {name: {word: stem(word, name) for word in self._words[name]} for name in LANGUAGES}
        # Ranks start behind the hundred most frequent words of a language, which are stop words.
        self._weights = list(accumulate(1 / (rank + 100) for rank in range(VOCABULARY)))

    def words(self, language: str, length: int = LENGTH) -> list[str]:
        return self.dice.choices(self._words[language], cum_weights=self._weights, k=length)

    def indexed(self, language: str, words: Sequence[str]) -> list[str]:
        """The words as the lexical index has them."""
        return [self._stems[language][word] for word in words]

    def vectors(self, languages: Sequence[str]) -> np.ndarray:
        """(n, DIMENSION), unit length; the language weighs most, as it does with multilingual-e5."""
        topics = self._topics[[self.dice.randrange(TOPICS) for _ in languages]]
        centres = np.stack([self._centres[name] for name in languages])
        found = 2.0 * centres + 0.7 * topics + self._normal((len(languages), DIMENSION))
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def joined(language: str, words: Sequence[str]) -> str:
    return "".join(words) if language == "zh" else " ".join(words)


def _vocabulary(language: str, dice: random.Random) -> list[str]:
    """Words of two to four syllables; for Chinese, those that jieba knows, by how frequent they are there."""
    if language == "zh":
        cutter = _jieba()
        cutter.initialize()
        known = sorted(cutter.FREQ.items(), key=lambda pair: (-pair[1], pair[0]))
        return [word for word, _ in known if len(word) > 1 and HAN.match(word)][100 : VOCABULARY + 100]
    syllables = [first + vowel + last for first in "bdfgklmnprstw" for vowel in "aeiou" for last in "lnrst"]
    return ["".join(dice.choices(syllables, k=dice.choice((2, 3, 3, 4)))) for _ in range(VOCABULARY)]


def build(home: Path, chunks: int, seed: int) -> None:
    """A home with so many chunks, straight into the tables, and its first generation."""
    draw = Draw(seed)
    catalog = Catalog(home / "catalog.sqlite")
    articles = chunks // PER_ARTICLE
    for start in range(0, articles, 500):
        _insert(catalog, draw, range(start, min(start + 500, articles)))
        print(f"{(start + 500) * PER_ARTICLE} chunks", file=sys.stderr)
    catalog.close()
    languages = [LANGUAGES[number % 3] for number in range(WARM + QUESTIONS)]
    vectors = draw.vectors(languages)
    np.save(home / "questions.npy", vectors)
    texts = [
        f"{number}: {joined(name, draw.words(name, 8))}" + (" Huawei 2024年6月" if number % 4 == 0 else "")
        for number, name in enumerate(languages)
    ]
    (home / "questions.json").write_text(json.dumps(texts), encoding="utf-8")
    with open_kb(settings=Settings(home=home), embedder=Drawn(vectors)) as kb:
        kb.catalog.set_meta("binding", f"{Drawn.id}/{DIMENSION}/{CHUNKER}")
        kb.publish(lambda line: print(line, file=sys.stderr), force=True)


def _insert(catalog: Catalog, draw: Draw, numbers: range) -> None:
    versions, articles, chunks, vectors, waiting = [], [], [], [], []
    indexed: dict[str, list[dict[str, Any]]] = {name: [] for name in LANGUAGES}
    now = datetime.now(UTC).isoformat()
    for number in numbers:
        language, id = LANGUAGES[number % 3], digest("article", str(number))
        drawn = [draw.words(language) for _ in range(PER_ARTICLE)]
        texts = [joined(language, one) for one in drawn]
        day = day_number(date(2023, 1, 1) + timedelta(days=draw.dice.randrange(1000)))
        articles.append({"id": id, "url": f"urn:{number}", "first_seen": now, "current_version": id})
        versions.append(
            {"id": id, "article_id": id, "number": 1, "title": f"Notice {number}", "text": "\n".join(texts)}
            | {"language": language, "source": f"Outlet {draw.dice.randrange(50)}", "authors": [], "day": day}
            | {"known": day, "first_seen": now, "fetched": now, "references": []}
        )
        at = 0
        for position, (text, chosen) in enumerate(zip(texts, drawn, strict=True)):
            seq = number * PER_ARTICLE + position + 1
            name = digest("chunk", str(seq))
            chunks.append(
                {"seq": seq, "id": name, "version_id": id, "position": position, "start": at, "end": at + len(text)}
                | {"text_hash": name, "language": language}
            )
            marks = [f"ent.{draw.dice.choice(('huawei', 'nvidia', 'asml', 'openai'))}", f"d{day // 100}"]
            indexed[language].append({"seq": seq, "words": " ".join([*draw.indexed(language, chosen), *marks])})
            waiting.append({"op": "add", "chunk_id": name, "chunk_seq": seq})
            at += len(text) + 1
    for row, vector in zip(chunks, draw.vectors([row["language"] for row in chunks]), strict=True):
        vectors.append({"text_hash": row["text_hash"], "model": Drawn.id, "vector": vector.tobytes()})
    with catalog.writing() as db:
        tables = (schema.article, articles), (schema.version, versions), (schema.chunk, chunks)
        for name, lines in (*tables, (schema.embedding, vectors), (schema.outbox, waiting)):
            db.execute(insert(name), lines)
        for language, lines in indexed.items():
            db.exec_driver_sql(f"INSERT INTO {table(language)}(rowid, words) VALUES (:seq, :words)", lines)


def measure(home: Path) -> dict[str, Any]:
    """Seconds of a search by filter, ours and theirs, and the memory of the process before theirs is opened."""
    texts = json.loads((home / "questions.json").read_text(encoding="utf-8"))
    embedder = Drawn(np.load(home / "questions.npy"))
    found: dict[str, Any] = {}
    with open_kb(settings=Settings(home=home), embedder=embedder) as kb:
        for name, filters in FILTERS.items():
            found[name] = _quantiles(texts, partial(kb.retrieve, filters=filters, k=8))
        found["memory_mb"] = round(peak_memory())
        for name, filters in (("none", Filters()), ("year", FILTERS["year"])):
            engine = plain(kb, embedder, filters)
            found[f"llama-index over Chroma, {name}"] = _quantiles(texts, engine.retrieve)
    return found


def plain(kb: KnowledgeBase, embedder: Drawn, filters: Filters) -> Any:
    """A LlamaIndex `VectorStoreIndex` retriever over the same Chroma folder, copied: its own interfaces, and a
    vector store as short as one can be. It has one collection a language, like ours, and merges by score."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.schema import TextNode
    from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery, VectorStoreQueryResult

    from kb.search import generations
    from kb.search.index import VectorStore

    now = generations.current(kb.catalog)
    assert now is not None
    chroma = VectorStore(kb.settings.home / "index" / now.name / "chroma")

    class Vectors(BaseEmbedding):
        def _get_query_embedding(self, query: str) -> list[float]:
            return [float(value) for value in embedder.query(query)]

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_query_embedding(text)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

    class Store(BasePydanticVectorStore):
        stores_text: bool = True

        @property
        def client(self) -> Any:
            return chroma

        def add(self, nodes: Any, **_: Any) -> list[str]:
            return []

        def delete(self, ref_doc_id: str, **_: Any) -> None:
            raise NotImplementedError

        def query(self, query: VectorStoreQuery, **_: Any) -> VectorStoreQueryResult:
            vector = np.array(query.query_embedding, np.float32)
            pairs = [pair for name in LANGUAGES for pair in chroma.nearest(name, vector, filters, 8)]
            best = sorted(pairs, key=lambda pair: -pair[1])[:8]
            rows = kb.catalog.chunks_at(seq for seq, _ in best)
            versions = kb.catalog.versions({row["version_id"] for row in rows.values()})
            nodes = [
                TextNode(text=versions[row["version_id"]].text[row["start"] : row["end"]], id_=row["id"])
                for row in (rows[seq] for seq, _ in best)
            ]
            return VectorStoreQueryResult(
                nodes=nodes, similarities=[score for _, score in best], ids=[node.node_id for node in nodes]
            )

    index = VectorStoreIndex.from_vector_store(Store(), embed_model=Vectors())
    return index.as_retriever(similarity_top_k=8)


def _quantiles(texts: Sequence[str], search: Callable[[str], object]) -> dict[str, float]:
    """Seconds of a search, after WARM to warm up."""
    taken = []
    for text in texts:
        began = time.perf_counter()
        search(text)
        taken.append(time.perf_counter() - began)
    ordered = sorted(taken[WARM:])
    return {"p50": round(ordered[len(ordered) // 2], 4), "p95": round(ordered[int(0.95 * len(ordered))], 4)}


def verdict(found: dict[str, Any]) -> list[str]:
    """What is above its ceiling."""
    missed = [
        f"{name}: p50 {found[name]['p50'] * 1000:.0f} ms, p95 {found[name]['p95'] * 1000:.0f} ms"
        for name in FILTERS
        if found[name]["p50"] > P50 or found[name]["p95"] > P95
    ]
    return missed + ([f"{found['memory_mb']} MB"] if found["memory_mb"] > MEMORY else [])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON and the verdict."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder where the store stays for the next run")
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.home:
        print(json.dumps(measure(given.home)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        home = (given.keep or Path(folder)) / f"speed-{given.chunks}-{given.seed}"
        if not (home / "questions.json").exists():
            home.mkdir(parents=True, exist_ok=True)
            build(home, given.chunks, given.seed)
        command = [sys.executable, "-m", "tests.bench.speed", "--home", str(home)]
        found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    ratio = found["none"]["p50"] / found["llama-index over Chroma, none"]["p50"]
    print(json.dumps({"chunks": given.chunks, "seed": given.seed, **found, "ratio": round(ratio, 2)}, indent=1))
    missed = verdict(found)
    verdict_line = f"FAIL: {'; '.join(missed)}" if missed else "PASS"
    print(
        f"{verdict_line}: p50 {found['none']['p50'] * 1000:.0f} ms without filters, {found['memory_mb']} MB,"
        f" {ratio:.2f} times the time of LlamaIndex over Chroma"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
