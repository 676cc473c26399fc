"""Rows 20 to 25: servers that break off, drip, burst, ask for patience, or lead where nobody should go."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

from ingest.policy import FetchPolicy, Reason
from ingest.politeness import LONGEST_RETRY_AFTER, HostState, MemoryHosts
from ingest.web import Web
from kb.errors import CollectError
from tests.faults.verdict import Tally
from tests.faultserver import (
    Behaviour,
    Exchange,
    FaultServer,
    broken_chunks,
    drip,
    endless,
    head,
    page,
    raw,
    redirect,
    reply,
    reset,
    short,
    silent,
)
from tests.newsroom import story
from tests.test_addresses import PUBLIC, SPELLINGS, NoNetwork, asking, stub
from tests.test_web import BROKEN, MUCH, REDIRECTS
from tests.webclient import Clock, client


def reason_of(web: Web, url: str) -> str:
    """Why a URL was refused, or "page"."""
    try:
        web.fetch(url)
    except CollectError as error:
        return error.reason
    return "page"


# ── row 20 ────────────────────────────────────────────────────────────────────────────────────────


def cut_off(kind: str, body: bytes, dice: random.Random) -> Behaviour:
    """A server that ends `body` before its time."""
    part = body[: dice.randrange(len(body))]
    if kind == "reset":
        return reset()
    if kind == "closed":
        return raw(head(200, {"content-length": str(len(body))})[: dice.randrange(1, 40)])
    if kind == "chunks":
        return broken_chunks(part or b"x")
    return short(part, len(body))


def broken_connections(seed: int, full: bool) -> Tally:
    """Each is asked three times, then refused; half of them heal meanwhile, and give the whole page."""
    dice, tally, clock, hosts = random.Random(seed), Tally(), Clock(), MemoryHosts()
    with FaultServer(clock=clock.stamp) as server, client(clock, hosts=hosts) as web:
        for number in range(50 if full else 5):
            for kind in ("reset", "closed", "short", "chunks"):
                path, body, heals = f"/{kind}/{number}", story(f"case {number}"), dice.random() < 0.5
                fault = cut_off(kind, body, dice)
                server.on(path, fault, page(body.decode()) if heals else fault)
                hosts.save(HostState(f"127.0.0.1:{server.port}"))
                try:
                    seen: object = web.fetch(server.url(path)).content == body  # type: ignore[union-attr]
                except CollectError as error:
                    seen = (error.reason, error.retry)
                times = server.paths().count(path)
                wanted = (True, 2) if heals else ((Reason.NETWORK, True), 3)
                tally.check(path, (seen, times) == wanted, (seen, times))
        for name, fault in BROKEN.items():
            hosts.save(HostState(f"127.0.0.1:{server.port}"))
            seen = reason_of(web, server.on(f"/{len(name)}", fault).url(f"/{len(name)}"))
            tally.check(name, seen == Reason.NETWORK, seen)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with client(clock) as web:
            seen = reason_of(web, f"http://127.0.0.1:{nobody.getsockname()[1]}/")
        tally.check("refused", seen == Reason.NETWORK, seen)
    return tally


# ── row 21 ────────────────────────────────────────────────────────────────────────────────────────


def slow_servers(seed: int, full: bool) -> Tally:
    """With the wall of life (45 s) if full; all at once, since each only waits."""
    dice, tally, wall = random.Random(seed), Tally(), 45.0 if full else 0.6
    policy = FetchPolicy(allow_private=True, private_delay=0.0, wall=wall, ignore_robots=True, respect_optout=False)
    # The wall bounds what is spent at the server; the pauses before it is asked again are its own.
    paused: dict[int, float] = defaultdict(float)

    def pause(seconds: float) -> None:
        paused[threading.get_ident()] += seconds
        time.sleep(seconds)

    plain = head(200, {"content-type": "text/html", "connection": "close"})
    behaviours: list[tuple[str, Behaviour]] = []
    for number in range(5):
        every = dice.uniform(0.02, 0.2) * (5 if full else 1)
        behaviours += [
            (f"body {number}", drip(plain, b"x", every, 4 * wall)),
            (f"headers {number}", drip(b"HTTP/1.1 200 OK\r\n", b"x-more: 1\r\n", every, 4 * wall, b"\r\nok")),
            (f"one header {number}", drip(b"HTTP/1.1 200 OK\r\nx: ", b"y", every, 4 * wall, b"\r\n\r\nok")),
            (f"silent {number}", silent(4 * wall)),
        ]
    slowest = [0.0]

    def ask(case: tuple[str, Behaviour]) -> tuple[str, str, float]:
        with FaultServer() as server, Web(policy, sleep=pause) as web:
            began, before = time.monotonic(), paused[threading.get_ident()]
            reason = reason_of(web, server.on("/a", case[1]).url("/a"))
            return case[0], reason, time.monotonic() - began - (paused[threading.get_ident()] - before)

    with ThreadPoolExecutor(len(behaviours)) as pool:
        for name, reason, seconds in pool.map(ask, behaviours):
            slowest.append(seconds)
            tally.check(name, reason == Reason.TIMEOUT and seconds <= wall + 1, f"{reason} after {seconds:.2f} s")
    with FaultServer() as server, Web(policy) as web:
        seen = reason_of(web, server.on("/a", endless()).url("/a"))
        tally.check("a body without an end", seen in (Reason.TOO_LARGE, Reason.TIMEOUT), seen)
    tally.told = f"the slowest after {max(slowest):.1f} s of {wall:g} s"
    return tally


# ── row 22 ────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def peak_memory(grown: list[float]) -> Iterator[None]:
    """Appends by how many MB this process grew at most meanwhile (Linux; else 0)."""
    status, reset_peak = Path("/proc/self/status"), Path("/proc/self/clear_refs")

    def peak() -> float:
        lines = status.read_text().splitlines() if status.exists() else []
        return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)

    if reset_peak.exists():
        reset_peak.write_text("5")
    before = peak()
    yield
    grown.append(peak() - before)


def bombs(seed: int, full: bool) -> Tally:
    """Refused for what they are, and the process grows by less than 100 MB."""
    tally, clock, grown = Tally(), Clock(), [0.0]
    with FaultServer(clock=clock.stamp) as server, client(clock) as web:
        web.fetch(server.on("/well", page()).url("/well"))
        for name, (behaviour, reason) in MUCH.items():
            with peak_memory(grown):
                seen = reason_of(web, server.on("/a", behaviour).url("/a"))
            tally.check(name, seen == reason and grown[-1] < 100, f"{seen}, {grown[-1]:.0f} MB")
    tally.told = f"{max(grown):.0f} MB at most"
    return tally


# ── row 23 ────────────────────────────────────────────────────────────────────────────────────────


def patience(seed: int, full: bool) -> Tally:
    """A host that answers 429 or 503 is not asked again before its time; then it is."""
    return retry_after_cycles(random.Random(seed), 500 if full else 60)


def retry_after_cycles(dice: random.Random, cycles: int) -> Tally:
    """Cycles of "come back later" and a page, on a clock that only waiting moves."""
    tally, clock, hosts = Tally(), Clock(), MemoryHosts()
    most = LONGEST_RETRY_AFTER.total_seconds()
    answered: list[tuple[str, float, float]] = []

    def later(exchange: Exchange) -> bool:
        pause = dice.choice([1, 2, 9, 10, 11, 60, 3_600, 90_000])
        value, least = {
            "seconds": (str(pause), min(pause, most)),
            # A date has no fractions of a second.
            "date": (format_datetime(clock.now + timedelta(seconds=pause + 1), usegmt=True), min(pause, most)),
            "huge": ("9" * 30, most),
            "past": (format_datetime(clock.now - timedelta(days=1), usegmt=True), 0),
            # Half of the first back-off of a minute, as `client` draws one half.
            "garbage": (dice.choice(["soon", "-5", "1.5", "Thu, 99 Foo 2026"]), 30),
        }[kind := dice.choice(["seconds", "seconds", "date", "huge", "past", "garbage"])]
        answered.append((kind, clock.stamp(), least))
        return reply(status=dice.choice([429, 503]), retry_after=value)(exchange)

    with FaultServer(clock=clock.stamp) as server, client(clock, hosts=hosts) as web:
        server.on("/a", *[later, page()] * cycles)
        for _ in range(200 * cycles):
            try:
                web.fetch(server.url("/a"))
            except CollectError:
                until = hosts.get(f"127.0.0.1:{server.port}").not_before or clock.now
                # Asks five times on the way, as an impatient scheduler would.
                clock.now += timedelta(seconds=1) + (until - clock.now) / 5
            times = server.times("/a")
            if len(times) >= 2 * cycles:
                break
        for number, (kind, said, least) in enumerate(answered[:cycles]):
            came = times[2 * number + 1] if 2 * number + 1 < len(times) else float("nan")
            waited = round(came - said, 6)
            tally.check(f"{kind} {number}", waited >= least, f"asked after {waited} s instead of {least}")
    return tally


# ── row 24 ────────────────────────────────────────────────────────────────────────────────────────


def redirects(seed: int, full: bool) -> Tally:
    """Loops, long ways, other schemes, private addresses, no address: refused with the reason."""
    tally, clock = Tally(), Clock()
    with FaultServer(clock=clock.stamp) as server, FaultServer() as inside:
        policy = FetchPolicy(private_delay=0.001, allow_hosts=frozenset({f"127.0.0.1:{server.port}"}))
        cases = dict(REDIRECTS)
        cases["to a private host"] = (inside.url("/admin"), Reason.PRIVATE_ADDRESS)
        cases["to a private host by number"] = ("http://2130706433/", Reason.PRIVATE_ADDRESS)
        with client(clock, policy) as web:
            for number, (name, (location, reason)) in enumerate(cases.items()):
                location = f"/{number}" if location == "/a" else location
                seen = reason_of(web, server.on(f"/{number}", redirect(location)).url(f"/{number}"))
                tally.check(name, seen == reason, seen)
            server.on("/none", reply(status=302)).on("/x", redirect("/y")).on("/y", redirect("/x#part"))
            for hop in range(20):
                server.on(f"/hop/{hop}", redirect(f"/hop/{hop + 1}"))
            for path, reason in {
                "/none": Reason.BAD_REDIRECT,
                "/x": Reason.REDIRECT_LOOP,
                "/hop/0": Reason.TOO_MANY_REDIRECTS,
            }.items():
                seen = reason_of(web, server.url(path))
                tally.check(path, seen == reason, seen)
        tally.check("nobody inside was asked", inside.connections == 0, inside.connections)
    return tally


# ── row 25 ────────────────────────────────────────────────────────────────────────────────────────


def private_addresses(seed: int, full: bool) -> Tally:
    """Every spelling is refused before a connection is made; a name that turns private is, too."""
    tally, network, made = Tally(), NoNetwork(), 0
    with asking(resolver=stub, network=network) as web:
        for url in SPELLINGS:
            seen = reason_of(web, url)
            refused = seen in (Reason.PRIVATE_ADDRESS, Reason.BAD_URL) or "empty.example" in url
            tally.check(url, refused and not network.asked, (seen, network.asked))
            made += len(network.asked)
            network.asked.clear()
    for turns in range(1, 4):
        # Public for `turns` look-ups, private ever after: each connection is to what was vetted for it.
        asked = iter([*[[PUBLIC]] * turns, *[["127.0.0.1"]] * 9])
        rebound = NoNetwork()
        with asking(resolver=lambda host, port, asked=asked: next(asked), network=rebound) as web:
            reason_of(web, "http://rebind.example/")
        private = [host for host, _ in rebound.asked if host != PUBLIC]
        made += len(private)
        tally.check(f"rebinding after {turns}", not private, private)
    tally.told = f"{made} connections to them"
    return tally
