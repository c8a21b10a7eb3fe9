"""How likely texts are to a language model, and how it goes on: torch, in single precision.

Invariants:

- The same weights and texts give the same numbers on the same machine: batches depend on the texts alone.
- A number that is not finite is an error, never a score.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import torch

from privet.audit.endpoint.given import Canary
from privet.errors import BadInput

TEXT: Final = "text"
CHAT: Final = "chat"
_MOST_NUMBERS: Final = 1 << 25
"""Of a batch: 128 MB."""
_KEPT_NUMBERS: Final = 1 << 12
"""What a token of a continuation takes, about: keys and values."""
_MOST_ROWS: Final = 256
_WORTH: Final = 4
"""Rows, and tokens that they share, from which on those are read once."""
_MOST_PLACES: Final = 1024
_MORE_TOKENS: Final = 8
_NO_NUMBERS: Final = "the model gives numbers that are not finite"


@dataclass(frozen=True, slots=True, repr=False)
class Item:
    """Tokens, and from which of them on they count: never the first, which nothing stands before."""

    ids: tuple[int, ...]
    start: int

    def counted_from(self, start: int) -> Item:
        """Return the same tokens, counted from another place on."""
        return replace(self, start=start)


@dataclass(frozen=True, slots=True, repr=False)
class Score:
    """The log-likelihood of each token that counts; if asked for, the same less the vocabulary's mean there, in its deviations."""

    tokens: Sequence[float]
    normal: Sequence[float]


