"""The state of a home, for `lagebild status` and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from kb import generations, schema
from kb.spend import DaySpent, by_day, ledger

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that cannot be collected from now: since when, why, and when it is asked again (ISO 8601)."""

    id: str
    since: str
    reason: str
    next_try: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what is stored, by language too, how the index stands to the catalog, and what a week's calls used."""

    home: str
    articles: int
    versions: int
    chunks: int
    embeddings: int
    answers: int
    by_language: Mapping[str, int]
    newest: str | None
    binding: str | None
    generation: str | None
    waiting: int
    failing: tuple[FailingSource, ...]
    problems: tuple[str, ...]
    spend: tuple[DaySpent, ...] = ()

    def _repr_html_(self) -> str:
        from html import escape

        languages = ", ".join(f"{name}: {count}" for name, count in self.by_language.items())
        rows = {
            "home": self.home,
            "articles": f"{self.articles} ({languages})",
            "versions": self.versions,
            "chunks": self.chunks,
            "newest": self.newest or "–",
            "index": f"{self.generation or 'none yet'}, {self.waiting} lines waiting",
            "problems": "; ".join(self.problems) or "none",
        }
        lines = (f"<tr><th>{name}</th><td>{escape(str(value))}</td></tr>" for name, value in rows.items())
        return f"<table>{''.join(lines)}</table>"


def read_status(kb: KnowledgeBase) -> Status:
    """Read the state of a home; runs SQLite's quick check, so it takes a moment on a large one."""
    counts = kb.catalog.counts()
    now = generations.current(kb.catalog)
    with kb.catalog.reading() as db:
        current = schema.article.c.current_version == schema.version.c.id
        languages = db.scalars(select(schema.version.c.language).join(schema.article, current)).all()
        newest = db.scalar(select(func.max(schema.version.c.published)))
        state = schema.source_state.c
        failing = db.execute(
            select(schema.source_state).where(state.failing_since.is_not(None)).order_by(state.id)
        ).all()
    return Status(
        home=str(kb.settings.home),
        articles=counts["articles"],
        versions=counts["versions"],
        chunks=counts["chunks"],
        embeddings=counts["embeddings"],
        answers=counts["answers"],
        by_language=dict(Counter(languages).most_common()),
        newest=newest,
        binding=kb.catalog.meta("binding"),
        generation=now.name if now else None,
        waiting=kb.catalog.last_seq() - (now.applied if now else 0),
        failing=tuple(FailingSource(row.id, row.failing_since, row.reason or "", row.next_try) for row in failing),
        problems=tuple(kb.catalog.check()),
        spend=by_day(ledger(kb.catalog, days=7)),
    )
