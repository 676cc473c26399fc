"""The file of the catalog: SQLite in WAL mode with `synchronous=FULL`, through SQLAlchemy Core.

Transactions for readers and the writer, what the store is bound to, checks, the copy for a backup. What goes wrong is
a HomeError that says what to do.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, select, text
from sqlalchemy.exc import DatabaseError

from kb.errors import CatalogDamaged, HomeError
from kb.search import lexical
from kb.storage import schema

BATCH = 500
"""Ids in one IN list; SQLite's oldest limit on variables is 999."""


class Database:
    """One open database. Reading is safe from any thread; writing needs the home's writer lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = _engine(path)
        try:
            with self._engine.begin() as db:
                schema.create(db, schema.metadata.sorted_tables)
                lexical.create(db)
                built = self._meta(db, "schema")
                if built is None:
                    self._set_meta(db, "schema", schema.SCHEMA)
                elif built != schema.SCHEMA:
                    raise HomeError(
                        f"{path} has schema {built}, this Lagebild reads {schema.SCHEMA}; "
                        "export it with the version that wrote it, or use another --home"
                    )
        except DatabaseError as error:
            raise _damaged(path, error) from error

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as db:
                yield db
        except DatabaseError as error:
            raise _damaged(self.path, error) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as db:
                yield db
        except DatabaseError as error:
            raise _damaged(self.path, error) from error

    @contextmanager
    def deriving(self) -> Iterator[Connection]:
        """A transaction for what can be worked out again: it waits for no disk, and a power cut may undo it."""
        try:
            with self._engine.connect() as db:
                db.exec_driver_sql("PRAGMA synchronous=NORMAL")
                try:
                    yield db
                    db.commit()
                finally:
                    db.rollback()
                    db.exec_driver_sql("PRAGMA synchronous=FULL")
        except DatabaseError as error:
            raise _damaged(self.path, error) from error

    # ── what the store is bound to ────────────────────────────────────────────────────────────

    def meta(self, key: str) -> str | None:
        with self.reading() as db:
            return self._meta(db, key)

    def set_meta(self, key: str, value: str) -> None:
        with self.writing() as db:
            self._set_meta(db, key, value)

    @staticmethod
    def _meta(db: Connection, key: str) -> str | None:
        return db.scalar(select(schema.meta.c.value).where(schema.meta.c.key == key))

    @staticmethod
    def _set_meta(db: Connection, key: str, value: str) -> None:
        db.execute(insert(schema.meta).prefix_with("OR REPLACE").values(key=key, value=value))

    # ── counts and care ───────────────────────────────────────────────────────────────────────

    def counts(self) -> dict[str, int]:
        tables = {"articles": schema.article, "versions": schema.version, "chunks": schema.chunk}
        tables |= {"embeddings": schema.embedding, "answers": schema.answer}
        with self.reading() as db:
            return {name: db.scalar(select(func.count()).select_from(table)) or 0 for name, table in tables.items()}

    def check(self) -> list[str]:
        """What is wrong with the catalog, in words; empty when nothing is."""
        found: list[str] = []
        with self.reading() as db:
            quick = db.execute(text("PRAGMA quick_check(20)")).scalars().all()
            found += [f"quick_check: {line}" for line in quick if line != "ok"]
            found += [f"foreign key: {tuple(row)}" for row in db.execute(text("PRAGMA foreign_key_check"))]
            for name, query in CHECKS.items():
                if count := db.scalar(text(query)):
                    found.append(f"{name}: {count}")
        return found

    def backup(self, target: Path) -> None:
        """Copy the catalog as of now to `target`, while others read and write (SQLite's backup API)."""
        source = sqlite3.connect(self.path)
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        except sqlite3.DatabaseError as error:
            raise _damaged(self.path, error) from error
        finally:
            copy.close()
            source.close()


CHECKS = {
    "articles without their current version": (
        "SELECT count(*) FROM article WHERE current_version NOT IN (SELECT id FROM version)"
    ),
    "chunks without an embedding": (
        "SELECT count(*) FROM chunk WHERE NOT EXISTS "
        "(SELECT 1 FROM embedding WHERE embedding.text_hash = chunk.text_hash)"
    ),
    "current versions marked as superseded": (
        "SELECT count(*) FROM article JOIN version ON version.id = current_version WHERE superseded IS NOT NULL"
    ),
}


def day_number(day: date) -> int:
    """A day as the integer YYYYMMDD, which filters compare."""
    return day.year * 10000 + day.month * 100 + day.day


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Items in pieces that fit one IN list."""
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))


def _engine(path: Path) -> Engine:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HomeError(
            f"the home {path.parent} cannot be made: {error.strerror}; choose another with --home"
        ) from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": WAIT})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        _write_ahead(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-32000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Turns the write-ahead log on. While another connection does so, SQLite refuses at once, whatever the timeout."""
    until = time.monotonic() + WAIT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


WAIT = 30.0
"""Seconds to wait for another connection's lock."""

NO_ROOM = 1_000_000
"""Bytes free below which a disk is full for SQLite: its log grows by pages and needs an index beside it."""


def _damaged(path: Path, error: Exception) -> HomeError:
    cause = str(getattr(error, "orig", None) or error)
    if "malformed" in cause or "not a database" in cause:
        return CatalogDamaged(f"the catalog {path} is damaged ({cause}); restore it: lagebild restore FILE")
    # A shared memory file that finds no room is an "I/O error" to SQLite.
    if "full" in cause or ("I/O error" in cause and shutil.disk_usage(path.parent).free < NO_ROOM):
        return HomeError(f"the disk of {path} is full; nothing was lost: free some space and run the command again")
    if "readonly" in cause or "unable to open" in cause:
        return HomeError(f"{path} cannot be opened or written ({cause}); check its permissions or use another --home")
    return HomeError(f"the catalog {path}: {cause}")
