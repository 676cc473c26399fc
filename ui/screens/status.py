"""Status: what is stored, how the index stands, and when the articles are from."""

from __future__ import annotations

from typing import Any

import streamlit as st

from kb.answer.spend import DaySpent
from kb.care.status import Status
from ui import parts, shelf
from ui.render import Safe, fill, join, notice, show
from ui.session import kb, words


def page() -> None:
    text = words()
    home, change = str(kb().settings.home), shelf.newest_change(kb().catalog)
    found = status_of(home, change)
    show(facts(found))
    if found.problems:
        show(notice("bad", text("status.problems"), "\n".join(found.problems)))
    said = [] if found.problems else [text("status.sound")]
    said += [text("status.home", home=found.home), text("status.binding", binding=found.binding or "–")]
    missing = {"refused": sum(found.refused.values()), "gone": found.gone}
    said += [f"{text(f'status.{name}')}: {count:,}" for name, count in missing.items() if count]
    show(join(fill('<p class="lb-line">{line}</p>', line=line) for line in said))
    if found.failing:
        failing(found)
    if found.spend:
        spend(found)
    st.subheader(text("status.months"), anchor=False)
    months = by_month(home, change)
    if months:
        st.altair_chart(chart(months), width="stretch", theme="streamlit")
    else:
        show(fill('<p class="lb-line">{line}</p>', line=text("status.no_months")))


@st.cache_data(show_spinner=False, max_entries=2, ttl=60)
def status_of(home: str, change: tuple[int, int]) -> Status:
    return kb().status()


@st.cache_data(show_spinner=False, max_entries=2)
def by_month(home: str, change: tuple[int, int]) -> list[dict[str, Any]]:
    return shelf.by_month(kb().catalog)


def facts(found: Status) -> Safe:
    text = words()
    languages = " · ".join(f"{text.of('language', name)} {count:,}" for name, count in found.by_language.items())
    index = text("status.index", generation=found.generation or "–", waiting=found.waiting)
    rows = [
        (text("status.articles"), f"{found.articles:,}", ""),
        (text("status.versions"), f"{found.versions:,}", ""),
        (text("status.chunks"), f"{found.chunks:,}", ""),
        (text("status.answers"), f"{found.answers:,}", ""),
        (text("status.newest"), (found.newest or "–")[:10], ""),
        (text("status.languages"), languages or "–", "small"),
        (text("status.index_name"), index, "small"),
    ]
    cells = (fill('<div><dt>{name}</dt><dd class="{size}">{value}</dd></div>', name=name, value=value, size=size)
             for name, value, size in rows)  # fmt: skip
    return fill('<dl class="lb-facts">{cells}</dl>', cells=join(cells))


def failing(found: Status) -> None:
    text = words()
    st.subheader(text("status.failing"), anchor=False)
    columns = ("source", "since", "reason", "next")
    parts.table(
        "failing",
        name=text("status.failing"),
        columns=[{"id": name, "name": text(f"status.{name}")} for name in columns],
        rows=[
            {
                "id": each.id,
                "cells": [each.id, each.since[:10], text.of("reason", each.reason), (each.next_try or "–")[:16]],
            }
            for each in found.failing
        ],
    )


def spend(found: Status) -> None:
    text = words()
    st.subheader(text("status.spend"), anchor=False)
    columns = ("provider", "day", "calls", "tokens", "cost")
    parts.table(
        "spend",
        name=text("status.spend"),
        columns=[{"id": name, "name": text(f"status.{name}")} for name in columns],
        rows=[
            {
                "id": f"{each.provider} {each.day}",
                "cells": [
                    each.provider,
                    each.day,
                    str(each.calls),
                    f"{each.prompt_tokens:,} + {each.completion_tokens:,}",
                    money(each),
                ],
            }
            for each in found.spend
        ],
    )


def money(each: DaySpent) -> str:
    """What a provider cost on a day, with the date of its prices."""
    if each.cost is None:
        return "–"
    cost = f"{each.cost:.4f} {each.currency or ''}".strip()
    return words()("ask.cost", cost=cost, day=each.price_as_of) if each.price_as_of else cost


def chart(months: list[dict[str, Any]]) -> Any:
    import altair
    import pandas

    text = words()
    frame = pandas.DataFrame(months)
    frame["month"] = pandas.to_datetime(frame["month"])
    frame["language"] = frame["language"].map(lambda code: text.of("language", code))
    return (
        altair.Chart(frame)
        .mark_bar()
        .encode(
            x=altair.X("month:T", title=None, timeUnit="yearmonth"),
            y=altair.Y("articles:Q", title=text("status.articles"), axis=altair.Axis(tickMinStep=1)),
            color=altair.Color("language:N", title=None, legend=altair.Legend(orient="top")),
            tooltip=[
                altair.Tooltip("month:T", title=text("status.month"), format="%Y-%m"),
                altair.Tooltip("language:N", title=text("library.language")),
                altair.Tooltip("articles:Q", title=text("status.articles")),
            ],
        )
        .properties(height=280)
    )
