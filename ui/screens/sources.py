"""Sources and ingestion: how each source stands, collecting now, and what the last runs did."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from ingest.files import SUFFIXES
from ingest.run import Interrupted
from ingest.sources import Sources, load_sources
from kb.errors import HomeLocked, KBError
from kb.models import Outcome
from kb.storage.items import Item
from kb.storage.ledger import Ledger, Run
from ui import collecting, parts
from ui.collecting import Collecting, Health
from ui.render import fill, join, notice, plain, show
from ui.session import kb, words

EVERY, PAUSE = 0.4, 0.1
"""Seconds between two looks at a run that goes on, at most and at least."""

SHOWN = 200
"""Outcomes of one run, and of one reason, that are listed."""

FOLDED = '<details class="lb-line"><summary>{name}</summary><ul class="lb-list">{items}</ul></details>'

STATES = ("failing", "due", "never", "fine", "off")


def page() -> None:
    sources = load_sources(kb().settings.home)
    ledger = Ledger(kb().catalog)
    start(sources)
    place = st.container()
    standing(sources, ledger)
    left_out(ledger)
    runs(ledger)
    with place:
        going_on()


def start(sources: Sources) -> None:
    """The three ways to begin a run: sources, an address, a file."""
    text = words()
    running = current()
    busy = running is not None and running.job.running
    st.subheader(text("sources.collect"), anchor=False)
    by_source, by_address, by_file = st.tabs(
        [text("sources.by_source"), text("sources.by_address"), text("sources.by_file")]
    )
    with by_source:
        ids = [source.id for source in sources.values() if source.kind != "api"]
        chosen = st.multiselect(
            text("sources.choose"),
            ids,
            format_func=lambda id: plain(sources[id].name),
            placeholder=text("sources.all_due"),
        )
        if st.button(text("sources.run"), type="primary", disabled=busy, key="run sources"):
            begin(lambda: collecting.collect(kb(), [sources[id] for id in chosen]))
    with by_address, st.form("address", border=False):
        address = st.text_input(text("sources.address"), placeholder="https://")
        if st.form_submit_button(text("sources.run"), disabled=busy):
            begin(lambda: collecting.collect_address(kb(), address, sources))
    with by_file, st.form("file", border=False, clear_on_submit=True):
        file = st.file_uploader(text("sources.file"), type=sorted(ending[1:] for ending in SUFFIXES))
        if st.form_submit_button(text("sources.run"), disabled=busy) and file is not None:
            begin(lambda: collecting.collect_upload(kb(), file.name, file.getvalue()))


def current() -> Collecting | None:
    run: Collecting | None = st.session_state.get("collecting")
    return run


def begin(run: Callable[[], Collecting]) -> None:
    try:
        st.session_state["collecting"] = run()
    except KBError as error:
        show(notice("warn", words()("sources.not_begun"), str(error)))
    else:
        st.rerun()


def going_on() -> None:
    """The run of this session, while it goes on, and what came of it."""
    run = current()
    if run is None:
        return
    if run.job.running:
        follow(run)
    ended(run)
    outcomes(run.job.events)


def follow(run: Collecting) -> None:
    """A run while it goes on; the page is drawn anew when it ends."""
    text = words()
    bar = st.empty()
    line, button = st.columns([4, 1], vertical_alignment="center")
    said = line.empty()
    button.button(text("ask.stop"), on_click=run.stop, disabled=run.stopping, key="stop run")
    while run.job.running:
        now = run.progress
        bar.progress(min(now.done / now.total, 1.0) if now.total else 0.0)
        state = text("sources.stopping") if run.stopping else text("sources.progress", done=now.done, total=now.total)
        left = text("sources.left", seconds=round(now.seconds_left)) if now.seconds_left else ""
        parts_of_line = " · ".join(filter(None, [state, counts_line(now), left, now.now]))
        show(fill('<p class="lb-line" role="status">{line}</p>', line=parts_of_line), said)
        run.job.wait(len(run.job.events) + 1, EVERY)
        time.sleep(PAUSE)
    st.rerun()


def counts_line(now: Any) -> str:
    text = words()
    names = ("added", "updated", "unchanged", "refused", "failed", "known")
    return ", ".join(f"{text.of('change', name)} {getattr(now, name)}" for name in names if getattr(now, name))


def ended(run: Collecting) -> None:
    text, error = words(), run.job.error
    if isinstance(error, HomeLocked):
        show(notice("warn", text("sources.locked"), text("sources.locked_do", holder=error.holder)))
    elif isinstance(error, Interrupted):
        show(notice("info", text("sources.stopped"), counts_line(run.progress)))
    elif error is not None:
        show(notice("bad", text("sources.failed"), str(error)))
    elif run.job.broken:
        show(notice("bad", text("sources.failed"), text("ask.see_log")))
    else:
        now = run.progress
        empty = not (now.added or now.updated or now.unchanged or now.known) and (now.refused or now.failed)
        show(notice("warn" if empty else "good", text("sources.done"), counts_line(now)))


def outcomes(found: tuple[Outcome, ...] | list[Outcome]) -> None:
    """What came, and what did not, grouped by reason."""
    text = words()
    came = [outcome for outcome in found if outcome.ok and outcome.title]
    if came:
        parts.table(
            f"came {id(found)}",
            name=text("sources.came"),
            columns=[{"id": "title", "name": text("sources.came")}, {"id": "when", "name": text("sources.change")}],
            rows=[
                {
                    "id": outcome.article_id,
                    "cells": [plain(outcome.title or ""), text.of("change", outcome.change or "")],
                }
                for outcome in came[-SHOWN:]
            ],
            on_open=lambda article: st.query_params.update({"article": article}),
        )
    for reason, group in collecting.by_reason(found).items():
        items = join(
            fill("<li>{target}: {message}</li>", target=each.title or each.target, message=each.message or "")
            for each in group[:SHOWN]
        )
        name = f"{text.of('reason', reason)} ({len(group)})"
        show(
            fill("<details><summary>{name}</summary><ul class='lb-list'>{items}</ul></details>", name=name, items=items)
        )


def standing(sources: Sources, ledger: Ledger) -> None:
    """Every source: what it is, how it fares, why it fails, when it is asked again."""
    text = words()
    found = collecting.health(sources, ledger.sources(), datetime.now(UTC))
    st.subheader(text("sources.standing"), anchor=False)
    counts = {state: sum(each.state == state for each in found) for state in STATES}
    chosen = st.segmented_control(
        text("sources.state"),
        [state for state in STATES if counts[state]],
        format_func=lambda state: f"{text.of('health', state)} ({counts[state]})",
        selection_mode="multi",
        default=next(([state] for state in STATES if counts[state]), None),
        label_visibility="collapsed",
    )
    listed = [each for each in found if each.state in chosen]
    if not listed:
        show(fill('<p class="lb-line">{line}</p>', line=text("sources.none_listed")))
        return
    columns = ("name", "health", "when", "next", "message")
    parts.table(
        "sources",
        name=text("sources.standing"),
        columns=[{"id": name, "name": text(f"sources.{name}")} for name in columns],
        rows=[source_row(each) for each in listed],
    )


def source_row(each: Health) -> dict[str, Any]:
    text, known = words(), each.known
    problem = f"{text.of('reason', known.reason)}: {known.message or ''}" if known.reason else ""
    since = text("sources.since", day=f"{known.failing_since:%Y-%m-%d}") if known.failing_since else ""
    cells = [
        each.source.name,
        " ".join(filter(None, [text.of("health", each.state), since])),
        moment(known.last_success),
        moment(known.next_try) if each.source.enabled else "–",
        problem or (each.source.note if each.state == "off" else ""),
    ]
    return {"id": each.source.id, "cells": [plain(cell) for cell in cells], "language": each.source.language}


def left_out(ledger: Ledger) -> None:
    """What did not become an article, by reason, and a way to read it again."""
    text, counts = words(), ledger.reasons()
    st.subheader(text("sources.left_out"), anchor=False)
    if not counts:
        show(fill('<p class="lb-line">{line}</p>', line=text("sources.nothing_left_out")))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.selectbox(
            text("sources.which"),
            counts,
            format_func=lambda each: f"{text.of('reason', each)} ({counts[each]})",
            width=300,
            key="left out",
        )
        running = current()
        if st.button(
            text("sources.again"),
            help=text("sources.again_help"),
            disabled=running is not None and running.job.running,
            key="read again",
        ):
            begin(lambda: collecting.read_again(kb(), reason))
    items = ledger.refused(reason)
    if len(items) > SHOWN:
        line = text("sources.shown_of", shown=SHOWN, count=len(items))
        show(fill('<p class="lb-line">{line}</p>', line=line))
    columns = ("what", "seen", "last_try", "next")
    parts.table(
        f"left out {reason}",
        name=text("sources.left_out"),
        columns=[{"id": name, "name": text(f"sources.{name}")} for name in columns],
        rows=[left_out_row(each) for each in items[:SHOWN]],
    )


def left_out_row(each: Item) -> dict[str, Any]:
    seen = (each.message or "").removeprefix(f"{each.url}: ")
    cells = [each.url, seen, moment(each.last), moment(each.next_try)]
    return {"id": each.url, "cells": [plain(cell) for cell in cells]}


def moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "–"


def runs(ledger: Ledger) -> None:
    """The last runs, each with its outcomes."""
    text = words()
    st.subheader(text("sources.runs"), anchor=False)
    found = ledger.runs(10)
    if not found:
        show(fill('<p class="lb-line">{line}</p>', line=text("sources.no_runs")))
        return
    by_id = {run.id: run for run in found}
    chosen = st.selectbox(
        text("sources.runs"), by_id, format_func=lambda id: run_line(by_id[id]), label_visibility="collapsed"
    )
    outcomes(list(ledger.outcomes(chosen)))


def run_line(run: Run) -> str:
    text = words()
    counts = ", ".join(
        f"{text.texts.get(f'change.{kind}') or text.of('reason', kind)} {count}" for kind, count in run.counts.items()
    )
    targets = ", ".join(run.targets[:3]) + (" …" if len(run.targets) > 3 else "")
    return plain(f"{run.started:%Y-%m-%d %H:%M} · {text.of('run', run.state)} · {targets} · {counts}")
