"""Many small news sites on loopback, in a process of their own, so that serving does not slow down who is measured.

    with Sites(hosts=20, pages=50) as sites:
        ingest(kb, [UrlTarget(url) for url in sites.sitemaps()])
        sites.visits()      # per host, when each request came and went

Hosts are addresses (127.0.1.1, 127.0.1.2, …) on one port. Pages are of random letters, so that two are as little
alike as two articles are, between navigation such as real pages have. Started as a program, the module is that
process: it serves until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from string import ascii_lowercase
from types import TracebackType
from typing import Self

from tests.newsroom import sitemap

DELAY = 0.005
"""Seconds for an answer, so that two requests at once would be seen."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One request: its path, and when it came and was answered (`time.monotonic`, one clock for all processes)."""

    path: str
    came: float
    went: float


def address(number: int) -> str:
    return f"127.0.1.{number + 1}"


class Sites:
    """Serves from entering to leaving. `words` is the length of an article, `links` that of its navigation."""

    def __init__(self, hosts: int, pages: int, words: int = 150, links: int = 20) -> None:
        self._hosts = hosts
        command = [sys.executable, "-m", "tests.bench.sites", *map(str, (hosts, pages, words, links))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()

    def sitemaps(self) -> list[str]:
        """One address a host; each lists all pages of that host."""
        return [f"http://{address(number)}:{self._port}/sitemap.xml" for number in range(self._hosts)]

    def visits(self) -> dict[str, list[Visit]]:
        """What each host has seen, in order. Ends the serving."""
        told, _ = self._process.communicate()
        return {host: [Visit(*visit) for visit in visits] for host, visits in json.loads(told).items()}


def article(host: str, path: str, words: int, links: int) -> bytes:
    dice = random.Random(f"{host}{path}")

    def sentence() -> str:
        words = ("".join(dice.choices(ascii_lowercase, k=dice.randint(2, 9))) for _ in range(18))
        return " ".join(words).capitalize() + "."

    paragraphs = "".join(f"<p>{sentence()} {sentence()} {sentence()}</p>" for _ in range(max(1, words // 54)))
    navigation = "".join(f'<li><a href="/section/{number}">Section {number}</a></li>' for number in range(links))
    title = f"Notice {dice.randrange(10**9)} of the office"
    return (
        f'<!doctype html><html lang="en"><head><title>{title}</title></head><body><nav><ul>{navigation}</ul></nav>'
        f"<article><h1>{title}</h1>{paragraphs}</article><footer>Imprint</footer></body></html>"
    ).encode()


def answer(host: str, port: int, path: str, pages: int, words: int, links: int) -> bytes:
    if path == "/sitemap.xml":
        body, kind = sitemap(f"http://{host}:{port}", [str(number) for number in range(pages)]), "application/xml"
    elif path.startswith("/news/"):
        body, kind = article(host, path, words, links), "text/html; charset=utf-8"
    else:
        return b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
    return f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


async def serve(hosts: int, pages: int, words: int, links: int) -> None:
    visits: dict[str, list[tuple[str, float, float]]] = defaultdict(list)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, port = writer.get_extra_info("sockname")[:2]
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                came = time.monotonic()
                path = request.split(b" ", 2)[1].decode()
                content = answer(host, port, path, pages, words, links)
                await asyncio.sleep(DELAY)
                visits[host].append((path, came, time.monotonic()))
                writer.write(content)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    first = await asyncio.start_server(connected, address(0), 0)
    port = first.sockets[0].getsockname()[1]
    for number in range(1, hosts):
        await asyncio.start_server(connected, address(number), port)
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(json.dumps(visits), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(*map(int, sys.argv[1:])))
