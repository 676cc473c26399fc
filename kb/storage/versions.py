"""A version as a row of the catalog, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import RowMapping

from kb.models import Article, Precision, Published, Version
from kb.storage import schema
from kb.storage.database import day_number, iso


def version_row(article: Article, number: int, now: datetime, read: datetime) -> dict[str, Any]:
    """The row of a version that is stored now; that it reads so is known since it was `read`."""
    seen = day_number(read.astimezone(UTC).date())
    day = day_number(article.published.day) if article.published else None
    return {
        "id": article.version_id,
        "article_id": article.id,
        "number": number,
        "title": article.title,
        "text": article.text,
        "language": article.language,
        "source": article.source,
        "source_id": article.source_id,
        "side": article.side,
        "authors": list(article.authors),
        "published": article.published.at.astimezone(UTC).isoformat() if article.published else None,
        "precision": article.published.precision if article.published else None,
        "witness": article.published.witness if article.published else None,
        "day": day,
        "known": min(day or seen, seen) if number == 1 else seen,
        "first_seen": iso(now),
        "fetched": iso(article.fetched),
        "references": list(article.references),
        "snapshot": article.snapshot,
    }


def version_query() -> Any:
    return select(
        schema.version,
        schema.article.c.url,
        schema.article.c.gone,
        (schema.article.c.current_version == schema.version.c.id).label("current"),
    ).join(schema.article, schema.article.c.id == schema.version.c.article_id)


def to_version(row: RowMapping) -> Version:
    published = None
    if row["published"]:
        published = Published(datetime.fromisoformat(row["published"]), Precision(row["precision"]), row["witness"])
    return Version(
        id=row["id"],
        article_id=row["article_id"],
        number=row["number"],
        url=row["url"],
        title=row["title"],
        text=row["text"],
        language=row["language"],
        source=row["source"],
        source_id=row["source_id"],
        side=row["side"],
        authors=tuple(row["authors"]),
        published=published,
        first_seen=datetime.fromisoformat(row["first_seen"]),
        fetched=datetime.fromisoformat(row["fetched"]),
        references=tuple(row["references"]),
        snapshot=row["snapshot"],
        gone=bool(row["gone"]),
        current=bool(row["current"]),
    )
