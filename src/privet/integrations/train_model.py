"""The model that `privet train` starts from, loaded from this machine alone.

Invariants: safetensors or GGUF, no code that a model brings, no call to a hub; errors hold no path and none of the loader's words.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as hf_logging

from privet.errors import BadInput
from privet.evidence import read_json
from privet.train_config import TrainConfig


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' own lines and bars away meanwhile."""
    level, bars = hf_logging.get_verbosity(), hf_logging.is_progress_bar_enabled()
    hf_logging.set_verbosity_error()
    hf_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        hf_logging.set_verbosity(level)
        if bars:
            hf_logging.enable_progress_bar()


def loaded(config: TrainConfig) -> tuple[Any, Any]:
    """Return tokenizer and model.

    Raises:
        BadInput: they cannot be loaded.

    """
    offline: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    path, how = config.model, {}
    if path.is_file():
        path, offline["gguf_file"], how = path.parent, path.name, _unpacked()
    elif _is_quantized(path):
        raise BadInput(
            f"{config.where('model.path')}: the model {path.name} is quantized",
            hint="name it in full or half precision, or a GGUF file, which is unpacked",
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **offline)
        # Half precision loses what noise and small steps add up to.
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32, use_safetensors=True, **how, **offline)
    except ModuleNotFoundError:
        raise
    except ImportError as error:
        raise BadInput(
            f"{config.where('model.path')}: a package for this model is missing", hint="pip install gguf"
        ) from error
    except Exception as error:
        # Whatever a broken file makes the loader raise, its words may hold paths.
        raise BadInput(
            f"{config.where('model.path')}: the model {config.model.name} cannot be loaded ({type(error).__name__})",
            hint="expected a causal language model with its tokenizer, as safetensors or GGUF, that needs no code of its own",
        ) from error
    quantizer = getattr(model, "hf_quantizer", None)
    if quantizer is not None:
        # What was unpacked is a model like any other, and is saved as one.
        quantizer.remove_quantization_config(model)
    if tokenizer.pad_token_id is None and tokenizer.eos_token_id is not None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    return tokenizer, model


def _is_quantized(folder: Path) -> bool:
    try:
        settings = read_json((folder / "config.json").read_bytes())
    except (OSError, BadInput):
        return False  # the loader says so
    return isinstance(settings, dict) and bool(settings.get("quantization_config"))


def _unpacked() -> dict[str, Any]:
    """Return what makes transformers unpack a GGUF file; releases without the switch always do."""
    import transformers

    made = getattr(transformers, "GgufConfig", None)
    return {} if made is None else {"quantization_config": made(dequantize=True)}


@contextmanager
def room() -> Iterator[None]:
    """Say what to do where memory is not enough."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _full() from error
    except RuntimeError as error:
        if "allocate memory" in str(error):
            raise _full() from error
        raise


def _full() -> BadInput:
    return BadInput(
        "there is not enough memory for this",
        hint="make train.micro_batch_size or train.sequence_length smaller, or train with privacy.method = 'lora'",
    )
