"""The whole line: a site with a feed and a sitemap over real HTTP, ingested by the command line, found and answered.

The public test pages are read through LAGEBILD_BENCH (a folder with extraction_news and
extraction_articlebody), the local model through LAGEBILD_MODELS; what is not there is skipped and said.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import ROOT

BENCH = os.environ.get("LAGEBILD_BENCH", "")
MODELS = os.environ.get("LAGEBILD_MODELS", "")

SEED = """OpenAI blockiert Zugang in China

OpenAI hat bekanntgegeben, ab dem 9. Juli 2024 den Zugang zu seinen Diensten in China zu blockieren. Die Entscheidung
betrifft Programme, die bisher über VPNs und Proxy-Server auf die Schnittstelle zugriffen, denn offiziell ist ChatGPT in
China nicht verfügbar.

Chinesische Anbieter werben um die Entwickler. Baidu gibt 50 Millionen Tokens für Ernie 3.5 frei, Zhipu AI 150 Millionen
für sein eigenes Modell. Auch Alibaba, Tencent und SenseTime bieten Hilfe beim Umzug an. Beobachter erwarten, dass die
Sperre die Entwicklung eigener Modelle in China beschleunigt, den Austausch mit dem Ausland aber erschwert.
"""


@contextmanager
def site(pages: dict[str, bytes]) -> Iterator[str]:
    """A site on loopback with the pages by path, a feed and a sitemap of them; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = pages.get(self.path)
            kind = "application/xml" if self.path.endswith(".xml") else "text/html"
            self.send_response(200 if body is not None else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_address[1]}"
    listed = list(pages)
    when = format_datetime(datetime(2024, 7, 1, tzinfo=UTC))
    items = "".join(
        f"<item><title>{number}</title><link>{base}{path}</link><guid>{path}</guid><pubDate>{when}</pubDate></item>"
        for number, path in enumerate(listed[::2])
    )
    feed = f"<rss version='2.0'><channel><title>Site</title><link>{base}</link>{items}</channel></rss>"
    urls = "".join(f"<url><loc>{base}{path}</loc></url>" for path in listed[1::2])
    sitemap = f"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>{urls}</urlset>"
    pages |= {"/feed.xml": feed.encode(), "/sitemap.xml": sitemap.encode()}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield base
    finally:
        server.shutdown()
        server.server_close()


def public_pages(count: int) -> dict[str, bytes]:
    """Pages of the public sets, by a path on our site."""
    found: dict[str, bytes] = {}
    for name in ("extraction_news", "extraction_articlebody"):
        with zipfile.ZipFile(Path(BENCH) / name / "pages.zip") as archive:
            for member in sorted(archive.namelist())[:count]:
                content = archive.read(member)
                found[f"/{name}/{Path(member).stem}.html"] = (
                    gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
                )
    return found


def lagebild(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the seed text and, if they are there, 24 public pages from a feed and a sitemap."""
    folder = tmp_path_factory.mktemp("line")
    seed = folder / "openai-block-2024.txt"
    seed.write_text(SEED, encoding="utf-8")
    home = folder / "home"
    done = lagebild(home, "ingest", str(seed), "--json")
    assert json.loads(done.stdout)["counts"] == {"added": 1}, done.stderr
    if BENCH:
        with site(public_pages(12)) as base:
            for name in ("feed.xml", "sitemap.xml"):
                done = lagebild(home, "ingest", f"{base}/{name}", "--allow-private", "--json")
                result = json.loads(done.stdout)
                assert done.returncode in (0, 3), done.stderr
                assert result["counts"]["added"] >= 8, result
                again = json.loads(lagebild(home, "ingest", f"{base}/{name}", "--allow-private", "--json").stdout)
                assert again["counts"].get("added", 0) == 0
    return home


@pytest.mark.slow
@pytest.mark.skipif(not BENCH, reason="LAGEBILD_BENCH names no folder with public test pages")
def test_public_pages_become_articles(collected: Path) -> None:
    status = json.loads(lagebild(collected, "status", "--json").stdout)
    assert status["articles"] >= 17
    assert {"en", "de"} <= status["by_language"].keys()
    assert status["problems"] == []


@pytest.mark.slow
def test_a_chinese_question_finds_the_german_article(collected: Path) -> None:
    found = json.loads(lagebild(collected, "search", "OpenAI 从哪一天起在中国停止服务？", "--json", "-k", "3").stdout)
    assert "9. Juli 2024" in found["passages"][0]["text"]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.skipif(not MODELS, reason="LAGEBILD_MODELS names no folder with weights of a local model")
@pytest.mark.parametrize(
    ("question", "date"),
    [
        ("Ab wann blockiert OpenAI den Zugang in China?", "9. Juli 2024"),
        ("OpenAI 从哪一天起在中国停止服务？", "2024年7月9日"),
    ],
)
def test_the_local_model_answers_and_cites_it(collected: Path, question: str, date: str) -> None:
    done = lagebild(collected, "ask", question, "--json")
    result = json.loads(done.stdout)
    assert result["status"] == "answered", result
    assert date.replace(" ", "") in result["answer"].replace(" ", "")
    assert result["sentences"][0]["citations"] and result["sentences"][0]["verdict"] == "supported"
    (citation,) = result["citations"]
    assert citation["language"] == "de" and "9. Juli 2024" in citation["quote"]
    assert result["provider"]["answered_by"] == "local"
