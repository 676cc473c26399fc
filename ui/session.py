"""What every page starts from: the knowledge base of this home, and the words of this session."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import streamlit as st

from kb.errors import KBError
from kb.knowledge import KnowledgeBase, open_kb
from kb.settings import Settings
from ui.wording import Words, spoken, words_of

LANGUAGE = "language"
"""Where the session keeps the interface language a reader chose."""


@st.cache_resource(show_spinner=False)
def kb_at(settings: Settings) -> KnowledgeBase:
    """The one knowledge base of a home that all sessions read; its slow parts load before the first question."""
    kb = open_kb(settings=settings)
    threading.Thread(target=_warm, args=(kb,), daemon=True).start()
    return kb


def _warm(kb: KnowledgeBase) -> None:
    # What is wrong with the store is said when someone asks.
    with suppress(KBError):
        kb.warm()


def settings() -> Settings:
    return Settings.from_env(os.environ)


def kb() -> KnowledgeBase:
    return kb_at(settings())


def words() -> Words:
    """The texts of the language chosen in this session: by hand, by LAGEBILD_LANGUAGE, or by the browser."""
    chosen = st.session_state.get(LANGUAGE) or os.environ.get("LAGEBILD_LANGUAGE", "")
    return words_of(spoken(st.context.locale, chosen))
