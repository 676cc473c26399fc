"""Parsing in child processes that may be killed: a page that burns time or memory fails alone.

A worker is started once and asked many times; requests and answers are pickled frames over its pipes. It is limited
to `cpu` seconds a page and to `memory` bytes beyond what it needs to start, and killed after `wall` seconds whatever
it waits for. Measured overhead: under 1 ms for a page of 100 kB.
"""

from __future__ import annotations

import importlib
import io
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Self, cast

from ingest.discover import Discovery
from ingest.mhtml import MainPart
from ingest.pdf import PdfText
from kb.errors import CollectError, KBError
from kb.models import Article, Link, Page
from kb.settings import ROOT

CPU = 10.0
"""Seconds of processor time a page may take; the slowest real page seen took 2, hostile ones up to 7."""
MEMORY = 1 << 30
WALL = 45.0
"""Seconds after which a worker that neither works nor answers is killed."""
TASKS = 1_000
"""Pages after which a worker is replaced, so that slow leaks of parsers stay small."""

JOBS: Mapping[str, tuple[str, str]] = {
    "extract": ("ingest.extract", "extract"),
    "discover": ("ingest.discover", "discover"),
    "feeds_on": ("ingest.discover", "feeds_on"),
    "pdf": ("ingest.pdf", "read"),
    "mhtml": ("ingest.mhtml", "read"),
}
_LENGTH = struct.Struct(">Q")
_LARGEST_FRAME = 256 << 20
_PICKLED = {
    "kb.models.articles": {"Article", "Link", "Published", "Precision"},
    "ingest.discover": {"Discovery"},
    "ingest.pdf": {"PdfText"},
    "ingest.mhtml": {"MainPart"},
    "datetime": {"datetime", "timezone", "timedelta", "date"},
    "zoneinfo": {"ZoneInfo"},
    "copyreg": {"_reconstructor"},
    "builtins": {"object", "getattr"},
}
"""What an answer may be made of: a worker that hostile bytes have taken over still cannot make us run anything."""


class Parser:
    """A pool of workers. Safe for use by several threads; each call waits for a free worker."""

    def __init__(self, workers: int = 1, *, cpu: float = CPU, memory: int = MEMORY, wall: float = WALL) -> None:
        self._limits = (cpu, memory, wall)
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._free.put(None)
        self._workers = workers

    def warm(self) -> None:
        """Start the workers that are not there yet, without waiting for them: they load their libraries at once."""
        for worker in [self._free.get_nowait() for _ in range(self._free.qsize())]:
            self._free.put(worker or _Worker(*self._limits))

    def extract(self, page: Page, link: Link | None = None, **known: Any) -> Article:
        """As `ingest.extract.extract`; CollectError `timeout` or `hostile` for a page that exceeds its limits."""
        return cast(Article, self._ask("extract", page.final_url, page, link, **known))

    def discover(self, page: Page, source_id: str | None = None, timezone: str | None = None) -> Discovery:
        """As `ingest.discover.discover`, with the same limits."""
        return cast(Discovery, self._ask("discover", page.final_url, page, source_id, timezone))

    def feeds_on(self, page: Page) -> tuple[str, ...]:
        """As `ingest.discover.feeds_on`, with the same limits."""
        return cast("tuple[str, ...]", self._ask("feeds_on", page.final_url, page))

    def pdf(self, content: bytes, name: str) -> PdfText:
        """As `ingest.pdf.read`, with the same limits."""
        return cast(PdfText, self._ask("pdf", name, content, name))

    def mhtml(self, content: bytes, name: str) -> MainPart:
        """As `ingest.mhtml.read`, with the same limits."""
        return cast(MainPart, self._ask("mhtml", name, content, name))

    def close(self) -> None:
        """Ends the workers that are free; to be called when no other thread asks."""
        for worker in [self._free.get() for _ in range(self._workers)]:
            if worker is not None:
                worker.end()
            self._free.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, job: str, target: str, *args: Any, **kwargs: Any) -> Any:
        worker = self._free.get()
        try:
            if worker is None or not worker.usable:
                worker = _Worker(*self._limits)
            return worker.ask(job, target, args, kwargs)
        finally:
            self._free.put(worker)


