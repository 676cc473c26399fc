"""kill -9 during ingestion, many times: nothing acknowledged is lost, nothing is there twice.

    python -m tests.crash --kills 1000 --seed 1

Half of the kills come at a random moment, half at a named point (kb/storage/faults.py). A child ingests JSON
Lines through the command line's own run and prints each outcome; what it printed is acknowledged.
After each kill the catalog must check clean and hold all that was acknowledged; at the end one run to
the finish must leave exactly the articles of the file, one version each, all findable.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from kb.search import generations
from kb.search.dense import DenseIndex
from kb.storage.catalog import Catalog

CHILD = """
import sys
from pathlib import Path
from ingest.run import ingest
from ingest.targets import FileTarget
from kb.knowledge import open_kb
with open_kb(sys.argv[1]) as kb:
    print("ready", flush=True)
    for outcome in ingest(kb, [FileTarget(Path(sys.argv[2]))]):
        if outcome.change:
            print(outcome.article_id, flush=True)
    kb.publish(force=True)
    print("published", flush=True)
"""

POINTS = (
    "before_commit", "inside_commit", "after_commit", "during_build", "before_flip", "after_flip", "ingest.added",
    "ingest.settled", "ingest.started", "ingest.ended",
)  # fmt: skip


def articles(count: int) -> list[dict[str, str]]:
    return [
        {
            "url": f"https://news.example/{number}",
            "title": f"Notice {number}",
            "text": f"The office published notice {number} on export licences. It names case {number * 7}. " * 6,
            "language": "en",
            "published": f"2024-{number % 12 + 1:02d}-15",
        }
        for number in range(count)
    ]


def one_kill(home: Path, file: Path, dice: random.Random) -> set[str]:
    """Start the child, kill it once, and return what it acknowledged."""
    env = {key: value for key, value in os.environ.items() if key != "LAGEBILD_FAULT"}
    at_point = dice.random() < 0.5
    if at_point:
        env["LAGEBILD_FAULT"] = f"{dice.choice(POINTS)}:{dice.randint(1, 4)}"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home), str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=env,
    )
    assert child.stdout is not None
    acknowledged: set[str] = set()
    alarm: threading.Timer | None = None
    for line in child.stdout:
        if line.strip() == "ready":
            if not at_point:
                alarm = threading.Timer(dice.uniform(0, 2.0), lambda: child.send_signal(signal.SIGKILL))
                alarm.start()
        elif line.strip() != "published":
            acknowledged.add(line.strip())
    child.wait()
    if alarm:
        alarm.cancel()
    return acknowledged


def problems(home: Path, acknowledged: set[str]) -> list[str]:
    """What is wrong with a home after a kill."""
    catalog = Catalog(home / "catalog.sqlite")
    try:
        found = catalog.check()
        stored = [version.article_id for version in catalog.articles()]
        if lost := acknowledged - set(stored):
            found.append(f"{len(lost)} acknowledged articles lost")
        if len(stored) != len(set(stored)):
            found.append("an article is there twice")
        if any(len(catalog.history(article)) != 1 for article in stored):
            found.append("an article has a second version")
        found += index_problems(catalog, home)
        return found
    finally:
        catalog.close()


def index_problems(catalog: Catalog, home: Path) -> list[str]:
    """Whether generation and delta together are exactly the current chunks."""
    binding = catalog.meta("binding")
    if binding is None:
        return []
    model, dimension, _ = binding.split("/")
    index = DenseIndex(catalog, home / "index", model, int(dimension))
    try:
        index.refresh()
        found = [index.trouble] if index.trouble else []
        base = [name for seq, name in zip(index._base.seq, index._base.ids, strict=True) if seq not in index._dropped]
        names = [str(name) for name in [*base, *index._delta.ids]]
        if sorted(names) != sorted(catalog.current_chunks()):
            found.append(f"the index has {len(names)} chunks, the catalog {len(catalog.current_chunks())}")
        return found
    finally:
        index.close()


def run(kills: int, seed: int, size: int = 40) -> tuple[str, bool]:
    """All kills; the verdict line, and whether it is good."""
    dice = random.Random(seed)
    failures: list[str] = []
    finished = acknowledged_total = 0
    with tempfile.TemporaryDirectory() as folder:
        home, file = Path(folder) / "home", Path(folder) / "articles.jsonl"
        wanted = articles(size)
        file.write_text("\n".join(map(json.dumps, wanted)), encoding="utf-8")
        acknowledged: set[str] = set()
        for number in range(kills):
            acknowledged |= one_kill(home, file, dice)
            if (home / "catalog.sqlite").exists():
                failures += [f"kill {number}: {problem}" for problem in problems(home, acknowledged)]
            if len(acknowledged) == size:
                finished, acknowledged_total = finished + 1, acknowledged_total + size
                home = Path(folder) / f"home{number}"
                acknowledged = set()
        last = subprocess.run([sys.executable, "-c", CHILD, str(home), str(file)], capture_output=True, text=True)
        if "published" not in last.stdout:
            failures.append(f"the last run did not finish: {last.stderr[-500:]}")
        failures += problems(home, acknowledged)
        catalog = Catalog(home / "catalog.sqlite")
        urls = {version.url for version in catalog.articles()}
        now = generations.current(catalog)
        catalog.close()
        if urls != {item["url"] for item in wanted}:
            failures.append(f"{len(urls)} articles at the end, {size} wanted")
        if now is None:
            failures.append("no generation at the end")
    verdict = f"crash: seed {seed}, {kills} kills, {finished + 1} bases filled, {len(failures)} violations"
    return "\n".join([*failures[:20], verdict]), not failures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    text, good = run(given.kills, given.seed)
    print(text)
    sys.exit(not good)
