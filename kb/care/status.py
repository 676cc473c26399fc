"""The state of a home, for `lagebild status` and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row, func, select

from kb.answer.spend import DaySpent, by_day, ledger
from kb.search import generations
from kb.storage import schema
from kb.storage.ledger import Ledger

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that cannot be collected from now: since when, why, and when it is asked again (ISO 8601)."""

    id: str
    since: str
    reason: str
    next_try: str | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """Counts of what is stored, by language too, how the index stands to the catalog, and what a week's calls used.

    `gone` counts articles whose page is no longer there, `refused` by reason what did not become an article."""

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
    gone: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)

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
        gone = db.scalar(select(func.count()).where(schema.article.c.gone.is_not(None)))
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
        failing=tuple(_failing(row) for row in failing),
        problems=tuple(kb.catalog.check()),
        spend=by_day(ledger(kb.catalog, days=7)),
        gone=gone or 0,
        refused=Ledger(kb.catalog).reasons(),
    )


def _failing(row: Row[Any]) -> FailingSource:
    return FailingSource(row.id, row.failing_since, row.reason or "", row.next_try, row.message or "")
