"""The base model of the demonstration: half a million parameters, trained on public codes and public tickets, scrubbed as the private ones.

`made(folder)` trains it once, in about four minutes on one core, and puts it into place whole.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

import tickets
import torch
from scrubbing import cleaned

TICKETS: Final = 24_000
CODES: Final = 2000
PUBLIC_SEED: Final = 1_000_003
"""of codes that are no canaries"""
LENGTH: Final = 64
_VOCABULARY: Final = 1280
_END: Final = "<|end|>"
_STEPS: Final = 1200
_BATCH: Final = 64
_RATE: Final = 3e-3


def made(folder: Path) -> Path:
    """Return the folder of the base model; it is made if it is not there."""
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    public = [tickets.Ticket(str(at), text) for at, text in enumerate(tickets.public(TICKETS, 0))]
    texts = [text for text, _ in cleaned(public)[0]] + [code.text for code in tickets.codes(CODES, PUBLIC_SEED)]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        tokenizer = _tokenizer(texts)
        model = _model(tokenizer)
        _train(model, [tokenizer(text)["input_ids"] + [tokenizer.eos_token_id] for text in texts])
        model.save_pretrained(work)
        tokenizer.save_pretrained(work)
        shutil.copytree(work, folder.with_suffix(".new"))
    folder.with_suffix(".new").rename(folder)
    return folder


def _tokenizer(texts: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    found = Tokenizer(models.BPE())
    found.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    found.decoder = decoders.ByteLevel()
    found.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=_VOCABULARY,
            special_tokens=[_END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(tokenizer_object=found, eos_token=_END, pad_token=_END)


def _model(tokenizer: Any) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=352,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def _train(model: Any, rows: list[list[int]]) -> None:
    from tqdm import tqdm

    from privet.integrations.train_tokens import Collate

    optimizer = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=_STEPS)
    collate = Collate(0)
    for _ in tqdm(range(_STEPS), desc="base model", file=sys.stderr):
        at = torch.randint(len(rows), (_BATCH,)).tolist()
        batch = collate([{"input_ids": rows[one][:LENGTH]} for one in at])
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
