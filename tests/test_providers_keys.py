"""Keys: where they are found, how they are kept, and that they are seen nowhere."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import stat
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakeproviders import WAYS, FakeProviders, ask, chat_with, chunk, error, events, key_of, samples

from kb.errors import ProviderError, SettingsError, UsageError
from kb.providers import CallFailed, Message, Secret, load_registry, open_chat
from kb.providers.keys import FILE, find_key, known_keys, read_keys, redact, store_key
from kb.providers.registry import overlaid

REGISTRY = load_registry()
QWEN, SPARK = REGISTRY["qwen"], REGISTRY["spark"]


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeProviders]:
    with FakeProviders() as running:
        yield running


def test_a_secret_does_not_show_itself() -> None:
    secret = Secret(" sk-planted-0123456789 ")
    assert secret.reveal() == "sk-planted-0123456789"
    shown = f"{secret} {secret!r} {[secret]} {secret:}"
    assert "planted" not in shown
    assert shown == "[key] Secret([key]) [Secret([key])] [key]"
    assert secret == Secret("sk-planted-0123456789")
    assert secret != Secret("sk-planted-0123456788")
    assert not Secret("")
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(secret)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    store_key(tmp_path, SPARK, Secret("sk-of-the-file-0123456"))
    env = {"SPARK_API_KEY": "second", "IFLYTEK_API_KEY": "third"}
    found = find_key(SPARK, home=tmp_path, env=env)
    assert found is not None
    assert (found.secret.reveal(), found.where) == ("second", "SPARK_API_KEY")
    stored = find_key(SPARK, home=tmp_path, env={"SPARK_API_KEY": "  "})
    assert stored is not None
    assert (stored.secret.reveal(), stored.where) == ("sk-of-the-file-0123456", FILE)
    assert find_key(QWEN, home=tmp_path, env={}) is None


def test_keys_by_endpoint(tmp_path: Path) -> None:
    store_key(tmp_path, QWEN, Secret("sk-mainland"), "mainland")
    store_key(tmp_path, QWEN, Secret("sk-singapore"), "singapore")
    store_key(tmp_path, SPARK, Secret('odd"key\\with$signs'))
    found = {endpoint: find_key(QWEN, endpoint, tmp_path, {}) for endpoint in ("mainland", "singapore", "us")}
    assert {key: each.secret.reveal() if each else None for key, each in found.items()} == {
        "mainland": "sk-mainland",
        "singapore": "sk-singapore",
        "us": None,
    }
    assert find_key(SPARK, "", tmp_path, {}).secret.reveal() == 'odd"key\\with$signs'  # type: ignore[union-attr]
    store_key(tmp_path, QWEN, Secret(""), "mainland")
    assert find_key(QWEN, "mainland", tmp_path, {}) is None
    assert find_key(QWEN, "singapore", tmp_path, {}) is not None
    store_key(tmp_path, QWEN, Secret(""))
    assert list(read_keys(tmp_path / FILE)) == ["spark"]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        file = store_key(tmp_path, QWEN, Secret("sk-0123456789"))
    finally:
        os.umask(old)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [FILE]
    for mode in (0o640, 0o604, 0o666):
        file.chmod(mode)
        with pytest.raises(SettingsError, match=rf"mode {mode:04o}.*chmod 600"):
            find_key(QWEN, home=tmp_path, env={})
        with pytest.raises(SettingsError, match="chmod 600"):
            store_key(tmp_path, QWEN, Secret("sk-other"))


@pytest.mark.parametrize("text", ["qwen = 'sk-planted", "qwen = 3", "[qwen]\nmainland = 3", "qwen = ['sk-planted-x']"])
def test_a_broken_file_is_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    (tmp_path / FILE).chmod(0o600)
    with pytest.raises(SettingsError) as caught:
        find_key(QWEN, home=tmp_path, env={})
    assert "planted" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("text", ["sk with blanks", "sk-ключ", "sk-\n-line"])
def test_what_cannot_be_a_key(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="cannot be a key of"):
        store_key(tmp_path, QWEN, Secret(text))
    with pytest.raises(UsageError, match="has no endpoint 'moon'; it has: mainland"):
        store_key(tmp_path, QWEN, Secret("sk-good"), "moon")


def test_the_keyring_is_asked_if_it_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class KeyringError(Exception):
        pass

    ring = types.ModuleType("keyring")
    held = {("lagebild", "qwen.singapore"): "sk-of-singapore", ("lagebild", "spark"): "password"}
    ring.get_password = lambda service, user: held.get((service, user))  # type: ignore[attr-defined]
    ring.errors = types.SimpleNamespace(KeyringError=KeyringError)  # type: ignore[attr-defined]
    ring.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    found = find_key(QWEN, "singapore", tmp_path, {})
    assert found is not None
    assert (found.secret.reveal(), found.where) == ("sk-of-singapore", "keyring")
    assert find_key(QWEN, "mainland", tmp_path, {}) is None

    def locked(service: str, user: str) -> str:
        raise KeyringError

    ring.get_password = locked  # type: ignore[attr-defined]
    assert find_key(SPARK, "", tmp_path, {}) is None


def test_without_a_key_the_variable_is_named() -> None:
    with pytest.raises(CallFailed, match="Set DASHSCOPE_API_KEY, or store one") as caught:
        open_chat(REGISTRY, "qwen", env={})
    assert caught.value.outcome == "auth_missing"
    assert caught.value.failure.requests == 0


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("key sk-abcdefgh12345678 is bad", "key [key] is bad"),
        ("bce-v3/ALTAK-abc123/0123456789abcdef!", "[key]!"),
        ("0123456789abcdef0123456789abcdef.AbCdEfGh12", "[key]"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer [key]"),
        ("Your api key: ****cdef is invalid", "Your api key: [key] is invalid"),
        ("account org-0123456789abcdef <ak-0123456789abcdef>", "account [key] <[key]>"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJhIjoxfQ.c2ln", "[key]"),
        ("risk-averse task-oriented desk-bound", "risk-averse task-oriented desk-bound"),
        ("plain a/b%c", "plain [key]"),
        ("quoted a%2Fb%25c", "quoted [key]"),
    ],
)
def test_redaction(text: str, clean: str) -> None:
    assert redact(text, [Secret("a/b%c")]) == clean


def test_every_key_is_known(tmp_path: Path) -> None:
    store_key(tmp_path, QWEN, Secret("sk-file"), "us")
    env = {"ARK_API_KEY": "sk-ark", "KIMI_API_KEY": "sk-kimi", "OTHER": "sk-other", "YI_API_KEY": " "}
    assert {each.reveal() for each in known_keys(REGISTRY.values(), tmp_path, env)} == {"sk-file", "sk-ark", "sk-kimi"}


def test_region_and_prefix_hints(fake: FakeProviders) -> None:
    env = fake.env() | {"DASHSCOPE_API_KEY": "sk-of-another-site-0123", "QIANFAN_API_KEY": "sk-not-baidu-0123456"}
    with pytest.raises(CallFailed) as caught:
        open_chat(fake.registry(), "qwen", endpoint="singapore", env=env).complete([Message("user", "x")], max_tokens=5)
    assert "belong to one site" in str(caught.value)
    assert "mainland (127.0.0.1)" in str(caught.value)
    with pytest.raises(CallFailed, match=r"begin with bce-v3/ALTAK-; this one does not"):
        open_chat(fake.registry(), "qianfan", env=env).complete([Message("user", "x")], max_tokens=5)


def test_planted_keys_are_seen_nowhere(
    fake: FakeProviders, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every sample with the key echoed in it, and answers that quote it, by all four ways, at DEBUG."""
    caplog.set_level(logging.DEBUG)
    shown: list[str] = []
    planted = {key_of(id) for id in fake.registry()}
    calls = 0
    for sample in samples():
        provider = sample["provider"]
        key = key_of(provider)
        body = (
            sample["body"].replace('"message":"', f'"message":"{key} ').replace('status_msg":"', f'status_msg":"{key} ')
        )
        for way in WAYS:
            fake.script(provider, *[error(int(sample["status"]), body)] * 4)
            chat = chat_with(fake, provider)
            shown.append(repr(chat) + repr(chat.target))
            with pytest.raises(ProviderError) as caught:
                ask(chat, way)
            fake.scripts[provider].clear()
            failed = caught.value
            shown += ["".join(traceback.format_exception(failed)), repr(failed), str(vars(failed)), failed.detail]
            shown += [repr(local) for _, local in walk(failed)]
            calls += 1
    fake.script("qwen", events(chunk("Half"), {"error": {"message": f"bad key {key_of('qwen')}"}}))
    done = ask(chat_with(fake, "qwen"), "stream")
    assert done.detail == "bad key [key]"
    shown += [repr(done), caplog.text, *capfd.readouterr()]
    assert calls == 35 * 4
    assert len(caplog.text) > 10_000
    found = {key for key in planted for text in shown if key in text}
    assert found == set()


def walk(failed: BaseException) -> Iterator[tuple[str, object]]:
    """The locals of every frame of ours in a traceback, as a debugger or a rich traceback would show them."""
    for frame, _ in traceback.walk_tb(failed.__traceback__):
        if f"{os.sep}kb{os.sep}" in frame.f_code.co_filename:
            for name, value in frame.f_locals.items():
                with contextlib.suppress(Exception):
                    yield name, repr(value)


def test_the_overlay_cannot_hold_a_key() -> None:
    from kb.providers.registry import parse

    with pytest.raises(SettingsError, match="key: is not a known key"):
        parse(overlaid({"providers": {"x": {"name": "x"}}}, {"providers": {"x": {"auth": {"key": "sk-1"}}}}), "mine")
