"""`PrivateSFTTrainer`: TRL's trainer for conversations and instructions, private by default.

Invariants:

- An example of the trainer is the example of the dataset at the same place: nothing is packed, shuffled, streamed or left out before
  batches are drawn.
- Tokenized texts do not go to the cache of `datasets`.
- The loss is the model's own: TRL's goes around the last layer, where gradients cannot be told apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import datasets
from transformers import Trainer
from trl import SFTTrainer

from privet.errors import BadInput
from privet.integrations.transformers import PrivateTrainer

_REFUSED: Final = {
    "packing": "puts several examples into one",
    "padding_free": "puts several examples into one",
    "shuffle_dataset": "moves examples away from whose they are, and batches are drawn by chance anyway",
    "activation_offloading": "goes around the layers that are watched",
}


@contextmanager
def _no_cache() -> Iterator[None]:
    """Keep tokenized texts out of the cache of `datasets` within it: they go to a folder of this process, removed when it ends."""
    was_on = datasets.is_caching_enabled()
    datasets.disable_caching()
    try:
        yield
    finally:
        if was_on:
            datasets.enable_caching()


class PrivateSFTTrainer(PrivateTrainer, SFTTrainer):
    """TRL's `SFTTrainer` with the gradients of `PrivateTrainer`: the same arguments, and `peft_config`, `processing_class` and others.

    Raises:
        BadInput: examples are packed or moved, so that nobody knows whose a gradient is, or the loss is another one.

    """

    def __init__(self, model: Any = None, args: Any = None, train_dataset: Any = None, **more: Any) -> None:
        for name, why in _REFUSED.items():
            if getattr(args, name, False):
                raise BadInput(f"{name} {why}", hint=f"leave {name} out")
        if getattr(args, "loss_type", None) not in (None, "nll", "chunked_nll"):
            raise BadInput("only the usual loss is supported", hint="leave loss_type out")
        with _no_cache():
            super().__init__(model=model, args=args, train_dataset=train_dataset, **more)

    def compute_loss(self, model: Any, inputs: Any, *more: Any, **named: Any) -> Any:
        """Return the model's own loss."""
        return Trainer.compute_loss(self, model, inputs, *more, **named)
