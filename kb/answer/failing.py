"""Sources that fail and would matter: those that have given articles like the ones an answer stands on."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select

from kb.models import Failing, Filters, Passage
from kb.storage import schema
from kb.storage.catalog import Catalog

state, version = schema.source_state.c, schema.version.c


def failing(catalog: Catalog, passages: Sequence[Passage], filters: Filters) -> tuple[Failing, ...]:
    """The sources that fail now and have given articles in a language or of a side that is concerned.

    Concerned are the languages and sides of the passages, and the languages and sources that the filters ask for.
    A source that has never given an article is not among them: nobody knows what it would have said.
    """
    languages = {passage.version.language for passage in passages} | set(filters.languages)
    sides = {passage.version.side for passage in passages if passage.version.side}
    asked = set(filters.sources)
    concerned = or_(
        version.language.in_(languages),
        version.side.in_(sides),
        version.source.in_(asked),
        version.source_id.in_(asked),
    )
    gave = select(version.source_id).where(version.source_id == state.id, concerned).exists()
    query = select(state.id, state.failing_since, state.reason).where(state.failing_since.is_not(None))
    with catalog.reading() as db:
        rows = db.execute(query.where(gave).order_by(state.id)).all()
    return tuple(Failing(row.id, row.failing_since, row.reason or "unknown") for row in rows)
