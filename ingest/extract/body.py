"""The article's text: three ways to find it, and the choice between them.

trafilatura is the best single tool and the default. On pages of Chinese portals it takes rankings of links for
paragraphs and loses captions; there the densest container is better. Where the page carries its text in JSON-LD and
that agrees with what is seen, it is the cleanest of all.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from copy import deepcopy

from lxml import html as lxml_html
from lxml.etree import _Element

from ingest.cleaning import clean
from kb.errors import CollectError

_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:px|pt|em|rem|%)?\s*(?:;|$)"
    r"|opacity\s*:\s*0(?:\.0+)?\s*(?:;|$)"
    r"|(?<![-\w])(?:left|top|text-indent)\s*:\s*-\d{3,}|(?:^|;)\s*(?:max-)?(?:height|width)\s*:\s*0(?:px)?\s*(?:;|$)",
    re.I,
)
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:x0*(?:[0-8bcef]|1[0-9a-f])|0*(?:[0-8]|1[124-9]|2\\d|3[01]));", re.I
)
WRAPPER = 0.5
"""Share of a page's text from which a hidden element is its body, shown by a script, and not something planted."""

NOISE = frozenset(
    """
    script style noscript template iframe svg form button select textarea nav footer aside video audio object head
    """.split()  # noqa: SIM905
)
BLOCKS = frozenset(
    """
    p div section article li h1 h2 h3 h4 h5 h6 blockquote td th tr table ul ol dl dd dt pre br hr main header center
    figure figcaption
    """.split()  # noqa: SIM905
)
_PUNCTUATION = re.compile(r"[。，、；：？！“”,.;:?!]")


def parse(text: str) -> _Element | None:
    """The tree of a page's text, or None if there is nothing in it to parse.

    Raises CollectError `hostile` for a page that the parser gives up: too deep, or too large for its memory.
    """
    if not text.strip():
        return None
    parser = lxml_html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=False)
    try:
        # Controls that XML knows no way to write make trafilatura fail on the tree.
        writable = _UNWRITABLE.sub(" ", text)
        return lxml_html.document_fromstring(writable.encode("utf-8", "replace"), parser=parser)
    except (ValueError, lxml_html.etree.LxmlError) as error:
        if "empty" in str(error).lower():
            return None
        raise CollectError("hostile", f"the page cannot be parsed ({error})") from None


def drop_hidden(tree: _Element) -> None:
    """Removes, in place, what a reader would not see: the place where instructions to models are hidden."""
    size = _length(tree) or 1
    hidden = [
        element
        for element in tree.iter("*")
        if element.get("hidden") is not None or _HIDDEN_STYLE.search(element.get("style") or "")
    ]
    hidden += [element for element in tree.iter("template") if element.get("shadowrootmode") is None]
    for element in hidden:
        if element.tag in ("html", "body") or _length(element) > WRAPPER * size:
            continue
        if element.getparent() is not None:
            element.drop_tree()


def _length(element: _Element) -> int:
    """Characters a reader could see in an element."""
    return sum(
        len(node.text or "") * (node.tag not in ("script", "style")) + len(node.tail or "") for node in element.iter()
    )


def plain_reading(content: bytes, url: str) -> tuple[str, str, str, str]:
    """Text, title, authors and day as trafilatura gives them with its defaults: the measure we are held against."""
    from trafilatura import bare_extraction

    document = bare_extraction(content, url=url, include_comments=False, include_tables=True, with_metadata=True)
    if document is None or isinstance(document, dict):
        return "", "", "", ""
    return document.text or "", document.title or "", document.author or "", document.date or ""


def signed(tree: _Element) -> list[str]:
    """The authors that trafilatura's paths find in the page, by class and position."""
    from trafilatura.metadata import extract_author

    return [name for name in (extract_author(tree) or "").split("; ") if name]


def body_of(tree: _Element, url: str, claimed: str) -> str:
    """The article's text, a paragraph a line; empty if the page has none."""
    main = clean(_trafilatura(tree, url))
    if not main or _is_chinese(main):
        main = _denser(main, dense(tree))
    stated = clean(claimed)
    return stated if stated and _better(stated, main) else main


