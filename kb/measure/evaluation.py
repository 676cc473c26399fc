"""Measures over a folder of test data: `eval retrieval`, and what every measure reads and asks with."""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from datetime import time as clock
from pathlib import Path
from typing import Any

from kb.errors import UsageError
from kb.knowledge import KnowledgeBase, open_kb
from kb.measure.metrics import mean_metrics, ranking_metrics
from kb.models import Article, Filters, Precision, Published, Status
from kb.search.gate import Evidence
from kb.settings import Settings
from kb.text.language import detect


@dataclass(frozen=True, slots=True)
class Query:
    """A question of a test set, in its language, with the ids of the documents that answer it. `today` is the day it
    is asked on, `as_of` the day whose knowledge it is asked of."""

    id: str
    text: str
    language: str
    as_of: date | None
    today: date | None
    relevant: frozenset[str]


def evaluate_retrieval(
    directory: Path, settings: Settings, store: Path | None = None, note: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Rank the queries of a folder in BEIR layout over its corpus.

    The corpus goes into a store of its own (`store`, or one that is thrown away). A document's place is
    that of its best chunk. `by_pair` counts, for queries in the first language, the relevant documents in
    the second, in the one common ranking. Raises UsageError for a folder that is not in that layout.
    """
    documents = {row["_id"]: article_of(row) for row in rows(directory / "corpus.jsonl", ("_id",))}
    queries = list(_queries(directory))
    if not queries:
        raise UsageError(f"{directory}: no query has a relevant document in qrels/test.tsv")
    with store_of(settings, store) as kb:
        began = time.perf_counter()
        with kb.writing():
            for number, article in enumerate(documents.values(), 1):
                kb.add(article)
                if number % 500 == 0:
                    note(f"{number} of {len(documents)} documents")
        kb.publish(note, force=True)
        ingest = time.perf_counter() - began
        names = {article.id: name for name, article in documents.items()}
        chunks = {seq: names[article_id] for seq, article_id in kb.catalog.chunk_articles()}
        languages = {name: article.language for name, article in documents.items()}
        kb.search(queries[0].text, 1)
        taken, rankings = [], []
        for query in queries:
            began = time.perf_counter()
            rankings.append(_rank(kb, query, chunks))
            taken.append(time.perf_counter() - began)
    return {
        "documents": len(documents),
        "queries": len(queries),
        **_scores(queries, rankings, languages),
        "seconds": {
            "ingest": round(ingest, 2),
            "search_p50": round(_quantile(taken, 0.5), 4),
            "search_p95": round(_quantile(taken, 0.95), 4),
        },
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _scores(queries: Sequence[Query], rankings: Sequence[list[str]], languages: dict[str, str]) -> dict[str, Any]:
    whole, by_language, by_pair = [], {}, {}  # type: ignore[var-annotated]
    for query, ranked in zip(queries, rankings, strict=True):
        scores = ranking_metrics(ranked, set(query.relevant))
        whole.append(scores)
        by_language.setdefault(query.language, []).append(scores)
        for language in {languages[name] for name in query.relevant if name in languages}:
            wanted = {name for name in query.relevant if languages.get(name) == language}
            by_pair.setdefault(f"{query.language}-{language}", []).append(ranking_metrics(ranked, wanted))
    return {
        "metrics": mean_metrics(whole),
        "by_language": {name: mean_metrics(rows) for name, rows in sorted(by_language.items())},
        "by_pair": {name: mean_metrics(rows) for name, rows in sorted(by_pair.items())},
    }


def _rank(kb: KnowledgeBase, query: Query, documents: dict[int, str]) -> list[str]:
    hits = kb.retriever.candidates(query.text, query.language, Filters(as_of=query.as_of), today=query.today).hits
    return list(dict.fromkeys(documents[hit.seq] for hit in hits))


def expected_cost(kb: KnowledgeBase, file: Path, provider: str | None = None, model: str | None = None) -> str:
    """What asking all questions of the file will cost at most, reckoned from its first; nothing is sent."""
    from kb.answer.estimating import told

    questions = list(rows(file, ("question", "answerable")))
    if not questions:
        return told(())
    asked = provider or kb.settings.provider
    found = kb.estimate(questions[0]["question"], [f"{asked}:{model}" if model else asked], calls=len(questions))
    return f"{len(questions)} questions: {told(found)}, if all are like the first"


def reply(kb: KnowledgeBase, question: str, provider: str | None, model: str | None) -> tuple[bool, str]:
    """Whether the question was answered, and the text of the answer (of the passages, where no model is asked)."""
    if provider == "none":
        found = kb.retriever.find(question, detect(question), Filters(), 8)
        return found.evidence is Evidence.ENOUGH, " ".join(passage.text for passage in found.passages)
    answer = kb.ask(question, provider=provider, model=model)
    return answer.status is Status.ANSWERED, answer.text


def folded(text: str) -> str:
    """A text without case and blanks, for comparison."""
    return "".join(str(text).casefold().split())


@contextmanager
def store_of(settings: Settings, store: Path | None) -> Iterator[KnowledgeBase]:
    """A knowledge base at `store`, or one that is thrown away afterwards."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_kb(settings=replace(settings, home=store or Path(folder))) as kb,
    ):
        yield kb


def article_of(row: dict[str, Any]) -> Article:
    """The document of a row (text, and optionally title, url, language, source, published)."""
    text = str(row.get("text") or row.get("title") or "")
    published = None
    if row.get("published"):
        day = date.fromisoformat(str(row["published"])[:10])
        published = Published(datetime.combine(day, clock(), UTC), Precision.DAY, "given")
    return Article(
        url=str(row.get("url") or f"urn:lagebild:eval:{row['_id']}"),
        title=str(row.get("title") or ""),
        text=text,
        language=str(row.get("language") or detect(text)),
        source=str(row.get("source") or "corpus"),
        fetched=datetime.now(UTC),
        published=published,
    )


def _queries(directory: Path) -> Iterator[Query]:
    relevant: dict[str, set[str]] = {}
    path = directory / "qrels" / "test.tsv"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; a folder in BEIR layout has qrels/test.tsv") from error
    for line in lines:
        fields = line.split("\t")
        if len(fields) == 3 and fields[2].strip().isdigit() and int(fields[2]) > 0:
            relevant.setdefault(fields[0], set()).add(fields[1])
    for row in rows(directory / "queries.jsonl", ("_id", "text")):
        if row["_id"] in relevant:
            as_of, today = (
                date.fromisoformat(row[name][:10]) if row.get(name) else None for name in ("as_of", "today")
            )
            language = row.get("language") or detect(row["text"])
            yield Query(row["_id"], row["text"], language, as_of, today, frozenset(relevant[row["_id"]]))


def rows(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rows of a JSON Lines file, each with an `_id`. Raises UsageError for one that lacks what is `needed`."""
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if missing := [name for name in needed if name not in row]:
                    raise UsageError(f"{path}, line {number}: {', '.join(missing)} missing")
                row["_id"] = str(row.get("_id", number))
                yield row
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not JSON Lines ({error})") from error


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
