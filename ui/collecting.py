"""Ingestion from the page: a run in a job of its own, with its progress, and files that readers hand in."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ingest.files import SUFFIXES
from ingest.progress import Progress
from ingest.run import due_targets, ingest, replay
from ingest.sources import Source, Sources
from ingest.state import is_due
from ingest.targets import FileTarget, SourceTarget, Target, UrlTarget, read_target
from kb.errors import UsageError
from kb.knowledge import KnowledgeBase
from kb.models import Outcome, digest
from kb.storage.ledger import SourceState
from ui.jobs import Job
from ui.render import web_link

LARGEST = 20_000_000
"""Bytes of an uploaded file; Streamlit's server.maxUploadSize says the same."""


Run = Callable[[Callable[[Progress], None], threading.Event], Iterator[Outcome]]
"""What tells its progress and heeds a stop: `ingest` and its like."""


class Collecting:
    """A run that goes on: its outcomes so far, its progress, and a way to stop it after the article at hand."""

    def __init__(self, run: Run, done: Path | None = None) -> None:
        """`run` is given what to tell its progress to, and what stops it. `done` is a folder removed at the end."""
        self.progress = Progress()
        self._stop = threading.Event()
        self.job: Job[Outcome] = Job(lambda: self._outcomes(run, done))

    @property
    def stopping(self) -> bool:
        return self._stop.is_set() and self.job.running

    def stop(self) -> None:
        self._stop.set()

    def _outcomes(self, run: Run, done: Path | None) -> Iterator[Outcome]:
        try:
            yield from run(self._note, self._stop)
        finally:
            if done is not None:
                shutil.rmtree(done, ignore_errors=True)

    def _note(self, progress: Progress) -> None:
        self.progress = progress


def collect(kb: KnowledgeBase, chosen: Sequence[Source]) -> Collecting:
    """A run over the chosen sources, or those whose time has come. Raises UsageError if there is none."""
    targets = [SourceTarget(source) for source in chosen] or due_targets(kb)
    if not targets:
        raise UsageError("no source is due now; choose some, or come back later")
    return _over(kb, targets)


def collect_address(kb: KnowledgeBase, address: str, sources: Sources) -> Collecting:
    """A run over one address. Raises UsageError for anything that is not an address of the web: no file is read."""
    given = address.strip()
    if web_link(given) is None:
        raise UsageError("write the whole address of an article, feed or sitemap, like https://host/path")
    target = read_target(given, sources)
    assert isinstance(target, UrlTarget), "an address with http is never a source id or a file"
    return _over(kb, [target])


def collect_upload(kb: KnowledgeBase, name: str, content: bytes) -> Collecting:
    """A run over an uploaded file, kept in a folder of its own while it is read.

    Nothing of its name is used but the ending. Raises UsageError for what cannot be read.
    """
    ending = next((one for one in sorted(SUFFIXES, key=len, reverse=True) if name.lower().endswith(one)), "")
    if not ending:
        raise UsageError(f"{name}: files of this kind are not read; readable are {', '.join(sorted(SUFFIXES))}")
    if len(content) > LARGEST:
        raise UsageError(f"the file has {len(content) / 1e6:.0f} MB; up to {LARGEST / 1e6:.0f} MB are read here")
    folder = Path(tempfile.mkdtemp(prefix="lagebild-upload-"))
    file = folder / f"{digest('upload', content.hex())}{ending}"
    file.write_bytes(content)
    return _over(kb, [FileTarget(file)], done=folder)


def read_again(kb: KnowledgeBase, reason: str) -> Collecting:
    """A run over the pages that were refused for a reason, from what was kept of them, without the network."""
    return Collecting(lambda note, stop: replay(kb, reason, progress=note, stop=stop))


def _over(kb: KnowledgeBase, targets: Sequence[Target], done: Path | None = None) -> Collecting:
    return Collecting(lambda note, stop: ingest(kb, targets, progress=note, stop=stop), done)


@dataclass(frozen=True, slots=True)
class Health:
    """How a source stands: `state` is failing, fine, due, never or off."""

    source: Source
    state: str
    known: SourceState


def health(sources: Sources, states: dict[str, SourceState], now: datetime) -> list[Health]:
    """Every source with how it stands, those that need a look first."""
    order = ["failing", "due", "never", "fine", "off"]
    found = [_health(source, states.get(source.id, SourceState(source.id)), now) for source in sources.values()]
    return sorted(found, key=lambda each: order.index(each.state))


def _health(source: Source, known: SourceState, now: datetime) -> Health:
    if not source.enabled:
        return Health(source, "off", known)
    if known.failing:
        return Health(source, "failing", known)
    if known.last_attempt is None:
        return Health(source, "never", known)
    return Health(source, "due" if is_due(known, now) else "fine", known)


def by_reason(outcomes: Iterable[Outcome]) -> dict[str, list[Outcome]]:
    """What did not become an article, by reason, the most frequent first."""
    failed = [outcome for outcome in outcomes if not outcome.ok]
    counts = Counter(outcome.reason or "" for outcome in failed)
    return {reason: [each for each in failed if each.reason == reason] for reason, _ in counts.most_common()}
