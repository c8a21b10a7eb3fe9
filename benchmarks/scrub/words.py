"""The words that people read in documents, identifiers masked alike; and the numbers in models and tables."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

LABEL: Final = re.compile(r"\[[A-Z_]+\](?:_?\d+)?")
ADDRESS: Final = re.compile(r"(?i)(?:mailto:)?seen[0-9a-f]{8}(?:@example\.com)?")
MASK: Final = "¤"
TIMEOUT_SECONDS: Final = 60


def masked(text: str) -> list[str]:
    """Return the words of a text, identifiers masked alike."""
    return LABEL.sub(MASK, ADDRESS.sub(MASK, text)).split()


def pdf_words(path: Path) -> Any:
    done = subprocess.run(
        ["pdftotext", "-raw", path, "-"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise ValueError
    return masked(done.stdout)


def office_words(path: Path) -> Any:
    """Return the words of the body parts, in no order; metadata parts aside, and text that was deleted."""
    from lxml import etree

    words: Counter[str] = Counter()
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            if (
                not re.search(
                    r"^(word/document|xl/(sharedStrings|worksheets/sheet)|ppt/slides/slide|content|OEBPS/.*\.xhtml|.*sections/).*",
                    name,
                )
                or ".rels" in name
            ):
                continue
            root = etree.fromstring(file.read(name), etree.XMLParser(resolve_entities=False, no_network=True))
            for element in root.iter("{*}tracked-changes", "{*}annotation", "{*}head"):
                tail = element.tail
                element.clear()
                element.tail = tail
            for element in root.iter("{*}p", "{*}si", "{*}is"):
                is_plain = "opendocument" in str(element.tag) or "xhtml" in str(element.tag)
                pieces = element.itertext() if is_plain else (piece.text or "" for piece in element.iter("{*}t"))
                words.update(masked("".join(map(str, pieces))))
    return words


def plain_words(path: Path) -> Any:
    """Return the words that are read in text of any kind."""
    data = path.read_bytes()
    suffix = path.suffix
    if suffix in (".eml", ".mbox"):
        from email import message_from_bytes, policy

        mail = message_from_bytes(data.split(b"\n\nFrom ", 1)[0].removeprefix(b"From \n"), policy=policy.default)
        body = mail.get_body(("plain",))
        return masked(body.get_content() if body else "")
    text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8", "replace")
    if suffix == ".ipynb":
        return [masked("".join(cell["source"])) for cell in json.loads(text)["cells"]]
    if suffix in (".html", ".xml", ".svg", ".fodt", ".fods"):
        return _markup_words(data, suffix)
    if suffix == ".rtf":
        return Counter(re.findall(r"\b(?:garden|watered|paths|swept|leaves|Tomatoes|lettuce|drains)\b", text))
    if suffix == ".ics":
        return [line for line in text.splitlines() if line.startswith(("SUMMARY", "BEGIN", "END"))]
    # A comment of a style sheet and what stands before a text about it are no text.
    about = {".css": r"/\*.*?\*/", ".md": r"\A---\n(?:.*?\n)?---\n"}.get(suffix)
    return masked(re.sub(about, "", text, flags=re.DOTALL) if about else text)


def _markup_words(data: bytes, suffix: str) -> list[str]:
    from lxml import etree, html

    names = {".html": "//body//text()", ".svg": "//*[local-name()='text']//text()", ".xml": "//text()"}
    paragraphs = "//*[local-name()='p' and not(ancestor::*[local-name()='annotation' or local-name()='tracked-changes'])]//text()"
    paragraphs += "[not(ancestor::*[local-name()='binary-data'])]"
    parser = etree.XMLParser(resolve_entities=False, huge_tree=True)
    root = html.fromstring(data) if suffix == ".html" else etree.fromstring(data, parser)
    return masked(" ".join(str(piece) for piece in root.xpath(names.get(suffix, paragraphs))))


def numbers(path: Path) -> Any:
    """Return numbers and their names; text masked."""
    suffix = path.suffix
    if suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in load_file(path).items()}
    if suffix == ".gguf":
        from gguf import GGUFReader

        return [(tensor.name, tensor.data.tobytes()) for tensor in GGUFReader(path).tensors]
    if suffix == ".onnx":
        import onnx

        graph = onnx.load(str(path)).graph
        onnx.checker.check_model(onnx.load(str(path)))
        return [(node.op_type, len(node.input)) for node in graph.node]
    if suffix in (".npy", ".npz"):
        import numpy as np

        loaded = np.load(path, allow_pickle=False)
        return loaded.tobytes() if suffix == ".npy" else loaded["weight"].tobytes()
    if suffix == ".pkl":
        import pickle

        return masked(repr(pickle.loads(path.read_bytes())))  # noqa: S301 -- our own file
    import pyarrow as pa
    import pyarrow.parquet as pq

    if suffix == ".parquet":
        table = pq.read_table(path)
    else:
        data = path.read_bytes()
        table = (pa.ipc.open_file if data.startswith(b"ARROW1") else pa.ipc.open_stream)(io.BytesIO(data)).read_all()
    return [table.column_names, masked(repr(table.to_pylist()))]
