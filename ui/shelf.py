"""The library's shelf: one page of the list of articles, without reading their texts.

Asked of the catalog with a limit, so that a hundred thousand articles list as quickly as ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from kb.origins.groups import origins
from kb.storage import schema
from kb.storage.catalog import Catalog
from kb.storage.database import day_number

SIZE = 50
"""Articles on one page of the list."""

version = schema.version.c
COLUMNS = {"title": version.title, "source": version.source, "language": version.language, "day": version.day}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which articles, in which order. `text` is looked for in title and outlet; days are inclusive."""

    text: str = ""
    languages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None
    sort: str = "day"
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """One article in the list; `day` is its publication as YYYY-MM-DD, cut to what is known, or None. `copies` counts
    the other articles that tell its story."""

    article_id: str
    title: str
    source: str
    language: str
    day: str | None
    copies: int = 0


LENGTHS = {"year": 4, "month": 7, "day": 10, "time": 10}


def count(catalog: Catalog, wanted: Wanted) -> int:
    """How many articles there are of that kind."""
    with catalog.reading() as db:
        return db.scalar(_narrowed(select(func.count()).select_from(schema.version), wanted)) or 0


def lines(catalog: Catalog, wanted: Wanted, page: int) -> list[Line]:
    """The articles of a page, counted from 0; those without a date come last."""
    column = COLUMNS[wanted.sort]
    order = column.desc().nulls_last() if wanted.descending else column.asc().nulls_last()
    query = select(
        version.id,
        version.article_id,
        version.title,
        version.source,
        version.language,
        version.published,
        version.precision,
    )
    query = _narrowed(query, wanted).order_by(order, version.title, version.id).limit(SIZE).offset(page * SIZE)
    with catalog.reading() as db:
        rows = db.execute(query).all()
    stories = origins(catalog, [row.id for row in rows])
    return [
        Line(
            row.article_id,
            row.title,
            row.source,
            row.language,
            row.published[: LENGTHS[row.precision]] if row.published else None,
            len(stories[row.id].members) - 1 if row.id in stories else 0,
        )
        for row in rows
    ]


def counted(catalog: Catalog, column: str) -> dict[str, int]:
    """How many articles there are by outlet (`source`) or by `language`, the most frequent first."""
    number = func.count().label("number")
    query = select(COLUMNS[column], number).where(version.superseded.is_(None)).group_by(COLUMNS[column])
    with catalog.reading() as db:
        return {row[0]: row.number for row in db.execute(query.order_by(number.desc(), COLUMNS[column]))}


def by_month(catalog: Catalog) -> list[dict[str, Any]]:
    """Dated articles counted by month and language: {"month": "2024-07", "language": "de", "articles": 3}."""
    month = func.floor(version.day / 100).label("month")
    query = (
        select(month, version.language, func.count().label("number"))
        .where(version.superseded.is_(None), version.day.is_not(None))
        .group_by(month, version.language)
        .order_by(month)
    )
    with catalog.reading() as db:
        return [
            {"month": f"{row.month // 100}-{row.month % 100:02}", "language": row.language, "articles": row.number}
            for row in db.execute(query)
        ]


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.where(version.superseded.is_(None))
    if wanted.text.strip():
        for word in wanted.text.split():
            query = query.where(
                version.title.icontains(word, autoescape=True) | version.source.icontains(word, autoescape=True)
            )
    if wanted.languages:
        query = query.where(version.language.in_(wanted.languages))
    if wanted.sources:
        query = query.where(version.source.in_(wanted.sources))
    if wanted.since:
        query = query.where(version.day >= day_number(wanted.since))
    if wanted.until:
        query = query.where(version.day <= day_number(wanted.until))
    return query


def newest_change(catalog: Catalog) -> tuple[int, int]:
    """What changes when the list does: for caches."""
    return catalog.last_seq(), catalog.counts()["articles"]


def named(values: Sequence[str], counts: dict[str, int]) -> list[str]:
    """Values that are still there, in their order."""
    return [value for value in values if value in counts]
