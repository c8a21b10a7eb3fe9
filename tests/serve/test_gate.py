"""Who may ask, by line and headers alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.keys import KeyRing
from privet.policy import DEFAULT, ServePolicy
from privet.serve.gate import Gate, read_head
from privet.serve.refusals import Refusal

RING, ISSUED = KeyRing.temporary()
Headers = list[tuple[bytes, bytes]]
HOST: Final = (b"host", b"127.0.0.1:8400")


def gate(host: str = "127.0.0.1", policy: ServePolicy = DEFAULT.serve) -> Gate:
    return Gate.at(policy, RING, host, 8400)


def rule_of(*headers: tuple[bytes, bytes], check: str = "check_host", made: Gate | None = None) -> str | None:
    """Return the rule that refuses these headers, None where none does."""
    try:
        head = read_head(headers)
        if check == "check_origin":
            (made or gate()).check_origin(head, "http")
        else:
            getattr(made or gate(), check)(head)
    except Refusal as refusal:
        return refusal.rule
    return None


@pytest.mark.parametrize(
    "host", [b"127.0.0.1:8400", b"127.0.0.1", b"localhost:8400", b"LocalHost:8400", b"[::1]:8400", b"[::1]"]
)
def test_its_own_names_are_answered(host: bytes) -> None:
    assert rule_of((b"host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        b"",
        b"example.com",
        b"127.0.0.1:8401",
        b"localhost.example.com",
        b"127.0.0.1.example.com",
        b"0.0.0.0:8400",
        b"127.1:8400",
        b"127.0.0.1:8400 ",
        b" 127.0.0.1:8400",
        b"127.0.0.1:08400",
        b"user@127.0.0.1:8400",
        b"127.0.0.1:8400,example.com",
        b"::1",
        b"127.0.0.2",
        b"\xff",
        b"localhost.",
        b"2130706433:8400",
        b"127.0.0.1:8400/",
        b"[::ffff:127.0.0.1]:8400",
    ],
)
def test_any_other_name_is_not(host: bytes) -> None:
    assert rule_of((b"host", host)) == "foreign-host"


def test_a_name_must_be_given_once() -> None:
    assert rule_of() == "foreign-host"
    assert rule_of(HOST, HOST) == "foreign-host"


def test_the_address_it_listens_on_is_its_name_but_not_all_addresses() -> None:
    assert rule_of((b"host", b"192.0.2.7:8400"), made=gate("192.0.2.7")) is None
    assert rule_of((b"host", b"[2001:db8::7]:8400"), made=gate("2001:db8::7")) is None
    assert rule_of((b"host", b"0.0.0.0:8400"), made=gate("0.0.0.0")) == "foreign-host"  # noqa: S104
    assert rule_of((b"host", b"192.0.2.7:8400"), made=gate("0.0.0.0")) == "foreign-host"  # noqa: S104
    assert rule_of((b"host", b"[::]:8400"), made=gate("::")) == "foreign-host"


def test_further_names_are_those_of_the_policy() -> None:
    made = gate(policy=replace(DEFAULT.serve, hosts=frozenset({"Gpu.example.com", "bücher.example"})))
    for host in (b"gpu.example.com", b"GPU.example.com:8400", b"xn--bcher-kva.example:8400"):
        assert rule_of((b"host", host), made=made) is None
    assert rule_of((b"host", b"other.example.com"), made=made) == "foreign-host"


@pytest.mark.parametrize("origin", [None, b"http://127.0.0.1:8400", b"HTTP://127.0.0.1:8400"])
def test_no_origin_and_its_own_may_call(origin: bytes | None) -> None:
    headers: Headers = [HOST] if origin is None else [HOST, (b"origin", origin)]
    assert gate().check_origin(read_head(headers), "http") is None


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"null",
        b"https://127.0.0.1:8400",
        b"http://127.0.0.1:8401",
        b"http://127.0.0.1",
        b"http://localhost:8400",
        b"https://example.com",
        b"http://127.0.0.1:8400.example.com",
        b"http://127.0.0.1:8400/",
        b"file://",
        b"\xff\xfe",
        b"moz-extension://x",
    ],
)
def test_any_other_origin_may_not(origin: bytes) -> None:
    assert rule_of(HOST, (b"origin", origin), check="check_origin") == "foreign-origin"


def test_an_allowed_origin_is_returned() -> None:
    made = gate(policy=replace(DEFAULT.serve, origins=frozenset({"https://app.example.com"})))
    head = read_head([HOST, (b"origin", b"https://app.example.com")])
    assert made.check_origin(head, "http") == b"https://app.example.com"
    assert (
        rule_of(HOST, (b"origin", b"https://app.example.com.evil"), check="check_origin", made=made) == "foreign-origin"
    )


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_its_key_opens_the_endpoint(form: str) -> None:
    head = read_head([HOST, (b"authorization", form.format(ISSUED.secret).encode())])
    assert gate().check_key(head) == ISSUED.key_id


@pytest.mark.parametrize(
    "form",
    [
        "",
        "{}",
        "Basic {}",
        "Bearer",
        "Bearer ",
        "Bearer x{}",
        "Bearer {}x",
        "Token {}",
        "Bearer{}",
        "Bearer {},x",
        "\xff {}",
    ],
)
def test_nothing_else_does(form: str) -> None:
    value = form.format(ISSUED.secret).encode("latin-1")
    assert rule_of(HOST, (b"authorization", value), check="check_key") == "missing-key"


@given(st.binary(max_size=80))
def test_no_guess_opens_it(value: bytes) -> None:
    assert rule_of(HOST, (b"authorization", b"Bearer " + value), check="check_key") == "missing-key"


def test_two_keys_are_none() -> None:
    key = (b"authorization", f"Bearer {ISSUED.secret}".encode())
    assert rule_of(HOST, key, key, check="check_key") == "missing-key"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        (b"content-type", b"application/json", None),
        (b"content-type", b"Application/JSON; charset=utf-8", None),
        (b"content-type", b"", None),
        (b"content-type", b"text/plain", "body-encoding"),
        (b"content-type", b"multipart/form-data", "body-encoding"),
        (b"content-type", b"application/jsonp", "body-encoding"),
        (b"content-type", b"application/x-www-form-urlencoded", "body-encoding"),
        (b"content-encoding", b"identity", None),
        (b"content-encoding", b"gzip", "body-encoding"),
        (b"content-encoding", b"br", "body-encoding"),
        (b"content-length", b"8388608", None),
        (b"content-length", b"8388609", "body-too-large"),
        (b"content-length", b"9" * 30, "body-too-large"),
        (b"content-length", b"-1", "not-http"),
        (b"content-length", b"1e3", "not-http"),
        (b"content-length", b"", "not-http"),
        (b"content-length", "²".encode(), "not-http"),
    ],
)
def test_a_body_is_plain_json_of_bounded_size(name: bytes, value: bytes, rule: str | None) -> None:
    assert rule_of(HOST, (name, value), check="check_body") == rule


def test_cookies_and_queries_are_refused() -> None:
    head = read_head([HOST, (b"cookie", b"a=b")])
    with pytest.raises(Refusal, match="cookie"):
        gate().check_address({"query_string": b""}, head)
    with pytest.raises(Refusal, match="query-string"):
        gate().check_address({"query_string": b"a"}, read_head([HOST]))
    gate().check_address({"query_string": b""}, read_head([HOST]))


def test_only_the_headers_that_matter_are_kept() -> None:
    head = read_head(
        [HOST, (b"user-agent", b"secret"), (b"x-forwarded-for", b"192.0.2.9"), (b"referer", b"https://example.com")]
    )
    assert "secret" not in repr(head)
    assert "192.0.2.9" not in repr(head)
    assert "example.com" not in repr(head)


@pytest.mark.parametrize("host", [b"192.0.2.7", b"192.0.2.7:8400"])
def test_the_address_that_was_reached_is_ours(host: bytes) -> None:
    everywhere = gate("0.0.0.0")  # noqa: S104
    everywhere.check_host(read_head([(b"host", host)]), ("192.0.2.7", 8400))
    for foreign in (b"192.0.2.8:8400", b"192.0.2.7:80", b"rebound.example.com:8400"):
        with pytest.raises(Refusal):
            everywhere.check_host(read_head([(b"host", foreign)]), ("192.0.2.7", 8400))
