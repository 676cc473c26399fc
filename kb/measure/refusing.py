"""A measure of honest refusals: questions whose answer is in a corpus or not, and who answers them all the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kb.errors import UsageError
from kb.knowledge import KnowledgeBase, open_kb
from kb.measure.evaluation import article_of, reply, rows, store_of
from kb.settings import Settings
from kb.text.language import detect

Note = Callable[[str], None]


def evaluate_refusal(
    file: Path,
    settings: Settings,
    provider: str = "none",
    model: str | None = None,
    store: Path | None = None,
    limit: int | None = None,
    note: Note = lambda _: None,
) -> dict[str, Any]:
    """Ask the questions of a JSON Lines file (question, answerable, optionally corpus and language).

    `corpus` is a JSON Lines file of documents beside FILE, or a folder with a corpus.jsonl; its store is kept in
    `store` or thrown away; without one the home's own store is asked. With the provider "none" the gate alone
    decides. `invented`: share of the questions without an answer that were answered; `refused`: share of those with
    one that were not; both by corpus and language. `limit`: questions of each kind, corpus and language.
    """
    asked = list(rows(file, ("question", "answerable")))
    if not asked:
        raise UsageError(f"{file}: no questions in it")
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in asked:
        groups[str(row.get("corpus") or "")].append(row)
    counts: dict[str, dict[str, int]] = {}
    done = 0
    for corpus, group in groups.items():
        with store_for(file, corpus, settings, store, note) as kb:
            for row in _few(group, limit):
                key = f"{corpus or 'home'} {_language(row)}"
                tally = counts.setdefault(key, dict.fromkeys(("answerable", "refused", "unanswerable", "invented"), 0))
                answered, _ = reply(kb, row["question"], provider, model)
                tally["answerable" if row["answerable"] else "unanswerable"] += 1
                tally["refused"] += not answered and bool(row["answerable"])
                tally["invented"] += answered and not row["answerable"]
                done += 1
                if provider != "none" or done % 100 == 0:
                    note(f"{done} asked")
    return {
        "questions": done,
        "provider": provider,
        "by_corpus": {key: _rates(tally) for key, tally in sorted(counts.items())},
        "by_language": {
            language: _rates(_sum([tally for key, tally in counts.items() if key.endswith(f" {language}")]))
            for language in sorted({key.rsplit(" ", 1)[1] for key in counts})
        },
    }


def _rates(tally: dict[str, int]) -> dict[str, Any]:
    return {
        **tally,
        "refused_rate": round(tally["refused"] / tally["answerable"], 4) if tally["answerable"] else None,
        "invented_rate": round(tally["invented"] / tally["unanswerable"], 4) if tally["unanswerable"] else None,
    }


def _sum(tallies: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(tally[name] for tally in tallies) for name in tallies[0]}


def _language(row: dict[str, Any]) -> str:
    return str(row.get("language") or row.get("lang") or detect(row["question"]))


def _few(group: list[dict[str, Any]], limit: int | None) -> Iterator[dict[str, Any]]:
    taken: dict[tuple[str, bool], int] = defaultdict(int)
    for row in group:
        kind = _language(row), bool(row["answerable"])
        if limit is None or taken[kind] < limit:
            taken[kind] += 1
            yield row


@contextmanager
def store_for(file: Path, corpus: str, settings: Settings, store: Path | None, note: Note) -> Iterator[KnowledgeBase]:
    """The store of a corpus, filled if it is new; the home's own if no corpus is named."""
    if not corpus:
        with open_kb(settings=settings) as kb:
            yield kb
        return
    named = file.parent / corpus
    documents = named / "corpus.jsonl" if named.is_dir() else named
    with store_of(settings, store / Path(corpus).stem if store else None) as kb:
        if kb.catalog.meta("corpus") != corpus:
            with kb.writing():
                for number, row in enumerate(rows(documents, ()), 1):
                    kb.add(article_of(row))
                    if number % 500 == 0:
                        note(f"{corpus}: {number} documents")
                kb.publish(note, force=True)
                kb.catalog.set_meta("corpus", corpus)
        yield kb
