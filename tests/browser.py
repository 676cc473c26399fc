"""The page in a real browser: a served page on a free port, headless Chromium, and a canary that nobody may ask.

    with served(home) as url, chromium() as browser:
        page = opened(browser, url)

Chromium is the system's; without one, the tests that need it are skipped and say so.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as Late

import ui
from ingest.up import page_options
from tests import planted

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 90_000
"""Milliseconds a slow machine may take for one step on the page."""


def executable() -> str | None:
    """The system's Chromium, if there is one."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=ARGUMENTS)
        yield browser
        for page in (page for session in browser.contexts for page in session.pages):
            planted.look(f"page {page.url}", shown(page))
        browser.close()


@contextmanager
def served(home: Path, env: Mapping[str, str] | None = None) -> Iterator[str]:
    """The page of a home, started as `lagebild up` starts it; its address."""
    app = Path(ui.__file__).parent / "app.py"
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LAGEBILD_")}
    given = {"LAGEBILD_HOME": str(home), "LAGEBILD_MODEL": "none", "PYTHONPATH": str(app.parent.parent), **(env or {})}
    log = home / "page.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "streamlit", "run", str(app), *page_options(port)]
        process = subprocess.Popen(command, env=kept | given, stdout=out, stderr=out, cwd=home)
        try:
            _wait_for(f"http://127.0.0.1:{port}/_stcore/health", process, log)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(PATIENCE / 1000)


def opened(browser: Browser, url: str, **context: object) -> Page:
    """A page of a session of its own, in English unless `locale` says otherwise."""
    session = browser.new_context(**({"locale": "en-US", "viewport": {"width": 1280, "height": 900}} | context))  # type: ignore[arg-type]
    page = session.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url)
    page.locator(".lb-masthead").wait_for()
    return page


def shown(page: Page) -> str:
    """All that a page holds: its text, its attributes, and what stands in its fields."""
    return page.content() + str(page.evaluate("[...document.querySelectorAll('input')].map(each => each.value)"))


def choose(page: Page, name: str, label: str = "Who answers") -> None:
    """Choose an option of a select box, as a reader does: opened once more if the page was drawn anew meanwhile."""
    box = page.get_by_label(label, exact=False).first
    option = page.get_by_role("option", name=re.compile(name)).first
    until = time.monotonic() + PATIENCE / 1000
    while True:
        box.click()
        try:
            option.click(timeout=5_000)
            return
        except Late:
            if time.monotonic() > until:
                raise
            page.keyboard.press("Escape")


def put(page: Page, question: str) -> float:
    """Put a question, as a reader does; the moment Enter was pressed, on the clock of `time.perf_counter`."""
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    expect(box).to_have_value(question)
    pressed = time.perf_counter()
    box.press("Enter")
    expect(page.locator(".lb-question")).to_have_text(question)
    return pressed


def evidence(page: Page, name: str = "Evidence") -> Locator:
    """The passages of the question; what stood on the page before it may still be fading."""
    return page.get_by_role("list", name=name).locator(".card")


class Canary:
    """A server on loopback that nothing on the page has a reason to ask; `asked` holds whatever did."""

    def __enter__(self) -> Canary:
        canary = self
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                canary.asked.append(self.path)
                self.send_response(200)
                self.end_headers()

            do_POST = do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"the page did not start: {log.read_text(errors='replace')[-2000:]}")
