"""Who else may ask the target: the callers of other keys, and where the user gave none, those without a key or with a wrong one.

Invariant: nobody counts as another caller whom the target does not let in, and the target's own key is never another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from privet.audit.endpoint.scene import Scene

NEED_KEY: Final = "it takes a second key of the same endpoint: add --tenant-key-file"
REFUSED: Final = "the second key was refused: give one with --tenant-key-file that the endpoint accepts"


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """Somebody who asks. `key` None: without one. `name` is for the report."""

    name: str
    key: str | None


def own(scene: Scene) -> Caller:
    """Return the caller of the target's own key."""
    return Caller("this key", scene.target.key)


async def tenants(scene: Scene) -> list[Caller]:
    """Return the callers of the other keys that the user gave, as far as they are let in."""
    keys = [key for key in dict.fromkeys(scene.target.tenants) if key != scene.target.key]
    return [caller for key in keys if await _is_let_in(scene, caller := Caller("another key", key))]


async def strangers(scene: Scene) -> list[Caller]:
    """Return who is let in without being anybody, where the target was given a key at all."""
    if scene.target.key is None:
        # Without keys all callers are one, and what one said to itself is nobody's leak.
        return []
    made_up = f"sk-{scene.chance('callers').randbytes(16).hex()}"
    return [
        caller for caller in (Caller("a wrong key", made_up), Caller("no key", None)) if await _is_let_in(scene, caller)
    ]


async def _is_let_in(scene: Scene, caller: Caller) -> bool:
    return (await scene.dialect.chat("Say hello.", tokens=1, key=caller.key)).is_model
