"""`python -m tests.faults run`: the rows of the matrix, one verdict line each. Exits 1 if one misses its target."""

from __future__ import annotations

import argparse
import sys
import time

import tests.conftest  # noqa: F401  denies the network, here and in what is started
from tests.faults import feeds, homes, network, packed, pages, sites
from tests.faults.verdict import Row, Tally

ROWS = {
    row.number: row
    for row in (
        Row(1, "kill -9 anywhere", "without loss or double", homes.killed_anywhere),
        Row(2, "kill -9 at each point", "without loss, one page redone at most", homes.killed_at_each_point),
        Row(9, "full disk", "said, and done after space", homes.full_disk),
        Row(12, "clock jumps", "waits bounded", homes.clock_jumps),
        Row(13, "Ctrl-C and SIGTERM", "stopped with 130 and a way on", homes.signals),
        Row(20, "connections that break off", "asked again, then refused", network.broken_connections),
        Row(21, "slow and endless answers", "stopped in time", network.slow_servers),
        Row(22, "bombs and lying codings", "refused below 100 MB", network.bombs),
        Row(23, "come back later", "not asked early", network.patience),
        Row(24, "redirects", "refused with the reason", network.redirects),
        Row(25, "SSRF", "refused", network.private_addresses),
        Row(26, "robots", "as RFC 9309 says", sites.robots),
        Row(27, "politeness of many hosts", "one at a time, none early", sites.courtesy),
        Row(28, "validators", "no item missed", sites.validators),
        Row(29, "pages that are no articles", "refused", pages.refusals),
        Row(30, "encodings", "with 0.99 of the text", pages.encodings),
        Row(31, "fuzzed feeds", "a value or a reason", feeds.fuzzed_feeds),
        Row(32, "fuzzed pages", "a value or a reason", pages.fuzzed_pages),
        Row(33, "pages that burn time", "read or ended", pages.burning),
        Row(34, "XXE and entity bombs", "refused or harmless", feeds.entities),
        Row(35, "feed quirks", "read right", feeds.quirks),
        Row(36, "one story under many addresses", "pairs told right", feeds.addresses),
        Row(37, "sitemaps", "bounded, of one site", sites.sitemaps),
        Row(38, "bombs and lies in archives", "refused", packed.archives),
        Row(46, "planted keys", "places without one", homes.secrets),
        Row(47, "no network", "steps that need none", homes.no_network),
    )
}


def chosen(text: str | None) -> list[Row]:
    """The rows of `1,2,20-38`; all without a text. Numbers between that are no row are passed over."""
    if not text:
        return list(ROWS.values())
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return [ROWS[number] for number in numbers if number in ROWS]


def verdict(row: Row, seed: int, full: bool) -> tuple[Tally, float]:
    began = time.monotonic()
    return row.run(seed, full), time.monotonic() - began


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="make the faults and say what came of them")
    run.add_argument("--seed", type=int, default=1)
    run.add_argument("--rows", help="such as 1,2,20-38; all without it")
    run.add_argument("--full", action="store_true", help="all cases of the matrix, hours of them")
    given = parser.parse_args()
    good = True
    for row in chosen(given.rows):
        found, seconds = verdict(row, given.seed, given.full)
        print(row.line(found, seconds), flush=True)
        good &= found.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
