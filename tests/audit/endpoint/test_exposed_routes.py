from __future__ import annotations

import json
from typing import Any

import pytest
from door_server import KEY, Asked, Change, Given, any_of, clean, outcome, refused

from privet.audit.endpoint.fixes import fixes, remedy
from privet.audit.endpoint.routes import routes
from privet.audit.endpoint.servers import SERVERS


def shows(path: str, value: Any, method: str = "GET", *, to_all: bool = True) -> Change:
    def change(asked: Asked, given: Given) -> Given | None:
        here = asked.path == path and asked.method == method and given.status != 421
        return (
            (value if isinstance(value, Given) else Given.of(value)) if here and (to_all or asked.key == KEY) else None
        )

    return change


PROMETHEUS = "# HELP requests Requests\n# TYPE requests counter\nrequests_total 3\n"
EXPOSED = {
    "GET /metrics": shows("/metrics", PROMETHEUS),
    "GET /stats": shows("/v1/stats", {"requests": 4, "users": ["a"]}),
    "GET /docs": shows("/docs", Given.of("<title>API</title><div id=swagger-ui>", content_type="text/html")),
    "GET /openapi.json": shows("/openapi.json", {"openapi": "3.1.0", "paths": {}}),
    "GET /slots": shows("/slots", [{"id": 0, "id_task": 3, "is_processing": True}]),
    "GET /props": shows("/props", {"default_generation_settings": {}, "total_slots": 1}),
    "GET /get_server_info": shows("/get_server_info", {"version": "0.5", "model_path": "/m"}),
    "GET /info": shows("/info", {"model_id": "m", "max_concurrent_requests": 128}),
    "POST /api/pull": shows("/api/pull", refused(400, "model is required"), "POST"),
    "GET /api/tags": shows("/api/tags", {"models": [{"name": "m"}]}),
    "GET /spend/logs": shows("/spend/logs", [{"request_id": "1", "spend": 0.1}]),
    "POST /v2/repository/index": shows("/v2/repository/index", [{"name": "m", "state": "READY"}], "POST"),
    "GET /api/jobs/": shows("/api/jobs/", [{"job_id": "1", "submission_id": "r"}]),
    "GET /is_sleeping": shows("/is_sleeping", {"is_sleeping": False}),
    "POST /collective_rpc": shows("/collective_rpc", Given.of({"detail": "Missing 'method'"}, 400), "POST"),
    "POST /reset_prefix_cache": shows("/reset_prefix_cache", Given.of({}), "POST"),
    "POST /tokenize": shows("/tokenize", {"tokens": [1], "count": 1}, "POST"),
    "GET /.env": shows("/.env", "SECRET=1\nDATABASE=2\n"),
    "GET /admin/keys": shows("/admin/keys", [{"key": "k"}]),
    "GET /internal/state": shows("/internal/state", {"requests": []}),
    "GET /debug/requests": shows("/v1/debug/requests", [{"prompt": "p"}]),
    "GET /history": shows("/history", [{"prompt": "p"}]),
    "GET /redoc": any_of((shows("/redoc", Given(307, b"", {"location": "/redoc/"})), shows("/redoc/", "<redoc spec-url=/openapi.json>\n"))),
}  # fmt: skip
OF_THE_API = {"GET /api/tags", "POST /tokenize"}
"""The API in another dress: no secret where the API needs no key."""


def test_routes_that_answer_without_a_key_are_exposed() -> None:
    found = outcome("exposed-routes", any_of(EXPOSED.values()))

    assert found.verdict == "fail"
    assert dict(found.seen) == {f"{name} answers without a key": 1 for name in EXPOSED}
    assert "/metrics" in found.fix


def test_routes_are_exposed_where_nothing_needs_a_key_but_for_the_api_itself() -> None:
    found = outcome("exposed-routes", any_of(EXPOSED.values()), key=None, needs_key=False)

    assert dict(found.seen) == {f"{name} answers without a key": 1 for name in EXPOSED if name not in OF_THE_API}


def into(*, path: str = "", key: str | None = None, header: str = "", start: str = "") -> Change:
    """Let in whoever asks for the API in some way without its key."""

    def change(asked: Asked, _given: Given) -> Given | None:
        if asked.key == KEY or (path and asked.path != path) or (header and header not in asked.headers):
            return None
        if (key is not None and asked.key != key) or (start and not asked.key.startswith(start)):
            return None
        place = "/v1/chat/completions" if asked.method == "POST" else "/v1/models"
        place = "/v1/completions" if path.endswith("1/completions") else place
        return clean(Asked(asked.method, place, {**asked.headers, "authorization": f"Bearer {KEY}"}, asked.body))

    return change


def streamed(asked: Asked, given: Given) -> Given | None:
    return into()(asked, given) if asked.fields.get("stream") is True else None


