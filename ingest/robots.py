"""What a site says about being fetched and about AI use: robots.txt (RFC 9309), tdmrep.json, headers.

Protego reads the rules: `urllib.robotparser` gets wildcards, `$`, longest match and merged groups wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from protego import Protego

from ingest.policy import PRODUCT

ROBOTS_BYTES = 512_000
"""500 KiB: RFC 9309 wants at least as much parsed; the rest of a longer file is not read."""

AI_AGENTS: Mapping[str, tuple[str, ...]] = {
    "OpenAI": ("GPTBot", "ChatGPT-User", "OAI-SearchBot"),
    "Common Crawl": ("CCBot",),
    "Google": ("Google-Extended", "GoogleOther"),
    "Anthropic": ("anthropic-ai", "ClaudeBot", "Claude-Web", "Claude-User"),
    "Perplexity": ("PerplexityBot", "Perplexity-User"),
    "ByteDance": ("Bytespider",),
    "Meta": ("Meta-ExternalAgent", "FacebookBot"),
    "Apple": ("Applebot-Extended",),
    "Amazon": ("Amazonbot",),
    "Cohere": ("cohere-ai", "cohere-training-data-crawler"),
    "Diffbot": ("Diffbot",),
    "DeepSeek": ("DeepSeekBot",),
}
"""Agents that collect for AI, by operator. A site that bars one operator has a quarrel with it."""

BARRED_OPERATORS = 3
"""A site that bars this many operators by name means AI at large, so it means us."""

NAMED_AGENT = re.compile(r"(?im)^[ \t]*user-?agent[ \t]*:[ \t]*([^\s#]+)")
CONTENT_SIGNAL = re.compile(r"(?im)^[ \t]*content-signal[ \t]*:([^#\r\n]*)")
HEADER_WORDS = frozenset({"noai", "noarchive"})


class Robots:
    """The rules of one robots.txt. `text` may be anything; what is not a rule is passed over."""

    def __init__(self, text: str) -> None:
        self._rules = Protego.parse(text)
        named = {name.lower() for name in NAMED_AGENT.findall(text)}
        self._addressed = PRODUCT.lower() in named
        self._signal = "ai-input=no" in {
            part.strip().lower().replace(" ", "") for line in CONTENT_SIGNAL.findall(text) for part in line.split(",")
        }
        self._operators = {
            operator: agents
            for operator, known in AI_AGENTS.items()
            if (agents := tuple(agent for agent in known if agent.lower() in named))
        }

    def allows(self, url: str) -> bool:
        return bool(self._rules.can_fetch(url, PRODUCT))

    @property
    def delay(self) -> float:
        """The Crawl-delay for us in seconds; 0 if there is none."""
        rate = self._rules.request_rate(PRODUCT)
        paced = rate.seconds / rate.requests if rate else 0.0
        return max(self._rules.crawl_delay(PRODUCT) or 0.0, paced)

    @property
    def sitemaps(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._rules.sitemaps))

    def opt_out(self, url: str) -> str | None:
        """How this file keeps AI from `url`, in words, or None. A file that addresses us by name does not.

        Either the Content-Signal `ai-input=no` (use in answers; `ai-train` is not what we do), or rules that
        bar at least three operators of AI agents by name.
        """
        if self._addressed:
            return None
        if self._signal:
            return "robots.txt says Content-Signal: ai-input=no"
        if len(self._operators) < BARRED_OPERATORS:
            return None
        barred = [
            operator
            for operator, agents in self._operators.items()
            if not all(self._rules.can_fetch(url, agent) for agent in agents)
        ]
        if len(barred) < BARRED_OPERATORS:
            return None
        return f"robots.txt bars the AI agents of {', '.join(barred)}"


def parse_robots(body: bytes) -> Robots:
    """Read a robots.txt, cut to `ROBOTS_BYTES`; a byte order mark and a half line at the cut are dropped."""
    if len(body) >= ROBOTS_BYTES:
        body = body[:ROBOTS_BYTES]
        body = body[: max(body.rfind(b"\n"), body.rfind(b"\r")) + 1]
    text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    return Robots(text.replace("\x00", "").removeprefix("\ufeff"))


def parse_tdmrep(body: bytes) -> Robots:
    """A `/.well-known/tdmrep.json` (W3C TDM Reservation Protocol) as rules: what is reserved is not allowed.

    Its locations are patterns as in robots.txt, so Protego matches them too: the longest decides. A file that is
    not one reserves nothing.
    """
    try:
        entries = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError):
        entries = []
    lines = ["User-agent: *"]
    for entry in entries if isinstance(entries, list) else []:
        location = entry.get("location") if isinstance(entry, dict) else None
        if isinstance(location, str) and location.startswith(("/", "*")) and not re.search(r"[#\s]", location):
            word = "Disallow" if str(entry.get("tdm-reservation")) == "1" else "Allow"
            lines.append(f"{word}: {location}")
    return Robots("\n".join(lines))


def header_opt_out(headers: Mapping[str, str]) -> str | None:
    """How response headers (lower-case names) keep AI from a page, in words, or None.

    X-Robots-Tag `noai` and `noarchive`, for all agents or for us, and `tdm-reservation: 1`. An agent's name binds
    the word after it; further words of the list count for all, as repeated headers arrive here joined.
    """
    for part in headers.get("x-robots-tag", "").lower().split(","):
        agent, _, word = part.rpartition(":")
        if word.strip() in HEADER_WORDS and agent.strip() in ("", "*", PRODUCT.lower()):
            return f"the server says X-Robots-Tag: {word.strip()}"
    if headers.get("tdm-reservation", "").strip() == "1":
        return "the server says tdm-reservation: 1"
    return None
