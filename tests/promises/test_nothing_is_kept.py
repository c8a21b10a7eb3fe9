"""Nothing is kept: no part of a request or answer reaches a file, log, metric, error text or core dump.

One traced endpoint lives through every scenario, is then killed with SIGABRT while a prompt is in its memory,
and all that it left behind is searched for the canaries of each scenario.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import caller
import endpoint as endpoints
import leaks
import psutil
import pytest
import syscalls
import upstream as upstreams
from caller import CHAT, COMPLETIONS, EMBEDDINGS, Answer, body_of, call, chat
from endpoint import Endpoint, Start
from leaks import Canary, Leak
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from upstream import Upstream

from privet import detect

POLICY = "[serve]\nidle_timeout_seconds = 2.0\nheader_timeout_seconds = 5.0\n"


@dataclass(slots=True)
class Drive:
    """One scenario: it plants canaries, and keeps the answers that must not show them."""

    endpoint: Endpoint
    upstream: Upstream
    canaries: list[Canary] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    def word(self) -> str:
        """Plant a canary that reaches the model as it is: of random words one in five looks like somebody's name."""
        while len(detect(f"{(canary := leaks.word()).value} writes to jane@example.com")) > 1:
            pass
        self.canaries.append(canary)
        return self.canaries[-1].value

    def address(self) -> str:
        """Plant a canary that is masked on its way to the model."""
        self.canaries.append(leaks.address())
        return self.canaries[-1].value

    def both(self) -> str:
        """Plant one of each in one text."""
        return f"{self.word()} writes to {self.address()}"

    def key(self) -> str:
        """Plant a canary in the shape of a key."""
        self.canaries.append(leaks.key())
        return self.canaries[-1].value

    def took(self, answer: Answer, *statuses: int) -> None:
        """Check an answer's status; the text of an error, and the headers of any answer, are searched too."""
        assert answer.status in statuses, f"expected a status of {statuses}, found {answer.status}"
        self.answers[f"answer headers {len(self.answers)}"] = json.dumps(answer.headers).encode()
        if answer.status >= 400:
            self.answers[f"error text {len(self.answers)}"] = answer.body
        self.reached_upstream() if answer.status == 200 else None

    def reached_upstream(self) -> None:
        """Check that the words went all the way: a scenario that stops at the door would prove nothing."""
        seen = b"".join(request.body for request in self.upstream.prompts)
        assert seen, "expected the upstream to have received the request"


Scenario = Callable[[Drive], None]
SCENARIOS: dict[str, Scenario] = {}


def scenario(function: Scenario) -> Scenario:
    """Add a scenario to the table, under its name in words."""
    SCENARIOS[function.__name__.replace("_", " ")] = function
    return function


@scenario
def message_text(drive: Drive) -> None:
    text = drive.both()
    answer = chat(drive.endpoint, text)
    drive.took(answer, 200)
    assert answer.text == text
    assert leaks.find(drive.canaries[:1], {"upstream": drive.upstream.last.body})


@scenario
def message_parts(drive: Drive) -> None:
    drive.took(chat(drive.endpoint, [{"type": "text", "text": drive.both()}]), 200)


@scenario
def system_text(drive: Drive) -> None:
    messages = [
        {"role": "system", "content": drive.both()},
        {"role": "developer", "content": drive.both()},
        {"role": "user", "content": "hello"},
    ]
    drive.took(call(drive.endpoint, body_of(messages=messages)), 200)


@scenario
def streamed_text(drive: Drive) -> None:
    text = drive.both()
    answer = chat(drive.endpoint, text, stream=True)
    drive.took(answer, 200)
    assert answer.streamed() == text


@scenario
def tool_arguments_and_results(drive: Drive) -> None:
    arguments = json.dumps({"to": drive.address(), "text": drive.word()})
    messages = [
        {"role": "user", "content": "send it"},
        {"role": "assistant", "content": None, "tool_calls": [upstreams.tool_call(arguments)]},
        {"role": "tool", "tool_call_id": "call_1", "content": drive.both()},
    ]
    drive.took(call(drive.endpoint, body_of(messages=messages)), 200)


