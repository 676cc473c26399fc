"""The built-in LLM: one model, served on a loopback port with the OpenAI protocol.

`LocalServer` starts `kb/local/engine.py` as a child process when it is first needed. Requests are
served in turn; a client that closes its connection ends the computation within a batch.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from kb.errors import ModelUnavailable
from kb.local.gguf import Head, read_head
from kb.local.turns import Turns

ENGINE = Path(__file__).with_name("engine.py")
CONTEXT = 4096
LOAD_SECONDS = 180.0
READ_SECONDS = 300.0
STOP_SECONDS = 5.0
OVERHEAD = 300_000_000
"""Bytes that llama.cpp needs beside weights and KV cache."""
REPACK = platform.machine().lower() not in {"x86_64", "amd64"}
"""Whether weights are stored again in another order: on the x86 wheel that costs 0.6 GB and gains nothing."""
REPACKED = 1.6
"""Memory for weights that are stored again, as a multiple of their file."""
MOST_THREADS = 8
"""Reading memory is the limit on more."""


QUESTION = "The treaty was signed in Bern on 3 May 1999. When was the treaty signed? Answer in one short sentence."
RIGHT = ("1999", "3")
"""What an answer to it holds if the model reads and writes at all."""


@dataclass(frozen=True, slots=True)
class Trial:
    """How a local model did: seconds to load, its answer, whether that is right, and tokens a second."""

    model: str
    load_seconds: float
    answer: str
    right: bool
    read: int
    read_per_second: float
    written: int
    written_per_second: float


@dataclass(frozen=True, slots=True)
class Primed:
    """What priming did: tokens of the prompt, those of them that had to be read, and seconds."""

    tokens: int
    read: int
    seconds: float


class LocalServer:
    """A local model behind the OpenAI protocol, started when it is first needed. Safe for threads."""

    def __init__(
        self,
        path: Path,
        threads: int = 0,
        context: int = CONTEXT,
        *,
        model: str = "",
        verbose: bool = False,
        tuning: Mapping[str, Any] | None = None,
    ) -> None:
        """Serve the GGUF file at `path` with `threads` threads (0: as many as pay) and `context` tokens.

        `model` is the name it answers to (default: that of the file). With `verbose`, llama.cpp's log
        goes to standard error. `tuning` sets further fields of `xllamacpp.CommonParams`.
        """
        self.path = path
        self.threads = threads or usable_threads()
        self.context = context
        self.model = model or path.stem
        self.api_key = secrets.token_urlsafe(32)
        self.turns = Turns()
        self._verbose = verbose
        self._tuning = dict(tuning or {})
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._log: IO[bytes] | None = None
        self._address = ""

    @property
    def running(self) -> bool:
        """Whether the model is loaded."""
        child = self._child
        return child is not None and child.poll() is None and bool(self._address)

    @property
    def base_url(self) -> str:
        """The address for OpenAI clients. Loads the model if that is not done (seconds).

        Raises ModelUnavailable when it cannot be loaded.
        """
        with self._lock:
            if not self.running:
                self._stop()
                self._start()
            return f"{self._address}/v1"

    def prime(self, messages: Sequence[Mapping[str, str]]) -> Primed:
        """Read the prompt `messages` ahead, so that one that begins the same is answered sooner.

        Raises ModelUnavailable when the model cannot be loaded or does not answer.
        """
        since = time.monotonic()
        _, timings = self._complete(messages, 1)
        read = int(timings["prompt_n"])
        return Primed(read + int(timings["cache_n"]), read, time.monotonic() - since)

    def trial(self) -> Trial:
        """Load the model, ask it one fixed question, and measure both. Raises ModelUnavailable as `prime` does."""
        since = time.monotonic()
        _ = self.base_url
        loaded = time.monotonic() - since
        text, timings = self._complete([{"role": "user", "content": QUESTION}], 60)
        return Trial(
            model=self.model,
            load_seconds=round(loaded, 1),
            answer=text,
            right=all(part in text for part in RIGHT),
            read=int(timings["prompt_n"]),
            read_per_second=round(float(timings["prompt_per_second"]), 1),
            written=int(timings["predicted_n"]),
            written_per_second=round(float(timings["predicted_per_second"]), 1),
        )

    def _complete(self, messages: Sequence[Mapping[str, str]], tokens: int) -> tuple[str, dict[str, Any]]:
        """The text of a reply, and llama.cpp's own timings of it."""
        import httpx

        body = {"messages": [dict(message) for message in messages], "max_tokens": tokens, "cache_prompt": True}
        try:
            answer = httpx.post(
                f"{self.base_url}/chat/completions",
                json=body,
                headers={"Authorization": f"Bearer {self.api_key}"},
                timeout=READ_SECONDS,
                trust_env=False,
            )
            answer.raise_for_status()
            reply = answer.json()
            return str(reply["choices"][0]["message"]["content"] or "").strip(), reply["timings"]
        except (httpx.HTTPError, ValueError, KeyError, IndexError, TypeError) as error:
            raise ModelUnavailable(f"{self.model} did not read its prompt ({error}); try again") from error

    def close(self) -> None:
        """End the process that holds the model; what it is computing is lost. Can be called twice."""
        with self._lock:
            self._stop()

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_child", None) is not None:
            self._stop()

    def _start(self) -> None:
        head = read_head(self.path)
        self.context = min(self.context, head.context or self.context)
        _need_memory(self.path, head, self.context)
        self._log = None if self._verbose else tempfile.TemporaryFile()  # noqa: SIM115 (closed in _stop)
        # The default is to wait for the other threads in a loop, which starves them on a busy machine.
        env = {"OMP_WAIT_POLICY": "passive", **os.environ}
        self._child = subprocess.Popen(
            [sys.executable, "-P", str(ENGINE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            env=env,
        )
        order = {
            "path": str(self.path.resolve()),
            "model": self.model,
            "context": self.context,
            "threads": self.threads,
            "key": self.api_key,
            "repack": REPACK,
            "verbose": self._verbose,
            "tuning": self._tuning,
        }
        answer = self._ask(order)
        if "address" not in answer:
            why = answer.get("error", "its process ended")
            log = self._last_error()
            self._stop()
            raise ModelUnavailable(
                f"{self.path.name} cannot be loaded: {log or why}. Check it with lagebild models list, "
                "or choose a smaller one"
            )
        self._address = answer["address"]

    def _ask(self, order: dict[str, object]) -> dict[str, str]:
        """Send `order` to the child and wait for its one line; {} when it dies or takes too long."""
        child = self._child
        assert child is not None and child.stdin is not None and child.stdout is not None
        alarm = threading.Timer(LOAD_SECONDS, child.kill)
        alarm.daemon = True
        alarm.start()
        try:
            child.stdin.write(json.dumps(order) + "\n")
            child.stdin.flush()
            answer = json.loads(child.stdout.readline() or "{}")
        except (OSError, ValueError):
            return {}
        finally:
            alarm.cancel()
        return answer if isinstance(answer, dict) else {}

    def _last_error(self) -> str:
        """The first error line of llama.cpp's log, without its time and its place."""
        if self._log is None:
            return ""
        self._log.seek(0)
        lines = self._log.read(100_000).decode("utf-8", "replace").splitlines()
        return next((line.split(": ", 1)[-1].strip() for line in lines if " E " in line), "")

    def _stop(self) -> None:
        child, self._child, self._address = self._child, None, ""
        if child is not None:
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self._log is not None:
            self._log.close()
            self._log = None


def usable_threads() -> int:
    """Threads that pay on this machine: the processors this process may use, at most MOST_THREADS."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass
    return max(1, min(count, MOST_THREADS))


def available_memory() -> int | None:
    """Bytes that a new process can have without swapping, or None where the system does not say."""
    free: list[int] = []
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free.append(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")))
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
        free.append(int(most) - int(used))
    except (OSError, ValueError, StopIteration):
        pass
    return min(free, default=None)


def _need_memory(path: Path, head: Head, context: int) -> None:
    needed = int(head.size * (REPACKED if REPACK else 1)) + head.cache * context + OVERHEAD
    free = available_memory()
    if free is not None and free < needed:
        raise ModelUnavailable(
            f"{path.name} needs about {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free; close other "
            "programs (a page or notebook of Lagebild holds a model of its own) or choose a smaller model"
        )
