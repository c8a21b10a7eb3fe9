"""The connection itself: whether it is encrypted, with which versions, and by whose certificate (RFC 9325).

Invariants:

- Connections go to the addresses of the target alone, and count as requests.
- On loopback a certificate that cannot be verified is a note, as is plain HTTP: nobody is on the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from privet.audit.endpoint.outcome import Tally
from privet.audit.endpoint.scene import Scene
from privet.audit.endpoint.target import Target
from privet.audit.endpoint.tls import old, unverified

_SECONDS: Final = 5.0
_SOON_DAYS: Final = 14


async def look_at_tls(scene: Scene, tally: Tally) -> None:
    """Say how the connection is protected."""
    target = scene.target
    if target.scheme == "http":
        if target.is_loopback:
            tally.note("plain HTTP, on loopback")
            tally.sample()
        else:
            tally.sample("plain HTTP beyond loopback", fix="plain-http")
        return
    scene.client.budget.ask()
    verified = ssl.create_default_context()
    trouble, _ = await _connect(target, verified)
    scene.client.budget.ask()
    _, certificate = await _connect(target, unverified())
    if certificate is None:
        tally.unanswered += 1
        return
    leaks = ["the certificate cannot be verified"] if trouble == "certificate" else []
    leaks += _ages(certificate, tally)
    if leaks and target.is_loopback:
        for leak in leaks:
            tally.note(f"{leak}, on loopback")
        leaks = []
    tally.sample(*leaks, fix="certificate")
    scene.client.budget.ask()
    _, found = await _connect(target, old())
    tally.sample(*(["TLS 1.1 or older is accepted"] if found is not None else []), fix="old-tls")


def _ages(certificate: bytes, tally: Tally) -> list[str]:
    try:
        read = x509.load_der_x509_certificate(certificate)
        ends, begins = read.not_valid_after_utc, read.not_valid_before_utc
    except ValueError:
        return ["the certificate cannot be read"]
    now = datetime.now(UTC)
    if ends < now:
        return ["the certificate has expired"]
    if (ends - now).days < _SOON_DAYS:
        tally.note("the certificate expires within two weeks")
    return ["the certificate is not valid yet"] if begins > now else []


async def _connect(target: Target, context: ssl.SSLContext) -> tuple[str, bytes | None]:
    """Return what went wrong, and the certificate in DER where a connection came about."""
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(
                target.addresses[0], target.port, ssl=context, server_hostname=target.host
            )
    except ssl.SSLCertVerificationError:
        return "certificate", None
    except (OSError, TimeoutError, ValueError):
        return "connection", None
    held = writer.get_extra_info("ssl_object")
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_SECONDS):
            await writer.wait_closed()
    return "", held.getpeercert(binary_form=True) if held is not None else None
