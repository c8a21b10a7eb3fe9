from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from door_server import KEY, Asked, Change, Given, clean, outcome

from privet.audit.endpoint.budget import Budget
from privet.audit.endpoint.certificate import look_at_tls
from privet.audit.endpoint.client import Client
from privet.audit.endpoint.dialect import Dialect
from privet.audit.endpoint.given import Given as Known
from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.personal import Personal
from privet.audit.endpoint.scene import QUICK, Scene
from privet.audit.endpoint.target import Target, target_of
from privet.policy import DEFAULT


def with_headers(**headers: str) -> Change:
    return lambda _asked, given: given.headed(**headers)


def reflected(*, credentials: bool = False, only: str = "", method: str = "") -> Change:
    def change(asked: Asked, given: Given) -> Given | None:
        origin = asked.headers.get("origin", "")
        if not origin or only not in origin or (method and asked.method != method):
            return None
        headers = {"access_control_allow_origin": origin} | (
            {"access_control_allow_credentials": "true"} if credentials else {}
        )
        return given.headed(**headers)

    return change


def key_in(name: str, *, path: str = "/v1/models") -> Change:
    def change(asked: Asked, _given: Given) -> Given | None:
        if asked.path != path or f"{name}={KEY}" not in asked.query.split("&"):
            return None
        return clean(Asked(asked.method, asked.path, {**asked.headers, "authorization": f"Bearer {KEY}"}, asked.body))

    return change


def any_host(asked: Asked, given: Given) -> Given | None:
    return (
        clean(Asked(asked.method, asked.target, {**asked.headers, "host": "127.0.0.1:1"}, asked.body))
        if given.status == 421
        else None
    )


def host_that_begins(asked: Asked, given: Given) -> Given | None:
    return any_host(asked, given) if asked.headers.get("host", "").startswith("127.0.0.1.") else None


LEAKY = {
    "any origin by its name": (reflected(), "a foreign origin is allowed by its own name"),
    "with credentials": (reflected(credentials=True), "a foreign origin is allowed by its own name (with credentials)"),
    "only the preflight": (reflected(method="OPTIONS"), "a foreign origin is allowed by its own name"),
    "only answers": (reflected(method="POST"), "a foreign origin is allowed by its own name"),
    "pages without an origin": (reflected(only="null"), "pages without an origin may read answers"),
    "an origin that begins like the own": (reflected(only="//127.0.0.1"), "a foreign origin is allowed by its own name"),
    "an origin that ends like the own": (reflected(only="evil.example.127.0.0.1"), "a foreign origin is allowed by its own name"),
    "all origins": (with_headers(access_control_allow_origin="*"), "any origin is allowed"),
    "any host": (any_host, "a foreign name in the Host header is served"),
    "a host that begins like the own": (host_that_begins, "a foreign name that begins like the own is served"),
    "the key in the query": (key_in("api_key"), "the key is accepted in the address as api_key"),
    "the key under a rare name": (key_in("auth_token"), "the key is accepted in the address as auth_token"),
    "the key in the query of a question": (
        key_in("key", path="/v1/chat/completions"),
        "the key is accepted in the address as key",
    ),
    "a cookie": (with_headers(set_cookie="session=1; Path=/; Secure"), "a cookie without HttpOnly"),
    "a cookie for all sites": (with_headers(set_cookie="session=1; HttpOnly"), "a cookie without SameSite"),
    "TRACE": (
        lambda asked, _given: Given.of(str(asked.headers)) if asked.method == "TRACE" else None,
        "TRACE gives headers back",
    ),
    "a script": (
        lambda asked, given: (
            replace(given, body=f"{asked.query.split('=')[1].split('&')[0]}(".encode() + given.body)
            if "callback=" in asked.query and given.status == 200
            else None
        ),
        "answers are given as a script (JSONP)",
    ),
    "a redirect": (
        lambda asked, _given: Given(307, b"", {"location": "https://elsewhere.example/"}) if asked.path == "/v1/models/" else None,
        "callers are sent to another host",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LEAKY)
def test_what_a_browser_would_let_through_is_found(name: str) -> None:
    change, what = LEAKY[name]
    found = outcome("transport", change)

    assert found.verdict == "fail"
    assert what in found.seen
    assert found.fix


HARMLESS: dict[str, tuple[Change | None, bool]] = {
    "nothing": (None, True),
    "the own origin": (with_headers(access_control_allow_origin="https://mine.example"), True),
    "a careful cookie": (with_headers(set_cookie="a=1; HttpOnly; SameSite=Lax; Secure"), True),
    "a redirect to itself": (
        lambda asked, _given: Given(307, b"", {"location": "/v1/models"}) if asked.path == "/v1/models/" else None,
        True,
    ),
    "no key": (None, False),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_careful_server_lets_nothing_through(name: str) -> None:
    change, needs_key = HARMLESS[name]
    found = outcome("transport", change, key=KEY if needs_key else None, needs_key=needs_key)

    assert (found.verdict, dict(found.seen)) == ("pass", {})
    assert "plain HTTP, on loopback" in found.notes
    assert "no limit of the rate of requests was met" in found.notes


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of nobody's authority for localhost, that has expired."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    day = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(day - timedelta(days=9))
        .not_valid_after(day - timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    none = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)
    (folder / "both.pem").write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return folder / "both.pem"


async def looked_at(target: Target, tally: Tally, certificate: Path | None) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=context)
    target = replace(target, port=server.sockets[0].getsockname()[1])
    async with Client.open(target, Budget()) as client:
        known = Scene(target, client, Dialect(client, "/v1"), QUICK, 0, "", Personal(DEFAULT.detect), Known())
        await look_at_tls(known, tally)
    server.close()


def test_a_certificate_that_nobody_can_verify_is_a_note_on_loopback(secured: Path) -> None:
    tally = Tally(sampled=False)
    asyncio.run(looked_at(target_of("https://127.0.0.1:1/v1"), tally, secured))

    assert tally.hits == 0
    assert "the certificate cannot be verified, on loopback" in tally.notes
    assert "the certificate has expired, on loopback" in tally.notes


class Elsewhere(Target):
    """A target that is reached on loopback, and believed to be elsewhere."""

    @property
    def is_loopback(self) -> bool:
        return False


def elsewhere(scheme: str) -> Target:
    return Elsewhere(scheme, "server.example", 1, "/v1", ("127.0.0.1",))


def test_beyond_loopback_plain_http_and_bad_certificates_are_failures(secured: Path) -> None:
    plain, bad = Tally(sampled=False), Tally(sampled=False)
    asyncio.run(looked_at(elsewhere("http"), plain, None))
    asyncio.run(looked_at(elsewhere("https"), bad, secured))

    assert dict(plain.seen) == {"plain HTTP beyond loopback": 1}
    assert dict(bad.seen) == {"the certificate cannot be verified": 1, "the certificate has expired": 1}
