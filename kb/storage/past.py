"""Readings of the past: where on the time line of its article a version stands that was fetched before others.

The number of a version is its place by the time of its first reading; as of a day an article reads as the last version
read by then. So the captures of a page give one history, in whatever order they come. A text that comes back after
another one is still one version: it counts from its first reading on, and is current if it was read last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, update

from kb.models import Article
from kb.storage import schema
from kb.storage.catalog import Catalog, Entry, announce, read_again
from kb.storage.database import day_number, iso
from kb.storage.faults import point
from kb.storage.versions import version_row


@dataclass(frozen=True, slots=True)
class Reading:
    """A version on the time line: when it was first read, when it says that it was published, its place, since when it
    is known, and from when on it is superseded, None for the current one. Days are YYYYMMDD."""

    id: str
    fetched: datetime
    published: int | None
    number: int
    known: int
    superseded: int | None


def timeline(readings: Sequence[Reading], current: str, last: datetime) -> list[Reading]:
    """The versions of an article in their order, with the places and days that follow from it.

    The first one is known since the earliest day on which any of them says that it was published; `last` is when
    the article was last read.
    """
    ordered = sorted(readings, key=lambda one: (one.fetched, one.number))
    days = [day_number(one.fetched.astimezone(UTC).date()) for one in ordered]
    days[0] = min([days[0], *(one.published for one in ordered if one.published)])
    ends = [*days[1:], day_number(last.astimezone(UTC).date())]
    return [
        replace(one, number=number, known=day, superseded=None if one.id == current else end)
        for number, (one, day, end) in enumerate(zip(ordered, days, ends, strict=True), 1)
    ]


def last_read(catalog: Catalog, article_id: str) -> datetime | None:
    """When an article was last read, None for one that is not stored."""
    with catalog.reading() as db:
        return _last_read(db, article_id)


def insert_earlier(catalog: Catalog, entry: Entry) -> None:
    """Store a version of a known article that was read before its last reading, in one transaction."""
    article = entry.article
    with catalog.writing() as db:
        behind = db.scalar(select(func.max(schema.version.c.number)).where(schema.version.c.article_id == article.id))
        row = version_row(article, 1, datetime.now(UTC), article.fetched)
        # A place and an end of its own until the time line gives it those that are right.
        db.execute(insert(schema.version).values({**row, "number": behind + 1, "superseded": row["known"]}))
        catalog.insert_vectors(db, entry.vectors, entry.model)
        catalog.insert_chunks(db, entry, live=False)
        announce(db, article.version_id, "drop")
        _line_up(db, article.id)
        point("inside_commit")


def count_from(catalog: Catalog, article: Article) -> None:
    """A text that is stored already was read earlier than is known, or nothing new."""
    version = schema.version
    with catalog.writing() as db:
        fetched = db.scalar(select(version.c.fetched).where(version.c.id == article.version_id))
        if fetched is None or datetime.fromisoformat(fetched) <= article.fetched:
            return
        read_again(db, article.id, datetime.fromisoformat(fetched))
        first = {"fetched": iso(article.fetched), "snapshot": article.snapshot}
        db.execute(update(version).where(version.c.id == article.version_id).values(first))
        _line_up(db, article.id)


def line_up(catalog: Catalog, article_id: str) -> None:
    """Give the versions of an article the places and days that follow from their times."""
    with catalog.writing() as db:
        _line_up(db, article_id)


def _last_read(db: Connection, article_id: str) -> datetime | None:
    fetched = select(func.max(schema.version.c.fetched)).where(schema.version.c.article_id == article_id)
    again = select(schema.reread.c.at).where(schema.reread.c.article_id == article_id)
    times = [time for query in (fetched, again) if (time := db.scalar(query)) is not None]
    return datetime.fromisoformat(max(times)) if times else None


def _line_up(db: Connection, article_id: str) -> None:
    """Give the versions of an article their places and days, and tell the index whose days changed."""
    version, last = schema.version, _last_read(db, article_id)
    assert last is not None
    current = db.execute(select(schema.article.c.current_version).where(schema.article.c.id == article_id)).scalar_one()
    before = {
        row.id: Reading(row.id, datetime.fromisoformat(row.fetched), row.day, row.number, row.known, row.superseded)
        for row in db.execute(select(version).where(version.c.article_id == article_id))
    }
    changed = [one for one in timeline(list(before.values()), current, last) if one != before[one.id]]
    # By way of numbers that no version has: a number is given once at any time.
    for sign in (-1, 1):
        for one in changed:
            values = {"number": sign * one.number, "known": one.known, "superseded": one.superseded}
            db.execute(update(version).where(version.c.id == one.id).values(values))
    for one in changed:
        if (one.known, one.superseded) != (before[one.id].known, before[one.id].superseded):
            announce(db, one.id, "add" if one.id == current else "drop")