@scenario
def tool_descriptions(drive: Drive) -> None:
    parameters = {"type": "object", "properties": {"to": {"type": "string", "description": drive.both()}}}
    tool = {
        "type": "function",
        "function": {"name": "send", "description": drive.both(), "parameters": parameters},
    }
    drive.took(chat(drive.endpoint, tools=[tool]), 200)


@scenario
def metadata_of_an_image(drive: Drive) -> None:
    image, notes = io.BytesIO(), PngInfo()
    notes.add_text("Comment", drive.both())
    notes.add_text("Description", drive.both(), zip=True)
    Image.new("RGB", (8, 8), "red").save(image, "PNG", pnginfo=notes)
    assert leaks.find(drive.canaries, {"image": image.getvalue()})
    url = "data:image/png;base64," + base64.b64encode(image.getvalue()).decode()
    parts = [{"type": "text", "text": "what is it"}, {"type": "image_url", "image_url": {"url": url}}]
    drive.took(chat(drive.endpoint, parts), 200)
    sent = drive.upstream.last
    assert b"image_url" in sent.body, "expected the image itself to reach the model"
    assert leaks.find(drive.canaries, {"upstream": sent.body}) == []


@scenario
def a_broken_image(drive: Drive) -> None:
    url = "data:image/png;base64," + base64.b64encode(drive.both().encode()).decode()
    drive.took(chat(drive.endpoint, [{"type": "image_url", "image_url": {"url": url}}]), 400, 422)


@scenario
def request_headers(drive: Drive) -> None:
    headers = {
        "X-Note": drive.both(),
        "User-Agent": drive.word(),
        "Referer": f"http://127.0.0.1/{drive.word()}",
    }
    headers |= {
        "X-Request-Id": drive.word(),
        "X-Forwarded-For": drive.word(),
        "OpenAI-Organization": drive.word(),
    }
    answer = call(drive.endpoint, body_of(), headers=headers)
    drive.took(answer, 200)
    assert leaks.find(drive.canaries, {"upstream": drive.upstream.last.head}) == []


@scenario
def query_string(drive: Drive) -> None:
    answer = call(drive.endpoint, body_of(), f"{CHAT}?note={drive.word()}&api_key={drive.key()}")
    drive.took(answer, 400, 401, 403)


@scenario
def path(drive: Drive) -> None:
    drive.took(call(drive.endpoint, body_of(), f"/v1/{drive.word()}"), 404)
    drive.took(call(drive.endpoint, path=f"/{drive.address()}"), 404)
    drive.took(call(drive.endpoint, path=f"/v1/models/{drive.word()}"), 404)


@scenario
def a_wrong_key(drive: Drive) -> None:
    drive.took(call(drive.endpoint, body_of(drive.both()), key=drive.key()), 401)
    drive.took(call(drive.endpoint, body_of(), key=None, headers={"Authorization": f"Basic {drive.word()}"}), 401)


@scenario
def model_name(drive: Drive) -> None:
    answer = chat(drive.endpoint, model=f"/models/{drive.word()}.gguf")
    drive.took(answer, 400, 403, 404, 422)
    answer = chat(drive.endpoint, model=drive.word())
    if answer.status == 200:
        drive.took(answer, 200)
    else:
        drive.took(answer, 400, 404)


@scenario
def field_name(drive: Drive) -> None:
    name = drive.word()
    answer = chat(drive.endpoint, **{name: True})
    assert answer.status == 400
    # The caller is told the name of the field: an answer is not a place where things are kept.
    assert answer.error["param"] == name


@scenario
def value_of_a_refused_field(drive: Drive) -> None:
    drive.took(chat(drive.endpoint, previous_response_id=drive.word()), 400, 403, 422)
    drive.took(chat(drive.endpoint, unheard_of={"deep": [drive.both()]}), 400, 403, 422)


