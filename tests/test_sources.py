"""The registry of sources: what is shipped, what a user lays over it, what cannot be used."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingest.cli.app import app
from ingest.cli.collect import sources as _  # noqa: F401  registers the commands
from ingest.sources import (
    FILE,
    Kind,
    Sources,
    add_sources,
    free_id,
    load_sources,
    new_source,
    parse,
    remove_source,
    switch_source,
)
from kb.errors import SettingsError, UsageError
from kb.settings import DATA

SHIPPED = load_sources()


def own_file(home: Path) -> dict[str, dict[str, object]]:
    tables: dict[str, dict[str, object]] = tomllib.loads((home / FILE).read_text(encoding="utf-8"))["sources"]
    return tables


def write_own(home: Path, text: str) -> None:
    (home / FILE).write_text(text, encoding="utf-8")


def test_shipped_sources_cover_the_languages_and_sides() -> None:
    assert len(SHIPPED) == 134
    languages = {source.language for source in SHIPPED.enabled()}
    assert {"en", "de", "zh", "zh-Hant"} <= languages
    sides = {source.side for source in SHIPPED.enabled()}
    assert {"us-gov", "cn-gov", "eu-gov", "de-gov", "cn-state-media", "think-tank"} <= sides
    assert SHIPPED["de-heise"].url == "https://www.heise.de/rss/heise.rdf"
    assert SHIPPED["en-scmp-tech"].outlet == "South China Morning Post"
    assert SHIPPED["cn-people-politics"].timezone == "Asia/Shanghai"


def test_shipped_sources_that_are_off_say_why() -> None:
    off = [source for source in SHIPPED.values() if not source.enabled]
    assert len(off) == 23
    assert [source.id for source in off if not source.note.startswith("Off: ")] == []
    assert {source.id for source in SHIPPED.values() if source.kind is Kind.API} <= {source.id for source in off}


def test_shipped_addresses_are_different() -> None:
    urls = [source.url for source in SHIPPED.values()]
    assert len(set(urls)) == 134


def test_nothing_shipped_ignores_an_opt_out() -> None:
    assert [source.id for source in SHIPPED.values() if source.ignore_optout] == []


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('url = "ftp://example.org/feed"', "should be an http or https address"),
        ('url = "https://example.org/f"\nkind = "rss"', "should be one of feed, sitemap, page, folder, api"),
        ('url = "https://example.org/f"\ntimezone = "China"', "should be a time zone such as Asia/Shanghai"),
        ('url = "https://example.org/f"\nlanguage = "Deutsch"', "should be a language tag"),
        ('url = "https://example.org/f"\ncolour = "red"', "is not a known key"),
        ('url = "https://example.org/f"\nenabled = "no"', "should be true or false"),
        ('url = "relative/folder"\nkind = "folder"', "should be an absolute path"),
        ('url = "https://example.org/f"\nkind = "api"', "an api is not read"),
        ('homepage = "https://example.org"', "is missing"),
    ],
)
def test_bad_key_is_named_with_its_place(tmp_path: Path, line: str, complaint: str) -> None:
    write_own(tmp_path, f'schema = 1\n[sources.mine]\nname = "Mine"\n{line}\n')
    with pytest.raises(SettingsError, match=r"sources\.mine\.") as caught:
        load_sources(tmp_path)
    assert complaint in str(caught.value)
    assert str(tmp_path / FILE) in str(caught.value)


def test_all_bad_keys_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"schema": 2, "sources": {"A b": {"name": "", "url": "x"}}}, "a.toml")
    told = str(caught.value)
    assert all(part in told for part in ("schema", "an id is made of", "name: is empty", "url: should be"))


def test_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    write_own(tmp_path, "[sources\n")
    with pytest.raises(SettingsError, match="is not TOML"):
        load_sources(tmp_path)


def test_own_keys_lie_over_the_shipped_ones(tmp_path: Path) -> None:
    write_own(tmp_path, '[sources.cn-cac-rsshub]\nurl = "https://rss.example.org/gov/cac/xxh"\nenabled = true\n')
    found = load_sources(tmp_path)["cn-cac-rsshub"]
    assert (found.url, found.enabled) == ("https://rss.example.org/gov/cac/xxh", True)
    assert (found.language, found.side) == ("zh", "cn-gov")


def test_added_source_comes_back_and_leaves_the_shipped_file_alone(tmp_path: Path) -> None:
    before = (DATA / FILE).read_bytes()
    source = new_source(
        "https://www.example.org/feed.xml", SHIPPED, name="Example: News", language="en", topics=("chips",)
    )
    add_sources(tmp_path, [source])
    assert load_sources(tmp_path)["example-news"] == source
    assert source.outlet == "Example"
    assert len(load_sources(tmp_path)) == 135
    assert (DATA / FILE).read_bytes() == before


def test_comments_of_the_user_survive(tmp_path: Path) -> None:
    write_own(tmp_path, "# my sources\n[sources.de-heise]\nenabled = false  # too loud\n")
    switch_source(tmp_path, "de-golem", on=False)
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    assert "# my sources" in text and "# too loud" in text
    assert not load_sources(tmp_path)["de-golem"].enabled


def test_switching_on_and_off(tmp_path: Path) -> None:
    assert not switch_source(tmp_path, "de-heise", on=False).enabled
    assert "de-heise" not in {source.id for source in load_sources(tmp_path).enabled()}
    assert switch_source(tmp_path, "de-heise", on=True).enabled
    assert own_file(tmp_path) == {"de-heise": {"enabled": True}}


def test_an_api_cannot_be_switched_on(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is an api, which is not read"):
        switch_source(tmp_path, "agg-gdelt", on=True)
    assert not (tmp_path / FILE).exists()


def test_removing_a_shipped_and_an_own_source(tmp_path: Path) -> None:
    own = new_source("https://example.org/f", SHIPPED, id="mine")
    add_sources(tmp_path, [own])
    remove_source(tmp_path, "mine")
    remove_source(tmp_path, "de-golem")
    assert own_file(tmp_path) == {"de-golem": {"removed": True}}
    assert "de-golem" not in load_sources(tmp_path) and "mine" not in load_sources(tmp_path)
    with pytest.raises(UsageError, match="no source is called 'mine'"):
        remove_source(tmp_path, "mine")


def test_a_removed_source_can_be_added_again(tmp_path: Path) -> None:
    remove_source(tmp_path, "de-golem")
    address = SHIPPED["de-golem"].url
    add_sources(tmp_path, [new_source(address, load_sources(tmp_path), id="de-golem", name="Golem")])
    assert load_sources(tmp_path)["de-golem"].name == "Golem"


def test_unusable_new_sources(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is the source 'de-heise' already"):
        new_source(SHIPPED["de-heise"].url, SHIPPED)
    with pytest.raises(UsageError, match="is there already"):
        new_source("https://example.org/f", SHIPPED, id="de-heise")
    with pytest.raises(UsageError, match="cannot be an id"):
        new_source("https://example.org/f", SHIPPED, id="Groß")
    with pytest.raises(UsageError, match="absolute path"):
        new_source("reports", SHIPPED)


def test_a_folder_is_a_source(tmp_path: Path) -> None:
    source = new_source(str(tmp_path), SHIPPED, name="Reports")
    add_sources(tmp_path, [source])
    assert load_sources(tmp_path)["reports"].kind is Kind.FOLDER


def test_unknown_id_names_those_spelled_alike() -> None:
    with pytest.raises(UsageError, match="did you mean de-heise"):
        SHIPPED.source("de-heisse")


def test_ids_are_made_of_names() -> None:
    assert free_id("www.scmp.com", {}) == "scmp-com"
    assert free_id("量子位", {}) == "source"
    assert free_id("de heise", SHIPPED) == "de-heise-2"
    assert len(free_id("x" * 200, {})) <= 64


def test_registry_keeps_the_order_of_the_file() -> None:
    assert list(Sources(SHIPPED.values())) == list(SHIPPED)
    assert next(iter(SHIPPED)) == "us-fr-bis-rules"


def test_optouts_are_set_aside_knowingly_and_honoured_again(tmp_path: Path) -> None:
    run = CliRunner()
    arguments = ["--home", str(tmp_path), "sources", "optouts", "de-heise"]
    refused = run.invoke(app, [*arguments, "--ignore"], input="n\n")
    assert refused.exit_code != 0 and not (tmp_path / FILE).exists()
    assert run.invoke(app, [*arguments, "--ignore"], input="y\n").exit_code == 0
    assert load_sources(tmp_path)["de-heise"].ignore_optout
    assert own_file(tmp_path) == {"de-heise": {"ignore_optout": True}}
    assert run.invoke(app, [*arguments, "--honour"]).exit_code == 0
    assert not load_sources(tmp_path)["de-heise"].ignore_optout
    assert run.invoke(app, arguments).exit_code == 2


def test_a_source_is_added_as_what_it_is_said_to_be(tmp_path: Path) -> None:
    run = CliRunner()

    def add(*arguments: str) -> int:
        return run.invoke(app, ["--home", str(tmp_path), "sources", "add", *arguments]).exit_code

    assert add("https://a.example/news-sitemap.xml", "--id", "map") == 0
    assert add("https://b.example/latest", "--id", "list", "--kind", "page") == 0
    assert add("https://c.example/rss", "--id", "feed") == 0
    assert add("https://d.example/rss", "--kind", "api") == 1
    kinds = {id: source.kind for id, source in load_sources(tmp_path).items() if id in ("map", "list", "feed")}
    assert kinds == {"map": Kind.SITEMAP, "list": Kind.PAGE, "feed": Kind.FEED}
