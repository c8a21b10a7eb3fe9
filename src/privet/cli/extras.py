"""What a verb needs beside the core, and how to get it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from privet.errors import BadInput, PrivetError


@contextmanager
def needing(verb: str, extra: str, failure: type[PrivetError] = BadInput) -> Iterator[None]:
    """Say what to install where a package is missing.

    Raises:
        PrivetError: the failure, with the extra that brings the package.

    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise failure(f"privet {verb} needs the package {error.name}", hint=f"pip install 'privet[{extra}]'") from error
