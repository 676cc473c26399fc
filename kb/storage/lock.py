"""One writer at a time, across processes.

The lock is the operating system's (flock), so that it dies with its holder; a note beside it names
the holder for messages.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from kb.errors import HomeLocked


class WriterLock:
    """The lock of one home. Re-entrant within a thread; threads of one process wait for each other."""

    def __init__(self, folder: Path) -> None:
        self._lock = FileLock(folder / "writer.lock", thread_local=False)
        self._note = folder / "writer.json"
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self, wait: float = 0.0) -> Iterator[None]:
        """Hold the lock; waits up to `wait` seconds for another process.

        Raises HomeLocked, naming the process that holds it.
        """
        with self._threads:
            if self._depth == 0:
                try:
                    self._lock.acquire(timeout=wait)
                except Timeout:
                    raise HomeLocked(self.holder()) from None
                self._note.write_text(json.dumps(_me()), encoding="utf-8")
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._note.unlink(missing_ok=True)
                    self._lock.release()

    def holder(self) -> str:
        """Who holds the lock, for people: process number, command and since when."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            return f"process {note['pid']}, {note['command']}, since {note['since']}"
        except (OSError, ValueError, KeyError):
            return "a process that has not said which"


def _me() -> dict[str, object]:
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]]).strip() or "python"
    return {"pid": os.getpid(), "command": command, "since": datetime.now(UTC).isoformat(timespec="seconds")}
