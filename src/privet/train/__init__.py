"""Fine-tuning that is differentially private: per-unit gradients, clipping, lattice noise, accounting, a ledger, self-checks.

For a loop of your own: `privet.train.private`. For transformers and TRL: `privet.integrations.transformers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from privet.train.plain import private

__all__ = ["private"]


def __getattr__(name: str) -> Any:
    # The accountant and the ledger work without torch, which takes seconds to load.
    if name == "private":
        from privet.train.plain import private

        return private
    raise AttributeError(name)
