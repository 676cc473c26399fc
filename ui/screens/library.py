"""The library: every article in a list to narrow down and sort, and each to read with its versions."""

from __future__ import annotations

from math import ceil
from typing import Any

import streamlit as st

from kb.models import Version
from kb.origins.groups import origins
from ui import parts, reading, shelf
from ui.render import fill, notice, plain, show
from ui.session import kb, words
from ui.shelf import Wanted

ARTICLE = "article"
"""The part of the address that names the article which is read."""

COLUMNS = ("title", "source", "language", "day")


def page() -> None:
    article_id = st.query_params.get(ARTICLE)
    if article_id:
        read(article_id)
    else:
        browse()


def browse() -> None:
    text = words()
    home, change = str(kb().settings.home), shelf.newest_change(kb().catalog)
    wanted = narrow(outlets(home, change, "source"), outlets(home, change, "language"))
    total = counted(home, change, wanted)
    pages = max(1, ceil(total / shelf.SIZE))
    number = min(st.session_state.get("library page", 1), pages)
    show(fill('<p class="lb-line" role="status">{line}</p>', line=text("library.found", count=total)))
    if not total:
        show(notice("info", text("library.empty"), text("library.empty_do")))
        return
    parts.table(
        "articles",
        name=text("nav.library"),
        columns=[{"id": each, "name": text(f"library.{each}"), "sortable": True} for each in COLUMNS],
        rows=[row(line) for line in shelf.lines(kb().catalog, wanted, number - 1)],
        sort={"column": wanted.sort, "descending": wanted.descending},
        on_open=lambda article: st.query_params.update({ARTICLE: article}),
        on_sort=sort_by,
    )
    if pages > 1:
        st.pagination(pages, key="library page")


def narrow(sources: dict[str, int], languages: dict[str, int]) -> Wanted:
    """What the reader has chosen to see, and in which order."""
    text = words()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        written = st.text_input(text("library.text"), key="library text", width=220, on_change=first_page)
        chosen = st.multiselect(
            text("library.language"),
            list(languages),
            format_func=lambda each: text.of("language", each),
            key="library languages",
            width=180,
            on_change=first_page,
        )
        outlets_chosen = st.multiselect(
            text("library.source"), list(sources), key="library sources", width=240, on_change=first_page
        )
        since = st.date_input(
            text("ask.since"), value=None, min_value="1990-01-01", key="library since", width=150, on_change=first_page
        )
        until = st.date_input(
            text("ask.until"), value=None, min_value="1990-01-01", key="library until", width=150, on_change=first_page
        )
    sort, descending = st.session_state.get("library sort", ("day", True))
    return Wanted(written, tuple(chosen), tuple(outlets_chosen), since, until, sort, descending)


def first_page() -> None:
    st.session_state["library page"] = 1


def sort_by(column: str) -> None:
    """Order by a column; the same one again turns the order round."""
    if column not in COLUMNS:
        return
    before, descending = st.session_state.get("library sort", ("day", True))
    st.session_state["library sort"] = (column, not descending if column == before else column == "day")
    first_page()


@st.cache_data(show_spinner=False, max_entries=64)
def counted(home: str, change: tuple[int, int], wanted: Wanted) -> int:
    return shelf.count(kb().catalog, wanted)


@st.cache_data(show_spinner=False, max_entries=8)
def outlets(home: str, change: tuple[int, int], column: str) -> dict[str, int]:
    return shelf.counted(kb().catalog, column)


def row(line: shelf.Line) -> dict[str, Any]:
    text = words()
    source = f"{line.source} +{line.copies}" if line.copies else line.source
    cells = [line.title or "–", source, text.of("language", line.language), line.day or text("read.undated")]
    return {"id": line.article_id, "language": line.language, "cells": [plain(cell) for cell in cells]}


def read(article_id: str) -> None:
    """One article: its current version, or another of its versions beside what changed."""
    text = words()
    st.button(text("library.back"), icon=":material/arrow_back:", on_click=st.query_params.clear)
    versions = kb().history(article_id)
    if not versions:
        show(notice("warn", text("library.unknown"), text("library.unknown_do")))
        return
    current = next((each for each in versions if each.current), versions[-1])
    chosen, compared = current, None
    if len(versions) > 1:
        chosen, compared = choose_version(versions, current)
    drawn = reading.changes(compared, chosen, text) if compared else reading.article(chosen, text)
    parts.reader(f"article {article_id}", drawn)
    same_story(chosen)
    with st.expander(text("read.facts")):
        facts(chosen)


def same_story(version: Version) -> None:
    """Other articles that tell the story of this one."""
    text = words()
    story = origins(kb().catalog, [version.id]).get(version.id)
    if story is None:
        return
    show(fill("<h3>{name}</h3>", name=text("read.also")))
    parts.cards(
        f"same story {version.article_id}",
        name=text("read.also"),
        items=[
            {
                "id": copy.article_id,
                "title": plain(copy.title),
                "language": copy.language,
                "meta": plain(f"{copy.source} · {(copy.published or text('read.undated'))[:10]}"),
            }
            for copy in story.also(version.article_id)
        ],
        on_open=lambda article: st.query_params.update({ARTICLE: article}),
    )


def choose_version(versions: list[Version], current: Version) -> tuple[Version, Version | None]:
    text = words()
    by_number = {each.number: each for each in versions}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            text("read.versions", count=len(versions)),
            sorted(by_number, reverse=True),
            index=sorted(by_number, reverse=True).index(current.number),
            format_func=lambda each: f"{each} · {by_number[each].first_seen:%Y-%m-%d %H:%M}",
            width=240,
        )
        older = [each for each in sorted(by_number, reverse=True) if each != number]
        against = st.selectbox(
            text("read.compare"),
            [None, *older],
            format_func=lambda each: text("read.no_comparison") if each is None else str(each),
            width=320,
        )
    return by_number[number], by_number[against] if against else None


def facts(version: Version) -> None:
    """Where an article comes from and how that is known."""
    text = words()
    published = version.published
    rows = {
        text("read.address"): version.url,
        text("read.published"): f"{published.iso()} ({published.precision}, {published.witness})" if published else "–",
        text("read.first_seen"): f"{version.first_seen:%Y-%m-%d %H:%M} UTC",
        text("read.fetched"): f"{version.fetched:%Y-%m-%d %H:%M} UTC",
        text("read.source_id"): version.source_id or "–",
        text("read.version_id"): version.id,
    }
    for name, value in rows.items():
        show(fill('<p class="lb-line"><b>{name}</b> {value}</p>', name=name, value=value))