class LanguageModel:
    """A causal language model of transformers with its tokenizer."""

    def __init__(self, net: Any, tokenizer: Any) -> None:
        self._net = net
        self._tokenizer = tokenizer
        config = net.config.get_text_config()
        self._vocabulary = int(net.get_input_embeddings().weight.shape[0])
        self._places = min(_MOST_PLACES, int(getattr(config, "max_position_embeddings", 0) or _MOST_PLACES))
        self._device = next(net.parameters()).device
        inner = net.get_base_model() if hasattr(net, "get_base_model") else net
        takes = inspect.signature(inner.forward)
        # transformers 5.24 gave it another name.
        self._cache = "cache" if "cache" in takes.parameters else "past_key_values"
        self.parameters = sum(parameter.numel() for parameter in net.parameters())
        self.ways: tuple[str, ...] = (TEXT, CHAT) if self._chats() else (TEXT,)

    def __repr__(self) -> str:
        return f"LanguageModel({self.parameters} parameters)"

    def items(self, texts: Sequence[tuple[str, str]], way: str = TEXT) -> list[Item]:
        """Return texts behind their prompts, given as pairs, of which the text counts."""
        if way == CHAT:
            turns = [[*_asked(prompt), {"role": "assistant", "content": text}] for prompt, text in texts]
            every = self._tokenizer.apply_chat_template(turns, tokenize=True, return_dict=False)
        else:
            blanks = [" " if prompt and not prompt[-1].isspace() else "" for prompt, _ in texts]
            whole = [prompt + blank + text for (prompt, text), blank in zip(texts, blanks, strict=True)]
            every = self._tokenizer(whole)["input_ids"]
        before = {prompt: self._before(prompt, way) for prompt in dict.fromkeys(prompt for prompt, _ in texts)}
        return [self._item(before[prompt], ids) for (prompt, _), ids in zip(texts, every, strict=True)]

    def _item(self, before: Sequence[int], ids: Sequence[int]) -> Item:
        shared = next((at for at, (one, other) in enumerate(zip(before, ids, strict=False)) if one != other), None)
        start = max(1, min(len(before), len(ids) - 1) if shared is None else shared)
        cut = max(0, len(ids) - self._places)
        return Item(self._checked(ids[cut:]), max(1, start - cut))

    def scores(self, items: Sequence[Item], *, spread: bool = False) -> list[Score]:
        """Return how likely each item is; with `spread` against the whole vocabulary too."""
        out: dict[int, Score] = {}
        for batch in self._batches([len(item.ids) for item in items], self._vocabulary):
            with torch.inference_mode():
                out |= zip(batch, self._scored([items[at] for at in batch], spread=spread), strict=True)
        return [out[at] for at in range(len(items))]

    def continuations(self, canaries: Sequence[Canary], way: str, seed: int | None) -> list[str]:
        """Return how the model goes on behind each prompt: the likeliest, or drawn with a seed."""
        prompts = [self._before(canary.prompt, way) or (self._filler,) for canary in canaries]
        secrets = [self._tokenizer(canary.secret, add_special_tokens=False)["input_ids"] for canary in canaries]
        tokens = max(map(len, secrets), default=0) + _MORE_TOKENS
        prompts = [prompt[-max(1, self._places - tokens) :] for prompt in prompts]
        out: dict[int, str] = {}
        with torch.inference_mode(), torch.random.fork_rng(enabled=seed is not None):
            if seed is not None:
                torch.manual_seed(seed)
            for batch in self._batches([len(prompt) + tokens for prompt in prompts], _KEPT_NUMBERS):
                texts = self._continued([prompts[at] for at in batch], tokens, draws=seed is not None)
                out |= zip(batch, texts, strict=True)
        return [out[at] for at in range(len(canaries))]

    def _chats(self) -> bool:
        if not getattr(self._tokenizer, "chat_template", None):
            return False
        try:
            return bool(self.items([("a", "b")], CHAT)[0].ids)
        except Exception:  # a template is a program of the model's maker, and may need what we do not give it
            return False

    def _before(self, prompt: str, way: str) -> tuple[int, ...]:
        if way == CHAT:
            turns = _asked(prompt)
            return self._checked(
                self._tokenizer.apply_chat_template(turns, tokenize=True, add_generation_prompt=True, return_dict=False)
            )
        ids = self._checked(self._tokenizer(prompt)["input_ids"])
        # Some tokenizers close every text.
        return ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids

    def _checked(self, ids: Sequence[int]) -> tuple[int, ...]:
        if ids and not 0 <= min(ids) <= max(ids) < self._vocabulary:
            raise BadInput("the tokenizer has tokens that the model has not", hint="give the model its own tokenizer")
        return tuple(ids)

    @property
    def _filler(self) -> int:
        tokens = (self._tokenizer.pad_token_id, self._tokenizer.bos_token_id, self._tokenizer.eos_token_id)
        return next((token for token in tokens if token is not None and token < self._vocabulary), 0)

    def _batches(self, lengths: Sequence[int], numbers: int) -> Iterator[list[int]]:
        """Yield places of items that go together: of about one length, and not too much at once; `numbers`: how many one token takes."""
        batch: list[int] = []
        for at in sorted(range(len(lengths)), key=lambda at: (lengths[at], at)):
            if batch and ((len(batch) + 1) * lengths[at] * numbers > _MOST_NUMBERS or len(batch) >= _MOST_ROWS):
                yield batch
                batch = []
            batch.append(at)
        if batch:
            yield batch

    def _scored(self, items: Sequence[Item], *, spread: bool) -> list[Score]:
        width = max(2, *(len(item.ids) for item in items))
        rows = [[*item.ids, *[self._filler] * (width - len(item.ids))] for item in items]
        ids = torch.tensor(rows, device=self._device)
        mask = torch.tensor([[at < len(item.ids) for at in range(width)] for item in items], device=self._device)
        shared = _shared(items)
        found = self._logits(ids, mask.long(), shared)[:, :-1].float()
        every = torch.log_softmax(found, dim=-1)
        tokens = every.gather(2, ids[:, shared + 1 :, None]).squeeze(2)
        normal = _normal(tokens, every).tolist() if spread else None
        out = []
        for at, row in enumerate(tokens.tolist()):
            start, end = items[at].start - 1 - shared, len(items[at].ids) - 1 - shared
            if not all(map(math.isfinite, row[start:end])):
                raise BadInput(_NO_NUMBERS, hint="its weights are damaged, or training went wrong")
            out.append(Score(row[start:end] or [0.0], (normal[at][start:end] or [0.0]) if normal else ()))
        return out

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor, shared: int) -> torch.Tensor:
        """Return what the model says behind each token but the first `shared` ones, which are the same in all rows and read once."""
        if not shared:
            logits: torch.Tensor = self._net(input_ids=ids, attention_mask=mask, use_cache=False).logits
            return logits
        first = self._net(input_ids=ids[:1, :shared], attention_mask=mask[:1, :shared], use_cache=True)
        kept: Any = first.get(self._cache)
        if not hasattr(kept, "batch_repeat_interleave"):
            # Some models keep something else than keys and values.
            return self._logits(ids, mask, 0)[:, shared:]
        kept.batch_repeat_interleave(len(ids))
        more: dict[str, Any] = {self._cache: kept, "use_cache": True}
        behind: torch.Tensor = self._net(input_ids=ids[:, shared:], attention_mask=mask, **more).logits
        return behind

    def _continued(self, prompts: Sequence[Sequence[int]], tokens: int, *, draws: bool) -> list[str]:
        from transformers import GenerationConfig

        width = max(map(len, prompts))
        rows = [[*[self._filler] * (width - len(prompt)), *prompt] for prompt in prompts]
        mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        drawing = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0} if draws else {"do_sample": False}
        config = GenerationConfig(
            max_new_tokens=tokens,
            pad_token_id=self._filler,
            eos_token_id=self._tokenizer.eos_token_id,
            **drawing,
        )
        found = self._net.generate(
            input_ids=torch.tensor(rows, device=self._device),
            attention_mask=torch.tensor(mask, device=self._device),
            generation_config=config,
        )
        texts: list[str] = self._tokenizer.batch_decode(found[:, width:], skip_special_tokens=True)
        return texts


def _asked(prompt: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": prompt}]


def _shared(items: Sequence[Item]) -> int:
    """Return how many tokens at the beginning are the same in all, and none of them is needed to tell how likely the next is."""
    most = min(item.start for item in items) - 1
    first = items[0].ids
    shared = next((at for at in range(most) if any(item.ids[at] != first[at] for item in items)), most)
    return shared if len(items) >= _WORTH and shared >= _WORTH else 0


def _normal(tokens: torch.Tensor, every: torch.Tensor) -> torch.Tensor:
    """Return each number less the mean over the vocabulary, in its deviations, both weighted by how likely the tokens are."""
    weights = every.exp()
    each = torch.nan_to_num(every, neginf=0.0)
    mean = (weights * each).sum(-1)
    squares = (weights * each.square()).sum(-1)
    return (tokens - mean) / (squares - mean.square()).clamp_min(1e-6).sqrt()