def _is_chinese(text: str) -> bool:
    han = len(re.findall(r"[\u4e00-\u9fff]", text))
    return han > 0.3 * len(text) and not re.search(r"[\u3041-\u3096].{0,40}[\u3041-\u3096]", text[:2000])


def _trafilatura(tree: _Element, url: str) -> str:
    from trafilatura import bare_extraction

    # Its warnings name pages it gives up; the refusal says so where it is read.
    logging.getLogger("trafilatura").setLevel(logging.ERROR)
    document = bare_extraction(deepcopy(tree), url=url, include_comments=False, include_tables=True)
    return str(document.text or "") if document is not None and not isinstance(document, dict) else ""


def _better(stated: str, main: str) -> bool:
    """Whether the text in JSON-LD is the article and more of it than was found on the page."""
    if len(stated) < 400:
        return False
    return len(stated) > 1.5 * len(main) and (not main or _overlap(main, stated) > 0.5)


def _overlap(part: str, whole: str) -> float:
    """The share of the pieces of 12 characters of `part` that stand in `whole`."""
    compact, target = "".join(part.split()), "".join(whole.split())
    pieces = [compact[at : at + 12] for at in range(0, max(1, len(compact) - 12), 12)]
    return sum(piece in target for piece in pieces) / len(pieces)


def _denser(main: str, found: str) -> str:
    """The dense container's text, unless sentences of weight were found elsewhere."""
    if len(found) < 100:
        return main
    inside = "".join(found.split())
    # A headline may be glued to a sentence's start, so its end decides.
    outside = sum(len(one) for one in _sentences(main) if "".join(one.split())[-20:] not in inside)
    return found if outside <= 0.5 * sum(map(len, _sentences(found))) else main


def _sentences(text: str) -> list[str]:
    """What ends in a full stop and is as long as a sentence: rankings of headlines have ! and ? but no 。"""
    return re.findall(r"[^。\n]{10,200}。|[^.。\n]{30,300}\.(?=\s|$)", text)


def dense(tree: _Element) -> str:
    """The text of the container with the most prose, for pages that are mostly lists of links.

    Each paragraph counts for its parent in full and for its grandparent by half; the container with the most wins and
    grows to its parent while that adds prose. After the idea of text and punctuation density, on our own terms.
    """
    scores: dict[_Element, float] = {}
    for element in tree.iter("p", "div", "td", "section", "article", "span", "font", "li"):
        if any(ancestor.tag in NOISE for ancestor in element.iterancestors()):
            continue
        own = _own_text(element)
        weight = len(own) * min(1.0, len(_PUNCTUATION.findall(own)) / (len(own) / 25 + 1))
        if weight < 4:
            continue
        holder = (
            element if element.tag in ("div", "td", "section", "article") and len(own) > 200 else element.getparent()
        )
        for share in (1.0, 0.5, 0.25):
            if holder is None or holder.tag in ("body", "html"):
                break
            scores[holder] = scores.get(holder, 0.0) + weight * share
            holder = holder.getparent()
    if not scores:
        return ""
    best = max(scores, key=lambda element: scores[element])
    return clean("\n".join(_blocks(best)))


def _own_text(element: _Element) -> str:
    """The text of an element and its inline children, links left out."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in BLOCKS and child.tag not in NOISE and child.tag != "a":
            parts += child.itertext()
        parts.append(child.tail or "")
    return " ".join("".join(parts).split())


def _blocks(element: _Element) -> Iterator[str]:
    """The text of a container, a block a line, without blocks that are mainly links."""
    line: list[str] = []
    linked = 0

    def flush() -> Iterator[str]:
        nonlocal linked
        text = " ".join("".join(line).split())
        if text and linked <= 0.5 * len(text):
            yield text
        line.clear()
        linked = 0

    def walk(node: _Element, inside_link: bool) -> Iterator[str]:
        nonlocal linked
        if not isinstance(node.tag, str) or node.tag in NOISE:
            return
        block = node.tag in BLOCKS
        if block:
            yield from flush()
        link = inside_link or node.tag == "a"
        for text, child in [(node.text, None), *((child.tail, child) for child in node)]:
            if child is not None:
                yield from walk(child, link)
            if text:
                line.append(text)
                linked += len(text.strip()) if link else 0
        if block:
            yield from flush()

    yield from walk(element, False)
    yield from flush()
