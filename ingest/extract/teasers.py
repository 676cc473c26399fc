"""Which of a page's text is that of teasers: cards with a linked headline, several in a row, for other pages."""

from __future__ import annotations

from collections import Counter

from lxml.etree import _Element

from ingest.extract.trimming import key_of

FEWEST = 3
"""Cards in a row that make a list of teasers."""

_HEADINGS = ("h2", "h3", "h4", "h5", "h6")
_TEXTS = ("p", "li", "div", "span", "td", "dd", "h1", *_HEADINGS)


def teasers(tree: _Element) -> list[_Element]:
    """The cards of a page: the widest elements around a linked headline that hold no other one, three or more beside
    one another."""
    heads = [element for element in tree.iter(*_HEADINGS) if _is_linked(element)]
    held = Counter(ancestor for head in heads for ancestor in head.iterancestors())
    cards = []
    for head in heads:
        card = head
        while (parent := card.getparent()) is not None and held[parent] == 1:
            card = parent
        cards.append(card)
    rows = Counter(card.getparent() for card in cards)
    return [card for card in cards if rows[card.getparent()] >= FEWEST]


def _is_linked(heading: _Element) -> bool:
    parent = heading.getparent()
    around = [parent] if parent is not None and parent.tag == "a" else []
    # The entries of a ticker are headed by links to their own places on the page.
    return any("#" not in (link.get("href") or "#") for link in (*heading.iter("a"), *around))


def own_text(text: str, tree: _Element, cards: list[_Element]) -> str:
    """The lines of a text that stand on the page outside of its teasers, too."""
    if not cards:
        return text
    inside = {element for card in cards for element in card.iter()}
    teased: set[str] = set()
    outside: set[str] = set()
    for element in tree.iter(*_TEXTS):
        key = key_of("".join(element.itertext())[:2_000])
        (teased if element in inside else outside).add(key)
    return "\n".join(line for line in text.split("\n") if (key := key_of(line)[:2_000]) not in teased or key in outside)
