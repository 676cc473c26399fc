"""From OpenAI settings to a provider's of here."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.care.migrate import Found, Setting, given_settings, migration, read_settings, suggestions
from kb.errors import UsageError
from kb.providers import DataPath, load_registry

REGISTRY = load_registry()
DOTENV = """
# the old project
export OPENAI_API_KEY="sk-planted-0123456789abcdef"   # do not commit
OPENAI_BASE_URL=https://api.openai.com/v1
OPENAI_ORG_ID='org-planted0123456789'
CHAT_MODEL = gpt-4o-mini
BIG_MODEL=gpt-4o
EMBEDDING_MODEL="text-embedding-3-large"
RELAY=https://eu.api.openai.com/v1
PORT=8080
NAME=gpt
EMPTY=
"""


@pytest.fixture
def found(tmp_path: Path) -> Found:
    file = tmp_path / ".env"
    file.write_text(DOTENV)
    return read_settings({"HOME": "/home/me", "CHAT_MODEL": "gpt-3.5-turbo"}, [file])


def test_settings_are_found_without_the_key(found: Found, tmp_path: Path) -> None:
    where = str(tmp_path / ".env")
    assert found.keys == (Setting("OPENAI_API_KEY", "[key]", where),)
    assert [each.name for each in found.urls] == ["OPENAI_BASE_URL", "RELAY"]
    assert [(each.name, each.value) for each in found.chat_models] == [
        ("BIG_MODEL", "gpt-4o"),
        ("CHAT_MODEL", "gpt-4o-mini"),
    ]
    assert [each.value for each in found.embedding_models] == ["text-embedding-3-large"]
    assert [(each.name, each.value) for each in found.lost] == [("OPENAI_ORG_ID", "[key]")]
    assert "planted" not in str(found)


def test_nothing_found(tmp_path: Path) -> None:
    assert not read_settings({"PATH": "/bin", "LLM": "qwen-max"})
    with pytest.raises(UsageError, match="cannot be read"):
        read_settings({}, [tmp_path / "none.env"])


def test_what_the_vendor_published_and_what_is_ours(found: Found) -> None:
    plan = migration(found, REGISTRY, "qwen")
    assert [(each.old, each.new, each.by) for each in plan.models] == [
        ("gpt-4o", "qwen-plus", "vendor"),
        ("gpt-4o", "qwen3.7-plus", "ours"),
        ("gpt-4o-mini", "qwen-plus", "vendor"),
        ("gpt-4o-mini", "qwen3.8-flash", "ours"),
    ]
    assert [(each.new, each.by, each.as_of) for each in plan.embeddings] == [
        ("text-embedding-v4", "vendor", "2026-10-12")
    ]
    assert all(each.src for each in (*plan.models, *plan.embeddings) if each.by == "vendor")
    assert plan.offer.startswith("2024: 22,000,000 tokens of Qwen-plus")
    assert "That offer is over" in plan.offer


def test_the_new_settings(found: Found) -> None:
    plan = migration(found, REGISTRY, "qwen")
    url = "https://dashscope.aliyuncs.com/compatible-mode/v1"
    assert plan.env.splitlines() == [
        "LAGEBILD_PROVIDER=qwen",
        "LAGEBILD_MODEL=qwen3.7-plus",
        "DASHSCOPE_API_KEY=",
        "LAGEBILD_EMBEDDER=openai-like",
        f"LAGEBILD_EMBEDDING_URL={url}",
        "LAGEBILD_EMBEDDING_MODEL=text-embedding-v4",
        f"OPENAI_BASE_URL={url}",
        "BIG_MODEL=qwen3.7-plus",
        "CHAT_MODEL=qwen3.8-flash",
    ]
    assert "planted" not in plan.env


@pytest.mark.parametrize(
    ("provider", "change"),
    [
        ("qwen", "temperature: ≥ 0 and < 2"),
        ("qwen", "key: bound to its site; it must be one for mainland"),
        ("qianfan", "temperature: > 0 and ≤ 1"),
        ("qianfan", "key: a key of Baidu Qianfan (ERNIE) in QIANFAN_API_KEY"),
        ("zhipu", "leave out: frequency_penalty, presence_penalty, logit_bias, n"),
        ("zhipu", "response_format: json_object only"),
        ("moonshot", "temperature: leave it out, only the fixed value is accepted"),
        ("moonshot", "max_tokens is called max_completion_tokens"),
        ("spark", "replies carry no finish_reason"),
        ("deepseek", "vectors: DeepSeek has no embedding model that we know of; use the built-in one"),
        ("tencent", "OPENAI_ORG_ID: names your OpenAI organisation"),
    ],
)
def test_what_must_change(found: Found, provider: str, change: str) -> None:
    plan = migration(found, REGISTRY, provider)
    assert [line for line in plan.changes if line.startswith(change)], plan.changes


def test_an_address_and_a_model_are_enough() -> None:
    plan = migration(given_settings("https://api.openai.com/v1", "gpt-4"), REGISTRY, "zhipu")
    assert [(each.new, each.by) for each in plan.models] == [("glm-4", "vendor"), ("glm-5.2", "ours")]
    assert plan.settings["LAGEBILD_MODEL"] == "glm-5.2"
    old = migration(given_settings(model="hunyuan-turbo"), REGISTRY, "tencent")
    assert [(each.new, each.by) for each in old.models] == [("hy3-preview", "vendor"), ("hy4", "ours")]


def test_suggestions_begin_with_those_of_2024(found: Found) -> None:
    plans = suggestions(found, REGISTRY)
    assert [each.provider for each in plans[:5]] == ["qianfan", "qwen", "zhipu", "tencent", "sensenova"]
    assert all("That offer is over" in each.offer for each in plans[:5])
    assert "openai" not in {each.provider for each in plans}
    assert len(plans) == 16
    outside = suggestions(found, REGISTRY, DataPath.NO_MAINLAND)
    assert [(each.provider, each.endpoint) for each in outside] == [("qwen", "singapore"), ("tencent", "international")]
    with pytest.raises(UsageError, match="permits no address of DeepSeek"):
        migration(found, REGISTRY, "deepseek", DataPath.NO_MAINLAND)
