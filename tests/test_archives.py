"""ZIP, WARC and WACZ: what is in them becomes articles, what is built to do harm is refused with its reason."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.archives import LIMITS, Limits, Unread, members
from ingest.children import Parser
from ingest.documents import read_file, read_folder
from ingest.policy import FetchPolicy
from ingest.run import Options, ingest, replay
from ingest.targets import FileTarget
from ingest.warc import Passed, captured
from ingest.work import Bench
from kb.knowledge import KnowledgeBase
from kb.models import Article, Change, Outcome, Page
from kb.storage.ledger import Ledger
from tests.newsroom import story

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
FIRST, LATER = "2024-07-09T08:00:00Z", "2024-07-12T09:30:00Z"
SMALL = Limits(entries=5, entry=20_000, total=200_000, ratio=100, ratio_from=10_000)


@pytest.fixture(scope="module")
def parser() -> Iterator[Parser]:
    with Parser() as started:
        yield started


# ── making them ───────────────────────────────────────────────────────────────────────────────────


def record(kind: str, url: str, block: bytes, date: str = FIRST, media_type: str = "application/http") -> bytes:
    head = (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}\r\n"
        f"WARC-Record-ID: <urn:uuid:0>\r\nContent-Type: {media_type}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return head.encode() + block + b"\r\n\r\n"


def response(url: str, body: bytes, date: str = FIRST, *, status: int = 200, **headers: str) -> bytes:
    given = {"content-type": "text/html; charset=utf-8", **{name.replace("_", "-"): v for name, v in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return record("response", url, f"HTTP/1.1 {status} Fine\r\n{lines}\r\n".encode() + body, date)


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]))
    return parts + b"0\r\n\r\n"


SITE = (
    record("warcinfo", "", b"software: a crawler\r\n", media_type="application/warc-fields"),
    record("request", "https://news.example/chips", b"GET /chips HTTP/1.1\r\n\r\n"),
    response("https://news.example/chips", story("chips")),
    response("<https://news.example/gas>", gzip.compress(story("gas")), content_encoding="gzip"),
    response("https://news.example/tin", chunked(story("tin")), transfer_encoding="chunked"),
    response("https://news.example/decoded", story("decoded"), content_encoding="gzip"),
    response("https://news.example/logo.png", b"\x89PNG", content_type="image/png"),
    response("https://news.example/moved", b"", status=301, location="/chips"),
    response("https://news.example/short", b"<html><p>Soon more.</p></html>"),
    record("revisit", "https://news.example/chips", b"HTTP/1.1 200 Fine\r\n\r\n"),
    record("response", "dns:news.example", b"news.example. 300 IN A 192.0.2.1", media_type="text/dns"),
)


def warc(path: Path, *records: bytes, packed: bool = True) -> Path:
    path.write_bytes(b"".join(gzip.compress(one) if packed else one for one in records))
    return path


def archive(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return path


def reasons(found: list[object]) -> list[tuple[str, str]]:
    return [(Path(one.target).name, one.reason) for one in found if isinstance(one, Unread)]


# ── web archives ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("packed", [True, False])
def test_responses_become_pages_with_their_own_address_date_and_headers(tmp_path: Path, packed: bool) -> None:
    found = list(captured(warc(tmp_path / f"site.warc{'.gz' if packed else ''}", *SITE, packed=packed)))
    pages = [one for one in found if isinstance(one, Page)]
    assert [page.final_url.removeprefix("https://news.example/") for page in pages] == [
        "chips", "gas", "tin", "decoded", "short",
    ]  # fmt: skip
    assert [page.content for page in pages[:4]] == [story(topic) for topic in ("chips", "gas", "tin", "decoded")]
    assert {page.fetched for page in pages} == {datetime(2024, 7, 9, 8, tzinfo=UTC)}
    assert (pages[0].media_type, pages[0].charset) == ("text/html", "utf-8")
    assert [one.kind for one in found if isinstance(one, Passed)] == [
        "warcinfo", "request", "image/png", "status 301", "revisit", "another protocol",
    ]  # fmt: skip


def test_a_wacz_holds_web_archives(tmp_path: Path) -> None:
    inner = gzip.compress(SITE[2]) + gzip.compress(SITE[3])
    path = archive(
        tmp_path / "crawl.wacz",
        {"archive/data.warc.gz": inner, "pages/pages.jsonl": b"{}", "datapackage.json": b"{}"},
        zipfile.ZIP_STORED,
    )
    assert [one.url for one in captured(path) if isinstance(one, Page)] == [
        "https://news.example/chips", "https://news.example/gas",
    ]  # fmt: skip
    (packed,) = captured(archive(tmp_path / "lzma.wacz", {"archive/data.warc": SITE[2]}, zipfile.ZIP_LZMA))
    assert isinstance(packed, Unread) and packed.reason == "unreadable"
    (refused,) = captured(archive(tmp_path / "none.wacz", {"a.txt": b"a"}))
    assert isinstance(refused, Unread) and refused.reason == "unreadable"


WRONG = {
    "breaks off": (b"".join(SITE[2:4])[:-500], "unreadable", 1),
    "no archive": (b"<html>not one</html>", "unreadable", 0),
    "no length": (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "unreadable", 0),
    "endless header": (b"WARC/1.0\r\n" + b"A" * 100_000, "unreadable", 0),
    "endless headers": (b"WARC/1.0\r\n" + b"A: b\r\n" * 15_000, "unreadable", 0),
    "huge length": (b"WARC/1.0\r\nWARC-Type: request\r\nContent-Length: 999999999\r\n\r\nabc", "unreadable", 0),
    "no date": (SITE[2].replace(b"WARC-Date: 2024-07-09T08:00:00Z\r\n", b""), "bad_record", 0),
    "wrong gzip": (response("https://a.example/", b"\x1f\x8b" + b"a" * 50, content_encoding="gzip"), "bad_encoding", 0),
    "large page": (response("https://a.example/", b"<p>" + os.urandom(30_000)), "too_large", 0),
    "too many pages": (response("https://a.example/", b"<p>a</p>") * 6, "too_large", 5),
    "too much": (record("request", "https://a.example/", b"a" * 15_000) * 14, "too_large", 0),
}


@pytest.mark.parametrize(("content", "reason", "pages"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_web_archive_is_said(tmp_path: Path, content: bytes, reason: str, pages: int) -> None:
    path = tmp_path / "wrong.warc"
    path.write_bytes(content)
    found = list(captured(path, SMALL))
    assert [one.reason for one in found if isinstance(one, Unread)] == [reason]
    assert sum(isinstance(one, Page) for one in found) == pages


@pytest.mark.parametrize("place", ["member", "body"])
def test_bombs_in_web_archives_are_not_read_on(tmp_path: Path, place: str) -> None:
    bomb = gzip.compress(b"\0" * 30_000_000)
    body = b"\0" * 30_000_000 if place == "member" else bomb
    path = warc(tmp_path / "bomb.warc.gz", response("https://a.example/", body, content_encoding="gzip"))
    (refused,) = captured(path)
    assert isinstance(refused, Unread) and refused.reason in ("bomb", "too_large")


def test_a_damaged_member_costs_only_what_follows_it(tmp_path: Path) -> None:
    first, second = gzip.compress(SITE[2]), bytearray(gzip.compress(SITE[3]))
    second[len(second) // 2] ^= 0xFF
    path = tmp_path / "damaged.warc.gz"
    path.write_bytes(first + second)
    found = list(captured(path))
    assert [type(one) for one in found] == [Page, Unread]
    assert "after 1 records" in found[1].message  # type: ignore[union-attr]


# ── web archives in a run ─────────────────────────────────────────────────────────────────────────


def run(kb: KnowledgeBase, parser: Parser, path: Path) -> list[Outcome]:
    bench = Bench.of(kb, FetchPolicy(), parser)
    try:
        return list(ingest(kb, [FileTarget(path)], Options(), bench=bench))
    finally:
        bench.close()


def test_a_run_stores_keeps_and_tells(kb: KnowledgeBase, parser: Parser, tmp_path: Path) -> None:
    path = warc(tmp_path / "site.warc.gz", *SITE)
    outcomes = run(kb, parser, path)
    assert sorted((one.target, str(one.change or one.reason)) for one in outcomes[:-1]) == [
        ("https://news.example/chips", "added"),
        ("https://news.example/decoded", "added"),
        ("https://news.example/gas", "added"),
        ("https://news.example/short", "too_short"),
        ("https://news.example/tin", "added"),
    ]
    assert outcomes[-1].target == str(path) and outcomes[-1].ok
    assert "5 pages; passed over: 1 warcinfo, 1 request" in (outcomes[-1].message or "")
    article = next(one for one in kb.catalog.articles() if one.url == "https://news.example/chips")
    assert (article.title, article.source) == ("New rule on chips takes effect", "news.example")
    assert article.fetched == datetime(2024, 7, 9, 8, tzinfo=UTC)
    # Refused pages can be listed, and read again without the archive.
    (item,) = Ledger(kb.catalog).refused("too_short")
    assert (item.url, item.snapshot is not None) == ("https://news.example/short", True)
    path.unlink()
    bench = Bench.of(kb, FetchPolicy(), parser)
    (again,) = replay(kb, "too_short", Options(), bench=bench)
    bench.close()
    assert (again.target, again.reason) == ("https://news.example/short", "too_short")


def test_captures_become_versions_at_their_times_and_never_replace_later_ones(
    kb: KnowledgeBase, parser: Parser, tmp_path: Path
) -> None:
    url = "https://news.example/chips"
    later = warc(tmp_path / "later.warc.gz", response(url, story("chips", "The ministry corrected a date."), LATER))
    first = warc(tmp_path / "first.warc.gz", response(url, story("chips"), FIRST))
    both = warc(
        tmp_path / "both.warc.gz",
        response(url.replace("chips", "tin"), story("tin"), FIRST),
        response(url.replace("chips", "tin"), story("tin", "A correction follows."), LATER),
    )
    assert [one.change for one in run(kb, parser, later)] == [Change.ADDED]
    (old,) = run(kb, parser, first)
    assert (old.change, old.ok) == (Change.UPDATED, True)
    assert old.message == "captured on 2024-07-09: version 1 of 2, the current one stays"
    before = kb.history(url)
    assert [(one.number, one.fetched.day, one.current) for one in before] == [(1, 9, False), (2, 12, True)]
    copied = first.rename(tmp_path / "again.warc.gz")
    assert [one.change for one in run(kb, parser, copied)] == [Change.UNCHANGED]
    assert kb.history(url) == before
    assert [one.change for one in run(kb, parser, both)] == [Change.ADDED, Change.UPDATED]
    again = run(kb, parser, both)
    assert [one.change for one in again] == [Change.UNCHANGED, None]
    assert (again[-1].message or "").endswith("passed over: 1 read before")
    current = {one.url: (one.number, "correct" in one.text) for one in kb.catalog.articles()}
    assert current == {url: (2, True), url.replace("chips", "tin"): (2, True)}
    assert kb.catalog.counts()["versions"] == 4


# ── ZIP ───────────────────────────────────────────────────────────────────────────────────────────


def test_files_of_an_archive_become_articles(parser: Parser, tmp_path: Path) -> None:
    path = archive(
        tmp_path / "kept.zip",
        {
            "texte/zoll.md": "# Zölle auf Chips\n\nDie Kommission prüft höhere Zölle auf Chips aus Fernost.".encode(),
            "saved.html": story("chips"),
            "saved_files/frame.html": story("frame"),
            "saved_files/logo.png": b"\x89PNG",
            "__MACOSX/._saved.html": b"x",
            "rows.jsonl": b'{"title": "One", "text": "Words"}\nnot json\n',
            "more.zip": b"PK\x05\x06",
            "old_files/alone.txt": b"A folder of that name without a page beside it",
        },
    )
    found = list(read_file(path, parser, NOW))
    articles = {one.title: one.url for one in found if isinstance(one, Article)}
    assert articles.keys() == {
        "Zölle auf Chips", "New rule on chips takes effect", "One", "A folder of that name without a page beside it",
    }  # fmt: skip
    assert articles["Zölle auf Chips"] == f"{path.resolve().as_uri()}#texte/zoll.md"
    assert reasons(found) == [("kept.zip: more.zip", "nested"), ("kept.zip: rows.jsonl:2", "bad_line")]


def link(name: str, target: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def test_entries_that_lead_out_or_are_too_large_are_refused_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in ("../up.txt", "/etc/absolute.txt", "C:/drive.txt", "a/../../up.txt", "..\\back.txt"):
            packed.writestr(name, b"x")
        packed.writestr(*link("link.txt", b"/etc/passwd"))
        packed.writestr("large.txt", os.urandom(30_000))
        packed.writestr("lzma.txt", b"x", zipfile.ZIP_LZMA)
        packed.writestr("good.txt", b"good")
    found = list(members(path, lambda _: True, Limits(entry=20_000)))
    assert sorted(one.reason for one in found if isinstance(one, Unread)) == [
        "outside", "outside", "outside", "outside", "outside", "outside", "too_large", "unreadable",
    ]  # fmt: skip
    assert [one.name for one in found if not isinstance(one, Unread)] == ["good.txt"]


def overlapping(path: Path) -> Path:
    """Many directory lines for one body: the bomb that is no deflate trick."""
    archive(path, {"a.txt": b"a" * 2_000, "b.txt": b"b" * 2_000}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    second = content.index(b"PK\x01\x02", content.index(b"PK\x01\x02") + 4)
    content[second + 42 : second + 46] = struct.pack("<L", 0)
    path.write_bytes(content)
    return path


def forged(path: Path, entries: int, length: int) -> Path:
    path.write_bytes(struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, entries, entries, length, 0, 0))
    return path


def test_archives_built_to_do_harm_are_refused_whole(tmp_path: Path) -> None:
    many = archive(tmp_path / "many.zip", {f"{n}.txt": b"x" for n in range(6)})
    bomb = archive(tmp_path / "bomb.zip", {"zero.txt": b"\0" * 5_000_000})
    much = archive(tmp_path / "much.zip", {f"{n}.txt": os.urandom(19_000) for n in range(4)})
    hostile = {
        "too_large": [
            (many, SMALL),
            (much, Limits(total=60_000)),
            (forged(tmp_path / "entries.zip", 0xFFFF, 0), LIMITS),
        ],
        "bomb": [(bomb, LIMITS), (overlapping(tmp_path / "over.zip"), LIMITS)],
        "unreadable": [(forged(tmp_path / "empty.zip", 3, 500), LIMITS)],
    }
    hostile["too_large"].append((forged(tmp_path / "directory.zip", 3, 0xFFFFFFF0), LIMITS))
    for reason, cases in hostile.items():
        for path, limits in cases:
            with pytest.raises(Exception) as raised:
                list(members(path, lambda _: True, limits))
            assert getattr(raised.value, "reason", "") == reason, path.name


def test_a_lie_about_the_size_is_found_out(tmp_path: Path) -> None:
    path = archive(tmp_path / "lie.zip", {"a.txt": b"a" * 5_000})
    content = bytearray(path.read_bytes())
    at = content.index(b"PK\x01\x02") + 24
    content[at : at + 4] = struct.pack("<L", 10)
    path.write_bytes(content)
    (refused,) = members(path, lambda _: True)
    assert isinstance(refused, Unread) and refused.reason == "unreadable"


def test_an_archive_that_is_none_is_said_to_be_none(parser: Parser, tmp_path: Path) -> None:
    path = tmp_path / "none.zip"
    for content in (b"", b"not one", io.BytesIO(zlib.compress(b"a")).getvalue()):
        path.write_bytes(content)
        (refused,) = read_file(path, parser, NOW)
        assert isinstance(refused, Unread) and refused.reason == "unreadable"


# ── folders of saved pages ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("ending", ["_files", "-Dateien", "_files", ".files", "_fichiers", "_文件"])
def test_the_parts_of_a_saved_page_are_no_articles(parser: Parser, tmp_path: Path, ending: str) -> None:
    page = f"<!-- saved from url=(0027)https://news.example/chips -->{story('chips').decode()}"
    (tmp_path / "芯片 Chips.html").write_text(page, encoding="utf-8")
    parts = tmp_path / f"芯片 Chips{ending}"
    parts.mkdir()
    (parts / "saved_resource.html").write_bytes(story("frame"))
    (parts / "data.json").write_text("{}")
    found = list(read_folder(tmp_path, parser, NOW))
    assert [one.url for one in found if isinstance(one, Article)] == ["https://news.example/chips"]
    assert reasons(found) == []
