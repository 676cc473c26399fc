"""The tables of the catalog.

Times are ISO 8601 text in UTC; days are integers YYYYMMDD, because filters compare them. `chunk.seq`
is the row number that the lexical index and the generations share. `trace` and `tie` are derived (`kb.origins`): a
table that an older home lacks is made when it is opened, and filled by its next writer.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import CreateIndex, CreateTable

SCHEMA = "1"

metadata = MetaData()


def create(db: Connection, tables: Iterable[Table]) -> None:
    """Make tables that are not there yet, with their indexes. Two processes may do so at once."""
    for table in tables:
        db.execute(CreateTable(table, if_not_exists=True))
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            db.execute(CreateIndex(index, if_not_exists=True))


meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

article = Table(
    "article",
    metadata,
    Column("id", String, primary_key=True),
    Column("url", Text, nullable=False, unique=True),
    Column("first_seen", String, nullable=False),
    Column("current_version", String, nullable=False),
    Column("gone", String),
)

# Where else an article was, or is: `home` is the address that it has its id from.
alias = Table("alias", metadata, Column("url", Text, primary_key=True), Column("home", Text, nullable=False))

# When an article was read last, if that is later than any of its versions was fetched first.
reread = Table("reread", metadata, Column("article_id", String, primary_key=True), Column("at", String, nullable=False))

version = Table(
    "version",
    metadata,
    Column("id", String, primary_key=True),
    Column("article_id", String, ForeignKey("article.id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String, nullable=False),
    Column("source", Text, nullable=False),
    Column("source_id", String),
    Column("side", String),
    Column("authors", JSON, nullable=False),
    Column("published", String),
    Column("precision", String),
    Column("witness", String),
    Column("day", Integer),
    Column("known", Integer, nullable=False),
    Column("superseded", Integer),
    Column("first_seen", String, nullable=False),
    Column("fetched", String, nullable=False),
    Column("references", JSON, nullable=False),
    Column("snapshot", String),
    UniqueConstraint("article_id", "number"),
)
Index("version_by_day", version.c.day)
Index("version_superseded", version.c.superseded)
Index("version_by_source", version.c.source_id, version.c.language, version.c.side, version.c.source)

chunk = Table(
    "chunk",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("version_id", String, ForeignKey("version.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text_hash", String, nullable=False),
    Column("language", String, nullable=False),
)
Index("chunk_by_version", chunk.c.version_id)

embedding = Table(
    "embedding",
    metadata,
    Column("text_hash", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

trace = Table(
    "trace",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("version_id", String, ForeignKey("version.id"), nullable=False, unique=True),
    Column("day", Integer),
    Column("language", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("signature", LargeBinary),
    Column("vector", LargeBinary),
)

tie = Table(
    "tie",
    metadata,
    Column("one", String, ForeignKey("version.id"), primary_key=True),
    Column("other", String, ForeignKey("version.id"), primary_key=True),
    Column("kind", String, nullable=False),
    Column("likeness", Float, nullable=False),
)
Index("tie_by_other", tie.c.other)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("op", String, nullable=False),
    Column("chunk_id", String, nullable=False),
    Column("chunk_seq", Integer, nullable=False),
    sqlite_autoincrement=True,
)

source_state = Table(
    "source_state",
    metadata,
    Column("id", String, primary_key=True),
    Column("etag", Text),
    Column("last_modified", Text),
    Column("last_success", String),
    Column("last_attempt", String),
    Column("failing_since", String),
    Column("failures", Integer, nullable=False, default=0),
    Column("reason", String),
    Column("message", Text),
    Column("next_try", String),
    Column("interval", Integer),
    Column("parser", String),
)

# The name by which a source's feed knows a story, and the address that it led to last.
guid = Table(
    "guid",
    metadata,
    Column("source_id", String, primary_key=True),
    Column("guid", Text, primary_key=True),
    Column("url", Text, nullable=False),
)

host_state = Table(
    "host_state", metadata, Column("host", String, primary_key=True), Column("state", JSON, nullable=False)
)

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("started", String, nullable=False),
    Column("finished", String),
    Column("targets", JSON, nullable=False),
    Column("state", String, nullable=False),
)

outcome = Table(
    "outcome",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("run_id", Integer, ForeignKey("run.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("source_id", String),
    Column("change", String),
    Column("article_id", String),
    Column("title", Text),
    Column("reason", String),
    Column("message", Text),
    Column("snapshot", String),
    Column("at", String, nullable=False),
)
Index("outcome_by_run", outcome.c.run_id)
Index("outcome_by_reason", outcome.c.reason)

answer = Table(
    "answer",
    metadata,
    Column("id", String, primary_key=True),
    Column("asked_at", String, nullable=False),
    Column("question", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("record", JSON, nullable=False),
)

spend = Table(
    "spend",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", String, nullable=False),
    Column("provider", String, nullable=False),
    Column("model", String, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost", Float),
    Column("currency", String),
    Column("estimated", Boolean, nullable=False),
)

# Apart from `spend`, so that a home made before prices were dated needs no change.
spend_price = Table(
    "spend_price",
    metadata,
    Column("spend_id", Integer, primary_key=True),
    Column("as_of", String, nullable=False),
)