WAYS = (
    ("GET /models without a key", into(path="/v1/models")),
    ("POST /completions without a key", into(path="/v1/completions")),
    ("POST /openai/v1/chat/completions without a key", into(path="/openai/v1/chat/completions")),
    ("POST /chat/completions without a key", into(path="/chat/completions")),
    ("POST /chat/completions without a key", streamed),
    ("another spelling of the path", into(path="/v1//chat/completions")),
    ("another spelling of the path", into(path="/v1/chat/completions/")),
    ("another spelling of the path", into(path="/health/../v1/chat/completions")),
    ("another spelling of the path", into(path="/V1/models")),
    ("a forwarded address of this machine", into(header="x-forwarded-for")),
    ("a header that names another path", into(header="x-original-url")),
    ("a header that names a user", into(header="x-forwarded-user")),
    ("a key that stands in documentation", into(key="EMPTY")),
    ("the first half of the key", into(key=KEY[: len(KEY) // 2])),
    ("a key that was made up", into(start="sk-")),
)


@pytest.mark.parametrize("group", [WAYS[0::3], WAYS[1::3], WAYS[2::3]])
def test_ways_into_the_api_without_its_key_are_found(group: tuple[tuple[str, Change], ...]) -> None:
    found = outcome("exposed-routes", any_of(change for _, change in group))

    assert found.verdict == "fail"
    assert {name for name, _ in group} <= set(found.seen)


def test_an_api_that_does_not_ask_for_the_key_it_has_is_open() -> None:
    found = outcome("exposed-routes", needs_key=False)

    assert (found.verdict, dict(found.seen)) == ("fail", {"the API answers without the key": 1})


def page(asked: Asked, given: Given) -> Given | None:
    text = f"<title>App</title><p>{asked.path}</p>"
    return (
        Given.of(text, content_type="text/html")
        if given.status in (401, 404) and not asked.path.startswith("/v1")
        else None
    )


def same_object(asked: Asked, given: Given) -> Given | None:
    value = {"path": asked.path, "version": "1", "models": []}
    return Given.of(value) if given.status in (401, 404) and not asked.path.startswith("/v1") else None


def looked_at_before_the_key(asked: Asked, given: Given) -> Given | None:
    return refused(400, "model is required") if asked.body == b"{}" and given.status == 401 else None


HARMLESS = {
    "words": any_of((
        shows("/status", {"status": "ok", "uptime": 3}),
        shows("/version", {"version": "1.0"}),
        shows("/admin", Given.of("<form><input type=password></form>", content_type="text/html")),
        shows("/metrics", PROMETHEUS, to_all=False),
        shows("/config", "ok"),
        looked_at_before_the_key,
    )),
    "one page for every path": page,
    "one object for every path": same_object,
    "errors with the status 200": lambda _asked, given: Given.of({"error": "no"}) if given.status == 404 else None,
}  # fmt: skip


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_nobodys_secret_is_not_exposed(name: str) -> None:
    found = outcome("exposed-routes", HARMLESS[name])

    assert (found.verdict, dict(found.seen)) == ("pass", {})


def test_an_api_that_needs_no_key_on_loopback_is_a_note() -> None:
    found = outcome("exposed-routes", key=None, needs_key=False)

    assert found.verdict == "pass"
    assert any("needs no key" in note for note in found.notes)


def test_a_route_of_administration_that_answers_to_an_ordinary_key_is_exposed() -> None:
    found = outcome("exposed-routes", shows("/slots", [{"id": 0, "id_task": 3, "is_processing": True}], to_all=False))

    assert dict(found.seen) == {"GET /slots answers to an ordinary key": 1}


def test_the_same_server_gives_the_same_evidence() -> None:
    change = any_of(EXPOSED.values())

    assert outcome("exposed-routes", change, seed=3) == outcome("exposed-routes", change, seed=3)


def test_every_remedy_has_a_sentence_for_any_server_and_names_known_servers() -> None:
    assert all("any" in sentences for sentences in fixes().values())
    assert {server for sentences in fixes().values() for server in sentences} <= {*SERVERS, "any"}
    assert {route.fix for route in routes()} <= set(fixes())
    assert {route.server for route in routes()} <= {*SERVERS, ""}


def test_a_remedy_is_that_of_the_server_or_of_any() -> None:
    assert "--no-slots" in remedy("slots", "llama.cpp")
    assert remedy("slots", "ollama") == remedy("slots", "")
    assert remedy("unheard-of", "vllm") == "unheard-of"


def test_no_route_is_asked_that_changes_the_server() -> None:
    # What does something is sent a body that is refused, or does what may be done at any time.
    for route in routes():
        assert route.method == "GET" or route.accepted or json.loads(route.body) in ({}, [])
        assert not any(word in route.path for word in ("sleep?", "wake_up", "shutdown", "start_profile", "flush_cache"))