@scenario
def stripped_fields(drive: Drive) -> None:
    fields = {"user": drive.word(), "safety_identifier": drive.word(), "prompt_cache_key": drive.word()}
    answer = chat(drive.endpoint, **fields, metadata={drive.word(): drive.both()}, cache_salt=drive.word())
    drive.took(answer, 200)
    assert leaks.find(drive.canaries, {"upstream": drive.upstream.last.body}) == []


@scenario
def wrong_types(drive: Drive) -> None:
    drive.took(chat(drive.endpoint, temperature=drive.both()), 400, 422)
    drive.took(call(drive.endpoint, {"model": "mock-model", "messages": drive.both()}), 400, 422)
    drive.took(call(drive.endpoint, body_of({"text": drive.both()})), 400, 422)
    drive.took(call(drive.endpoint, [drive.both()]), 400, 422)
    drive.took(call(drive.endpoint, body_of(messages=[{"role": drive.word(), "content": "x"}])), 400, 422)


@scenario
def truncated_json(drive: Drive) -> None:
    body = json.dumps(body_of(drive.both())).encode()
    drive.took(call(drive.endpoint, body[:-4]), 400)
    drive.took(call(drive.endpoint, b'{"' + drive.word().encode()), 400)


@scenario
def a_body_that_is_not_utf_8(drive: Drive) -> None:
    body = json.dumps(body_of(drive.both())).encode()
    drive.took(call(drive.endpoint, body.replace(b" writes", b" \xff\xfe writes")), 400)


@scenario
def a_body_that_is_not_json(drive: Drive) -> None:
    part = f"Content-Disposition: form-data; name=file; filename={drive.word()}\r\n\r\n{drive.both()}"
    form = f"--x\r\n{part}\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    drive.took(call(drive.endpoint, form.encode(), headers=kind), 400, 415)
    drive.took(call(drive.endpoint, form.encode(), "/v1/files", headers=kind), 404)


@scenario
def foreign_headers(drive: Drive) -> None:
    for name in ("Cookie", "Origin", "Host"):
        answer = call(drive.endpoint, body_of(drive.both()), headers={name: drive.word()})
        drive.took(answer, 400, 403, 421)


@scenario
def something_else_than_http(drive: Drive) -> None:
    caller.raw(drive.endpoint, drive.both().encode() + b"\r\n\r\n")
    caller.raw(drive.endpoint, b"GET /health HTTP/1.1\r\n" + drive.word().encode() + b"\x00: x\r\n\r\n")
    caller.raw(drive.endpoint, f"{drive.word().upper()} / HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@scenario
def a_request_that_breaks_off(drive: Drive) -> None:
    whole = caller.request_bytes(drive.endpoint, json.dumps(body_of(drive.both())).encode())
    caller.raw(drive.endpoint, whole[:-5])
    caller.raw(drive.endpoint, whole[:40])


@scenario
def an_error_of_the_upstream(drive: Drive) -> None:
    for status in (500, 503, 400, 401, 404, 422):
        body = json.dumps({"error": {"message": drive.both(), "type": drive.word()}}).encode()
        drive.upstream.script = upstreams.fails(body, status=status, headers=f"x-note: {drive.word()}\r\n")
        drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))
        drive.took(chat(drive.endpoint, drive.both(), stream=True), *range(500, 600))


@scenario
def an_answer_that_is_not_json(drive: Drive) -> None:
    drive.upstream.script = upstreams.fails(f"<html>{drive.both()}".encode(), status=200, kind="text/html")
    drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))


@scenario
def an_answer_of_another_shape(drive: Drive) -> None:
    for answer in (
        {"choices": drive.both()},
        [drive.both()],
        {"choices": [{"message": {"content": {drive.word(): 1}}}]},
    ):
        drive.upstream.script = upstreams.fails(json.dumps(answer).encode(), status=200)
        drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))


