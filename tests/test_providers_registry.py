"""The registry: what is shipped is whole and sourced; what a user adds is checked key by key."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kb.errors import SettingsError
from kb.providers import Area, DataPath, load_registry, open_chat
from kb.providers.entries import Kind
from kb.providers.registry import FILE, overlaid, parse
from kb.settings import DATA

RAW = tomllib.loads((DATA / FILE).read_text(encoding="utf-8"))
REGISTRY = load_registry()
DATE = re.compile(r"20\d\d(-\d\d){0,2}$")
GRADES = {"doc", "code", "probe", "seen", "second", "own"}


def test_everyone_of_the_issue_is_there() -> None:
    assert list(REGISTRY) == [
        *("openai", "qianfan", "qwen", "zhipu", "tencent", "sensenova", "deepseek", "moonshot", "volcengine"),
        *("minimax", "stepfun", "yi", "baichuan", "spark", "mimo", "siliconflow", "modelscope"),
        *("local", "ollama", "vllm", "llamacpp", "xinference", "lmstudio"),
    ]
    assert [id for id, each in REGISTRY.items() if each.never_fallback] == ["openai"]
    assert {id for id, each in REGISTRY.items() if each.seed_role == "domestic"} == {
        *("qianfan", "qwen", "zhipu", "tencent", "sensenova")
    }
    assert sum(len(each.errors) for each in REGISTRY.values()) + len(REGISTRY.errors) > 110


@pytest.mark.parametrize("provider", REGISTRY.values(), ids=str)
def test_every_fact_has_a_source_a_date_and_a_grade(provider: object) -> None:
    entry = REGISTRY[provider.id]  # type: ignore[attr-defined]
    facts = [*entry.endpoints, *entry.models, *entry.embeddings, *entry.errors, *entry.equivalents]
    assert facts
    for fact in facts:
        assert fact.src, fact
        assert DATE.match(fact.as_of), fact
        assert fact.conf in GRADES, fact
    assert entry.live == ("2026-11-23" if entry.id == "local" else "")
    for each in entry.endpoints:
        assert each.operator
        assert each.url.startswith("https://") or each.area is Area.LOCAL
    assert all(price.as_of for model in entry.models for price in model.prices)


@pytest.mark.parametrize("provider", REGISTRY.values(), ids=str)
def test_every_cloud_has_a_model_and_a_key(provider: object) -> None:
    entry = REGISTRY[provider.id]  # type: ignore[attr-defined]
    if entry.kind is Kind.LOCAL:
        assert not entry.auth.required
        return
    assert entry.auth.env
    assert entry.knows(entry.default)
    assert not entry.model(entry.default).retired


def test_names_of_sources_are_listed() -> None:
    short = {
        m[1]
        for each in re.findall(r'src = "([^"]*)"', (DATA / FILE).read_text())
        if (m := re.match(r"([A-Z]{2})\b", each))
    }
    assert short <= set(REGISTRY.sources)
    assert len(short) >= 8


BAD_KEYS: list[tuple[dict[str, object], str]] = [
    ({"schema": 2}, "schema: is 2; this version reads 1"),
    ({"provider": {}}, "provider: is not a known key"),
    ({"providers": {"mine": {}}}, "providers.mine.name: is missing"),
    ({"providers": {"mine": 3}}, "providers.mine: should be a table, is 3"),
    (
        {"providers": {"vllm": {"endpoints": [{"id": "m", "url": "https://gpu.example/v1"}]}}},
        "area: is local, but 'gpu.example' is a name",
    ),
]
QWEN_KEYS: list[tuple[dict[str, object], str]] = [
    ({"kind": "cluod"}, "providers.qwen.kind: should be one of cloud, aggregator, local"),
    ({"nmae": "x"}, "providers.qwen.nmae: is not a known key; known are auth, balance"),
    ({"params": {"temperature_max": "2"}}, "providers.qwen.params.temperature_max: should be a number, is '2'"),
    ({"params": {"send_temperature": 1}}, "send_temperature: should be true or false, is 1"),
    ({"params": {"drop": ["n", 3]}}, "drop: should be a list of texts"),
    ({"models": [{"id": "x", "context": 0}]}, "providers.qwen.models[x].context: should be a whole number above 0"),
    ({"models": [{"context": 9}]}, "providers.qwen.models[1].id: is missing"),
    ({"models": [{"id": "x", "endpoint": "moon"}]}, "models[x].endpoint: names no endpoint"),
    ({"models": [{"id": "x", "prices": [{"cur": "CNY"}]}]}, "prices[1].in: is missing"),
    ({"errors": [{"outcome": "lost", "status": 1}]}, "errors[1].outcome: should be one of answered"),
    ({"errors": [{"status": 1}]}, "errors[1].outcome: is missing"),
    ({"errors": [{"outcome": "timeout"}]}, "a rule needs a status, code, type or pattern"),
    ({"errors": [{"outcome": "timeout", "pattern": "("}]}, "pattern: is not a regular expression"),
    ({"endpoints": [{"id": "m", "url": "http://relay.example/v1"}]}, "endpoints[m].url: should begin with https"),
    ({"endpoints": [{"id": "m", "url": "ftp://relay.example"}]}, "should be an address like https://host/v1"),
    ({"endpoints": [{"id": "m", "url": "https://me:key@relay.example/v1"}]}, "without user name"),
    (
        {"endpoints": [{"id": "m", "url": "https://relay.example/v1", "area": "moon"}]},
        "area: should be one of mainland",
    ),
    ({"auth": {"env": []}}, "providers.qwen.auth.env: is missing"),
    ({"equivalents": [{"of": "x", "model": "y", "by": "rumour"}]}, "by: should be vendor or ours"),
]
BAD_KEYS += [({"providers": {"qwen": over}}, line) for over, line in QWEN_KEYS]


@pytest.mark.parametrize(("over", "line"), BAD_KEYS)
def test_a_bad_key_is_named(over: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(overlaid(RAW, over), "mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml cannot be used; correct these keys:")
    assert line in message


def test_all_bad_keys_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        parse(overlaid(RAW, {"providers": {"qwen": {"nmae": "x", "kind": "y"}, "mine": {}}}), "mine.toml")
    assert len(str(caught.value).splitlines()) == 1 + 5


def test_a_provider_is_added_without_code(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        """
        [providers.mine]
        name = "Mine"
        endpoints = [{ id = "only", url = "https://llm.mine.example/v1", area = "mainland", operator = "Mine" }]
        models = [{ id = "mine-1", context = 64000 }]
        errors = [{ status = 400, code = "77", outcome = "content_blocked" }]
        auth = { env = ["MINE_API_KEY"] }
        """
    )
    registry = load_registry(tmp_path)
    assert len(registry) == len(REGISTRY) + 1
    chat = open_chat(registry, "mine", env={"MINE_API_KEY": "sk-mine-0123456789"}, home=tmp_path)
    assert (chat.model, chat.context, chat.target.endpoint.host) == ("mine-1", 64000, "llm.mine.example")


def test_what_a_user_lays_over_the_registry(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        """
        [providers.qwen]
        default_model = "qwen-next"
        default_endpoint = "workspace"
        endpoints = [{ id = "workspace", url = "https://ws-1.cn-beijing.maas.aliyuncs.com/compatible-mode/v1" }]
        models = [{ id = "qwen-next", context = 5000 }, { id = "qwen3.7-plus", context = 1234 }]
        errors = [{ code = "Arrearage", outcome = "rate_limited" }]
        [providers.qwen.params]
        temperature = 0.5
        """
    )
    qwen, shipped = load_registry(tmp_path)["qwen"], REGISTRY["qwen"]
    chat = open_chat(load_registry(tmp_path), "qwen", env={"DASHSCOPE_API_KEY": "sk-0123456789"})
    assert (chat.model, chat.context, chat.endpoint) == ("qwen-next", 5000, "workspace")
    assert (qwen.model("qwen3.7-plus").context, qwen.model("qwen3.7-plus").role) == (1234, "default")
    assert len(qwen.models) == len(shipped.models) + 1
    assert qwen.errors[0].outcome == "rate_limited"
    assert len(qwen.errors) == len(shipped.errors) + 1
    assert (qwen.params.temperature, qwen.params.drop) == (0.5, shipped.params.drop)
    assert [each.id for each in qwen.reachable(DataPath.MAINLAND)] == ["workspace", "mainland"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("providers = [")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_registry(tmp_path)


def test_unknown_models_are_allowed() -> None:
    env = {"DASHSCOPE_API_KEY": "sk-0123456789"}
    assert open_chat(REGISTRY, "qwen", model="qwen9", env=env).context == 8192
    assert open_chat(REGISTRY, "qwen", model="qwen9", context=32_000, max_output=100, env=env).context == 32_000


def test_retired_models_name_their_successor() -> None:
    assert REGISTRY["tencent"].retired("hunyuan-turbos-latest").successor == "hy3-preview"  # type: ignore[union-attr]
    assert REGISTRY["moonshot"].retired("moonshot-v1-32k").retired == "2026-08-31"  # type: ignore[union-attr]
    assert REGISTRY["tencent"].retired("hy4") is None


def test_importing_is_light() -> None:
    code = "import sys, kb.providers, kb.care.migrate; kb.providers.load_registry(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert "kb.providers.client" in loaded
    assert not loaded & {"httpx", "openai", "llama_index", "llama_index.core", "ssl", "httpcore", "keyring"}
