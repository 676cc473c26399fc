"""The page: `streamlit run ui/app.py`, or better `lagebild up`."""

from __future__ import annotations

from importlib import import_module

import streamlit as st

from kb.errors import KBError
from ui import parts
from ui.render import fill, notice, show
from ui.session import LANGUAGE, kb, words
from ui.wording import NAMES

# An icon by name would be loaded from a server of Google's at every visit.
st.set_page_config(page_title="Lagebild", page_icon=str(parts.FOLDER / "icon.png"), layout="wide")
parts.page_style()
text = words()

ICONS = {
    "ask": "search",
    "compare": "balance",
    "library": "library_books",
    "sources": "rss_feed",
    "providers": "key",
    "status": "monitoring",
}


def screen(name: str) -> st.Page:
    """A page of ui/screens, loaded when it is first visited."""

    def draw() -> None:
        import_module(f"ui.screens.{name}").page()

    icon = f":material/{ICONS[name]}:"
    return st.Page(draw, title=text(f"nav.{name}"), icon=icon, url_path=name, default=name == "ask")


page = st.navigation([screen(name) for name in ICONS], position="top")

masthead, language = st.columns([5, 1], vertical_alignment="bottom")
with masthead:
    show(fill('<div class="lb-masthead"><b>Lagebild</b><span>{about}</span></div>', about=text("nav.about")))
language.selectbox(
    text("nav.language"),
    list(NAMES),
    index=list(NAMES).index(text.language),
    format_func=NAMES.__getitem__,
    key=LANGUAGE,
    label_visibility="collapsed",
)

try:
    kb()
    page.run()
except KBError as error:
    show(notice("bad", text("nav.failed"), str(error)))
