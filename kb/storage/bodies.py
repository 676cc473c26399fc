"""Which addresses of a host gave the same title and text: what a site answers for pages that it does not have.

Written before an article is stored, so that a run that dies in between has only noted what it will note again.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Column, String, Table, Text, select
from sqlalchemy.dialects.sqlite import insert as upsert

from kb.storage import schema
from kb.storage.catalog import Catalog

body = Table(
    "body",
    schema.metadata,
    Column("host", String, primary_key=True),
    Column("content", String, primary_key=True),
    Column("url", Text, primary_key=True),
    Column("announced", Text),
)


@dataclass(frozen=True, slots=True)
class Giver:
    """An address that gave a text, and the title by which a feed or list had announced it, if one had."""

    url: str
    announced: str | None


class Bodies:
    """The table of one catalog. Noting needs the home's writer lock."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        with catalog.writing() as db:
            body.create(db, checkfirst=True)

    def note(self, host: str, content: str, giver: Giver) -> list[Giver]:
        """Note that an address of `host` gave a text (its hash); the other addresses that gave it before."""
        row = {"host": host, "content": content, "url": giver.url, "announced": giver.announced}
        alike = select(body.c.url, body.c.announced).where(
            body.c.host == host, body.c.content == content, body.c.url != giver.url
        )
        with self._catalog.writing() as db:
            others = [Giver(found.url, found.announced) for found in db.execute(alike.order_by(body.c.url))]
            statement = upsert(body).values(row)
            keys = ["host", "content", "url"]
            db.execute(statement.on_conflict_do_update(index_elements=keys, set_={"announced": giver.announced}))
        return others
