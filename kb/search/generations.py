"""Generations of the index: copy, apply, close, verify in a child, flip. Nothing is written in place.

A generation is a folder `<home>/index/<name>/` with Chroma's files and, beside them, the same vectors
as a matrix (`kb.search.exact`) and the statistics of each language. Which one is current is a row of the
catalog. A kill at any point leaves the current one as it was; what was begun is cleared by the next
publish.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from kb.errors import IndexBroken
from kb.search.exact import Matrix, save_statistics, statistics
from kb.search.index import VectorStore, verify
from kb.storage.catalog import Catalog
from kb.storage.faults import point

CURRENT = "generation"
"""Key of the catalog's row that names the current generation, as JSON."""

CHECK_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Generation:
    """A published state of the index: all outbox lines up to `applied` are in it.

    Names are never used twice, so that a reader can tell a flip from a name. `previous` is kept for
    readers that have not noticed the flip yet.
    """

    name: str
    applied: int
    previous: str | None = None


def current(catalog: Catalog) -> Generation | None:
    row = catalog.meta(CURRENT)
    return Generation(**json.loads(row)) if row else None


def publish(
    catalog: Catalog,
    folder: Path,
    model: str,
    dimension: int,
    *,
    server: str = "",
    afresh: bool = False,
    note: Callable[[str], None] = lambda _: None,
) -> Generation:
    """Make a generation of all that is committed, and make it current. Needs the writer lock.

    `afresh` builds from nothing instead of from a copy of the current one; that is also what happens
    when a copy does not verify. Nothing is embedded. Raises IndexBroken if even that does not verify;
    the current generation stays what it was.
    """
    before = current(catalog)
    applied = catalog.last_seq()
    if before and before.applied == applied and not afresh:
        return before
    clear(catalog, folder)
    matrix = _live(catalog, model, dimension)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    target = Generation(name, applied, before.name if before else None)
    if server:
        _fill_server(server, target.name, matrix, note)
    else:
        problems = ["not tried"]
        if before and not afresh and (folder / before.name).is_dir():
            problems = _build(folder, target.name, matrix, _changes(catalog, before), folder / before.name, note)
        if problems:
            problems = _build(folder, target.name, matrix, None, None, note)
        if problems:
            raise IndexBroken(f"the new index does not verify ({'; '.join(problems)}); search goes on without it")
    _save_beside(folder / target.name, matrix)
    point("before_flip")
    catalog.set_meta(CURRENT, json.dumps(asdict(target)))
    point("after_flip")
    if server and before:
        _drop_server(server, before.name)
    return target


def clear(catalog: Catalog, folder: Path) -> None:
    """Remove what no reader needs: half-made generations and all but the current and the one before it."""
    now = current(catalog)
    if not folder.is_dir():
        return
    keep = {now.name, now.previous} if now else set()
    for entry in folder.iterdir():
        if entry.name not in keep:
            shutil.rmtree(entry, ignore_errors=True)


def _live(catalog: Catalog, model: str, dimension: int) -> Matrix:
    return Matrix.of(catalog.vectors(model, superseded=False), dimension)


def _changes(catalog: Catalog, before: Generation) -> dict[str, str]:
    """Chunk id → the last thing the outbox says of it since `before`."""
    return {line.chunk_id: line.op for line in catalog.outbox_after(before.applied)}


def _build(
    folder: Path,
    name: str,
    matrix: Matrix,
    changes: dict[str, str] | None,
    origin: Path | None,
    note: Callable[[str], None],
) -> list[str]:
    """Write a folder and verify it in a child; what is wrong with it, empty when nothing is."""
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        if origin is not None and changes is not None:
            shutil.copytree(origin / "chroma", target / "chroma")
            dropped = [chunk for chunk, op in changes.items() if op == "drop"]
            added = {chunk for chunk, op in changes.items() if op == "add"}
            rows = [row for row, chunk in enumerate(matrix.ids) if str(chunk) in added]
        else:
            dropped, rows = [], list(range(len(matrix)))
        point("during_build")
        note(f"indexing {len(rows)} chunks")
        store = VectorStore(target / "chroma")
        try:
            store.delete(dropped)
            store.upsert(matrix, rows)
        finally:
            store.close()
        matrix.save(target / "matrix")
    except (OSError, IndexBroken) as error:
        return [str(error)]
    note("verifying the index")
    problems = _check_in_child(target)
    if not problems:
        _sync(target)
    return problems


def _check_in_child(target: Path) -> list[str]:
    command = [sys.executable, "-m", "kb.search.index", str(target)]
    root = str(Path(__file__).resolve().parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=CHECK_SECONDS, env=env, check=False)
    except subprocess.TimeoutExpired:
        return [f"the check took more than {CHECK_SECONDS} s"]
    if done.returncode == 0:
        return []
    return done.stderr.strip().splitlines()[-3:] or [f"the check ended with {done.returncode}"]


def _save_beside(target: Path, matrix: Matrix) -> None:
    if not (target / "matrix").exists():
        matrix.save(target / "matrix")
    save_statistics(target / "statistics.npz", statistics(matrix))
    _sync(target)


def _fill_server(server: str, name: str, matrix: Matrix, note: Callable[[str], None]) -> None:
    note(f"sending {len(matrix)} chunks to the Chroma server")
    store = VectorStore(server, prefix=name)
    try:
        store.drop()
        store.upsert(matrix, range(len(matrix)))
        if problems := verify(store, matrix):
            raise IndexBroken(f"the index on {server} does not verify ({'; '.join(problems)})")
    finally:
        store.close()


def _drop_server(server: str, name: str) -> None:
    store = VectorStore(server, prefix=name)
    try:
        store.drop()
    finally:
        store.close()


def _sync(folder: Path) -> None:
    """Flush every file and folder below `folder` to the disk."""
    for path in [*folder.rglob("*"), folder, folder.parent]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
