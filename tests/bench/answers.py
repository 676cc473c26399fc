"""Two measures of answers on the starter corpus, each with one verdict line.

    python -m tests.bench.answers leak --questions 200 --seed 1
    python -m tests.bench.answers differ

`leak`: questions as of a day, of a provider that records what it is sent (the fake one, on loopback). Nothing
published after the day, and nothing of a later wording, may stand in a prompt, a record or the timeline. Every
third article gets a later version with a figure that stands nowhere else; every article in the store that was not
known on the day is looked for by its sentences.

`differ`: passages of one question that are said to contradict each other, over the titles of all articles (the
briefs agree: each is a false alarm), and how many are found when one figure or date in a copy of a sentence is
changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ingest.up import load_starter
from kb.answer.answers import records
from kb.answer.differing import contradicting
from kb.answer.events import Done
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Version
from kb.settings import Settings
from kb.storage.database import day_number
from kb.storage.schema import version as table
from kb.text.sentences import sentences
from kb.verifying import contradictions
from kb.verifying.dates import days
from kb.verifying.reading import read
from tests.fakeproviders import FakeProviders, Request, key_of

LONG = 24
"""Characters of a sentence that are enough to know it by (12 Chinese ones)."""


@contextmanager
def starter(fake: FakeProviders | None = None) -> Iterator[KnowledgeBase]:
    """The starter corpus in a store of its own."""
    with tempfile.TemporaryDirectory() as folder, open_kb(settings=Settings(Path(folder), provider="qwen")) as kb:
        load_starter(kb, lambda _: None)
        if fake is not None:
            kb.__dict__["registry"] = fake.registry()
        yield kb


def leak(questions: int, seed: int) -> bool:
    """Whether no answer of `questions` holds anything from after its day."""
    chance = random.Random(seed)
    with FakeProviders() as fake, starter(fake) as kb:
        fake.answer = copied

        os.environ |= fake.env() | {"DASHSCOPE_API_KEY": key_of("qwen")}
        reworded(kb, chance)
        versions = kb.catalog.all_versions()
        known = {version.id: day_of(kb, version) for version in versions}
        dated = [version for version in versions if version.published and version.number == 1]
        told = leaked = changed = answered = 0
        for _ in range(questions):
            about, when = chance.choice(dated), chance.choice(dated)
            day = (when.published.day if when.published else date.today()) + timedelta(days=chance.choice((0, 1, 30)))
            before = len(fake.requests)
            *_, end = kb.stream(about.title, as_of=day)
            assert isinstance(end, Done)
            later = [version for version in versions if known[version.id] > day_number(day)]
            then = [version for version in versions if known[version.id] <= day_number(day)]
            # A later wording repeats most of the earlier one, and the question names what it asks about.
            earlier = "\n".join([about.title, *(f"{version.title}\n{version.text}" for version in then)])
            prompts = json.dumps([request.body for request in fake.requests[before:]], ensure_ascii=False)
            written = json.dumps(records(kb.catalog, 1)[0], ensure_ascii=False)
            line = "\n".join(kb.timeline(about.title, as_of=day)["title"])
            seen = "\n".join((prompts, written, line)).replace("\\n", "\n").replace('\\"', '"')
            marks = [mark for version in later for mark in sayings(version) if mark not in earlier]
            found = [mark for mark in marks if mark in seen]
            leaked += bool(found)
            told += len(marks)
            changed += bool(end.answer.changes)
            answered += end.answer.status == "answered"
            for mark in found[:3]:
                print(f"{day}: {about.title}: {mark}")
    print(f"leak: {leaked} of {questions} questions (seed {seed}); {answered} answered, {changed} told what changed; "
          f"{told // questions} sentences and titles from after the day looked for in each")  # fmt: skip
    return leaked == 0


def copied(request: Request) -> str:
    """An answer that says the first sentence of every passage it was shown."""
    said = str(request.body["messages"][-1]["content"])
    rows = [json.loads(line) for line in said.split("\n") if line.startswith('{"passage"')]
    return " ".join(f"{row['text'][slice(*sentences(row['text'])[0])].strip()} [{row['passage']}]" for row in rows)


def reworded(kb: KnowledgeBase, chance: random.Random) -> None:
    """Give every third article a later version, with a figure of its own."""
    for number, version in enumerate(list(kb.catalog.articles())):
        if number % 3 == 0:
            mark = f"The later wording counts {chance.randrange(10**8, 10**9)} lamps."
            kb.add(replace(article_of(version), text=f"{mark} {version.text}"))


def article_of(version: Version) -> Article:
    names = ("url", "title", "text", "language", "source", "published", "source_id", "side", "references")
    return Article(fetched=datetime.now(UTC), **{name: getattr(version, name) for name in names})


def day_of(kb: KnowledgeBase, version: Version) -> int:
    with kb.catalog.reading() as db:
        return int(db.scalar(table.select().with_only_columns(table.c.known).where(table.c.id == version.id)))


def sayings(version: Version) -> list[str]:
    """Title and sentences of a version, as far as they are long enough to be known by."""
    spans = [version.text[start:end].strip() for start, end in sentences(version.text)]
    return [said for said in (version.title, *spans) if len(said) * (2 if version.language == "zh" else 1) >= LONG]


def differ() -> bool:
    """Whether no passages of one question are said to contradict each other; prints what a changed figure gives."""
    alarms: set[tuple[str, str]] = set()
    made = found = 0
    with starter() as kb:
        articles = list(kb.catalog.articles())
        for version in articles:
            for each in contradicting(kb.search(version.title)):
                alarms.add((each.first.quote, each.second.quote))
        for version in articles:
            for start, end in sentences(version.text):
                said = version.text[start:end].strip()
                if other := altered(said):
                    made += 1
                    found += bool(contradictions([said, other]))
    for one, other in alarms:
        print(f"- {one}\n  {other}")
    print(f"differ: {len(alarms)} false alarms over {len(articles)} questions; {found} of {made} changed copies found")
    return not alarms


def altered(sentence: str) -> str | None:
    """The sentence with its only date a year earlier, or its only figure with a unit doubled; None without one."""
    dates = [day for day in days(sentence) if day.year and day.month and day.day]
    if len(dates) == 1:
        day = dates[0]
        written = sentence[day.start : day.end]
        changed = re.sub(str(day.year), str((day.year or 0) - 1), written)
        return sentence.replace(written, changed, 1) if changed != written else None
    figures = [figure for figure in read(sentence).figures if figure.units]
    if len(figures) != 1 or dates:
        return None
    written = sentence[figures[0].start : figures[0].end]
    digits = re.search(r"\d+", written)
    return sentence.replace(written, written.replace(digits[0], str(int(digits[0]) * 2), 1), 1) if digits else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measure", choices=("leak", "differ"))
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    good = leak(chosen.questions, chosen.seed) if chosen.measure == "leak" else differ()
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
