"""Ranking metrics with binary relevance, as the research literature defines them.

nDCG@k: Järvelin & Kekäläinen 2002, gain 1, discount log2(rank + 1). MAP@k divides by min(k, relevant).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2

CUTS = {"ndcg": (10,), "mrr": (10,), "map": (10,), "hits": (4, 10), "recall": (4, 5, 10, 100)}


def ranking_metrics(ranked: Sequence[str], relevant: set[str]) -> dict[str, float]:
    """All metrics of one query: `ranked` ids, the best first, against the relevant ones (at least one)."""
    places = [rank for rank, name in enumerate(ranked, 1) if name in relevant]
    return {
        f"{name}@{cut}": METRICS[name]([rank for rank in places if rank <= cut], cut, len(relevant))
        for name, cuts in CUTS.items()
        for cut in cuts
    }


def mean_metrics(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric over queries; empty without queries."""
    return {name: round(sum(row[name] for row in rows) / len(rows), 4) for name in rows[0]} if rows else {}


def _ndcg(places: Sequence[int], cut: int, relevant: int) -> float:
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(cut, relevant) + 1))
    return sum(1 / log2(rank + 1) for rank in places) / ideal


def _mrr(places: Sequence[int], cut: int, relevant: int) -> float:
    return 1 / places[0] if places else 0.0


def _map(places: Sequence[int], cut: int, relevant: int) -> float:
    return sum(found / rank for found, rank in enumerate(places, 1)) / min(cut, relevant)


def _hits(places: Sequence[int], cut: int, relevant: int) -> float:
    return float(bool(places))


def _recall(places: Sequence[int], cut: int, relevant: int) -> float:
    return len(places) / relevant


METRICS = {"ndcg": _ndcg, "mrr": _mrr, "map": _map, "hits": _hits, "recall": _recall}
