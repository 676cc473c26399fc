"""Rows 1, 2, 9, 12, 13, 46 and 47: what becomes of a home when its process dies, its disk is full, its clock jumps."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest import politeness, state
from ingest.policy import FetchPolicy
from ingest.politeness import HostState
from ingest.sources import add_sources, load_sources, new_source
from kb.errors import CollectError
from kb.providers import load_registry
from kb.settings import ROOT
from kb.storage.catalog import Catalog
from kb.storage.items import Item, Stage
from kb.storage.ledger import SourceState
from tests import crash
from tests.conftest import DENIED
from tests.crash import articles, problems
from tests.faults.verdict import Tally
from tests.newsroom import Newsroom

CHILD = """
import sys
from ingest.policy import FetchPolicy
from ingest.run import Options, ingest
from ingest.sources import load_sources
from ingest.targets import read_targets
from kb.knowledge import open_kb
with open_kb(sys.argv[1]) as kb:
    targets = read_targets(["room"], load_sources(kb.settings.home))
    policy = FetchPolicy(allow_private=True, private_delay=0.0, tries=1, patience=0.5)
    for outcome in ingest(kb, targets, Options(policy=policy)):
        if outcome.change:
            print(outcome.article_id, outcome.target, flush=True)
    kb.publish(force=True)
    print("published", flush=True)
"""
"""A run over the source `room`, as the command line makes it, with an index at the end."""

POINTS = ("ingest.started", "ingest.fetched", "ingest.discovered", "ingest.expected", "ingest.snapshot",
          "before_commit", "inside_commit", "after_commit", "ingest.added", "ingest.settled", "ingest.covered",
          "ingest.concluded", "ingest.ended", "during_build", "before_flip", "after_flip")  # fmt: skip


def lagebild(home: Path, *words: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command of the command line, to its end."""
    command = [sys.executable, "-m", "ingest.cli", "--home", str(home), *words]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}, capture_output=True, text=True)


def stored(home: Path) -> dict[str, str]:
    """The articles of a home: address by id."""
    catalog = Catalog(home / "catalog.sqlite")
    try:
        return {version.article_id: version.url for version in catalog.articles()}
    finally:
        catalog.close()


def add_room(home: Path, room: Newsroom) -> None:
    home.mkdir(parents=True, exist_ok=True)
    url = room.url("/feed.xml")
    add_sources(home, [new_source(url, load_sources(home), id="room", name="Newsroom", language="en", kind="feed")])


# ── rows 1 and 2 ──────────────────────────────────────────────────────────────────────────────────


def killed_anywhere(seed: int, full: bool) -> Tally:
    """kill -9 at a random moment or point, again and again (`tests.crash`)."""
    return crash_tally(1_000 if full else 4, seed)


def crash_tally(kills: int, seed: int) -> Tally:
    text, good = crash.run(kills, seed)
    *found, last = text.splitlines()
    tally = Tally(cases=kills, failures=found if not good else [], told=last.partition(": ")[2])
    return tally


def killed_at_each_point(seed: int, full: bool) -> Tally:
    """kill -9 at a named point: what was acknowledged is there; the next run finishes, with one page redone at most."""
    dice, tally = random.Random(seed), Tally()
    for point in POINTS if full else ("ingest.snapshot", "inside_commit", "during_build"):
        for number in range(20 if full else 1):
            with tempfile.TemporaryDirectory() as folder, Newsroom() as room:
                home, nth = Path(folder) / "home", dice.randint(1, 3) if point in REPEATED else 1
                room.publish("a1", "a2", "a3")
                add_room(home, room)
                command = [sys.executable, "-c", CHILD, str(home)]
                killed = subprocess.run(
                    command,
                    cwd=ROOT,
                    env={**os.environ, "LAGEBILD_FAULT": f"{point}:{nth}"},
                    capture_output=True,
                    text=True,
                )
                said = [line.split() for line in killed.stdout.splitlines() if " " in line]
                found = [] if killed.returncode == -signal.SIGKILL else [f"exit {killed.returncode}"]
                found += problems(home, {id for id, _ in said})
                done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
                found += problems(home, {id for id, _ in said}) if "published" in done.stdout else [done.stderr[-200:]]
                wanted = {room.url(f"/news/{topic}") for topic in ("a1", "a2", "a3")}
                if set(stored(home).values()) != wanted:
                    found.append(f"stored {sorted(stored(home).values())}")
                # What was under way when it died may be fetched again; what was acknowledged may not.
                twice = [url for _, url in said if room.read().count(url.rpartition("/")[2]) > 1]
                found += [f"fetched again: {twice}"] if twice else []
                tally.check(f"{point}:{nth}, {number}", not found, "; ".join(found))
    return tally


REPEATED = ("ingest.snapshot", "before_commit", "inside_commit", "after_commit", "ingest.added", "ingest.settled")
"""Points that a run over three pages passes three times."""


