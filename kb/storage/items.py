"""What is known of every address that was ever tried: the table, its types, its rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Column, Index, Integer, String, Table, Text
from sqlalchemy.engine import RowMapping

from kb.models import Link, Precision, Published
from kb.storage import schema
from kb.storage.database import iso

item = Table(
    "item",
    schema.metadata,
    Column("url", Text, primary_key=True),
    Column("stage", String, nullable=False),
    Column("source_id", String),
    Column("link", JSON),
    Column("article_id", String),
    Column("reason", String),
    Column("message", Text),
    Column("snapshot", String),
    Column("attempts", Integer, nullable=False),
    Column("since", String, nullable=False),
    Column("last", String, nullable=False),
    Column("next_try", String),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("parser", String),
)
Index("item_by_stage", item.c.stage, item.c.reason)
Index("item_by_source", item.c.source_id, item.c.stage)


class Stage(StrEnum):
    """How far an address has come."""

    PENDING = "pending"
    """Discovered, not tried yet."""
    STORED = "stored"
    """Its article is in the catalog."""
    FAILED = "failed"
    """It may succeed later: a time-out, a server error."""
    REFUSED = "refused"
    """It is not an article, or not for us."""


MOVED = "moved"
"""The reason of an item that is stored and that its article has left for another address."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is known of one address (canonical URL, or the URI of a file).

    `attempts` counts failures or refusals in a row, the first of them at `since`; `last` is the last try;
    it is not tried again before `next_try`. `etag` and `last_modified` are the page's validators (of a
    file: its size and time), `parser` the revision that read it, `link` what discovery said of it.
    """

    url: str
    stage: Stage
    since: datetime
    last: datetime
    source_id: str | None = None
    link: Link | None = None
    article_id: str | None = None
    reason: str | None = None
    message: str | None = None
    snapshot: str | None = None
    attempts: int = 0
    next_try: datetime | None = None
    etag: str | None = None
    last_modified: str | None = None
    parser: str | None = None


def link_row(link: Link | None) -> dict[str, Any] | None:
    if link is None:
        return None
    row: dict[str, Any] = {"url": link.url, "source_id": link.source_id, "title": link.title}
    if link.guid is not None:
        row["guid"] = link.guid
    if link.published is not None:
        row["published"] = [iso(link.published.at), link.published.precision, link.published.witness]
    return row


def _to_link(row: Mapping[str, Any] | None) -> Link | None:
    if row is None:
        return None
    published = None
    if given := row.get("published"):
        published = Published(datetime.fromisoformat(given[0]), Precision(given[1]), given[2])
    return Link(row["url"], row["source_id"], row["title"], published, guid=row.get("guid"))


def item_row(known: Item) -> dict[str, Any]:
    values = {name: plain(getattr(known, name)) for name in known.__slots__ if name != "link"}
    return {**values, "link": link_row(known.link)}


def to_item(row: RowMapping) -> Item:
    return Item(
        url=row["url"],
        stage=Stage(row["stage"]),
        since=datetime.fromisoformat(row["since"]),
        last=datetime.fromisoformat(row["last"]),
        source_id=row["source_id"],
        link=_to_link(row["link"]),
        article_id=row["article_id"],
        reason=row["reason"],
        message=row["message"],
        snapshot=row["snapshot"],
        attempts=row["attempts"],
        next_try=instant(row["next_try"]),
        etag=row["etag"],
        last_modified=row["last_modified"],
        parser=row["parser"],
    )


def plain(value: Any) -> Any:
    return iso(value) if isinstance(value, datetime) else value


def instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
