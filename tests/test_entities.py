"""The entity registry: what it finds, what it refuses, what it widens a search with."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.errors import SettingsError
from kb.text.entities import Entities, load_entities, read_registry


def found(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(text[mention.start : mention.end], mention.ids) for mention in load_entities().mentions(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("华为和中芯国际", [("华为", ("huawei",)), ("中芯国际", ("smic",))]),
        ("Huaweis Chips", [("Huaweis", ("huawei",))]),
        ("NVIDIA's H20 and H800s", [("NVIDIA", ("nvidia",)), ("H20", ("h20",)), ("H800", ("h800",))]),
        ("the U.S. Commerce Department", [("U.S", ("us",)), ("Commerce Department", ("us-commerce",))]),
        ("der Europäischen Kommission", [("Europäischen Kommission", ("eu-commission",))]),
        ("des Weißen Hauses", [("Weißen Hauses", ("white-house",))]),
        ("中美会谈，对华出口", [("中", ("cn",)), ("美", ("us",)), ("华", ("cn",))]),
        ("其中美国公司", [("美国", ("us",))]),
        ("美国商务部", [("美国商务部", ("us-commerce",))]),
        ("SK海力士", [("SK海力士", ("sk-hynix",))]),
        ("arm in arm, most of us, an apple", []),
        ("the Federal Trade Commission", [("Federal Trade Commission", ("ftc",))]),
    ],
)
def test_mentions(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert found(text) == expected


def test_an_ambiguous_name_yields_all_its_bearers_and_says_so() -> None:
    (mention,) = load_entities().mentions("BIS added 140 entities.")
    assert set(mention.ids) == {"bis", "bank-intl-settlements"}
    assert mention.ambiguous
    assert load_entities().ids("商务部宣布") == {"mofcom", "us-commerce"}


def test_expand_gives_names_in_other_scripts_and_no_ambiguous_ones() -> None:
    entities = load_entities()
    assert {"Huawei", "Huawei Technologies"} <= set(entities.expand("华为的芯片"))
    assert "华为" in entities.expand("chips of Huawei")
    widened = entities.expand("BIS rule")
    assert "工业与安全局" in widened
    assert "国际清算银行" in widened
    assert not {"BIS", "商务部"} & set(widened)
    assert entities.expand("nothing named here") == []


def test_what_a_mention_brings_with_it() -> None:
    entities = load_entities()
    assert entities.implied("h20") == {"h20", "nvidia", "us"}
    assert entities.implied("cac") == {"cac", "cn"}
    assert entities.implied("virkkunen") == {"virkkunen", "eu-commission", "eu"}


def test_the_facts_of_the_registry() -> None:
    entities = load_entities()
    assert len(entities) > 500
    assert {"Cyberspace Administration of China", "国家网信办"} <= set(entities.aliases("cac"))
    assert entities["zhipu"].name == "Zhipu AI"
    assert all(entity.country and entity.names["en"] for entity in entities)


GOOD = '[[entity]]\nid = "a"\nkind = "company"\ncountry = "US"\nnames = { en = ["Acme"] }\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[entity]]\nid = ", "cannot be read"),
        (GOOD + GOOD, "used twice"),
        (GOOD.replace("company", "planet"), "kind 'planet'"),
        (GOOD.replace('en = ["Acme"]', 'de = ["Acme"]'), "at least one English"),
        (GOOD.replace('["Acme"]', '["+"]'), "without letters"),
        (GOOD + 'of = "b"\n', "which is not an id"),
        (GOOD + 'ambiguous = ["Other"]\n', "not names of it"),
        (GOOD + 'colour = "red"\n', "unknown fields"),
        (GOOD + GOOD.replace('"a"', '"b"'), "mark it as ambiguous"),
    ],
)
def test_a_registry_that_cannot_be_used_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "registry.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=says):
        read_registry(path)


def test_a_shared_name_is_allowed_when_all_bearers_mark_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.toml"
    mark = 'ambiguous = ["Acme"]\n'
    path.write_text(GOOD + mark + GOOD.replace('"a"', '"b"') + mark, encoding="utf-8")
    entities = Entities(read_registry(path))
    assert entities.ids("Acme said") == {"a", "b"}


def test_a_missing_registry_names_its_path(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        read_registry(tmp_path / "nowhere.toml")