# ── row 9 ─────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """`place` on a disk of 20 MB. Raises OSError where that is not allowed."""
    place.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(place)], capture_output=True, text=True
    )
    if mounted.returncode:
        raise OSError(mounted.stderr.strip())
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, left: int) -> Path:
    """A file that leaves so many bytes free."""
    about, ballast = os.statvfs(place), place / "ballast"
    ballast.write_bytes(bytes(max(0, about.f_bavail * about.f_frsize - left)))
    return ballast


PLACES = {"catalog": ".", "snapshots": "snapshots", "index": "index"}


def full_disk(seed: int, full: bool) -> Tally:
    """The disk of the catalog, the snapshots or the index is full: said in words, nothing lost, done after space."""
    dice, tally = random.Random(seed), Tally()
    for name, below in PLACES.items():
        for number in range(20 if full else 1):
            with tempfile.TemporaryDirectory() as folder, Newsroom() as room:
                home = Path(folder) / "home"
                try:
                    with small_disk(home / below):
                        found = on_full_disk(home, home / below, room, name, dice)
                except OSError as error:
                    return Tally(skipped=f"a small disk needs the right to mount ({error})")
            tally.check(f"{name} {number}", not found, "; ".join(found))
    return tally


def on_full_disk(home: Path, place: Path, room: Newsroom, name: str, dice: random.Random) -> list[str]:
    """What is wrong with a home whose disk filled up during a run and was emptied again."""
    topics = [f"a{number}" for number in range(12)]
    room.publish("first")
    add_room(home, room)
    start = ["ingest", "room", "--allow-private"]
    first = lagebild(home, *start)
    if first.returncode:
        return [f"the first run: {first.stderr[-200:]}"]
    room.publish("first", *topics)
    before, ballast = set(stored(home)), fill(place, dice.randrange(0, 30_000 if name != "snapshots" else 4_096))
    hurt = lagebild(home, *start) if name != "index" else lagebild(home, "rebuild")
    found = []
    if "Traceback" in hurt.stderr or hurt.returncode not in (0, 1):
        found.append(f"exit {hurt.returncode}: {hurt.stderr[-300:]}")
    elif hurt.returncode and not any(word in hurt.stderr.lower() for word in ("space", "full")):
        found.append(f"the message does not name the cause: {hurt.stderr[-300:]}")
    elif not hurt.returncode and name != "catalog":
        found.append("it did not notice")
    ballast.unlink()
    found += problems(home, before)
    done = lagebild(home, *start) if name != "index" else lagebild(home, "rebuild")
    wanted = {room.url(f"/news/{topic}") for topic in ("first", *(topics if name != "index" else ()))}
    if set(stored(home).values()) != wanted:
        found.append(f"{len(stored(home))} stored afterwards, {len(wanted)} wanted: {done.stderr[-200:]}")
    return found + problems(home, before)


# ── row 12 ────────────────────────────────────────────────────────────────────────────────────────

JUMPS = (timedelta(days=1), -timedelta(days=1), timedelta(hours=1), -timedelta(days=1_000), timedelta(days=400))


def clock_jumps(seed: int, full: bool) -> Tally:
    """After a clock that was wrong is set right, nothing waits longer than it ever may."""
    dice, tally = random.Random(seed), Tally()
    policy, broken = FetchPolicy(), CollectError("timeout", "it is slow", retry=True)
    for number in range(200 if full else 20):
        right = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=dice.randrange(10_000))
        wrong = right + dice.choice(JUMPS) * dice.uniform(0.5, 1.5)
        name = f"{number}: {wrong - right}"
        source = SourceState("a")
        for _ in range(dice.randint(1, 8)):
            source = state.after_failure(source, wrong, broken) if dice.random() < 0.7 else state.after_success(
                source, wrong, timedelta(hours=dice.randint(1, 24)))  # fmt: skip
        hours = [right + timedelta(hours=hour) for hour in range(25)]
        tally.check(f"{name}, source", any(state.is_due(source, at) for at in hours), source.next_try)
        item = Item("u", Stage.PENDING, wrong, wrong)
        for _ in range(dice.randint(1, 14)):
            item = state.after_refusal(item, wrong, broken)
        days = [right + timedelta(days=day) for day in range(state.FARTHEST.days + 1)]
        tally.check(f"{name}, item", any(state.is_wanted(item, at) for at in days), item.next_try)
        seen = politeness.Seen(429, wrong, 0.1, str(dice.choice([5, 3_600, 86_400])))
        host = politeness.decide(HostState("h"), seen, policy.tries, wrong, policy, dice.random()).state
        ready = politeness.ready_at(host, right, policy, 0.0, local=False)
        tally.check(f"{name}, host", ready - right <= politeness.LONGEST_RETRY_AFTER, ready - right)
        asked = replace(HostState("h"), last_start=wrong)
        ready = politeness.ready_at(asked, right, policy, 0.0, local=False)
        tally.check(f"{name}, turn", ready - right <= timedelta(seconds=policy.delay), ready - right)
    return tally


