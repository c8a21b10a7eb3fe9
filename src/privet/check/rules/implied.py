"""Variables that do what a rule asks for without being one of its spellings: setting one, the rule's own may go.

Invariant: only what the library itself reads in its place, in the release named.
"""

from __future__ import annotations

from typing import Final

IMPLIED: Final = {
    # python package datasets 5.2.0: datasets/config.py takes huggingface_hub's HF_HUB_OFFLINE where HF_DATASETS_OFFLINE is not set.
    "hf-datasets-offline": frozenset(("HF_HUB_OFFLINE",)),
    # python package huggingface_hub 2.4.0: huggingface_hub/constants.py
    "hf-hub-disable-telemetry": frozenset(("DO_NOT_TRACK",)),
}