@scenario
def odd_values_in_an_answer(drive: Drive) -> None:
    answer: dict[str, Any] = upstreams.whole(upstreams.message(drive.both()), model=f"/home/{drive.word()}/x.gguf")
    answer["choices"][0]["finish_reason"] = drive.word()
    answer["usage"]["prompt_tokens"] = drive.word()
    answer["id"] = drive.word()
    drive.upstream.script = lambda _request, wire: wire.json(answer)
    drive.took(chat(drive.endpoint, drive.both()), 200, *range(500, 600))


@scenario
def an_answer_that_is_not_http(drive: Drive) -> None:
    drive.upstream.script = upstreams.garbage(f"{drive.both()}\r\n\r\n".encode())
    drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))


@scenario
def a_stream_with_broken_events(drive: Drive) -> None:
    good = upstreams.event(upstreams.chunk({"content": "well "}))
    for bad in (
        f"data: {{{drive.both()}\n\n",
        f"{drive.both()}\n\n",
        f"event: {drive.word()}\ndata: [1]\n\n",
    ):
        drive.upstream.script = upstreams.raw_stream(good, bad.encode(), upstreams.DONE)
        answer = chat(drive.endpoint, drive.both(), stream=True)
        drive.took(answer, 200, *range(500, 600))
        drive.answers[f"stream {len(drive.answers)}"] = answer.body


@scenario
def an_upstream_that_dies(drive: Drive) -> None:
    drive.upstream.script = upstreams.dies_at_once()
    drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))
    begun = upstreams.event(upstreams.chunk({"content": drive.both()}))
    for reset in (False, True):
        drive.upstream.script = upstreams.dies(begun, begun[:-9], reset=reset)
        drive.took(chat(drive.endpoint, drive.both(), stream=True), 200, *range(500, 600))


@scenario
def an_upstream_that_never_answers(drive: Drive) -> None:
    drive.upstream.script = upstreams.silent()
    drive.took(chat(drive.endpoint, drive.both()), *range(500, 600))


@scenario
def a_client_that_leaves_in_mid_stream(drive: Drive) -> None:
    left, begun = (
        threading.Event(),
        upstreams.event(upstreams.chunk({"content": f"{drive.word()} and so on. "})),
    )

    def script(_request: upstreams.Received, wire: upstreams.Wire) -> None:
        wire.begin()
        wire.piece(begun)
        wire.wait_for_leaving()
        left.set()

    drive.upstream.script = script
    with caller.connect(drive.endpoint) as connection:
        body = json.dumps(body_of(drive.both(), stream=True)).encode()
        connection.sendall(caller.request_bytes(drive.endpoint, body))
        assert connection.recv(1)
    assert left.wait(20), "expected the endpoint to leave the upstream when its caller is gone"


@scenario
def answers_of_the_model(drive: Drive) -> None:
    call_of_tool = upstreams.tool_call(json.dumps({"to": drive.address()}), name="send")
    drive.upstream.script = upstreams.says(drive.both(), tool_calls=[call_of_tool], reasoning=drive.both())
    drive.took(chat(drive.endpoint), 200)
    drive.took(chat(drive.endpoint, stream=True), 200)


@scenario
def prompts_of_completions(drive: Drive) -> None:
    drive.took(call(drive.endpoint, {"model": "mock-model", "prompt": drive.both()}, COMPLETIONS), 200)
    drive.took(call(drive.endpoint, {"model": "mock-model", "prompt": [drive.both()]}, COMPLETIONS), 200)


@scenario
def inputs_of_embeddings(drive: Drive) -> None:
    drive.took(call(drive.endpoint, {"model": "mock-model", "input": drive.both()}, EMBEDDINGS), 200)
    drive.took(call(drive.endpoint, {"model": "mock-model", "input": [drive.both()]}, EMBEDDINGS), 200)


@scenario
def the_preview_of_the_page(drive: Drive) -> None:
    answer = call(drive.endpoint, body_of(drive.both()), "/privet/preview")
    assert answer.status == 200
    drive.answers["preview headers"] = json.dumps(answer.headers).encode()


