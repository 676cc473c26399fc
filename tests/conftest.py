"""What every test stands on: no network but loopback, a home of its own, one embedder for all."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from kb.embedding import Embedder, load_embedder
from kb.knowledge import KnowledgeBase, open_kb
from kb.models import Article, Precision, Published
from kb.settings import Settings
from tests import planted

ROOT = Path(__file__).resolve().parent.parent
DENIED = ROOT / "tests" / "denied"
"""A folder whose sitecustomize denies the network to child processes, too."""

# The suite looks at the same examples in every run; `python -m tests.faults` looks at new ones, by seed.
settings.register_profile("suite", derandomize=True)
settings.load_profile("suite")

os.environ["PYTHONPATH"] = os.pathsep.join([str(DENIED), str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(
    os.pathsep
)
for name in [
    key for key in os.environ if key.startswith("LAGEBILD_") and key not in ("LAGEBILD_BENCH", "LAGEBILD_MODELS")
]:
    del os.environ[name]


def deny_network() -> None:
    """From now on this process connects and looks up names on loopback alone; everything else is refused."""
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def allowed(host: object) -> bool:
        try:
            return str(host) in ("localhost", "", "None") or ipaddress.ip_address(str(host)).is_loopback
        except ValueError:
            return False

    def guard(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not allowed(address[0]):
            raise PermissionError(f"the tests have no network: {address}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        guard(self, address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        guard(self, address)
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not allowed(name):
            raise socket.gaierror(f"the tests have no network: {name}")
        return getaddrinfo(host, *rest, **more)

    socket.socket.connect = guarded_connect  # type: ignore[assignment,method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[assignment,method-assign]
    socket.getaddrinfo = guarded_getaddrinfo


deny_network()


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder("e5")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def kb(home: Path, embedder: Embedder) -> Iterator[KnowledgeBase]:
    with open_kb(settings=Settings(home=home), embedder=embedder) as opened:
        yield opened


MakeArticle = Callable[..., Article]


def make_article(name: str, text: str, *, title: str = "", language: str = "en", day: str = "", **more: Any) -> Article:
    """An article of ours; `day` is its publication as YYYY-MM-DD."""
    published = None
    if day:
        published = Published(datetime.combine(date.fromisoformat(day), time(), UTC), Precision.DAY, "given")
    return Article(
        url=f"https://news.example/{name}",
        title=title or name.replace("-", " ").capitalize(),
        text=text,
        language=language,
        source=more.pop("source", "Example News"),
        fetched=datetime(2026, 1, 1, tzinfo=UTC),
        published=published,
        **more,
    )


# ── planted keys ──────────────────────────────────────────────────────────────────────────────────

planted.watch_commands()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """What a test printed or logged must hold no key."""
    if report.passed:
        for name, text in report.sections:
            planted.look(f"{report.nodeid}: {name}", text)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The search for planted keys comes after everything that could leave one."""
    items.sort(key=lambda item: item.path.name == "test_planted.py")
