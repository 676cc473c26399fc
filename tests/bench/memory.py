"""Whether a long run keeps its memory: peak and slope over thousands of pages, without the embedding.

    python -m tests.bench.memory [--pages 5000] [--words 600]

The command line's own run takes sitemaps of sites on loopback; what is counted is the resident memory of the process
that runs and of the children it parses in (pages they share are counted for each), once a second.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.policy import FetchPolicy
from ingest.run import Options, ingest
from ingest.targets import UrlTarget
from kb.knowledge import open_kb
from kb.settings import Settings
from tests.bench.light import LightEmbedder
from tests.bench.sites import Sites

HOSTS = 10
MOST = 600.0
"""MB that a run may take."""

FLAT = 10.0
"""MB a thousand pages from which memory counts as growing; the catalog's own cache grows to its bound meanwhile."""

WARM = 0.2
"""Share of the pages after which libraries are loaded and caches filled."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Resident memory in MB when so many pages were done."""

    pages: int
    own: float
    children: float

    @property
    def total(self) -> float:
        return self.own + self.children


def resident(process: int | str) -> float:
    """MB of a process; 0 if it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children() -> set[str]:
    """The processes that this one started, from whichever thread."""
    found: set[str] = set()
    for task in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
        # A thread may end while it is looked at.
        with suppress(OSError):
            found.update(task.read_text().split())
    return found


def run(pages: int, words: int) -> tuple[list[Sample], float]:
    """Samples of one run, and the seconds it took."""
    samples: list[Sample] = []
    done, over = 0, threading.Event()
    with tempfile.TemporaryDirectory() as folder, Sites(HOSTS, pages // HOSTS, words, links=120) as sites:
        strangers = children()

        def watch() -> None:
            while not over.wait(1.0):
                samples.append(Sample(done, resident("self"), sum(map(resident, children() - strangers))))

        policy = FetchPolicy(allow_private=True, private_delay=0.0)
        with open_kb(settings=Settings(home=Path(folder)), embedder=LightEmbedder()) as kb:
            watching = threading.Thread(target=watch)
            watching.start()
            began = time.monotonic()
            try:
                for outcome in ingest(kb, [UrlTarget(url) for url in sites.sitemaps()], Options(policy=policy)):
                    done += outcome.change is not None
            finally:
                seconds = time.monotonic() - began
                over.set()
                watching.join()
    return samples, seconds


def slope(samples: Sequence[Sample], pages: int) -> float:
    """MB a thousand pages, by least squares over what comes after the warm-up."""
    late = [sample for sample in samples if WARM * pages <= sample.pages < pages]
    if len(late) < 3:
        return 0.0
    return float(np.polyfit([sample.pages / 1000 for sample in late], [sample.total for sample in late], 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--words", type=int, default=600)
    given = parser.parse_args()
    samples, seconds = run(given.pages, given.words)
    for share in range(0, 101, 10):
        sample = samples[min(len(samples) - 1, share * len(samples) // 100)]
        print(f"  {sample.pages:5d} pages: {sample.own:4.0f} MB and {sample.children:4.0f} MB in children")
    done, peak, grows = samples[-1].pages, max(sample.total for sample in samples), slope(samples, given.pages)
    ran = max((sample.total for sample in samples if sample.pages < given.pages), default=peak)
    print(
        f"memory: {done} pages in {seconds:.0f} s ({done / seconds:.1f} a second), peak {ran:.0f} MB "
        f"({peak:.0f} MB with making the index), {grows:+.1f} MB per 1,000 pages after the first {WARM:.0%}"
    )
    sys.exit(not (done >= given.pages - 1 and peak < MOST and grows < FLAT))


if __name__ == "__main__":
    main()
