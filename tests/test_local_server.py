"""The built-in server: what it refuses without a model, and what it does with one.

The second half needs real weights: set LAGEBILD_MODELS to a folder that holds a model of the
catalogue (`lagebild models pull qwen2.5-coder-0.5b`); else it is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kb.errors import ModelUnavailable
from kb.local import server as module
from kb.local import start
from kb.local.catalogue import by_id
from kb.local.server import LocalServer, available_memory, usable_threads
from kb.local.weights import path_of
from kb.settings import Settings
from tests.test_local_weights import DATA

FOLDER = os.environ.get("LAGEBILD_MODELS", "")


def weights_here() -> Path | None:
    """The smallest model of the catalogue in LAGEBILD_MODELS."""
    ids = ("qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b")
    found = (path_of(by_id(name), Path(FOLDER)) for name in ids) if FOLDER else ()
    return next((path for path in found if path), None)


# Without a model


def test_a_missing_file_is_an_error_that_names_it(tmp_path):
    with LocalServer(tmp_path / "none.gguf") as server, pytest.raises(ModelUnavailable, match=r"none\.gguf cannot be"):
        _ = server.base_url


def test_a_page_saved_as_a_model_is_refused_before_a_process_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(module.subprocess, "Popen", lambda *_, **__: pytest.fail("a process was started"))
    (tmp_path / "page.gguf").write_text("<html>")
    with pytest.raises(ModelUnavailable, match=r"page\.gguf is not a whole GGUF file"):
        _ = LocalServer(tmp_path / "page.gguf").base_url


def test_too_little_memory_is_said_before_loading(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available_memory", lambda: 10_000_000)
    (tmp_path / "a.gguf").write_bytes(DATA)
    with pytest.raises(ModelUnavailable, match=r"a.gguf needs about 0.3 GB of memory, 0.0 GB are free; close other"):
        _ = LocalServer(tmp_path / "a.gguf").base_url


def test_weights_that_llama_cpp_refuses_are_an_error_not_a_crash(tmp_path):
    pytest.importorskip("xllamacpp")
    (tmp_path / "noise.gguf").write_bytes(DATA)
    with LocalServer(tmp_path / "noise.gguf", threads=1) as server:
        with pytest.raises(ModelUnavailable, match=r"noise.gguf cannot be loaded: .+\. Check it"):
            _ = server.base_url
        assert not server.running


def test_a_process_that_ends_at_once_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(DATA)
    (tmp_path / "engine.py").write_text("raise SystemExit(3)")
    monkeypatch.setattr(module, "ENGINE", tmp_path / "engine.py")
    with pytest.raises(ModelUnavailable, match=r"a\.gguf cannot be loaded: its process ended"):
        _ = LocalServer(tmp_path / "a.gguf").base_url


def test_a_process_that_hangs_is_ended(tmp_path, monkeypatch):
    (tmp_path / "a.gguf").write_bytes(DATA)
    (tmp_path / "engine.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setattr(module, "ENGINE", tmp_path / "engine.py")
    monkeypatch.setattr(module, "LOAD_SECONDS", 0.5)
    since = time.monotonic()
    with pytest.raises(ModelUnavailable, match=r"a\.gguf cannot be loaded"):
        _ = LocalServer(tmp_path / "a.gguf").base_url
    assert time.monotonic() - since < 10


def test_nothing_starts_before_it_is_needed(tmp_path):
    (tmp_path / "own.gguf").write_bytes(DATA)
    server = start(Settings(home=tmp_path, model=str(tmp_path / "own.gguf"), threads=3))
    assert (server.running, server.model, server.threads, server.context) == (False, "own", 3, 4096)
    server.close()
    with pytest.raises(ModelUnavailable, match=r"lagebild models pull qwen2\.5-coder-1\.5b"):
        start(Settings(home=tmp_path))


def test_the_machine_is_read():
    assert 1 <= usable_threads() <= 8
    free = available_memory()
    assert free is None or free > 0


def test_importing_the_package_is_light():
    code = "import sys, kb.local, kb.local.weights, kb.local.server; print(*sys.modules)"
    root = Path(module.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert not {"xllamacpp", "httpx", "llama_index"} & set(run.stdout.split())


# With one


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    path = weights_here()
    if path is None:
        pytest.skip("no weights: set LAGEBILD_MODELS to a folder with a model (lagebild models pull)")
    with LocalServer(path, context=2048, model="built-in") as server:
        yield server


@pytest.fixture
def client(server: LocalServer) -> Iterator[httpx.Client]:
    key = {"Authorization": f"Bearer {server.api_key}"}
    with httpx.Client(base_url=server.base_url, headers=key, timeout=300, trust_env=False) as client:
        yield client


def ask(client: httpx.Client, content: str, **more: object) -> dict[str, object]:
    body = {"messages": [{"role": "user", "content": content}], "temperature": 0, "max_tokens": 24, **more}
    answer = client.post("/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def said(answer: dict[str, object]) -> str:
    return answer["choices"][0]["message"]["content"]  # type: ignore[index]


@pytest.mark.model
def test_it_answers_on_loopback_and_only_with_the_key(server, client):
    assert server.base_url.startswith("http://127.0.0.1:")
    assert "Paris" in said(ask(client, "What is the capital of France? Answer with its name."))
    assert httpx.get(server.base_url + "/models", trust_env=False).status_code == 401
    models = client.get("/models").json()["data"]
    assert [entry["id"] for entry in models] == ["built-in"]
    assert str(server.path) not in client.get("/models").text


@pytest.mark.model
def test_a_grammar_holds_the_answer_in_its_form(client):
    grammar = 'root ::= [A-Z] [^\\[\\]\\n]{8,80} "[" [12] "]"'
    text = said(ask(client, "[1] Baidu is in Beijing. Where is Baidu?", grammar=grammar, max_tokens=60))
    assert text.endswith(("[1]", "[2]")) and text.count("[") == 1


@pytest.mark.model
def test_a_schema_holds_the_answer_in_its_form(client):
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    assert json.loads(said(ask(client, "Capital of Italy, as JSON", response_format=form))) == {"city": "Rome"}


@pytest.mark.model
def test_a_primed_prefix_is_not_read_again(server, client):
    prefix = {"role": "system", "content": "Answer from the passages only. " * 12}
    first = server.prime([prefix, {"role": "user", "content": "x"}])
    again = server.prime([prefix, {"role": "user", "content": "another question"}])
    assert again.tokens >= 80
    assert again.read < 15 < 80 <= first.tokens
    body = {"messages": [prefix, {"role": "user", "content": "Hello"}], "max_tokens": 1}
    assert client.post("/chat/completions", json=body).json()["timings"]["cache_n"] >= 70


@pytest.mark.model
def test_a_client_that_leaves_ends_the_computation(client):
    body = {"messages": [{"role": "user", "content": "Write a very long story."}], "max_tokens": 1500, "stream": True}
    with client.stream("POST", "/chat/completions", json=body) as response:
        lines = response.iter_lines()
        for _ in range(6):
            next(lines)
    since = time.monotonic()
    answer = ask(client, "Say yes.", max_tokens=1)
    # 1,500 tokens would take 50 s and more; the rest of one batch takes less than a few.
    assert answer["usage"]["completion_tokens"] == 1  # type: ignore[index]
    assert time.monotonic() - since < 20


@pytest.mark.model
def test_requests_are_served_in_turn(client):
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: texts.append(said(ask(client, f"Repeat: number {n}", max_tokens=8))))
        for n in (11, 22, 33)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(n for n in ("11", "22", "33") if any(n in text for text in texts)) == ["11", "22", "33"]


@pytest.mark.model
def test_a_second_process_has_a_model_of_its_own_and_both_answer(server, client):
    with LocalServer(server.path) as second:
        trial = second.trial()
        assert second.base_url != server.base_url
        assert "Paris" in said(ask(client, "What is the capital of France? Answer with its name."))
    assert trial.right, trial.answer
    assert trial.model == server.path.stem
    assert trial.load_seconds > 0
    assert min(trial.read, trial.written, trial.read_per_second, trial.written_per_second) > 0


@pytest.mark.model
def test_a_prompt_that_is_too_long_is_refused_in_words(client):
    body = {"messages": [{"role": "user", "content": "word " * 3000}], "max_tokens": 1}
    answer = client.post("/chat/completions", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "exceed_context_size_error"


@pytest.mark.model
def test_llama_index_streams_from_it(server):
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai_like import OpenAILike

    llm = OpenAILike(
        model=server.model,
        api_base=server.base_url,
        api_key=server.api_key,
        is_chat_model=True,
        context_window=server.context,
        temperature=0.0,
        max_tokens=24,
        max_retries=0,
        timeout=300.0,
        additional_kwargs={"extra_body": {"grammar": 'root ::= "Beijing [" [1-3] "]"', "cache_prompt": True}},
    )
    pieces = [item.delta or "" for item in llm.stream_chat([ChatMessage(role="user", content="Where is Baidu? [2]")])]
    assert len(pieces) > 2
    assert "".join(pieces) in {"Beijing [1]", "Beijing [2]", "Beijing [3]"}


@pytest.mark.model
def test_nothing_is_written_to_the_terminal(tmp_path):
    path = weights_here()
    if path is None:
        pytest.skip("no weights: set LAGEBILD_MODELS to a folder with a model (lagebild models pull)")
    code = (
        "import sys, pathlib\nfrom kb.local.server import LocalServer\n"
        "with LocalServer(pathlib.Path(sys.argv[1]), context=512) as server:\n"
        "    assert server.prime([{'role': 'user', 'content': 'x'}]).tokens > 3\n"
    )
    root = Path(module.__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code, str(path)], cwd=root, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.model
def test_the_model_ends_with_the_process_that_started_it(tmp_path):
    path = weights_here()
    if path is None:
        pytest.skip("no weights: set LAGEBILD_MODELS to a folder with a model (lagebild models pull)")
    code = (
        "import sys, pathlib, time\nfrom kb.local.server import LocalServer\n"
        "server = LocalServer(pathlib.Path(sys.argv[1]), context=512)\n"
        "print(server.base_url, flush=True)\ntime.sleep(100)\n"
    )
    root = Path(module.__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=root, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        health = run.stdout.readline().strip() + "/health"
        assert httpx.get(health, trust_env=False).json() == {"status": "ok"}
        run.kill()
    deadline = time.monotonic() + 10
    with pytest.raises(httpx.TransportError):
        while time.monotonic() < deadline:
            httpx.get(health, trust_env=False)
            time.sleep(0.1)


@pytest.mark.model
def test_after_its_process_died_it_is_started_again():
    path = weights_here()
    if path is None:
        pytest.skip("no weights: set LAGEBILD_MODELS to a folder with a model (lagebild models pull)")
    with LocalServer(path, context=512) as server:
        before = server.base_url
        assert server.base_url == before
        server._child.kill()
        server._child.wait()
        assert not server.running
        with pytest.raises(httpx.TransportError):
            httpx.get(before + "/health", trust_env=False)
        assert httpx.get(server.base_url + "/health", trust_env=False).json() == {"status": "ok"}
        server.close()
        server.close()
        assert not server.running
