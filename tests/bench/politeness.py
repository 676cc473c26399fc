"""Whether many hosts are asked at once, each one politely, and a run takes no longer than its delays make it.

    python -m tests.bench.politeness [--hosts 20] [--pages 50] [--delay 2.0] [--embedding]

The command line's own run takes a sitemap from each host. The hosts' own clock says whether two requests were there
at once, or one came too early. The run, with its index, is held against the delays of the host that was asked most.
Without `--embedding` vectors cost nothing, so that the figure does not depend on how fast a machine embeds.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.policy import FetchPolicy
from ingest.run import Options, ingest
from ingest.targets import UrlTarget
from kb.embedding import load_embedder
from kb.knowledge import open_kb
from kb.settings import Settings
from tests.bench.light import LightEmbedder
from tests.bench.sites import Sites, Visit

EARLY = 0.02
"""Seconds a request may seem early: what a busy machine takes to hand the one before it to the server."""


@dataclass(frozen=True, slots=True)
class Courtesy:
    """What the hosts saw. `seconds` the run took; `allowed` is what the delays between its requests add up to."""

    requests: int
    articles: int
    refused: tuple[str, ...]
    at_once: int
    early: int
    least: float
    seconds: float
    allowed: float

    @property
    def over(self) -> float:
        """Share of time beyond the delays, 0 for none."""
        return self.seconds / self.allowed - 1


def judge(visits: Mapping[str, Sequence[Visit]], delay: float) -> tuple[int, int, float]:
    """Requests that came while another was there, those that came before their time, and the least gap (seconds)."""
    pairs = [pair for seen in visits.values() for pair in itertools.pairwise(sorted(seen, key=lambda one: one.came))]
    gaps = [late.came - first.came for first, late in pairs]
    return (
        sum(late.came < first.went for first, late in pairs),
        sum(gap < delay - EARLY for gap in gaps),
        min(gaps, default=0.0),
    )


def run(hosts: int, pages: int, delay: float, *, embedding: bool = False) -> Courtesy:
    embedder = load_embedder("e5") if embedding else LightEmbedder()
    policy = FetchPolicy(allow_private=True, private_delay=delay)
    with tempfile.TemporaryDirectory() as folder, Sites(hosts, pages) as sites:
        with open_kb(settings=Settings(home=Path(folder)), embedder=embedder) as kb:
            began = time.monotonic()
            outcomes = list(ingest(kb, [UrlTarget(url) for url in sites.sitemaps()], Options(policy=policy)))
            seconds = time.monotonic() - began
        visits = sites.visits()
    at_once, early, least = judge(visits, delay)
    return Courtesy(
        requests=sum(map(len, visits.values())),
        articles=sum(outcome.change is not None for outcome in outcomes),
        refused=tuple(f"{outcome.reason}: {outcome.message}" for outcome in outcomes if not outcome.ok),
        at_once=at_once,
        early=early,
        least=least,
        seconds=seconds,
        allowed=delay * (max(map(len, visits.values())) - 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--delay", type=float, default=2.0)
    parser.add_argument("--embedding", action="store_true")
    given = parser.parse_args()
    found = run(given.hosts, given.pages, given.delay, embedding=given.embedding)
    print(
        f"politeness: {given.hosts} hosts, {found.requests} requests, {found.articles} articles; {found.at_once} at "
        f"once, {found.early} early (least gap {found.least:.3f} s of {given.delay:g} s); {found.seconds:.1f} s, the "
        f"delays allow {found.allowed:.1f} s: {found.over:+.1%}"
    )
    for refusal in found.refused:
        print(f"    {refusal}")
    complete = found.articles == given.hosts * given.pages
    sys.exit(not (complete and found.at_once == found.early == 0 and found.over <= 0.1))


if __name__ == "__main__":
    main()
