"""Contexts of TLS that look at what others refuse.

Invariant: no key goes through one of them beyond loopback.
"""

from __future__ import annotations

import contextlib
import ssl
import warnings


def unverified() -> ssl.SSLContext:
    """Return a context that takes any certificate: to look at it, or on loopback, where the key goes to this machine only."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def old() -> ssl.SSLContext:
    """Return a context that speaks TLS 1.0 and 1.1 alone, if the library still can."""
    context = unverified()
    with warnings.catch_warnings():
        # Python warns of these versions, which is what is looked for.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers("ALL:@SECLEVEL=0")
    return context
