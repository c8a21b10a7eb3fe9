from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.audit.endpoint.target import _is_public, target_of
from privet.errors import BadInput


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://127.0.0.1:8000/v1", "127.0.0.1:8000", "/v1"),
        ("http://127.0.0.1:8000/v1/", "127.0.0.1:8000", "/v1"),
        ("http://127.0.0.1", "127.0.0.1", ""),
        ("https://127.0.0.1:443/api", "127.0.0.1", "/api"),
        ("http://[::1]:8000/v1", "[::1]:8000", "/v1"),
        ("http://127.0.0.1:8000/v1/chat/completions", "127.0.0.1:8000", "/v1"),
        ("http://127.0.0.1:8000/v1/models/", "127.0.0.1:8000", "/v1"),
        ("HTTP://LOCALHOST:8000/v1", "localhost:8000", "/v1"),
    ],
)
def test_a_url_names_a_target(url: str, authority: str, path: str) -> None:
    target = target_of(url)
    assert (target.authority, target.path) == (authority, path)
    assert target.is_loopback


@pytest.mark.parametrize(("url", "address"), [("http://0.0.0.0:8000", "127.0.0.1"), ("http://[::]:8000", "::1")])
def test_every_address_of_this_machine_is_one_of_it(url: str, address: str) -> None:
    assert target_of(url).addresses == (address,)


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:8000", "ftp://127.0.0.1/", "http://", "http:///v1", "http://127.0.0.1:99999/v1", "http://127.0.0.1:0/v1",
        "http://127.0.0.1:x/v1", "http://user@127.0.0.1/v1", "http://user:pass@127.0.0.1/v1", "http://127.0.0.1/v1?key=a",
        "http://127.0.0.1/v1#a", "http://127.0.0.1/v1\r\nx: y", "http://127.0.0.1\t/v1", "http://127.0.0.1/v 1", "http://[::1/v1",
        "http://127.0.0.1\\@example.com/v1", "http://" + "a" * 80 + ".invalid/v1", "javascript:alert(1)", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_names_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(BadInput) as error:
        target_of(url)
    assert "pass" not in str(error.value).replace("password", "")
    assert "8000" not in str(error.value).replace("http://127.0.0.1:8000/v1", "")


@given(st.text(max_size=40))
def test_any_text_is_a_target_or_refused(text: str) -> None:
    for url in (text, f"http://127.0.0.1:{text}", f"http://127.0.0.1/{text}"):
        try:
            assert target_of(url).is_loopback
        except BadInput:
            continue


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("::ffff:8.8.8.8", True), ("64:ff9b::808:808", True), ("2002:808:808::1", True),
        ("127.0.0.1", False), ("10.0.0.1", False), ("192.168.1.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("::1", False), ("fe80::1%lo", False), ("fd00::1", False), ("::ffff:10.0.0.1", False), ("192.0.2.1", False),
    ],
)  # fmt: skip
def test_public_addresses_are_known_however_written(address: str, public: bool) -> None:
    assert _is_public(address) is public


def test_a_public_address_needs_a_word() -> None:
    with pytest.raises(BadInput) as error:
        target_of("http://8.8.8.8/v1")
    assert "--i-am-authorized" in str(error.value)
    assert target_of("http://8.8.8.8/v1", authorized=True).addresses == ("8.8.8.8",)


def test_a_target_shows_nothing_of_itself() -> None:
    assert repr(target_of("http://127.0.0.1:8000/v1")) == "Target(...)"
