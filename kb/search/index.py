"""Chroma: the only module that knows it.

A folder of vectors is written by one process, closed, and from then on only read. It has one
collection a language, so that a search inside a language needs no filter. Rows carry the chunk's
id, its vector and the fields filters read; texts stay in the catalog. As a program (`python -m
kb.search.index FOLDER`) it verifies a folder and says so by its exit code, in a process of its own because
a damaged folder can end the process that opens it (chroma-core/chroma#7238).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kb.errors import IndexBroken
from kb.models import LANGUAGES, Filters
from kb.search.exact import Matrix

OTHER = "other"
PROBES = 20
"""Self-queries a verification makes: each must find its own chunk."""

BATCH = 1000
"""Rows in one upsert; Chroma takes at most `get_max_batch_size()`, 5,461 in 1.5.9."""


class VectorStore:
    """An open set of collections, in a folder or on a Chroma server.

    `place` is a folder or an http(s) address; `prefix` begins the names of the collections.
    """

    def __init__(self, place: Path | str, prefix: str = "passages") -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        try:
            if isinstance(place, Path):
                place.mkdir(parents=True, exist_ok=True)
                self._client: Any = chromadb.PersistentClient(str(place), settings)
            else:
                self._client = _server(place, settings)
        except Exception as error:
            raise IndexBroken(f"Chroma cannot open {place}: {error}") from error
        self._prefix = prefix
        self._collections: dict[str, Any] = {}

    def close(self) -> None:
        self._client.close()

    def upsert(self, matrix: Matrix, rows: Iterable[int]) -> None:
        """Write rows of the matrix; a row that is there already is replaced."""
        by_language: dict[str, list[int]] = {}
        for row in rows:
            by_language.setdefault(_collection_language(str(matrix.language[row])), []).append(row)
        limit = min(BATCH, self._client.get_max_batch_size())
        for language, numbers in by_language.items():
            collection = self._collection(language)
            for start in range(0, len(numbers), limit):
                batch = np.array(numbers[start : start + limit])
                collection.upsert(
                    ids=[str(name) for name in matrix.ids[batch]],
                    embeddings=np.asarray(matrix.vectors[batch]),
                    metadatas=[_fields(matrix, int(row)) for row in batch],
                )

    def delete(self, ids: Sequence[str]) -> None:
        """Remove chunks by id, whatever their language; ids that are not there are passed over."""
        for language in (*LANGUAGES, OTHER):
            for start in range(0, len(ids), BATCH):
                self._collection(language).delete(ids=list(ids[start : start + BATCH]))

    def ids(self) -> set[str]:
        """The ids of everything in the store."""
        return {name for language in (*LANGUAGES, OTHER) for name in self._collection(language).get(include=[])["ids"]}

    def nearest(self, language: str, query: np.ndarray, filters: Filters, k: int) -> list[tuple[int, float]]:
        """The `k` nearest chunks of a language: (seq, cosine), the best first.

        Raises IndexBroken when Chroma fails, whatever it fails with.
        """
        try:
            found = self._collection(_collection_language(language)).query(
                query_embeddings=query[np.newaxis, :],
                n_results=k,
                where=_where(language, filters),
                include=["metadatas", "distances"],
            )
        except Exception as error:
            raise IndexBroken(f"Chroma cannot search: {error}") from error
        pairs = zip(found["metadatas"][0], found["distances"][0], strict=True)
        # The collections are made with cosine distance, so the cosine is 1 - distance.
        return [(int(fields["seq"]), 1.0 - float(distance)) for fields, distance in pairs]

    def drop(self) -> None:
        """Remove the collections themselves (those of an old generation on a server)."""
        for collection in self._client.list_collections():
            if collection.name.startswith(self._prefix + "-"):
                self._client.delete_collection(collection.name)
        self._collections.clear()

    def _collection(self, language: str) -> Any:
        if language not in self._collections:
            self._collections[language] = self._client.get_or_create_collection(
                f"{self._prefix}-{language}", embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
            )
        return self._collections[language]


def verify(store: VectorStore, matrix: Matrix) -> list[str]:
    """What is wrong with a store that should hold exactly the matrix; empty when nothing is."""
    wanted = {str(name) for name in matrix.ids}
    found = store.ids()
    if found != wanted:
        return [f"{len(wanted - found)} chunks missing, {len(found - wanted)} too many"]
    probes = (
        [int(row) for row in np.linspace(0, len(matrix) - 1, min(PROBES, len(matrix)), dtype=int)]
        if len(matrix)
        else []
    )
    wrong = []
    for row in probes:
        hits = store.nearest(str(matrix.language[row]), np.asarray(matrix.vectors[row]), Filters(), 3)
        # Two chunks may share a text, and so a vector: the probe must be matched, not ranked first.
        if not hits or hits[0][1] < 1.0 - 1e-3:
            wrong.append(f"chunk {matrix.ids[row]} does not find itself")
    return wrong


def _collection_language(language: str) -> str:
    return language if language in LANGUAGES else OTHER


def _fields(matrix: Matrix, row: int) -> dict[str, str | int]:
    return {
        "seq": int(matrix.seq[row]),
        "language": str(matrix.language[row]),
        "source": str(matrix.source[row]),
        "day": int(matrix.day[row]),
        "known": int(matrix.known[row]),
    }


def _where(language: str, filters: Filters) -> dict[str, Any] | None:
    parts: list[dict[str, Any]] = []
    if language not in LANGUAGES:
        parts.append({"language": language})
    if filters.sources:
        parts.append({"source": {"$in": list(filters.sources)}})
    if filters.since:
        parts.append({"day": {"$gte": int(filters.since.strftime("%Y%m%d"))}})
    if filters.until:
        parts += [{"day": {"$lte": int(filters.until.strftime("%Y%m%d"))}}, {"day": {"$gt": 0}}]
    if filters.as_of:
        parts.append({"known": {"$lte": int(filters.as_of.strftime("%Y%m%d"))}})
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$and": parts}


def _server(address: str, settings: Any) -> Any:
    from urllib.parse import urlsplit

    import chromadb

    parts = urlsplit(address)
    return chromadb.HttpClient(
        host=parts.hostname or "localhost", port=parts.port or 8000, ssl=parts.scheme == "https", settings=settings
    )


def main(folder: Path) -> int:
    """Verify the generation in `folder`; 0 if it is whole."""
    matrix = Matrix.load(folder / "matrix")
    store = VectorStore(folder / "chroma")
    problems = verify(store, matrix)
    store.close()
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
