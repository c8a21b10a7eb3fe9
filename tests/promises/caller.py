"""A client that can send anything: plain sockets and http.client, nothing that would tidy a request up."""

from __future__ import annotations

import http.client
import json
import re
import socket
from dataclasses import dataclass
from typing import Any, Final

from endpoint import Endpoint

TIMEOUT_SECONDS: Final = 20.0
CHAT: Final = "/v1/chat/completions"
COMPLETIONS: Final = "/v1/completions"
EMBEDDINGS: Final = "/v1/embeddings"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `complete` is false where the connection was cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    complete: bool = True

    @property
    def json(self) -> Any:
        """Return the body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """Return the error, which must have exactly the shape that OpenAI's clients read."""
        value = self.json
        assert set(value) == {"error"}, f"expected an object with one key, error; found {sorted(value)}"
        error: dict[str, Any] = value["error"]
        assert {"message", "type", "param", "code"} <= set(error), (
            f"expected message, type, param, code; {sorted(error)}"
        )
        assert isinstance(error["message"], str)
        assert error["message"]
        assert self.headers.get("x-request-id"), "expected a header x-request-id"
        return error

    @property
    def text(self) -> str:
        """Return the text of the first choice."""
        choice = self.json["choices"][0]
        text: str = choice["message"]["content"] if "message" in choice else choice["text"]
        return text

    @property
    def events(self) -> list[Any]:
        """Return the decoded events of a stream; the last one may be the string [DONE]."""
        return events(self.body)

    @property
    def is_done(self) -> bool:
        """Tell whether a stream ended with [DONE]."""
        return self.events[-1:] == ["[DONE]"]

    def streamed(self, index: int = 0, name: str = "content") -> str:
        """Return a text of a streamed choice, put together."""
        return joined(self.events, index, name)


def events(body: bytes) -> list[Any]:
    """Return the decoded events of the complete lines of a stream."""
    data = re.findall(rb"^data: ?(.*)\r?\n", body, re.MULTILINE)
    return ["[DONE]" if item.strip() == b"[DONE]" else json.loads(item) for item in data]


def joined(items: list[Any], index: int = 0, name: str = "content") -> str:
    """Return one text of a choice: content, reasoning_content, text, or arguments of the first tool call."""
    pieces: list[str] = []
    for item in items:
        for choice in item.get("choices", []) if isinstance(item, dict) else []:
            if choice["index"] != index:
                continue
            delta = choice.get("delta", choice)
            if name == "arguments":
                calls = delta.get("tool_calls") or []
                pieces += [call["function"].get("arguments") or "" for call in calls if "function" in call]
            else:
                pieces.append(delta.get(name) or "")
    return "".join(pieces)


def body_of(text: object = "hello", **fields: object) -> dict[str, Any]:
    """Return the body of a chat request."""
    return {"model": "mock-model", "messages": [{"role": "user", "content": text}], **fields}


def headers_of(endpoint: Endpoint, key: str | None = "", more: dict[str, str] | None = None) -> dict[str, str]:
    """Return the headers an SDK sends; the endpoint's key unless another one, or None, is given."""
    headers = {"Host": f"127.0.0.1:{endpoint.port}", "Content-Type": "application/json", "Accept": "*/*"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key or endpoint.key}"
    return headers | (more or {})


def call(
    endpoint: Endpoint,
    body: object = None,
    path: str = CHAT,
    *,
    method: str | None = None,
    key: str | None = "",
    headers: dict[str, str] | None = None,
) -> Answer:
    """Send a request and return the whole answer; a body that is not bytes is sent as JSON."""
    data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.putrequest(
            method or ("GET" if data is None else "POST"), path, skip_host=True, skip_accept_encoding=True
        )
        sent = headers_of(endpoint, key, headers)
        for name, value in (sent if data is None else {"Content-Length": str(len(data)), **sent}).items():
            connection.putheader(name, value)
        connection.endheaders(data)
        response = connection.getresponse()
        try:
            content, complete = response.read(), True
        except http.client.IncompleteRead as cut:
            content, complete = cut.partial, False
        except ConnectionError:
            content, complete = b"", False
        fields = {name.lower(): value for name, value in response.getheaders()}
        response.close()
        return Answer(response.status, fields, content, complete)
    finally:
        connection.close()


def chat(endpoint: Endpoint, text: object = "hello", **fields: object) -> Answer:
    """Ask for a chat completion."""
    return call(endpoint, body_of(text, **fields))


def connect(endpoint: Endpoint) -> socket.socket:
    """Return a bare connection."""
    return socket.create_connection(("127.0.0.1", endpoint.port), TIMEOUT_SECONDS)


def request_bytes(endpoint: Endpoint, body: bytes, path: str = CHAT, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a request."""
    sent = {**headers_of(endpoint), "Content-Length": str(len(body)), **(headers or {})}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def raw(endpoint: Endpoint, data: bytes) -> bytes:
    """Send bytes on a connection of their own and return what comes until the server closes it."""
    with connect(endpoint) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        return rest_of(connection)


def answer_on(connection: socket.socket) -> Answer:
    """Return the next answer on a connection, whether or not the server closes it afterwards."""
    response = http.client.HTTPResponse(connection)
    response.begin()
    fields = {name.lower(): value for name, value in response.getheaders()}
    answer = Answer(response.status, fields, response.read())
    response.close()
    return answer


def rest_of(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionError:
        pass
    return received


def parsed(data: bytes) -> Answer:
    """Return the answer in raw bytes."""
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return Answer(int(lines[0].split(" ")[1]), fields, body)
