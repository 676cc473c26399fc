"""Question → passages: the whole question and its parts are looked for in all languages (`kb.search.searching`), and
put in one order.

A question about several events is searched part by part, because one vector for two events is near
neither. Where the parts are said to share a day, the day that one part's best passage names is looked for with the
others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from statistics import mean
from typing import TYPE_CHECKING

from kb.embedding import Embedder
from kb.errors import ProviderError
from kb.models import Filters, Passage
from kb.origins.groups import one_per_origin, with_origins
from kb.search import lexical
from kb.search.dense import DenseIndex
from kb.search.gate import Evidence, Signal, decide, shares
from kb.search.hints import NOTHING, Hints, hints
from kb.search.merging import Hit, together
from kb.search.rephrased import NOTHING as NOTHING_SAID
from kb.search.rephrased import Rephrased
from kb.search.searching import Search
from kb.search.splitting import MOST, Split, split
from kb.search.timing import written
from kb.storage.catalog import Catalog
from kb.text.entities import load_entities
from kb.text.orders import demoted
from kb.text.words import query_words
from kb.verifying.dates import days

if TYPE_CHECKING:
    from kb.providers.services import Reranker


RERANKED = 30
"""Passages that a reranker is shown."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: passages, the best first, the level of evidence they are, and what was understood of the
    question beside its words. `trouble` is what a reranker or a model that puts questions into other words could not
    do, by who it is (reranker, rephrase) and why."""

    passages: tuple[Passage, ...]
    evidence: Evidence
    signal: Signal
    hints: Hints = NOTHING
    trouble: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidates:
    """All candidates of a question, the best first, and the `trouble` there was in finding them."""

    hits: list[Hit]
    trouble: Mapping[str, str]


class Retriever:
    """Searches one store. Holds no state of its own."""

    def __init__(
        self,
        catalog: Catalog,
        index: DenseIndex,
        embedder: Embedder,
        reranker: Callable[[], Reranker] | None = None,
        rephrase: Callable[[str, str], Rephrased] | None = None,
    ) -> None:
        self._catalog = catalog
        self._index = index
        self._embedder = embedder
        self._reranker = reranker
        self._rephrase = rephrase

    def find(self, query: str, language: str, filters: Filters, k: int, *, today: date | None = None) -> Found:
        """The best `k` passages for a question in `language`, the best first, and what they may carry.

        `today` is the day that "last week" counts from: the as-of day if there is one, else today.
        """
        found = self.candidates(query, language, filters, today=today)
        ordered, stories = one_per_origin(self._catalog, found.hits, k, filters.as_of)
        best = self.passages(ordered)
        passages = with_origins(demoted(best), stories)
        understood = hints(query, _day(filters, today), self._index.sources())
        if not passages:
            return Found((), Evidence.NONE, Signal(0.0, 0.0), understood, found.trouble)
        dense = {passage.chunk_id: hit.dense for passage, hit in zip(best, ordered, strict=True)}
        signal = self._signal(query, language, passages, [dense[passage.chunk_id] for passage in passages])
        return Found(passages, decide(signal, language), signal, understood, found.trouble)

    def _signal(self, query: str, language: str, passages: Sequence[Passage], dense: Sequence[float]) -> Signal:
        """What the passages carry of the question: of each of its parts the best passage counts, of those the mean."""
        known = self._index.statistics()
        chunks = known[language].count if language in known else 1
        every = sum(item.count for item in known.values())
        best = []
        for text in split(query, language).parts or (query,):
            with self._catalog.reading() as db:
                common = lexical.frequencies(db, language, query_words(text, language))
            named = shares(text, language, passages, common, chunks, load_entities())
            signals = [Signal(*pair, every) for pair in zip(dense, named, strict=True)]
            best.append(max(signals, key=lambda signal: signal.value))
        return Signal(mean(one.dense for one in best), mean(one.words for one in best), every)

    def candidates(self, query: str, language: str, filters: Filters, *, today: date | None = None) -> Candidates:
        """All candidates of all languages for a question in `language`, merged, the best first."""
        self._index.refresh()
        search = Search(self._catalog, self._index, self._embedder, language, filters, _day(filters, today))
        said = self._rephrase(query, language) if self._rephrase else NOTHING_SAID
        understood = hints(query, _day(filters, today), self._index.sources())
        orders = self._parted(search, query, language, understood, said)
        whole = search.order(query)
        hits, failed = self._reranked(query, together([*orders, whole]) if orders else whole)
        trouble = {"rephrase": said.trouble, "reranker": failed}
        return Candidates(hits, {who: why for who, why in trouble.items() if why})

    def _parted(self, search: Search, query: str, language: str, understood: Hints, said: Rephrased) -> list[list[Hit]]:
        """The orders of all that is searched beside the whole question: its parts, each outlet that it names beside
        others, and what a model made of it."""
        parted = Split(said.parts) if said.parts else split(query, language)
        orders = [search.order(part) for part in parted.parts]
        if parted.tied:
            orders += self._tied(search, parted, orders)
        if len(understood.outlets) > 1:
            orders += [search.order(query, outlet=outlet) for outlet in sorted(understood.outlets)[:MOST]]
        return orders + [search.order(text, language=name) for name, text in said.translations]

    def _reranked(self, query: str, found: list[Hit]) -> tuple[list[Hit], str]:
        """The first RERANKED in the order of the reranker, if there is one and it answers; else why it did not."""
        if self._reranker is None or not found:
            return found, ""
        head = found[:RERANKED]
        try:
            ranked = self._reranker().rank(query, [passage.text for passage in self.passages(head)], len(head))
        except ProviderError as error:
            return found, str(error)
        order = [each.index for each in ranked]
        order += [number for number in range(len(head)) if number not in set(order)]
        scores = [hit.score for hit in head]
        best = [replace(head[number], score=score) for number, score in zip(order, scores, strict=True)]
        return best + found[RERANKED:], ""

    def _tied(self, search: Search, parted: Split, orders: Sequence[Sequence[Hit]]) -> list[list[Hit]]:
        """Each part once more, with the day that the best passage of another one names."""
        days = [self._named_day(order[0], parted.tied) if order else "" for order in orders]
        wanted = [
            f"{day} {part}"
            for number, part in enumerate(parted.parts)
            for other, day in enumerate(days)
            if other != number and day
        ]
        return [search.order(text) for text in dict.fromkeys(wanted)]

    def _named_day(self, hit: Hit, unit: str) -> str:
        """The first day (month, year) that a chunk names, as its language writes it, else that of its publication."""
        (passage,) = self.passages([hit])
        named_days = [day for day in days(passage.text) if day.year and day.month and (day.day or unit != "day")]
        if named_days:
            first = named_days[0]
            year, month, number = first.year, first.month, first.day or 1
        elif passage.version.published is not None:
            at = passage.version.published.day
            year, month, number = at.year, at.month, at.day
        else:
            return ""
        return written(unit, int(year or 0), int(month or 0), number, hit.language)

    def passages(self, hits: Sequence[Hit]) -> list[Passage]:
        """The hits with their text and article, in the order given; ranks count from 1."""
        rows = self._catalog.chunks_at(hit.seq for hit in hits)
        versions = self._catalog.versions({row["version_id"] for row in rows.values()})
        found: list[Passage] = []
        for hit in hits:
            row = rows[hit.seq]
            version = versions[row["version_id"]]
            start, end = row["start"], row["end"]
            text = version.text[start:end]
            found.append(Passage(len(found) + 1, hit.score, row["id"], start, end, text, version))
        return found


def _day(filters: Filters, today: date | None) -> date:
    return today or filters.as_of or datetime.now(UTC).date()
