"""OPML: lists of feeds, as feed readers exchange them.

What OPML has no word for (id, kind, country, side …) travels in attributes of a namespace of ours, so that an
export read back gives the same sources; other readers ignore them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from lxml import etree

from ingest.sources import ID, LANGUAGE, Kind, Source, Sources, complaints, free_id
from kb.errors import UsageError

NAMESPACE = "https://lagebild.example/opml"
LARGEST = 20_000_000
"""Bytes of an OPML file that is read; real ones have a few hundred kilobytes."""
OWN = ("id", "kind", "country", "side", "access", "evidence", "seen", "timezone", "outlet", "note")
"""Fields that travel in our namespace, as text."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an OPML file brings: new sources, those that are known (by address), and lines that cannot be used."""

    new: tuple[Source, ...]
    known: tuple[Source, ...]
    unusable: tuple[str, ...]


def read_opml(path: Path, sources: Sources) -> Imported:
    """The feeds of an OPML file beside what is registered. Folders become topics.

    Raises UsageError for a file that is no OPML or defines entities.
    """
    outlines = list(_outlines(_root(path), ()))
    new: dict[str, Source] = {}
    known: list[Source] = []
    unusable: list[str] = []
    for outline, folders in outlines:
        url = (_get(outline, "xmlUrl") or _get(outline, "url")).strip()
        name = " ".join((_get(outline, "title") or _get(outline, "text") or urlsplit(url).hostname or "").split())
        if urlsplit(url).scheme not in ("http", "https") or not name:
            unusable.append(f"{name or 'an outline without a name'}: {url[:200]!r} is not an http or https address")
        elif there := sources.at(url):
            known.append(there)
        elif all(source.url != url for source in new.values()):
            source = _source(outline, url, name, folders, {**sources, **new})
            if wrong := [f"{key} {complaint}" for key, complaint in complaints(source)]:
                unusable.append(f"{name}: {'; '.join(wrong)}")
            else:
                new[source.id] = source
    return Imported(tuple(new.values()), tuple(known), tuple(unusable))


def write_opml(sources: Iterable[Source]) -> bytes:
    """Sources as an OPML 2.0 document; folders are left out, an address of this machine says nothing elsewhere."""
    root = etree.Element("opml", nsmap={"lagebild": NAMESPACE}, version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = "Lagebild: sources"
    body = etree.SubElement(root, "body")
    for source in sources:
        if source.kind is Kind.FOLDER:
            continue
        outline = etree.SubElement(body, "outline", text=source.name, title=source.name, type="rss", xmlUrl=source.url)
        if source.homepage:
            outline.set("htmlUrl", source.homepage)
        outline.set("language", source.language)
        if source.topics:
            outline.set("category", ",".join(source.topics))
        for name in OWN:
            if value := getattr(source, name):
                outline.set(f"{{{NAMESPACE}}}{name}", str(value))
        if not source.enabled:
            outline.set(f"{{{NAMESPACE}}}enabled", "false")
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)
    return document


def _root(path: Path) -> etree._Element:
    try:
        if path.stat().st_size > LARGEST:
            raise UsageError(f"{path} is larger than {LARGEST // 1_000_000} MB; that is no list of feeds")
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if b"<!ENTITY" in content.replace(b"\x00", b""):
        raise UsageError(f"{path} defines XML entities; a list of feeds has no use for them, so it is not read")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UsageError(f"{path} is no OPML: {error}") from error
    if root is None or etree.QName(root).localname.lower() != "opml":
        raise UsageError(f"{path} is no OPML: its first element should be <opml>")
    return root


def _outlines(element: etree._Element, folders: tuple[str, ...]) -> Iterator[tuple[etree._Element, tuple[str, ...]]]:
    """Outlines that name a feed, with the names of the folders they lie in."""
    for outline in element:
        if not isinstance(outline.tag, str):
            continue
        inside = folders
        if etree.QName(outline).localname.lower() == "outline":
            if _get(outline, "xmlUrl") or _get(outline, "url"):
                yield outline, folders
            elif name := _get(outline, "text") or _get(outline, "title"):
                inside = (*folders, name)
        yield from _outlines(outline, inside)


def _get(outline: etree._Element, name: str) -> str:
    """An attribute, whatever its case: programs write xmlUrl, xmlURL and xmlurl."""
    return next((str(value) for key, value in outline.attrib.items() if str(key).lower() == name.lower()), "")


def _source(outline: etree._Element, url: str, name: str, folders: tuple[str, ...], taken: dict[str, Source]) -> Source:
    own = {key: _get(outline, f"{{{NAMESPACE}}}{key}") for key in OWN}
    topics = [topic.strip(" /") for topic in _get(outline, "category").split(",")]
    language = _get(outline, "language").replace("_", "-")
    language = language if language.startswith("zh-") else language.lower()
    homepage = _get(outline, "htmlUrl").strip()
    id = own["id"] if ID.match(own["id"]) and own["id"] not in taken else free_id(name, taken)
    if id.startswith("source") and not own["id"]:
        id = free_id(urlsplit(url).hostname or "source", taken)
    kind = Kind(own["kind"]) if own["kind"] in set(Kind) - {Kind.FOLDER} else Kind.FEED
    return Source(
        id=id,
        name=name,
        kind=kind,
        url=url,
        homepage=homepage if urlsplit(homepage).scheme in ("http", "https") else "",
        language=language if LANGUAGE.match(language) else "und",
        country=own["country"],
        side=own["side"],
        topics=tuple(dict.fromkeys(topic for topic in (*topics, *folders) if topic)),
        access=own["access"] or "unknown",
        evidence=own["evidence"] or "none",
        seen=own["seen"],
        timezone=own["timezone"] or None,
        outlet=own["outlet"] or name.split(": ")[0],
        enabled=_get(outline, f"{{{NAMESPACE}}}enabled") != "false" and kind is not Kind.API,
        note=own["note"],
    )
