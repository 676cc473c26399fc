"""The first start, and every later one: home, starter corpus, local model, page.

Each step says what it does and what it waits for; a step that was done is passed over, so that a
second start takes seconds. A step that cannot be done (no channel has the weights) is said, and the
page is served all the same.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kb.errors import HomeError, KBError, ModelUnavailable
from kb.knowledge import KnowledgeBase, open_kb
from kb.settings import DATA, Settings

STARTER = DATA / "starter"

Say = Callable[[str], None]


def start(settings: Settings, *, model: str | None, port: int, serve: bool, say: Say) -> None:
    """Make the home ready and serve the page at http://localhost:`port`; does not return if it serves."""
    chosen = replace(settings, model=model) if model else settings
    say(f"home: {chosen.home}")
    with open_kb(settings=chosen) as kb:
        load_starter(kb, say)
        get_model(chosen, say)
    if serve:
        run_page(chosen, port, say)


def load_starter(kb: KnowledgeBase, say: Say) -> None:
    """Ingest the starter corpus, unless it is stored already."""
    from ingest.archives import Unread
    from ingest.documents import read_folder
    from kb.models import Change

    stamp = starter_stamp()
    if kb.catalog.meta("starter") == stamp:
        if kb.catalog.meta("origins") is None:
            kb.trace(say)
        return
    paths = sum(1 for _ in STARTER.rglob("*.md"))
    say(f"starter corpus: {paths} briefs in English, German and Chinese; embedding takes about half a minute")
    added = 0
    with kb.writing(wait=30):
        for number, found in enumerate(read_folder(STARTER), 1):
            if isinstance(found, Unread):
                raise HomeError(f"starter corpus, {found.target}: {found.message}")
            added += kb.add(found) is not Change.UNCHANGED
            if number % 20 == 0 or number == paths:
                say(f"starter corpus: {number} of {paths}")
        kb.publish(lambda line: say(f"starter corpus: {line}"), force=True)
        kb.catalog.set_meta("starter", stamp)
    say(f"starter corpus: {added} articles are new")


def starter_stamp() -> str:
    """What the starter corpus holds, as one hash: a changed brief is taken in at the next start."""
    from kb.models import digest

    return digest(*(path.read_text(encoding="utf-8") for path in sorted(STARTER.rglob("*.md"))))


def get_model(settings: Settings, say: Say) -> None:
    """Fetch the weights of the local model, unless they are here or not wanted; says why if they cannot be had."""
    from kb.local.weights import Progress, catalogue, locate, pull

    if settings.model == "none":
        say("local model: none wanted; answers need a provider (lagebild providers list)")
        return
    try:
        locate(settings.model, settings.model_folder)
    except ModelUnavailable as error:
        missing = error
    else:
        say(f"local model: {settings.model} is here")
        return
    wanted = {model.id: model for model in catalogue()}.get(settings.model)
    if wanted is None:
        say(f"local model: {missing}")
        return
    say(f"local model: {wanted.name}, {wanted.size / 1e9:.1f} GB, trying {', '.join(wanted.channel_names)}")
    last = [-1]

    def progress(now: Progress) -> None:
        percent = int(100 * now.done / now.total) if now.total else 0
        if now.note or percent >= last[0] + 5:
            last[0] = percent
            say(f"local model: {now.channel}: {now.note or f'{percent} % of {now.total / 1e9:.1f} GB'}")

    try:
        pull(wanted, settings.model_folder, progress=progress, hf_endpoint=settings.hf_endpoint)
    except KBError as error:
        say(f"local model: not to be had now ({error})")
        say("local model: search and evidence work without it; try again with: lagebild models pull")


def run_page(settings: Settings, port: int, say: Say) -> None:
    """Replace this process by the Streamlit server of the page, on loopback only."""
    spec = importlib.util.find_spec("ui")
    if spec is None or not spec.submodule_search_locations:
        raise HomeError("the page (folder ui) is not installed; install Lagebild from its checkout")
    page = Path(next(iter(spec.submodule_search_locations))) / "app.py"
    say(f"page: http://localhost:{port} (Ctrl-C stops it)")
    os.environ |= {
        "LAGEBILD_HOME": str(settings.home),
        "LAGEBILD_MODEL": settings.model,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(page.parent.parent), os.environ.get("PYTHONPATH")])),
    }
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", str(page), *page_options(port)])


def page_options(port: int) -> list[str]:
    """Streamlit's options: this machine only, no telemetry, no error details, small uploads."""
    options = {
        "server.address": "127.0.0.1",
        "server.port": str(port),
        "server.headless": "true",
        "server.maxUploadSize": "20",
        "server.enableStaticServing": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        "client.toolbarMode": "minimal",
    }
    # Without a list of hosts any name that resolves to this machine may open the page's socket (DNS rebinding).
    hosts = [("server.allowedHosts", host) for host in ("localhost", "127.0.0.1")]
    return [part for name, value in [*options.items(), *hosts] for part in (f"--{name}", value)]
