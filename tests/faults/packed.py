"""Row 38: archives that are bombs, lead out of themselves, or lie about what is in them."""

from __future__ import annotations

import gzip
import os
import struct
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from ingest.archives import Unread
from ingest.documents import read_file
from ingest.warc import captured, is_web_archive
from kb.models import Article, Page
from tests.faults.network import peak_memory
from tests.faults.pages import NOW, children
from tests.faults.verdict import Tally
from tests.newsroom import story
from tests.test_archives import SITE, archive, forged, link, overlapping, response, warc
from tests.test_tars import backwards, tar, with_header

ZEROS = bytes(30_000_000)


def named(*names: str) -> Callable[[Path], Path]:
    """A ZIP of text files with these names."""
    return lambda path: archive(path, dict.fromkeys(names, b"words"))


def linked(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(*link("link.txt", b"/etc/passwd"))
    return path


def lying(path: Path) -> Path:
    """An entry whose size is said to be ten bytes."""
    content = bytearray(archive(path, {"a.txt": b"a" * 50_000}).read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<L", 10)
    path.write_bytes(content)
    return path


def endless_header(path: Path) -> Path:
    path.write_bytes(b"WARC/1.1\r\n" + b"x-more: yes\r\n" * 1_000_000)
    return path


def lying_length(path: Path) -> Path:
    path.write_bytes(b"".join(SITE).replace(b"Content-Length: ", b"Content-Length: 99999999"))
    return path


CASES: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "zeros": (".zip", lambda path: archive(path, {"zero.txt": ZEROS})),
    "many zeros": (".zip", lambda path: archive(path, {f"{n}.txt": ZEROS[:10_000_000] for n in range(20)})),
    "an archive in an archive": (".zip", lambda path: archive(path, {"more.zip": b"PK\x05\x06" + bytes(18)})),
    "entries over one another": (".zip", overlapping),
    "too many entries": (".zip", lambda path: archive(path, {f"{n}.txt": b"x" for n in range(10_001)})),
    "a directory that lies": (".zip", lambda path: forged(path, 0xFFFF, 0)),
    "a directory without end": (".zip", lambda path: forged(path, 3, 0xFFFFFFF0)),
    "up": (".zip", named("../up.txt", "a/../../up.txt")),
    "absolute": (".zip", named("/etc/absolute.txt", "C:/drive.txt", "..\\back.txt")),
    "a link": (".zip", linked),
    "a size that lies": (".zip", lying),
    "no archive": (".zip", lambda path: forged(path, 3, 500)),
    "a large entry": (".zip", lambda path: archive(path, {"large.txt": os.urandom(21_000_000)}, zipfile.ZIP_STORED)),
    "zeros in a tar": (".tgz", lambda path: tar(path, {"zero.txt": ZEROS[:19_000_000]})),
    "a size below zero": (".tar", backwards),
    "a header of digits": (".tar", lambda path: with_header(path, tarfile.XHDTYPE, b"1" * 60_000)),
    "a name of gigabytes": (".tar", lambda path: with_header(path, tarfile.GNUTYPE_LONGNAME, b"a", 8_000_000_000)),
    "a tar that leads out": (".tar", lambda path: tar(path, {"../up.txt": b"words", "/etc/absolute.txt": b"words"})),
    "zeros in a capture": (".warc.gz", lambda path: warc(path, response("https://a.example/1", ZEROS))),
    "zeros packed twice": (
        ".warc.gz",
        lambda path: warc(path, response("https://a.example/1", gzip.compress(ZEROS), content_encoding="gzip")),
    ),
    "a header without end": (".warc", endless_header),
    "a length that lies": (".warc", lying_length),
}


def hostile(folder: Path) -> Iterator[tuple[str, Path]]:
    for number, (name, (ending, make)) in enumerate(CASES.items()):
        yield name, make(folder / f"{number}{ending}")


def archives(seed: int, full: bool) -> Tally:
    """Nothing of what does harm becomes an article, nothing is written, and memory stays below 100 MB."""
    tally, grown = Tally(), [0.0]
    with tempfile.TemporaryDirectory() as folder:
        parser = children()
        for name, path in hostile(Path(folder)):
            before, began = sorted(Path(folder).rglob("*")), time.monotonic()
            with peak_memory(grown):
                found = list(captured(path) if is_web_archive(path) else read_file(path, parser, NOW))
            seen = [f"{one.reason}" for one in found if isinstance(one, Unread)]
            taken = [one.url for one in found if isinstance(one, Article | Page)]
            clean = sorted(Path(folder).rglob("*")) == before and grown[-1] < 100 and time.monotonic() - began < 20
            tally.check(name, bool(seen) and not taken and clean, (seen, taken, f"{grown[-1]:.0f} MB"))
            path.unlink()
        good = archive(Path(folder) / "good.zip", {"one.html": story("chips")})
        kept = [one for one in read_file(good, parser, NOW) if isinstance(one, Article)]
        tally.check("a good one is read", len(kept) == 1, kept)
    tally.told = f"{max(grown):.0f} MB at most"
    return tally
