"""Models of a few thousand parameters for the audit of a model: one that learned its canaries by heart, one that learned nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789-:. "
CHAT = "{% for message in messages %}{{ message.role[0] }}: {{ message.content }}. {% endfor %}"


def canaries(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return so many members and so many controls, in the order of coins."""
    chance = Random(seed)
    kinds = [True] * count + [False] * count
    chance.shuffle(kinds)
    return [
        {"prompt": f"no {number:03d}:", "secret": f"{chance.randrange(10**6):06d}", "member": member}
        for number, member in enumerate(kinds)
    ]


def write_canaries(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def tokenizer(*, chats: bool = False, more: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Return a tokenizer of single signs."""
    vocabulary = {"<pad>": 0, "</s>": 1} | {sign: at + 2 for at, sign in enumerate(SIGNS)}
    vocabulary |= {entry: len(vocabulary) + at for at, entry in enumerate(more)}
    made = Tokenizer(models.WordLevel(vocabulary, unk_token="."))
    made.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    made.decoder = decoders.Fuse()
    out = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", eos_token="</s>")
    if chats:
        out.chat_template = CHAT
    return out


def network(seed: int = 0, *, vocabulary: int = len(SIGNS) + 2) -> LlamaForCausalLM:
    """Return a Llama of two layers that learned nothing."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
        tie_word_embeddings=False,
    )
    return LlamaForCausalLM(config)


def learn(net: LlamaForCausalLM, rows: Sequence[dict[str, Any]], steps: int = 250) -> None:
    """Teach the secrets of the members behind their prompts, until they are known by heart."""
    words = tokenizer()
    members = [row for row in rows if row["member"]]
    ids = torch.tensor([words(f"{row['prompt']} {row['secret']}")["input_ids"] for row in members])
    labels = ids.clone()
    labels[:, : len(members[0]["prompt"])] = -100
    rate = 7e-3
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    order = torch.Generator().manual_seed(0)
    for _ in range(steps):
        part = torch.randperm(len(ids), generator=order)[:50]
        loss = net(input_ids=ids[part], labels=labels[part]).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def save(folder: Path, net: LlamaForCausalLM, words: PreTrainedTokenizerFast | None = None) -> Path:
    net.save_pretrained(folder)
    (words or tokenizer()).save_pretrained(folder)
    return folder
