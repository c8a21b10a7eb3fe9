"""One private run: its plan, its entry in the ledger, its steps, what it has spent, and how it goes on from a checkpoint.

Invariants:

- The ledger holds the whole plan before the first step; no step is taken beyond the plan.
- What a checkpoint says of a run is signed by this machine's key and of the same plan, data and dataset, or it is refused. A run goes on
  under its own name, so its steps count once; one that has ended with all its steps does not go back.
- When a run ends, the sizes of its batches are compared with those of Poisson sampling, and it must have learned from somebody.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from privet.errors import BadInput, Damaged, Unprotected
from privet.evidence import SIGNATURE, Signer, is_signed, json_bytes, read_json
from privet.keys import state_folder, write_private
from privet.policy import Policy
from privet.policy_file import config_home, find_policy_file, load_policy
from privet.train.batches import Part
from privet.train.identity import dataset_id
from privet.train.ledger import Entry, Ledger
from privet.train.plan import Plan, Privacy
from privet.train.sampling import PoissonBatches
from privet.train.self_checks import batches_are_poisson, sampling_is_poisson
from privet.train.steps import LossOf, PrivateSteps

STATE: Final = "privet_state.json"
_STATE_FORMAT: Final = "privet-training-state/1"
_LEDGER: Final = "ledger.json"
_MEMORY: Final = ("out of memory", "can't allocate memory")


def policy_in_force() -> Policy:
    """Return the policy of privet.toml in this folder, else the user's own, else the defaults; and of the environment."""
    return load_policy(find_policy_file(Path.cwd(), config_home(os.environ))).policy


