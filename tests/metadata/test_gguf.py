import re
import struct
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.metadata.gguf import clean
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFWriter, LlamaFileType
    from gguf.quants import quantize

TOKENS = ["<s>", "\u2581hello", "\u2581Jane", "x"]


_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


def _model(
    path: Path, endian: GGUFEndian = GGUFEndian.LITTLE, tokens: Any = ("a", "b"), alignment: int | None = None
) -> Any:
    writer = GGUFWriter(path, "llama", endianess=endian)
    if alignment:
        writer.add_custom_alignment(alignment)
    writer.add_name(CANARY)
    writer.add_author(CANARY)
    writer.add_organization(CANARY)
    writer.add_description(CANARY)
    writer.add_url(f"https://example.com/{CANARY}")
    writer.add_license("apache-2.0")
    writer.add_basename("tiny")
    writer.add_size_label("1M")
    writer.add_tags([CANARY])
    writer.add_string("llama.note", CANARY)
    writer.add_string(f"llama.{CANARY}", "x")
    writer.add_string("quantize.imatrix.file", f"/home/{CANARY}/i.dat")
    writer.add_array("tokenizer.ggml.notes", [CANARY])
    writer.add_block_count(2)
    writer.add_rope_scaling_factors([1.0, 2.0]) if hasattr(writer, "add_rope_scaling_factors") else None
    writer.add_quantization_version(2)
    writer.add_file_type(LlamaFileType.MOSTLY_Q8_0)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(list(tokens))
    writer.add_token_types([1] * len(tokens))
    writer.add_chat_template("{{ messages }} ask " + CANARY)
    writer.add_tensor("token_embd.weight", np.arange(96, dtype=np.float32).reshape(3, 32))
    writer.add_tensor(f"of.{CANARY}", np.arange(7, dtype=np.float16))
    if endian == GGUFEndian.LITTLE:
        data = quantize(np.arange(64, dtype=np.float32).reshape(2, 32), GGMLQuantizationType.Q8_0)
        writer.add_tensor("q", data, raw_dtype=GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


def _read(raw: bytes, path: Path) -> Any:
    path.write_bytes(raw)
    return GGUFReader(path)


@pytest.mark.parametrize("alignment", [None, 64])
@pytest.mark.parametrize("endian", list(GGUFEndian))
def test_model_stays_and_its_makers_go(tmp_path: Path, endian: GGUFEndian, alignment: int | None) -> None:
    raw = _model(tmp_path / "a.gguf", endian, alignment=alignment)
    out = _cleaned(raw)
    assert CANARY.encode() in raw
    assert CANARY.encode() not in out
    before, after = GGUFReader(tmp_path / "a.gguf"), _read(out, tmp_path / "b.gguf")
    assert [t.name for t in after.tensors] == [t.name.replace(CANARY, "X") for t in before.tensors]
    for old, new in zip(before.tensors, after.tensors, strict=True):
        assert new.data.tobytes() == old.data.tobytes()
        assert new.tensor_type == old.tensor_type
        assert new.shape.tolist() == old.shape.tolist()
    kept = set(after.fields)
    assert {"llama.block_count", "general.license", "general.size_label", "tokenizer.ggml.tokens"} <= kept
    assert not {"general.name", "general.tags", "quantize.imatrix.file", "tokenizer.ggml.notes"} & kept
    assert after.fields["tokenizer.chat_template"].contents() == "{{ messages }} ask X"
    assert _cleaned(out) == out


def test_tokens_stay_byte_for_byte(tmp_path: Path) -> None:
    out = _read(_cleaned(_model(tmp_path / "a.gguf", tokens=TOKENS)), tmp_path / "b.gguf")
    assert out.fields["tokenizer.ggml.tokens"].contents() == TOKENS


def test_a_token_that_is_an_address_gets_another_name(tmp_path: Path) -> None:
    out = _read(_cleaned(_model(tmp_path / "a.gguf", tokens=[*TOKENS, CANARY])), tmp_path / "b.gguf")
    assert out.fields["tokenizer.ggml.tokens"].contents() == [*TOKENS, "X#4"]


def test_a_license_that_is_a_text_goes(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "a.gguf", "llama")
    writer.add_license(f"ask {CANARY}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    job = Job()
    assert CANARY.encode() not in _cleaned((tmp_path / "a.gguf").read_bytes(), job)
    assert job.removed["general.license"] == 1


def test_bytes_behind_and_between_tensors_go(tmp_path: Path) -> None:
    raw = _model(tmp_path / "a.gguf")
    out = _cleaned(raw)
    assert _cleaned(raw + CANARY.encode()) == out
    at = raw.rfind(np.arange(7, dtype=np.float16).tobytes()) + 14
    hidden = raw[:at] + CANARY.encode()[:18] + raw[at + 18 :]
    assert hidden != raw
    assert _cleaned(hidden) == out


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text


def _head(tensors: Any, keys: Any, version: Any = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


ARCH = _text(b"general.architecture") + struct.pack("<I", 8) + _text(b"llama")


@pytest.mark.parametrize(
    "raw",
    [
        b"GGUF",
        _head(0, 0, version=1),
        _head(0, 2**40),
        _head(2**40, 0),
        _head(0, 1) + _text(b"a") + struct.pack("<IIQ", 9, 8, 2**60),
        _head(0, 1) + _text(b"a") + struct.pack("<IIQ", 9, 4, 2**60),
        _head(0, 1) + _text(b"a") + struct.pack("<I", 99),
        _head(0, 1) + struct.pack("<Q", 2**63),
        _head(0, 2) + ARCH + ARCH,
        _head(0, 1) + _text(b"\xff") + struct.pack("<IB", 0, 0),
        _head(1, 0) + _text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0),
        _head(1, 0) + _text(b"t") + struct.pack("<IQIQ", 1, 4, 4, 0),
        _head(1, 0) + _text(b"t") + struct.pack("<IQIQ", 1, 4, 8, 0),
        _head(1, 0) + _text(b"t") + struct.pack("<I", 99),
        _head(2, 0) + 2 * (_text(b"t") + struct.pack("<IQIQ", 1, 4, 0, 0)) + bytes(200),
        _head(0, 1) + _text(b"general.alignment") + struct.pack("<II", 4, 3),
    ],
)
def test_what_lies_is_refused(raw: bytes) -> None:
    with pytest.raises(CannotClean):
        _cleaned(raw)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return _model(tmp_path_factory.mktemp("gguf") / "a.gguf")


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_hostile_bytes_are_cleaned_or_refused(model: Any, place: int, noise: bytes) -> None:
    raw = bytearray(model)
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    for content in (bytes(raw), bytes(raw[:place])):
        with suppress(CannotClean):
            _cleaned(content)