def dying_with_a_prompt_in_memory(drive: Drive) -> None:
    """Send a prompt, and abort the server while the upstream thinks about it."""
    thinking = threading.Event()

    def script(_request: upstreams.Received, wire: upstreams.Wire) -> None:
        thinking.set()
        wire.wait_for_leaving()

    drive.upstream.script = script
    with caller.connect(drive.endpoint) as connection:
        connection.sendall(caller.request_bytes(drive.endpoint, json.dumps(body_of(drive.both())).encode()))
        assert thinking.wait(20)
        drive.endpoint.stop(signal.SIGABRT)


ABORT = "SIGABRT with a prompt in memory"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What is left when everything has happened."""

    leaks: dict[str, list[Leak]]
    problems: dict[str, Exception]
    trace: syscalls.Trace
    endpoint: Endpoint
    core_limit: str
    upstream_authorization: str | None


@pytest.fixture(scope="module")
def upstream_key() -> Canary:
    """Return the key that the upstream asks for."""
    return leaks.key("upstream key")


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory, upstream_key: Canary) -> Iterator[Aftermath]:
    """Live through every scenario on one traced endpoint, and search what is left."""
    folder = tmp_path_factory.mktemp("kept")
    key_file = folder / "upstream-key"
    key_file.write_text(upstream_key.value + "\n")
    key_file.chmod(0o600)
    with Upstream() as upstream:
        arguments = ("--upstream", upstream.url, "--upstream-key-file", str(key_file))
        with endpoints.start(*arguments, folder=folder, trace=True, policy=POLICY) as server:
            problems: dict[str, Exception] = {}
            drives: dict[str, Drive] = {}
            for name, run in SCENARIOS.items():
                upstream.reset()
                drives[name] = Drive(server, upstream)
                try:
                    run(drives[name])
                except Exception as problem:
                    problems[name] = problem
            upstream.reset()
            chat(server)
            authorization = upstream.last.header("authorization")
            said = {
                f"GET {route}": call(server, path=route).body
                for route in ("/metrics", "/health", "/", "/privet/posture")
            }
            limits = Path(f"/proc/{server.pid}/limits").read_text()
            drives[ABORT] = Drive(server, upstream)
            try:
                dying_with_a_prompt_in_memory(drives[ABORT])
            except Exception as problem:
                problems[ABORT] = problem
        trace = server.trace()
        left = {**server.haystacks(), **trace.written(server.port, upstream.address), **trace.names(), **said}
        found = {name: leaks.find(drive.canaries, {**left, **drive.answers}) for name, drive in drives.items()}
        found["upstream key"] = leaks.find([upstream_key], left)
        own = Canary("own key", server.key or "", (server.key or "")[-20:].lower())
        found["own key"] = [
            leak for leak in leaks.find([own], left) if leak.haystack != "stdout" and "pipe:" not in leak.haystack
        ]
        core_limit = next(line for line in limits.splitlines() if "core file" in line)
        yield Aftermath(found, problems, trace, server, core_limit, authorization)


@pytest.mark.parametrize("name", [*SCENARIOS, ABORT])
def test_no_part_of_a_request_or_an_answer_is_kept(aftermath: Aftermath, name: str) -> None:
    if name in aftermath.problems:
        raise aftermath.problems[name]
    assert aftermath.leaks[name] == []


def test_the_key_is_on_the_first_line_of_standard_output_and_nowhere_else(aftermath: Aftermath) -> None:
    server = aftermath.endpoint
    assert server.key is not None
    assert server.stdout.data.count(server.key.encode()) == 1
    assert aftermath.leaks["own key"] == []


def test_the_key_of_the_upstream_is_sent_to_it_and_not_kept(aftermath: Aftermath, upstream_key: Canary) -> None:
    assert aftermath.upstream_authorization == f"Bearer {upstream_key.value}"
    assert aftermath.leaks["upstream key"] == []


def test_the_trace_saw_everything(aftermath: Aftermath) -> None:
    assert aftermath.trace.blind() == []
    assert aftermath.trace.has("write", "\\x7b\\x22\\x75\\x72\\x6c\\x22"), "expected to have seen the first line"


def test_only_state_below_the_home_folder_is_written(aftermath: Aftermath) -> None:
    server = aftermath.endpoint
    devices = {"/dev/null", "/dev/tty", "/dev/urandom"}
    allowed = [server.home / ".local" / "state", server.home / ".config", server.home / ".cache"]
    strays = {
        str(path)
        for path in aftermath.trace.changed_paths()
        if str(path) not in devices
        and not any(path.is_relative_to(folder) or folder.is_relative_to(path) for folder in allowed)
    }
    assert strays == set()
    assert list((server.folder / "cwd").iterdir()) == []
    assert list((server.folder / "tmp").iterdir()) == []


def test_a_crash_leaves_no_core_dump(aftermath: Aftermath) -> None:
    assert aftermath.core_limit.split()[4:6] == ["0", "0"]
    assert any("killed by SIGABRT" in ending for ending in aftermath.trace.endings)
    assert not any("core dumped" in ending for ending in aftermath.trace.endings)
    cores = [path for path in aftermath.endpoint.folder.rglob("*") if path.name.startswith("core")]
    assert cores == []


def test_core_dumps_and_attaching_are_switched_off_by_the_server_itself(aftermath: Aftermath) -> None:
    trace = aftermath.trace
    assert trace.has("prctl", "PR_SET_DUMPABLE, SUID_DUMP_DISABLE") or trace.has("prctl", "PR_SET_DUMPABLE, 0")
    limited = ("RLIMIT_CORE", "rlim_cur=0", "rlim_max=0")
    assert trace.has("prlimit64", *limited) or trace.has("setrlimit", *limited)


# Root may read everything. Without capabilities, which PR_CAPBSET_DROP (24) takes away at the next exec, it is a user.
AS_USER = """
import ctypes, os, sys
for capability in range(64):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
READER = """
import sys
try:
    open(f"/proc/{sys.argv[1]}/environ", "rb").read(); print("readable")
except PermissionError:
    print("denied")
"""