class _Worker:
    """One child process and the two pipes to it."""

    def __init__(self, cpu: float, memory: int, wall: float) -> None:
        path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
        # One thread is enough for a page, and each reserves address space that counts against the limit.
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from ingest.children import serve; serve({cpu!r}, {memory!r})"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **threads, "PYTHONPATH": path},
        )
        self._wall = wall
        self._asked = 0

    @property
    def usable(self) -> bool:
        if self._asked >= TASKS and self._process.poll() is None:
            self.end()
        return self._process.poll() is None

    def end(self) -> None:
        """Lets the worker go: it ends when its input does, and is killed if it does not."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, job: str, target: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        self._asked += 1
        overdue = threading.Event()

        def kill() -> None:
            overdue.set()
            self._process.kill()

        timer = threading.Timer(self._wall, kill)
        timer.daemon = True
        timer.start()
        try:
            _send(
                cast(IO[bytes], self._process.stdin), pickle.dumps((job, args, dict(kwargs)), pickle.HIGHEST_PROTOCOL)
            )
            frame = _receive(cast(IO[bytes], self._process.stdout))
        except OSError:
            frame = None
        except BaseException:
            # The answer to this question must never be taken for that to the next one.
            self._process.kill()
            raise
        finally:
            timer.cancel()
        if frame is None:
            code = self._process.wait()
            self.end()
            raise _death(target, code, overdue.is_set())
        kind, *answer = _Answer(io.BytesIO(frame)).load()
        if kind == "done":
            return answer[0]
        reason, message, retry = answer
        raise CollectError(reason, message, retry=retry)


def _death(target: str, code: int, overdue: bool) -> CollectError:
    if overdue or code == -getattr(signal, "SIGXCPU", 24):
        return CollectError(
            "timeout", f"{target}: parsing took too long and was stopped; the document is broken or hostile"
        )
    return CollectError(
        "hostile", f"{target}: parsing it ended its process (exit {code}); the document is broken or hostile"
    )


class _Answer(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if name in _PICKLED.get(module, ()):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"a worker answered with {module}.{name}")


def _send(pipe: IO[bytes], frame: bytes) -> None:
    pipe.write(_LENGTH.pack(len(frame)))
    pipe.write(frame)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes | None:
    """The next frame, or None when the other end is gone."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > _LARGEST_FRAME:
        return None
    frame = pipe.read(length)
    return frame if len(frame) == length else None


# ── in the child ──────────────────────────────────────────────────────────────────────────────────


def serve(cpu: float, memory: int) -> None:
    """Answers requests until the input ends. Runs in the child."""
    # Ctrl-C reaches the whole terminal; the parent decides what becomes of the child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not end up between the frames.
    os.dup2(2, 1)
    # Libraries and models are loaded at the start's expense, not at the page's.
    importlib.import_module("ingest.extract").warm()
    _limit_memory(memory)
    while (frame := _receive(requests)) is not None:
        job, args, kwargs = pickle.loads(frame)  # noqa: S301  our own parent wrote it
        work = getattr(importlib.import_module(JOBS[job][0]), JOBS[job][1])
        _limit_cpu(cpu)
        _send(answers, pickle.dumps(_answer(work, args, kwargs), pickle.HIGHEST_PROTOCOL))


def _answer(work: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    target = getattr(args[0], "final_url", args[-1])
    try:
        return ("done", work(*args, **kwargs))
    except CollectError as error:
        return ("refused", error.reason, str(error), error.retry)
    except KBError as error:
        return ("refused", "unusable", str(error), False)
    except MemoryError:
        return ("refused", "hostile", f"{target}: parsing it needs more memory than a page may take", False)
    except RecursionError:
        return ("refused", "hostile", f"{target}: its elements are nested too deeply to be read", False)
    except Exception as error:  # noqa: BLE001  one bad page is a value, whatever a parser makes of it
        return ("refused", "unreadable", f"{target}: it cannot be read ({type(error).__name__}: {error})", False)


def _limit_cpu(seconds: float) -> None:
    """The kernel ends the process `seconds` of processor time from now. Not on Windows, where the wall clock does."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, most))


def _limit_memory(size: int) -> None:
    """Allocation fails `size` bytes beyond what the process has mapped by now."""
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            mapped = int(file.read().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        return
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + size, most))
