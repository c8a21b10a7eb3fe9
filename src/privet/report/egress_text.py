"""What a locked program tried, and which layers hold, as text and as JSON."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import Any, Final

    from privet.egress.layers import Layer

_LOOPBACK: Final = ("127.0.0.1", "::1")


def summary(told: dict[str, Any], named: Collection[tuple[str, int]], *, is_learning: bool) -> str:
    """Return the lines at the end of a run: what was tried, what was let through, and which of the `named` hosts did not answer."""
    lines = []
    attempts = told["attempts"]
    if attempts:
        what = ", none let through" if is_learning else " stopped"
        lines.append(f"privet run: {_counted(sum(count for *_, count in attempts), 'attempt')} to leave{what}")
        wide = max(len(program) for program, *_ in attempts)
        far = max(len(destination) for _, destination, _ in attempts)
        lines += [f"  {program:{wide}}  {destination:{far}}  {count}" for program, destination, count in attempts]
    for host, port, sent, received in told["opened"]:
        lines.append(f"privet run: {host}:{port}: {sent} bytes out, {received} bytes in")
    if attempts and not is_learning:
        lines.append("next: privet run --audit -- CMD… prints the exceptions to justify")
    for host, port, why, count in told["unreached"]:
        lines.append(f"privet run: {host}:{port} {why}{f', {count} times' if count > 1 else ''}")
    looked_up = {destination for _, destination, _ in attempts}
    lines += [
        f"privet run: {host} is open to what asks the proxy in HTTPS_PROXY, and to nothing else"
        for host in sorted({host for host, _ in named} & looked_up)
    ]
    if is_learning and attempts and not blocks(told, named):
        lines.append("privet run: privet.toml names all that it wanted")
    return "".join(f"{line}\n" for line in lines)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def as_json(code: int, told: dict[str, Any]) -> dict[str, Any]:
    """Return the same for machines."""
    return {
        "exit_code": code,
        "attempts": [dict(zip(("program", "destination", "count"), item, strict=True)) for item in told["attempts"]],
        "opened": [dict(zip(("host", "port", "sent", "received"), item, strict=True)) for item in told["opened"]],
        "unreached": [dict(zip(("host", "port", "reason", "count"), item, strict=True)) for item in told["unreached"]],
    }


def blocks(told: dict[str, Any], named: Collection[tuple[str, int]]) -> str:
    """Return an `[[exception]]` for each destination that was wanted and is not `named`, to be filled with a reason, an owner and a day."""
    known = {(_home(host), str(port)) for host, port in named}
    wanted: dict[tuple[str, str], list[str]] = {}
    for program, destination, _ in told["attempts"]:
        host, _, port = destination.rpartition(":")
        host = host.strip("[]")
        if host and port.isdigit() and (_home(host), port) not in known:
            wanted.setdefault((host, port), []).append(program)
    return "".join(
        f'\n[[exception]]\nrule = "egress"\nhost = "{host}"\nport = {port}\n'
        f'reason = ""  # {", ".join(sorted(set(programs)))}\nowner = ""\nexpires = ""  # YYYY-MM-DD\n'
        for (host, port), programs in sorted(wanted.items())
    )


def _home(host: str) -> str:
    # One service of this machine, by any of its names.
    return "localhost" if host in _LOOPBACK else host


def explained(layers: Sequence[Layer]) -> str:
    """Return the layers, what each covers, and what to do where one is missing."""
    wide = max(len(layer.name) for layer in layers)
    lines = []
    for layer in layers:
        state = "holds" if layer.holds else "MISSING" if layer.is_required else "absent"
        lines.append(f"{layer.name:{wide}}  {state:7}  {layer.covers}")
        if layer.remedy:
            lines.append(f"{'':{wide}}  {'':7}  {layer.remedy}")
    missing = [layer.name for layer in layers if not layer.holds and layer.is_required]
    lines.append(f"privet run refuses to start here: {', '.join(missing)}" if missing else "privet run works here")
    return "".join(f"{line}\n" for line in lines)