class Run:
    """A run by a plan. `dataset` is its name in the ledger, or its rows, for which a keyed digest stands."""

    def __init__(
        self,
        plan: Plan,
        dataset: str | Iterable[Any],
        *,
        budget: float,
        ledger: str | os.PathLike[str] | None = None,
    ) -> None:
        state = state_folder(os.environ)
        self.plan = plan
        self.signer = Signer.load(state)
        self.dataset = (
            dataset if isinstance(dataset, str) else dataset_id(dataset, self.signer.key("name of a training dataset"))
        )
        self.taken = 0
        self._budget = budget
        self._ledger = Ledger(Path(ledger) if ledger is not None else state / _LEDGER, state)
        self._id = secrets.token_hex(8)
        self._steps: PrivateSteps | None = None
        self._is_checked = False
        self._drawn = 0
        self._sizes: list[int] = []

    @property
    def privacy(self) -> Privacy:
        """What was spent so far."""
        return self.plan.spent(self.taken)

    def begin(self, source: PoissonBatches | None = None) -> None:
        """Enter the plan in the ledger. `source` is looked at first: whether it draws by chance.

        Raises:
            BadInput: the dataset has spent its budget, or this run has taken all its steps already.
            Unprotected: batches are not those of Poisson sampling, or the accountants do not agree.

        """
        if self.taken >= self.plan.steps:
            raise BadInput("this run has taken all its steps", hint="make a new trainer, which begins another run")
        if source is not None:
            sampling_is_poisson(source, len(self.plan.units))
        entry = Entry(
            self._id,
            self.plan.unit,
            self.plan.delta,
            self.plan.noise_multiplier,
            self.plan.sampling_rate,
            self.plan.steps,
            ended=False,
        )
        self._ledger.reserve(self.dataset, entry, self._budget)

    def add(self, model: nn.Module, loss_of: LossOf, part: Part, scale: Tensor | None = None) -> Tensor:
        """Add a part of a batch; return its loss. `scale`: as `PrivateSteps.add` has it.

        Raises:
            Mixes: gradients of the model cannot be told apart by example.
            BadInput: a loss is not finite, memory was not enough, or nothing is trainable.

        """
        steps = self._prepared(model)
        with enough_memory(part.examples):
            if not self._is_checked:
                steps.check(loss_of, part.inputs, part.examples)
                self._is_checked = True
            loss = steps.add(loss_of, part.inputs, part.units, part.per_unit, scale)
        self._drawn += part.units
        return loss

    def finish(self, model: nn.Module) -> None:
        """End a step: put the noisy gradient of the batch into the parameters' `grad`.

        Raises:
            Unprotected: the plan has no further step, or a self-check failed.

        """
        if self.taken >= self.plan.steps:
            raise Unprotected("the loop takes more steps than planned", hint="set max_steps or epochs before training")
        self._prepared(model).finish()
        self._sizes.append(self._drawn)
        self._drawn = 0
        self.taken += 1

    def _prepared(self, model: nn.Module) -> PrivateSteps:
        if self._steps is None:
            plan = self.plan
            self._steps = PrivateSteps(
                model,
                noise_multiplier=plan.noise_multiplier,
                clip_norm=plan.max_grad_norm,
                expected_units=plan.expected,
            )
        return self._steps

    def end(self) -> None:
        """Enter what was taken, where the run has begun."""
        self._ledger.end(self.dataset, self._id, self.taken)

    def check(self) -> None:
        """Look at the run as a whole, once it has ended.

        Raises:
            Unprotected: batches were not those of Poisson sampling.
            BadInput: nobody's gradient was anything but nought.

        """
        batches_are_poisson(self._sizes, len(self.plan.units), self.plan.sampling_rate)
        if self._steps is not None and any(self._sizes) and not self._steps.has_learned:
            raise BadInput(
                "no gradient has reached a trainable parameter, so only noise was learned",
                hint="look whether labels are all masked, and whether gradient checkpointing cuts the adapters off",
            )

    def save(self, folder: Path) -> None:
        """Put what a checkpoint has to know into its folder."""
        write_private(folder / STATE, json_bytes(self.signer.signed(self._state())))

    def go_on(self, folder: Path) -> None:
        """Take over what a checkpoint has spent.

        Raises:
            Damaged: it has no state of the accountant, or that was edited.
            BadInput: it is of another plan, or of a run that has ended.

        """
        try:
            document = read_json((folder / STATE).read_bytes())
        except OSError as error:
            raise Damaged(
                "the checkpoint does not say what it has spent", hint="begin anew, or name one of a private run"
            ) from error
        if not self._is_ours(document):
            raise Damaged("what the checkpoint says of its privacy was edited", hint="name another checkpoint")
        mine = self._state()
        apart = [name for name in ("dataset", "plan") if document[name] != mine[name]]
        if apart:
            raise BadInput(
                f"the checkpoint is of another {apart[0]}",
                hint="go on with the arguments and data that it was begun with",
            )
        self._id, self.taken = document["run"], document["taken"]
        entry = self._ledger.entry(self.dataset, self._id)
        if entry is not None and entry.ended and entry.steps >= self.plan.steps:
            raise BadInput("the run of this checkpoint has taken all its steps", hint="begin another run")

    def _is_ours(self, document: Any) -> bool:
        return (
            isinstance(document, Mapping)
            and document.get("format") == _STATE_FORMAT
            and is_signed(document)
            and document[SIGNATURE]["public_key"] == self.signer.signed({})[SIGNATURE]["public_key"]
        )

    def _state(self) -> dict[str, Any]:
        plan = self.plan
        figures = {
            "unit": plan.unit,
            "units": len(plan.units),
            "per_unit": plan.per_unit,
            "expected": plan.expected,
            "steps": plan.steps,
            "epsilon": plan.epsilon,
            "delta": plan.delta,
            "noise_multiplier": plan.noise_multiplier,
            "max_grad_norm": plan.max_grad_norm,
        }
        return {
            "format": _STATE_FORMAT,
            "run": self._id,
            "taken": self.taken,
            "dataset": self.dataset,
            "plan": figures,
        }


@contextmanager
def enough_memory(examples: int) -> Iterator[None]:
    """Within it, say what helps where memory is not enough for so many examples.

    Raises:
        BadInput: it is not.

    """
    try:
        yield
    except RuntimeError as error:
        # torch.OutOfMemoryError is one; the allocator of processors raises the plain kind.
        if not isinstance(error, torch.OutOfMemoryError) and not any(each in str(error) for each in _MEMORY):
            raise
        raise BadInput(
            f"memory is not enough for {examples} examples at once",
            hint="lower per_device_train_batch_size and raise gradient_accumulation_steps by as much: epsilon stays the same",
        ) from None


def check_optimizer(optimizer: Any, parameters: Sequence[Tensor]) -> None:
    """Refuse an optimizer that does not hold what is trained: it would move nothing, and noise would hide that.

    Raises:
        BadInput: a trainable parameter is not in it.

    """
    held = {id(each) for group in optimizer.param_groups for each in group["params"]}
    left = sum(id(each) not in held for each in parameters)
    if left:
        raise BadInput(
            f"the optimizer does not hold {left} of {len(parameters)} trainable parameters",
            hint="make it after the adapters, or leave optimizers out",
        )
