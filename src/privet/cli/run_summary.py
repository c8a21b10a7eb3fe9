"""The end of `privet run`: what the program tried, told beside what privet.toml names."""

from __future__ import annotations

from privet.report import egress_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, Final

    from privet.egress.run import Ended

_LOOPBACK: Final = ("127.0.0.1", "::1")


def summary(told: dict[str, Any], named: Collection[tuple[str, int]], *, is_learning: bool) -> str:
    """Return it for a reader."""
    lines = [
        f"privet run: {host}:{port} {why}{f', {count} times' if count > 1 else ''}"
        for host, port, why, count in told["unreached"]
    ]
    looked_up = {destination for _, destination, _ in told["attempts"]}
    lines += [
        f"privet run: {host} is open to what asks the proxy in HTTPS_PROXY, and to nothing else"
        for host in sorted({host for host, _ in named} & looked_up)
    ]
    if is_learning and told["attempts"] and not blocks(told, named):
        lines.append("privet run: privet.toml names all that it wanted")
    return egress_text.summary(told, is_learning=is_learning) + "".join(f"{line}\n" for line in lines)


def summary_as_json(ended: Ended) -> dict[str, Any]:
    """Return it for machines."""
    unreached = [dict(zip(("host", "port", "reason", "count"), item, strict=True)) for item in ended.told["unreached"]]
    return {**egress_text.as_json(ended.code, ended.told), "unreached": unreached}


def blocks(told: dict[str, Any], named: Collection[tuple[str, int]]) -> str:
    """Return an `[[exception]]` for each destination that the program wanted and that is not named."""
    known = {(_home(host), str(port)) for host, port in named}
    return egress_text.blocks({"attempts": [item for item in told["attempts"] if _split(item[1]) not in known]})


def _split(destination: str) -> tuple[str, str]:
    host, _, port = destination.rpartition(":")
    return _home(host.strip("[]")), port


def _home(host: str) -> str:
    # One service of this machine, by any of its names.
    return "localhost" if host in _LOOPBACK else host