# ── row 13 ────────────────────────────────────────────────────────────────────────────────────────


def signals(seed: int, full: bool) -> Tally:
    """Ctrl-C and SIGTERM: exit 130, what was done is stored, the message says how to go on."""
    dice, tally = random.Random(seed), Tally()
    for number in range(50 if full else 2):
        with tempfile.TemporaryDirectory() as folder:
            home, file = Path(folder) / "home", Path(folder) / "articles.jsonl"
            file.write_text("".join(f"{json.dumps(one)}\n" for one in articles(300)), encoding="utf-8")
            sent = (signal.SIGINT, signal.SIGTERM)[number % 2]
            command = [sys.executable, "-m", "ingest.cli", "--home", str(home), "ingest", str(file)]
            with subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            ) as child:
                _until_some_are_stored(home, child)
                time.sleep(dice.uniform(0, 1))
                child.send_signal(sent)
                _, told = child.communicate()
            found = problems(home, set())
            if child.returncode != 130 or "To go on from there" not in told:
                found.append(f"exit {child.returncode}: {told[-200:]}")
            some = len(stored(home))
            if f"stopped after {some} of 300" not in " ".join(told.split()):
                found.append(f"{some} are stored; it says: {told[-200:]}")
            tally.check(f"{number} {sent.name}", not found, "; ".join(found))
    return tally


def _until_some_are_stored(home: Path, child: subprocess.Popen[str]) -> None:
    """Waits for the first article of a run."""
    while child.poll() is None:
        if (home / "catalog.sqlite").exists():
            catalog = Catalog(home / "catalog.sqlite")
            try:
                if catalog.counts()["articles"]:
                    return
            finally:
                catalog.close()
        time.sleep(0.1)


# ── row 46 ────────────────────────────────────────────────────────────────────────────────────────


def secrets(seed: int, full: bool) -> Tally:
    """Keys planted for every provider and the embedder are in no file of a home, no output and no backup."""
    dice, tally = random.Random(seed), Tally()
    planted: dict[str, str] = {}
    for provider in load_registry().values():
        for name in provider.auth.env:
            planted[name] = f"sk-{dice.randbytes(16).hex()}"
    planted["LAGEBILD_EMBEDDING_KEY"] = f"sk-{dice.randbytes(16).hex()}"
    with tempfile.TemporaryDirectory() as folder, Newsroom() as room:
        home, backup = Path(folder) / "home", Path(folder) / "backup.zip"
        room.publish("chips")
        add_room(home, room)
        commands = [
            ["ingest", "room", "--allow-private", "--json"],
            ["search", "chips", "--json"],
            ["ask", "What about chips?", "--provider", "qwen", "--json"],
            ["ask", "What about chips?", "--provider", "none"],
            ["providers", "list", "--json"],
            ["status", "--json"],
            ["doctor", "--json"],
            ["backup", str(backup)],
        ]
        for words in commands:
            done = lagebild(home, *words, env=planted)
            hits = [name for name, key in planted.items() if key in done.stdout + done.stderr]
            tally.check(" ".join(words[:2]), not hits, hits)
        for path in (path for path in home.rglob("*") if path.is_file()):
            content = path.read_bytes()
            hits = [name for name, key in planted.items() if key.encode() in content]
            tally.check(str(path.relative_to(home)), not hits, hits)
        with zipfile.ZipFile(backup) as archive:
            for member in archive.namelist():
                content = archive.read(member)
                hits = [name for name, key in planted.items() if key.encode() in content]
                tally.check(f"backup, {member}", not hits, hits)
    tally.told = f"{len(planted)} keys planted"
    return tally


# ── row 47 ────────────────────────────────────────────────────────────────────────────────────────


def no_network(seed: int, full: bool) -> Tally:
    """With every address but loopback denied, first start, search, answer and page work, and ask for none."""
    from tests.browser import served

    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        home, log = Path(folder) / "home", Path(folder) / "asked.log"
        home.mkdir()
        path = os.pathsep.join([str(DENIED), str(ROOT)])
        env = {"PYTHONPATH": path, "DENIED_LOG": str(log), "LAGEBILD_MODEL": "none"}
        for words in (
            ["up", "--model", "none", "--no-serve"],
            ["search", "OpenAI", "--json"],
            ["ask", "When did OpenAI block China?", "--provider", "none"],
            ["status"],
        ):
            done = lagebild(home, *words, env=env)
            tally.check(" ".join(words), done.returncode == 0, done.stderr[-200:])
        try:
            with served(home, env):
                tally.check("the page", True)
        except AssertionError as error:
            tally.check("the page", False, error)
        asked = log.read_text().splitlines() if log.exists() else []
        tally.check("nobody was asked", not asked, asked)
        tally.told = f"{len(asked)} attempts"
    return tally
