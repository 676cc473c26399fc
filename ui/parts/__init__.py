"""The drawn parts of the page that Streamlit has no widget for: answer, cards, reader, table.

Each is a component of ours: a script beside this file that makes text nodes and buttons of the data it is
given, and tells what was pressed. None parses a text as HTML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ui.render import Safe, show

FOLDER = Path(__file__).parent

Pressed = Callable[[Any], None]
"""What happens when something was pressed; it is given the number, id or name that was."""


def page_style() -> None:
    """The style of what is not a part."""
    show(Safe(f"<style>{_read('page.css')}</style>"))


def answer(
    key: str,
    *,
    name: str,
    language: str,
    sentences: Sequence[Mapping[str, Any]],
    thinking: str,
    thinking_name: str,
    on_cite: Pressed,
) -> None:
    """Sentences: {"parts": [{"t": text} or {"n": number, "name": …}], "verdict", "word", "sign", "reason"}."""
    data = {
        "name": name,
        "language": language,
        "sentences": list(sentences),
        "thinking": thinking,
        "thinking_name": thinking_name,
    }
    _mount("answer", key, data, cite=on_cite)


def cards(key: str, *, name: str, items: Sequence[Mapping[str, Any]], on_open: Pressed) -> None:
    """Items: {"id", "title", "language", "meta"} and, where there are any, "n", "text", "note", "active"."""
    _mount("cards", key, {"name": name, "items": list(items)}, open=on_open)


def reader(key: str, article: Mapping[str, Any], *, close: str = "", on_closed: Pressed = lambda _: None) -> None:
    """An article made by `ui.reading.article`; with `close` (a word) it is a sheet at the side."""
    _mount("reader", key, {**article, "close": close}, closed=on_closed)


def table(
    key: str,
    *,
    name: str,
    columns: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    sort: Mapping[str, Any] | None = None,
    on_open: Pressed = lambda _: None,
    on_sort: Pressed = lambda _: None,
) -> None:
    """Columns: {"id", "name", "sortable"}; rows: {"id", "cells", "language"}; the first cell opens the row."""
    data = {"name": name, "columns": list(columns), "rows": list(rows), "sort": dict(sort or {})}
    _mount("table", key, data, open=on_open, sort=on_sort)


def _mount(part: str, key: str, data: Mapping[str, Any], **pressed: Pressed) -> None:
    import streamlit as st

    def told(event: str) -> Callable[[], None]:
        return lambda: pressed[event](st.session_state[key][event])

    _component(part)(key=key, data=dict(data), **{f"on_{event}_change": told(event) for event in pressed})


@cache
def _component(part: str) -> Callable[..., Any]:
    import streamlit as st

    script = f"{_read('common.js')}\n{_read(f'{part}.js')}"
    return st.components.v2.component(f"lagebild_{part}", js=script, css=_read("parts.css"))


@cache
def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
