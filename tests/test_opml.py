"""OPML in and out: nothing is lost between two Lagebilds, and other programs' files are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.opml import read_opml, write_opml
from ingest.sources import Kind, Sources, load_sources, new_source
from kb.errors import UsageError

SHIPPED = load_sources()

READER = """<?xml version="1.0" encoding="UTF-8"?>
<opml version="1.0"><head><title>Abos</title></head><body>
<outline text="Tech"><outline text="Asien">
<outline type="rss" text="Blätter &amp; Chips" xmlURL="https://chips.example.org/feed" htmlUrl="https://chips.example.org/"/>
</outline>
<outline type="rss" title="Heise" text="h" xmlUrl="https://www.heise.de/rss/heise.rdf"/></outline>
<outline type="rss" text="量子日报" xmlUrl="https://quantum.example.cn/rss" language="zh-CN" category="/AI,chips"/>
<outline type="rss" text="Twice" xmlUrl="https://chips.example.org/feed"/>
<outline type="rss" text="Odd" xmlUrl="javascript:alert(1)"/>
<outline type="rss" text="" xmlUrl="https://nameless.example.net/atom.xml" language="Englisch!"/>
</body></opml>
"""


def write(folder: Path, content: str | bytes, name: str = "a.opml") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_readers_list(tmp_path: Path) -> None:
    found = read_opml(write(tmp_path, READER), SHIPPED)
    assert [source.url for source in found.new] == [
        "https://chips.example.org/feed",
        "https://quantum.example.cn/rss",
        "https://nameless.example.net/atom.xml",
    ]
    assert [source.id for source in found.known] == ["de-heise"]
    assert len(found.unusable) == 1 and "javascript:alert(1)" in found.unusable[0]
    chips, quantum, nameless = found.new
    assert (chips.name, chips.id, chips.topics) == ("Blätter & Chips", "bl-tter-chips", ("Tech", "Asien"))
    assert chips.homepage == "https://chips.example.org/"
    assert (quantum.language, quantum.topics, quantum.id) == ("zh-CN", ("AI", "chips"), "quantum-example-cn")
    assert (nameless.name, nameless.language) == ("nameless.example.net", "und")
    assert {source.kind for source in found.new} == {Kind.FEED}


def test_export_and_import_give_the_same_sources(tmp_path: Path) -> None:
    path = write(tmp_path, write_opml(SHIPPED.values()))
    found = read_opml(path, Sources([]))
    assert found.unusable == ()
    assert list(found.new) == list(SHIPPED.values())


def test_own_export_is_known_at_home(tmp_path: Path) -> None:
    found = read_opml(write(tmp_path, write_opml(SHIPPED.values())), SHIPPED)
    assert found.new == ()
    assert len(found.known) == 134


def test_folders_stay_at_home(tmp_path: Path) -> None:
    folder = new_source(str(tmp_path), SHIPPED)
    assert b"outline" not in write_opml([folder])


def test_utf16_is_read(tmp_path: Path) -> None:
    content = READER.replace("UTF-8", "UTF-16").encode("utf-16")
    assert len(read_opml(write(tmp_path, content), SHIPPED).new) == 3


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("<html><body>no</body></html>", "its first element should be <opml>"),
        ("", "is no OPML"),
        ('<!DOCTYPE opml [<!ENTITY a "b">]><opml><body/></opml>', "defines XML entities"),
    ],
)
def test_what_is_no_list_of_feeds(tmp_path: Path, content: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        read_opml(write(tmp_path, content), SHIPPED)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_opml(tmp_path / "none.opml", SHIPPED)


def test_an_external_entity_is_not_opened(tmp_path: Path) -> None:
    secret = write(tmp_path, "secret", "secret.txt")
    content = f'<!DOCTYPE opml SYSTEM "{secret.as_uri()}"><opml><body><outline text="x" xmlUrl="https://a.example/f"/></body></opml>'
    assert [source.name for source in read_opml(write(tmp_path, content), SHIPPED).new] == ["x"]
