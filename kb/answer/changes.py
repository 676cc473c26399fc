"""What became known after the day of an answer, worked out without a model and shown apart from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from kb.models import Answer, Changes, Filters, Reworded, Version
from kb.search.gate import Evidence
from kb.storage import schema

if TYPE_CHECKING:
    from kb.knowledge import KnowledgeBase
    from kb.storage.catalog import Catalog

NEWER = 5
"""Articles on the same matter that are named at most."""


def with_changes(kb: KnowledgeBase, answer: Answer) -> Answer:
    """The answer, with what became known after its day."""
    return replace(answer, changes=changes(kb, answer))


def changes(kb: KnowledgeBase, answer: Answer) -> Changes | None:
    """What became known after the day of an answer; None for one whose day is not known.

    Cited passages whose article reads otherwise now or is gone, and articles published after the day that are
    evidence for the question: the gate that lets a model be asked must find enough in them.
    """
    day = answer.as_of or (answer.asked_at.date() if answer.asked_at else None)
    if day is None:
        return None
    return Changes(day, _reworded(kb.catalog, answer), _gone(kb.catalog, answer, day), _newer(kb, answer, day))


def _reworded(catalog: Catalog, answer: Answer) -> tuple[Reworded, ...]:
    """Citations of a version that is no longer the current one: it was when the answer was given, or on its day."""
    old = [citation for citation in answer.citations if not citation.passage.version.current]
    current = {each.passage.version.id: catalog.current_version(each.passage.version.article_id) or "" for each in old}
    versions = catalog.versions(current.values())
    pairs = [(each, versions[current[each.passage.version.id]]) for each in old]
    return tuple(Reworded(each.n, version, each.quote in version.text) for each, version in pairs)


def _gone(catalog: Catalog, answer: Answer, day: date) -> tuple[int, ...]:
    article = schema.article.c
    ids = {citation.passage.version.article_id for citation in answer.citations}
    query = select(article.id).where(article.id.in_(ids), article.gone > (day + timedelta(days=1)).isoformat())
    with catalog.reading() as db:
        gone = set(db.scalars(query))
    return tuple(citation.n for citation in answer.citations if citation.passage.version.article_id in gone)


def _newer(kb: KnowledgeBase, answer: Answer, day: date) -> tuple[Version, ...]:
    found = kb.found(answer.understood or answer.question, Filters(since=day + timedelta(days=1)), 4 * NEWER)
    if found.evidence is not Evidence.ENOUGH:
        return ()
    return _articles([passage.version for passage in found.passages])[:NEWER]


def _articles(versions: Sequence[Version]) -> tuple[Version, ...]:
    return tuple({version.article_id: version for version in versions}.values())