def as_user(*command: str) -> list[str]:
    """Return the command line that runs a command as an ordinary user would."""
    return [sys.executable, "-c", AS_USER, *command]


def read_memory_of(pid: int) -> str:
    """Try to read a part of a process's memory as another process of the same user."""
    reader = subprocess.run(as_user(sys.executable, "-c", READER, str(pid)), capture_output=True, text=True, check=True)
    return reader.stdout.strip()


def test_other_processes_of_the_same_user_cannot_read_its_memory(start_endpoint: Start, upstream: Upstream) -> None:
    ready = as_user(sys.executable, "-c", "print('ready', flush=True); input()")
    with subprocess.Popen(ready, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as ordinary:
        assert ordinary.stdout is not None
        ordinary.stdout.readline()
        assert read_memory_of(ordinary.pid) == "readable"
        ordinary.communicate(b"\n")

    endpoint = start_endpoint("--upstream", upstream.url, command=as_user(*endpoints.SERVE))
    assert chat(endpoint).status == 200
    assert read_memory_of(endpoint.pid) == "denied"
    for child in psutil.Process(endpoint.pid).children(recursive=True):
        assert read_memory_of(child.pid) == "denied"


VARIABLE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.mark.parametrize("value", ["true", "True", "SPAN_AND_EVENT"])
def test_it_does_not_start_where_content_capture_is_on(tmp_path: Path, upstream: Upstream, value: str) -> None:
    arguments = ("--upstream", upstream.url, "--port", str(endpoints.free_port()))

    status, output, error = endpoints.run(*arguments, folder=tmp_path, more_environment={VARIABLE: value})

    assert status in {1, 2, 3}
    assert VARIABLE in error
    assert "Traceback" not in error
    assert output == ""


def test_it_starts_where_content_capture_is_switched_off(tmp_path: Path, upstream: Upstream) -> None:
    off = {VARIABLE: "false"}
    with endpoints.start("--upstream", upstream.url, folder=tmp_path, more_environment=off) as server:
        assert os.path.exists(f"/proc/{server.pid}")  # noqa: PTH110  (procfs)
        assert call(server, path="/health").status == 200
