"""What stands under a checked answer: where sources differ, what came later, its record, and earlier answers."""

from __future__ import annotations

import streamlit as st

from kb.models import Answer, Changes, Quoted
from kb.show.export import markdown
from ui import asking, choosing, parts, reading
from ui.asking import Asked, Choices, Desk
from ui.choosing import NOBODY
from ui.render import fill, join, label, notice, plain, show
from ui.session import kb, words

STORED = 12
"""Stored answers that are listed at once; the field above them finds the others."""


def differences(desk: Desk, asked: Asked, answer: Answer) -> None:
    """Pairs of passages that contradict each other, with the words of both."""
    if not answer.contradictions:
        return
    text = words()
    show(notice("warn", text("ask.differ"), text("ask.differ_do")))
    sides = [side for each in answer.contradictions for side in (each.first, each.second)]
    parts.cards(
        f"differ {asked.number}",
        name=text("ask.differ"),
        items=[_side(place, side, answer) for place, side in enumerate(sides)],
        on_open=lambda place: _open(desk, answer, sides[int(place)]),
    )


def _side(place: int, side: Quoted, answer: Answer) -> dict[str, object]:
    version = answer.passages[side.n - 1].version
    return {
        "id": place,
        "n": side.n,
        "title": plain(side.says),
        "language": version.language,
        "meta": asking.byline(answer.passages[side.n - 1], words()),
        "text": plain(side.quote),
    }


def _open(desk: Desk, answer: Answer, side: Quoted) -> None:
    desk.open(answer.passages[side.n - 1].version.id, (side.start, side.end))


def changes(desk: Desk, asked: Asked, answer: Answer) -> None:
    """What became known after the day of the answer, apart from it."""
    if not answer.changes:
        return
    text, found = words(), answer.changes
    show(notice("info", text("ask.changed", day=found.day), text("ask.changed_do")))
    if lines := _changed(found):
        show(join(fill('<p class="lb-line">{line}</p>', line=line) for line in lines))
    if found.newer:
        show(fill('<p class="lb-line">{line}</p>', line=text("ask.newer")))
        parts.cards(
            f"newer {asked.number}",
            name=text("ask.newer"),
            items=[
                {
                    "id": version.id,
                    "title": plain(version.title),
                    "language": version.language,
                    "meta": plain(f"{version.source} · {reading.date_of(version, text)}"),
                }
                for version in found.newer
            ],
            on_open=lambda version: desk.open(str(version)),
        )


def _changed(found: Changes) -> list[str]:
    text = words()
    lines = [
        text("ask.reworded" if each.stands else "ask.reworded_away", number=each.n, day=each.version.first_seen.date())
        for each in found.reworded
    ]
    return lines + [text("ask.gone_since", number=number) for number in found.gone]


def record(desk: Desk, asked: Asked, answer: Answer, choices: Choices) -> None:
    """Save the answer, or ask another model on the same evidence."""
    text = words()
    lines = [text("ask.on_evidence_of", id=answer.of)] if answer.of else []
    if answer.dropped:
        lines.append(text("ask.left_out", count=len(answer.dropped)))
    if lines:
        show(join(fill('<p class="lb-line">{line}</p>', line=line) for line in lines))
    with st.container(horizontal=True):
        st.download_button(
            text("ask.export"),
            lambda: markdown(answer, text.language),
            file_name=f"lagebild-{answer.id}.md",
            mime="text/markdown",
            icon=":material/download:",
            on_click="ignore",
            key=f"export {asked.number}",
        )
        known = kb().registry.get(choices.provider)
        if answer.passages and choices.provider != NOBODY and known is not None:
            st.button(
                text("ask.again", provider=label(choosing.name_of(known, text.language))),
                icon=":material/refresh:",
                key=f"again {asked.number}",
                on_click=lambda: desk.again(kb(), answer, choices),
            )


def stored(desk: Desk, choices: Choices) -> None:
    """The answers of this home, also those of before the last start; looked up when they are opened."""
    text = words()
    drawer = st.expander(text("ask.stored"), icon=":material/history:", key="stored", on_change="rerun")
    if not drawer.open:
        return
    with drawer:
        wanted = st.text_input(text("ask.stored_find"), key="stored_find")
        found = kb().answers(STORED, wanted)
        if not found:
            show(fill('<p class="lb-line">{line}</p>', line=text("ask.stored_none")))
            return
        parts.cards(
            "stored answers",
            name=text("ask.stored"),
            items=[
                {
                    "id": each.id,
                    "title": plain(each.understood or each.question),
                    "language": "",
                    "meta": plain(
                        " · ".join(
                            (
                                f"{each.asked_at.astimezone():%Y-%m-%d %H:%M}",
                                text.of("ended", each.status),
                                each.model or text("ask.nobody"),
                            )
                        )
                    ),
                }
                for each in found
            ],
            on_open=lambda id: desk.reopen(kb(), str(id), choices),
        )
