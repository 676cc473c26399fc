"""What a session brings of its own: a data path that narrows the setting, and keys that are stored nowhere."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from kb.answer.calling import OwnKey
from kb.providers import DataPath
from ui import choosing
from ui.session import settings, words

PATH, KEYS = "data_path", "own_keys"
"""Where the session keeps them."""


def path() -> DataPath:
    """The data path of this session; never wider than that of the settings."""
    chosen = st.session_state.get(PATH)
    return DataPath(chosen or settings().data_path)


def keys() -> Mapping[str, OwnKey]:
    """The keys of this session alone, by provider."""
    found: dict[str, OwnKey] = st.session_state.get(KEYS, {})
    return dict(found)


def keep(provider: str, key: OwnKey) -> None:
    """Use `key` for this session; an empty one forgets what was kept."""
    kept = {**keys(), provider: key}
    st.session_state[KEYS] = {id: each for id, each in kept.items() if each.secret}


def choose_path() -> None:
    """The control: where questions and evidence may go in this session."""
    text = words()
    offered = [str(each) for each in choosing.paths(settings())]
    st.selectbox(
        text("ask.path"),
        offered,
        format_func=lambda each: text.of("path", each),
        help=text("ask.path_help"),
        key=PATH,
        persist_state="session",
    )
