"""`lagebild doctor`, `migrate` and `compare`: what they find and say, and what they never show."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.care.doctor import Finding, State, disk_finding, examine, hosts, sqlite_finding
from kb.care.reaching import answer_findings
from kb.embedding import Embedder
from kb.knowledge import open_kb
from kb.providers import Secret, load_registry
from kb.providers.keys import store_key
from kb.providers.reach import Barrier, Reach
from kb.settings import Settings
from tests.conftest import ROOT
from tests.fakeproviders import FakeProviders, error, key_of
from tests.questions import ENGLISH_QUESTION, TRUE, cited, fill

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        running.answer = lambda request: cited(request) if "<passages-" in str(request.body) else "yes"
        yield running


@pytest.fixture(scope="module")
def pointed(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, fake: FakeProviders) -> Path:
    """A filled home whose providers.toml leads qwen and zhipu to the fake server, with keys of theirs."""
    home = tmp_path_factory.mktemp("pointed")
    blocks = []
    for id in ("qwen", "zhipu"):
        rows = [each for each in REGISTRY[id].endpoints if each.usable]
        shown = ", ".join(f'{{ id = "{each.id}", url = "{fake.url(id, each.id, each.url)}" }}' for each in rows)
        blocks.append(f"[providers.{id}]\nendpoints = [{shown}]")
        store_key(home, REGISTRY[id], Secret(key_of(id)))
    (home / "providers.toml").write_text("\n".join(blocks), encoding="utf-8")
    with open_kb(settings=Settings(home), embedder=embedder) as kb:
        fill(kb)
    return home


def run(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ingest.cli", "--home", str(home), *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **env})


def found(settings: Settings, topic: str, **more: object) -> dict[str, Finding]:
    more.setdefault("env", {})
    return {one.subject: one for one in examine(settings, **more) if one.topic == topic}  # type: ignore[arg-type]


# ── doctor ────────────────────────────────────────────────────────────────────────────────────────


def test_versions_of_sqlite() -> None:
    assert sqlite_finding((3, 40, 1)).state is State.NOTE
    assert sqlite_finding((3, 51, 2)).state is State.NOTE
    assert sqlite_finding((3, 52, 0)).state is State.OK
    assert sqlite_finding((3, 6, 23)).state is State.OK


def test_disk() -> None:
    assert [disk_finding(free).state for free in (10**8, 10**9, 10**11)] == [State.PROBLEM, State.NOTE, State.OK]


def test_a_fresh_home_is_no_problem_and_is_not_made(home: Path) -> None:
    shown = found(Settings(home, provider="none"), "home")
    assert shown["catalog"].state is State.NOTE
    assert not home.exists()


def test_a_damaged_catalog_is_a_problem(home: Path) -> None:
    home.mkdir()
    (home / "catalog.sqlite").write_bytes(b"SQLite format 3\x00" + b"garbage" * 500)
    one = found(Settings(home), "home")["catalog"]
    assert one.state is State.PROBLEM
    assert "restore" in one.advice


def test_the_catalog_is_checked(pointed: Path) -> None:
    one = found(Settings(pointed), "home")["catalog"]
    assert (one.state, one.message) == (State.OK, "5 articles, the check finds nothing wrong")


def test_weights(home: Path) -> None:
    missing = found(Settings(home), "model")["qwen2.5-coder-1.5b"]
    assert missing.state is State.PROBLEM
    assert "lagebild models pull" in missing.message
    assert found(Settings(home, provider="qwen"), "model")["qwen2.5-coder-1.5b"].state is State.OK


def test_keys_are_named_and_never_shown(home: Path, fake: FakeProviders) -> None:
    settings = Settings(home, provider="qwen", fallback=("zhipu", "deepseek"))
    env = {name: key for name, key in fake.env().items() if name not in REGISTRY["zhipu"].auth.env}
    store_key(home, REGISTRY["deepseek"], Secret("sk-planted-in-the-file"))
    shown = list(examine(settings, env=env))
    keys = {one.subject: one for one in shown if one.topic == "keys"}
    assert keys["qwen"].state is State.OK
    assert keys["qwen"].message == f"from {REGISTRY['qwen'].auth.env[0]}"
    assert keys["zhipu"].state is State.PROBLEM
    assert REGISTRY["zhipu"].auth.env[0] in keys["zhipu"].advice
    assert "planted" not in str(shown)
    (home / "keys.toml").chmod(0o644)
    assert found(settings, "keys")["keys.toml"].state is State.PROBLEM


def test_choices_that_cannot_work(home: Path) -> None:
    shown = found(Settings(home, provider="qwen", fallback=("nosuch", "openai"), data_path="local"), "providers")
    assert shown["nosuch"].state is State.PROBLEM
    assert "permits none" in shown["qwen"].message
    openai = [one for one in examine(Settings(home, fallback=("openai",)), env={}) if one.subject == "openai"]
    assert any("never" in one.message for one in openai)


def test_a_bad_registry_is_named(home: Path) -> None:
    home.mkdir()
    (home / "providers.toml").write_text("[providers.qwen]\nnosuch = 1\n")
    assert found(Settings(home), "providers")["registry"].state is State.PROBLEM


def test_no_host_is_tried_without_being_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("a host was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    monkeypatch.setattr(socket.socket, "connect", never)
    shown = found(Settings(home, provider="qwen", fallback=("zhipu",)), "network")
    assert {one.state for one in shown.values()} == {State.NOTE}
    assert any(REGISTRY["qwen"].endpoints[0].host in subject for subject in shown)


def test_hosts_are_those_of_the_settings(home: Path) -> None:
    settings = Settings(home, provider="qwen", fallback=("deepseek",))
    names = [host.name for host in hosts(settings, REGISTRY, {REGISTRY["zhipu"].auth.env[0]: "x"})]
    assert sorted(names) == sorted(
        next(each.host for each in REGISTRY[id].endpoints if each.usable) for id in ("qwen", "deepseek", "zhipu")
    )
    remote = replace(settings, embedder="openai-like", embedding_url="https://vectors.example:8443/v1")
    assert ("vectors.example", 8443) in [(host.name, host.port) for host in hosts(remote, REGISTRY, {})]


def test_what_stands_in_the_way_is_named_in_the_readers_language(home: Path) -> None:
    def silent(host: str, port: int, **_: object) -> Reach:
        return Reach(host, port, Barrier.RESET)

    settings = Settings(home, provider="qwen", language="zh", data_path="mainland")
    tried = found(settings, "network", network=True, reacher=silent)
    (one,) = tried.values()
    assert one.state is State.PROBLEM
    assert one.advice == Reach("x", 1, Barrier.RESET).advice("zh")


def test_a_forbidden_host_is_not_tried(home: Path) -> None:
    def never(*_: object, **__: object) -> Reach:
        raise AssertionError("a host was tried")

    settings = Settings(home, provider="qwen", data_path="local", embedder="openai-like")
    settings = replace(settings, embedding_url=REGISTRY["qwen"].endpoints[0].url)
    shown = found(settings, "network", network=True, reacher=never)
    assert all("forbids" in one.message for one in shown.values())
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("provider", "reply", "outcome", "said"),
    [
        ("openai", (403, {"error": {"code": "unsupported_country_region_territory"}}), "region_blocked", "deepseek"),
        ("qwen", (401, {"error": {"code": "invalid_api_key", "message": "bad"}}), "auth_invalid", "singapore"),
        ("deepseek", (402, {"error": {"message": "Insufficient Balance"}}), "balance_exhausted", "Top it up"),
    ],
)
def test_what_a_provider_says_to_its_key(
    home: Path, fake: FakeProviders, provider: str, reply: tuple[int, dict[str, object]], outcome: str, said: str
) -> None:
    fake.requests.clear()
    fake.script(provider, error(*reply))
    settings = Settings(home, provider=provider)
    env = {name: key for name, key in fake.env().items() if name in REGISTRY[provider].auth.env}
    (one,) = answer_findings(settings, fake.registry(), env)
    assert (one.subject, one.state, one.message) == (provider, State.PROBLEM, outcome)
    assert said in one.advice
    (request,) = fake.requests
    assert (request.path.rsplit("/", 1)[1], request.body) == ("models", {})
    assert "planted" not in f"{one}"


def test_blocked_weights_name_their_mirrors(home: Path) -> None:
    def silent(host: str, port: int, **_: object) -> Reach:
        return Reach(host, port, Barrier.SILENCE)

    settings = Settings(home, models=home / "none")
    shown = found(settings, "network", network=True, reacher=silent)
    assert list(shown) == ["modelscope.cn:443", "huggingface.co:443"]
    assert all(one.state is State.NOTE and "hf-mirror.com" in one.advice for one in shown.values())
    mirrored = replace(settings, hf_endpoint="https://hf-mirror.com")
    env = {"PIP_INDEX_URL": "https://wheels.example/simple"}
    names = [host.name for host in hosts(mirrored, REGISTRY, env)]
    assert names == ["modelscope.cn", "hf-mirror.com", "wheels.example"]


def test_the_command(pointed: Path, fake: FakeProviders) -> None:
    good = run(pointed, "doctor", "--network", "--json", LAGEBILD_PROVIDER="qwen")
    result = json.loads(good.stdout)
    assert (good.returncode, result["problems"]) == (0, 0), good.stdout
    answered = {one["subject"]: one["message"] for one in result["findings"] if one["topic"] == "answers"}
    assert answered.keys() == {"qwen", "zhipu"}
    assert all(re.fullmatch(r"answers, \d+ models", message) for message in answered.values())
    reached = [one for one in result["findings"] if one["topic"] == "network"]
    assert [(one["state"], one["subject"]) for one in reached] == [("ok", f"127.0.0.1:{fake.port}")]
    bad = run(pointed, "doctor", LAGEBILD_PROVIDER="deepseek")
    assert bad.returncode == 1
    assert REGISTRY["deepseek"].auth.env[0] in bad.stdout
    assert "planted" not in good.stdout + good.stderr + bad.stdout + bad.stderr


# ── migrate ───────────────────────────────────────────────────────────────────────────────────────

DOTENV = 'OPENAI_API_KEY="sk-planted-0123456789abcdef"\nOPENAI_BASE_URL=https://api.openai.com/v1\nMODEL=gpt-4o-mini\n'


def test_migrate_prints_the_new_settings_and_tries_them(pointed: Path, fake: FakeProviders, tmp_path: Path) -> None:
    file = tmp_path / "old.env"
    file.write_text(DOTENV)
    before = len(fake.asked("qwen"))
    done = run(pointed, "migrate", str(file), "--to", "qwen", "--test")
    assert done.returncode == 0, done.stderr
    assert "LAGEBILD_PROVIDER=qwen" in done.stdout.splitlines()
    assert f"{REGISTRY['qwen'].auth.env[0]}=" in done.stdout.splitlines()
    assert "published by the vendor" in done.stdout and "our suggestion" in done.stdout
    assert "test: answered" in done.stdout
    assert len(fake.asked("qwen")) == before + 1
    assert "planted" not in done.stdout + done.stderr


def test_migrate_lists_everyone_but_openai(pointed: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.env"
    file.write_text(DOTENV)
    result = json.loads(run(pointed, "migrate", str(file), "--json").stdout)
    ids = [plan["provider"] for plan in result["plans"]]
    assert set(ids[:5]) == {"qianfan", "qwen", "tencent", "sensenova", "zhipu"}
    assert "openai" not in ids
    assert "planted" not in json.dumps(result)


@pytest.mark.parametrize(("arguments", "said"), [((), "no OpenAI settings"), (("--model", "gpt-4o", "--test"), "--to")])
def test_migrate_says_what_is_missing(pointed: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(pointed, "migrate", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


# ── providers ─────────────────────────────────────────────────────────────────────────────────────


def test_providers_are_tested_and_listed_with_what_is_left(pointed: Path, fake: FakeProviders) -> None:
    def left() -> int:
        listed = json.loads(run(pointed, "providers", "list", "--json").stdout)["providers"]
        rows = {row["id"]: row for row in listed}
        assert (rows["qwen"]["key"], rows["deepseek"]["key"], rows["zhipu"]["free"]) == ("keys.toml", None, [])
        return int(rows["qwen"]["free"][0]["left"])

    before = left()
    done = run(pointed, "providers", "test", "qwen", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["outcome"], found["host"]) == (0, "answered", "127.0.0.1")
    assert before - left() == found["usage"]["prompt_tokens"] + found["usage"]["completion_tokens"] > 0
    fake.script("qwen", error(401, {"error": {"code": "invalid_api_key", "message": f"{key_of('qwen')} is bad"}}))
    refused = run(pointed, "providers", "test", "qwen")
    assert refused.returncode == 1
    assert "auth_invalid" in refused.stdout and "singapore" in refused.stdout
    assert "planted" not in refused.stdout + refused.stderr + done.stdout


def test_a_data_path_on_the_command_line(pointed: Path, fake: FakeProviders) -> None:
    before = len(fake.requests)
    done = run(pointed, "ask", ENGLISH_QUESTION, "-p", "qwen", "--data-path", "local", "--json")
    result = json.loads(done.stdout)
    assert (done.returncode, len(fake.requests)) == (1, before)
    assert [each["outcome"] for each in result["provider"]["attempts"]] == ["path_forbidden"]
    assert run(pointed, "ask", "x", "--data-path", "moon").returncode == 2


# ── compare, and what ask adds ────────────────────────────────────────────────────────────────────


def test_compare_on_the_command_line(pointed: Path, fake: FakeProviders) -> None:
    done = run(pointed, "compare", ENGLISH_QUESTION, "-p", "qwen", "-p", "zhipu", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [each["provider"]["answered_by"] for each in result["answers"]] == ["qwen", "zhipu"]
    assert all(TRUE in each["answer"] for each in result["answers"])
    assert re.search(r"at most \d\.\d{4} CNY \(prices of 20\d\d", done.stderr)
    fake.blocked["zhipu"] = {"Question:"}
    partly = run(pointed, "compare", ENGLISH_QUESTION, "-p", "qwen", "-p", "zhipu")
    fake.blocked.clear()
    assert partly.returncode == 3
    assert "content_blocked" in partly.stdout


def test_ask_with_a_fallback_and_what_the_status_says(pointed: Path, fake: FakeProviders) -> None:
    done = run(
        pointed,
        "ask",
        ENGLISH_QUESTION,
        "-p",
        "deepseek",
        "--fallback",
        "qwen",
        "--json",
        LAGEBILD_DATA_PATH="mainland",
    )
    result = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert result["provider"]["answered_by"] == "qwen"
    assert result["provider"]["attempts"][0]["provider"] == "deepseek"
    status = json.loads(run(pointed, "status", "--json").stdout)
    assert {line["provider"] for line in status["spend"]} >= {"qwen"}
    assert all(line["calls"] > 0 and line["prompt_tokens"] > 0 for line in status["spend"])
