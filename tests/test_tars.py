"""Tar archives and MHTML: what is in them becomes articles, what is built to do harm is refused with its reason."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest

from ingest import tars
from ingest.archives import Limits, Member, Unread
from ingest.children import Parser
from ingest.documents import read_file
from kb.errors import CollectError
from kb.models import Article
from tests.newsroom import story

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SMALL = Limits(entries=5, entry=20_000, total=100_000, ratio=100, ratio_from=10_000)


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as started:
        yield started


def entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info


def tar(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as packed:
        for name, content in files.items():
            packed.addfile(entry(name, len(content)), io.BytesIO(content))
        for info in more:
            packed.addfile(info)
    return path


def read(path: Path, limits: Limits = SMALL) -> tuple[list[str], list[str]]:
    """The names of what was read, and the reasons of what was not."""
    found = list(tars.members(path, lambda _: True, limits))
    names = [one.name for one in found if isinstance(one, Member)]
    return names, [one.reason for one in found if isinstance(one, Unread)]


def refusal(path: Path, limits: Limits = SMALL) -> str:
    with pytest.raises(CollectError) as raised:
        list(tars.members(path, lambda _: True, limits))
    return raised.value.reason


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz"])
def test_files_of_a_tar_archive_become_articles(parser: Parser, tmp_path: Path, ending: str) -> None:
    long = f"./{'a-long-folder/' * 12}zoll.md"
    path = tar(
        tmp_path / f"kept{ending}",
        {
            "pages_files/frame.html": story("frame"),
            long: "# Zölle auf Chips\n\nDie Kommission prüft höhere Zölle auf Chips aus Fernost.".encode(),
            "pages.html": story("chips"),
            "._pages.html": b"x",
            "more.zip": b"PK",
        },
        entry("folder", kind=tarfile.DIRTYPE),
    )
    found = list(read_file(path, parser, NOW))
    articles = {one.title: one.url for one in found if isinstance(one, Article)}
    assert articles.keys() == {"Zölle auf Chips", "New rule on chips takes effect"}
    assert articles["Zölle auf Chips"] == f"{path.resolve().as_uri()}#{long[2:]}"
    assert [one.reason for one in found if isinstance(one, Unread)] == ["nested"]


def test_members_that_lead_out_are_links_or_too_large_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "hostile.tar",
        {"../up.txt": b"x", "/etc/absolute.txt": b"x", "C:/drive.txt": b"x", "large.txt": os.urandom(30_000)},
        entry("soft.txt", kind=tarfile.SYMTYPE, target="/etc/passwd"),
        entry("hard.txt", kind=tarfile.LNKTYPE, target="../../etc/passwd"),
        entry("pipe.txt", kind=tarfile.FIFOTYPE),
        entry("good.txt"),
    )
    reasons = ["outside", "outside", "outside", "too_large", "outside", "outside", "unreadable"]
    assert read(path, Limits(entry=20_000)) == (["good.txt"], reasons)


def backwards(path: Path) -> Path:
    """A size below zero, as the base-256 numbers of GNU tar allow it: the archive begins again and again."""
    header = bytearray(entry("a.txt").tobuf())
    header[124:136] = (-1024).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(entry("b.txt").tobuf() + entry("c.txt").tobuf() + bytes(header) + bytes(1024))
    return path


def with_header(path: Path, kind: bytes, content: bytes, size: int | None = None) -> Path:
    head = entry("././@Header", len(content) if size is None else size, kind).tobuf()
    path.write_bytes(head + content + bytes(-len(content) % 512) + entry("a.txt").tobuf() + bytes(1024))
    return path


def test_archives_built_to_do_harm_are_refused(tmp_path: Path) -> None:
    started = time.monotonic()
    assert refusal(tar(tmp_path / "many.tar", {f"{n}.txt": b"x" for n in range(6)})) == "too_large"
    assert refusal(tar(tmp_path / "zeros.tgz", {"zero.txt": bytes(19_000)})) == "bomb"
    # What is passed over is unpacked, too.
    with pytest.raises(CollectError) as raised:
        tars.names(tar(tmp_path / "passed.tgz", {"zero.bin": bytes(5_000_000)}))
    assert raised.value.reason == "bomb"
    much = tar(tmp_path / "much.tgz", {f"{n}.txt": os.urandom(19_000) for n in range(5)})
    assert refusal(much, Limits(total=60_000)) == "too_large"
    assert refusal(backwards(tmp_path / "backwards.tar")) == "unreadable"
    digits = with_header(tmp_path / "digits.tar", tarfile.XHDTYPE, b"1" * 60_000)
    assert refusal(digits) == "unreadable"
    assert refusal(with_header(tmp_path / "name.tar", tarfile.GNUTYPE_LONGNAME, b"a" * 200_000)) == "unreadable"
    assert refusal(with_header(tmp_path / "huge.tar", tarfile.GNUTYPE_LONGNAME, b"a", 8_000_000_000)) == "unreadable"
    chain = tmp_path / "chain.tar"
    chain.write_bytes((entry("././@LongLink", 1, tarfile.GNUTYPE_LONGNAME).tobuf() + b"a" + bytes(511)) * 5_000)
    assert refusal(chain, Limits()) == "unreadable"
    assert time.monotonic() - started < 10


def test_what_came_before_the_damage_is_read(tmp_path: Path) -> None:
    path = tar(tmp_path / "whole.tar", {"a.txt": b"first", "b.txt": os.urandom(5_000)})
    path.write_bytes(path.read_bytes()[:3_000])
    found = tars.members(path, lambda _: True)
    assert isinstance(first := next(found), Member) and first.content == b"first"
    with pytest.raises(CollectError, match="breaks off"):
        next(found)
    for number, content in enumerate((b"", b"not one" * 200, gzip.compress(b"not one" * 200), b"\x1f\x8bnot gzip")):
        path = tmp_path / f"{number}.tar.gz"
        path.write_bytes(content)
        assert refusal(path) == "unreadable"


def test_a_plain_archive_is_skipped_through_not_read_through(tmp_path: Path) -> None:
    path = tar(tmp_path / "film.tar", {"film.mp4": bytes(90_000), "film2.mp4": bytes(90_000), "a.txt": b"a"})
    found = tars.members(path, lambda name: name.endswith(".txt"), SMALL)
    assert [one.name for one in found if isinstance(one, Member)] == ["a.txt"]


# ── MHTML ─────────────────────────────────────────────────────────────────────────────────────────


def mhtml(*pages: tuple[str, bytes], start: str = "", top: str = "", charset: str = "utf-8") -> bytes:
    """A saved page: parts by Content-Location, each with its number as Content-ID."""
    mail = MIMEMultipart("related", **({"start": start} if start else {}))
    if top:
        mail["Snapshot-Content-Location"] = top
    mail["Subject"] = "A page"
    mail.attach(MIMEText("body { color: red }", "css"))
    for number, (url, content) in enumerate(pages):
        part = MIMEText(content.decode(), "html", charset)
        part["Content-ID"] = f"<{number}@saved>"
        part["Content-Location"] = url
        mail.attach(part)
    return mail.as_bytes()


@pytest.mark.parametrize("ending", [".mht", ".mhtml"])
def test_the_page_of_an_mhtml_file_is_read_from_its_own_address(parser: Parser, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"saved{ending}"
    url = "https://news.example/chips"
    cases = {
        "first": mhtml((url, story("chips")), ("https://ads.example/frame", story("frame"))),
        "named": mhtml(("https://ads.example/frame", story("frame")), (url, story("chips")), start="<1@saved>"),
        "of the file": mhtml(("cid:frame", story("chips")), top=url),
        "crlf": mhtml((url, story("chips"))).replace(b"\n", b"\r\n"),
    }
    for name, content in cases.items():
        path.write_bytes(content)
        (found,) = read_file(path, parser, NOW)
        assert isinstance(found, Article), name
        assert (found.title, found.url) == ("New rule on chips takes effect", url), name
    path.write_bytes(mhtml(("cid:frame", story("chips"))))
    (found,) = read_file(path, parser, NOW)
    assert isinstance(found, Article) and found.url == path.resolve().as_uri()


def test_a_stated_encoding_is_used(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "saved.mht"
    page = story("chips").replace(b"chips takes effect", "Zölle – 芯片 takes effect".encode())
    path.write_bytes(mhtml(("https://news.example/a", page), charset="gb18030"))
    (found,) = read_file(path, parser, NOW)
    assert isinstance(found, Article) and found.title == "New rule on Zölle – 芯片 takes effect"


def test_an_mhtml_file_that_holds_no_page_or_is_built_to_do_harm_is_refused(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "none.mhtml"
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (number, number) for number in range(20_000)
    )
    parts = b'Content-Type: multipart/related; boundary="b"\r\n\r\n' + b"--b\r\n\r\nx\r\n" * 10_100
    for content, reasons in (
        (b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nwords", {"not_readable"}),
        (mhtml(), {"not_readable"}),
        (nested, {"hostile", "timeout", "not_readable", "unreadable", "too_large"}),
        (parts, {"too_large"}),
    ):
        path.write_bytes(content)
        (found,) = read_file(path, parser, NOW)
        assert isinstance(found, Unread) and found.reason in reasons
    path.write_bytes(story("chips"))
    (found,) = read_file(path, parser, NOW)
    assert isinstance(found, Article)
