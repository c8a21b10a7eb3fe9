"""Mails, pages, notebooks, archives, tables and model files."""

from __future__ import annotations

import base64
import gzip
import io
import json
import mailbox
import pickle
import sqlite3
import tarfile
import zipfile
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

from office import WHEN, photo, word
from planting import Corpus, prose, row_of, seen

if TYPE_CHECKING:
    from pathlib import Path


def message(canary: str, *, attach: bool = True) -> EmailMessage:
    """Return a mail with headers of the way it took and attachments."""
    mail = EmailMessage()
    for name in ("From", "To", "Cc", "Reply-To"):
        mail[name] = f"{seen(canary)}@example.com"
    mail["Received"] = f"from {canary}.example.com (192.0.2.7) by mx.example.com; Tue, 2 Jan 2024 03:04:05 +0000"
    for name in ("X-Mailer", "User-Agent", "X-Originating-Host", "Organization", "DKIM-Signature", "Thread-Topic"):
        mail[name] = canary
    mail["Message-ID"] = f"<{canary}@{canary}.example.com>"
    mail["Date"] = "Tue, 2 Jan 2024 03:04:05 +0000"
    mail["Subject"] = "watering"
    mail.set_content(prose(canary))
    mail.add_alternative(
        f"<html><head><meta name=generator content={canary}></head><body><p>{prose(canary)}</p><!-- {canary} --></body></html>",
        subtype="html",
    )
    if attach:
        mail.add_attachment(photo(canary).getvalue(), maintype="image", subtype="jpeg", filename="photo.jpg")
        mail.add_attachment(
            prose(canary).encode(), maintype="text", subtype="plain", filename="notes.txt", cte="base64"
        )
    return mail


def box(path: Path, canary: str) -> None:
    """Write a mailbox of three mails."""
    file = mailbox.mbox(str(path))
    for _ in range(3):
        file.add(message(canary))
    file.close()


def page(path: Path, canary: str) -> None:
    """Write a web page with what editors leave in it."""
    picture = base64.b64encode(photo(canary).getvalue()).decode()
    path.write_text(
        f'<!doctype html><html lang="en"><head><title>Garden</title><meta name="author" content="{canary}">'
        f'<meta name="generator" content="{canary}">'
        f'<!-- {canary} --></head><body data-owner="{seen(canary)}@example.com"><p>{prose(canary)}</p>'
        f'<a href="mailto:{seen(canary)}@example.com">write</a>'
        f'<img alt="{seen(canary)}@example.com" src="data:image/jpeg;base64,{picture}"></body></html>'
    )


def drawing(path: Path, canary: str) -> None:
    """Write an SVG with what editors leave in it."""
    path.write_text(
        '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" '
        f'xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" width="90" height="60" '
        f'sodipodi:docname="{canary}.svg" inkscape:export-filename="/home/{canary}/x.png">'
        f'<metadata><dc:creator>{canary}</dc:creator></metadata><!-- {canary} --><g inkscape:label="{canary}">'
        f'<rect width="40" height="20" fill="red"/></g>'
        f'<text x="5" y="50">{seen(canary)}@example.com</text><desc>{seen(canary)}@example.com</desc></svg>'
    )


def notebook(path: Path, canary: str) -> None:
    """Write a notebook with outputs and metadata."""
    import nbformat

    cell = nbformat.v4.new_code_cell(
        "print('dry')\nbeds = 12",
        outputs=[nbformat.v4.new_output("stream", text=f"/home/{canary}/run\n{seen(canary)}@example.com\n")],
    )
    cell.metadata["owner"] = canary
    book = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(prose(canary)), cell], metadata={"authors": [{"name": canary}]}
    )
    book.metadata["kernelspec"] = {"name": canary, "display_name": canary, "language": "python"}
    nbformat.write(book, path)


def table(path: Path, canary: str, how: int) -> None:
    """Write a Parquet or Arrow table whose statistics and metadata hold values."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = [
        f"{row_of(canary, row)} {seen(canary)}@example.com" if row == 5 else row_of(canary, row) for row in range(50)
    ]
    column: Any = pa.array(words).dictionary_encode() if how % 2 else pa.array(words)
    data = pa.table({"plant": column, "count": list(range(50))}).replace_schema_metadata(
        {
            "owner": canary,
            "pandas": json.dumps({"index_columns": [], "attributes": {"who": canary}, "columns": []}),
            "huggingface": json.dumps({"info": {"description": canary}}),
        }
    )
    if path.suffix == ".parquet":
        pq.write_table(data, path, compression=["snappy", "zstd", "gzip", "none"][how % 4], write_page_index=how > 1)
    else:
        with pa.ipc.new_file(path, data.schema) if how % 2 else pa.ipc.new_stream(path, data.schema) as file:
            file.write_table(data)


def database(path: Path, canary: str) -> None:
    """Write a database with a deleted row."""
    file = sqlite3.connect(path)
    file.execute("create table beds (plant text, note text)")
    file.executemany("insert into beds values (?, ?)", [("bed", f"{seen(canary)}@example.com"), ("other", canary)])
    file.execute("delete from beds where plant = 'other'")
    file.commit()
    file.close()


def weights(path: Path, canary: str) -> None:
    """Write tensors with metadata of their maker."""
    import numpy as np

    tensors = {
        "layer.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
        "layer.bias": np.ones(3, dtype=np.float16),
    }
    if path.suffix == ".safetensors":
        from safetensors.numpy import save_file

        save_file(tensors, path, metadata={"format": "pt", "author": canary, "path": f"/home/{canary}/run"})
    elif path.suffix == ".gguf":
        from gguf import GGUFWriter

        writer = GGUFWriter(str(path), "llama")
        for set_it in (
            writer.add_author,
            writer.add_name,
            writer.add_description,
            writer.add_organization,
            writer.add_url,
            writer.add_uuid,
        ):
            set_it(canary)
        writer.add_block_count(1)
        writer.add_string("general.path", f"/home/{canary}/run")
        writer.add_tensor("token_embd.weight", tensors["layer.weight"])
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
    elif path.suffix == ".onnx":
        import onnx
        from onnx import TensorProto, helper

        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "y")]
        graph = helper.make_graph(
            [helper.make_node("Relu", ["x"], ["y"], doc_string=canary)], "g", ends[:1], ends[1:], doc_string=canary
        )
        model = helper.make_model(
            graph, producer_name=canary, producer_version=canary, domain=canary, doc_string=canary
        )
        helper.set_model_props(model, {"author": canary})
        onnx.save(model, str(path))
    elif path.suffix == ".npz":
        np.savez(path, weight=tensors["layer.weight"], owner=np.array([f"{seen(canary)}@example.com"]))
    else:
        np.save(path, tensors["layer.weight"])


def zipped(path: Path, canary: str) -> None:
    """Write an archive of a picture, a document, text and another archive, with comments and names."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as deep:
        deep.writestr("photo.jpg", photo(canary).getvalue())
    document = path.with_suffix(".docx")
    word(document, canary, 4)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.comment = canary.encode()
        for name, content in (
            ("a/notes.txt", prose(canary).encode()),
            ("photo.jpg", photo(canary).getvalue()),
            ("b.zip", inner.getvalue()),
            ("w.docx", document.read_bytes()),
        ):
            info = zipfile.ZipInfo(name, WHEN.timetuple()[:6])
            info.comment = canary.encode()
            info.extra = b"ux" + len(canary).to_bytes(2, "little") + canary.encode()
            file.writestr(info, content)
    document.unlink()


def tarred(path: Path, canary: str, mode: str) -> None:
    """Write a tar with owners."""
    with tarfile.open(path, f"w:{mode}") as file:  # type: ignore[call-overload]
        for name, content in (("notes.txt", prose(canary).encode()), ("photo.jpg", photo(canary).getvalue())):
            info = tarfile.TarInfo(name)
            info.size, info.uname, info.gname, info.uid, info.mtime = (
                len(content),
                canary,
                canary,
                1042,
                int(WHEN.timestamp()),
            )
            info.pax_headers = {"comment": canary}
            file.addfile(info, io.BytesIO(content))


def packed(path: Path, canary: str) -> None:
    """Write text packed by gzip with its name, or by zstandard."""
    if path.suffix == ".gz":
        with path.open("wb") as raw, gzip.GzipFile(f"{canary}.txt", "wb", fileobj=raw, mtime=WHEN.timestamp()) as file:
            file.write(prose(canary).encode())
    else:
        import zstandard

        path.write_bytes(
            b"\x50\x2a\x4d\x18"
            + len(canary).to_bytes(4, "little")
            + canary.encode()
            + zstandard.compress(prose(canary).encode())
        )


def pickled(path: Path, canary: str) -> None:
    """Write a pickle of plain values with a word that nothing refers to any more."""
    path.write_bytes(
        pickle.dumps({"beds": [1, 2, 3], "note": prose(canary), "rate": 0.5}, protocol=4 if "4" in path.stem else 2)
    )


def data_files(corpus: Corpus) -> None:
    """Write every other file."""
    put = corpus.put
    for turn in range(4):
        put("mail", ".eml", "email", lambda p, c: p.write_bytes(message(c).as_bytes()))
        put("html", ".html", "hand", page)
        put("svg", ".svg", "hand", drawing)
        put("notebook", ".ipynb", "nbformat", notebook)
        put("table", ".parquet", "pyarrow", lambda p, c, turn=turn: table(p, c, turn))
        put("table", ".arrow", "pyarrow", lambda p, c, turn=turn: table(p, c, turn))
        put("archive", ".zip", "zipfile", zipped)
        put("text", ".txt", "hand", lambda p, c: p.write_text(prose(c)))
        put(
            "text",
            ".md",
            "hand",
            lambda p, c: p.write_text(f"---\nauthor: {seen(c)}@example.com\n---\n# Garden\n\n{prose(c)}\n"),
        )
        put("pickle", ".pkl", "pickle", pickled)
    put("mail", ".mbox", "mailbox", box)
    for mode, suffix in (("", ".tar"), ("gz", ".tar.gz"), ("bz2", ".tar.bz2"), ("xz", ".tar.xz")):
        put("archive", suffix, "tarfile", lambda p, c, mode=mode: tarred(p, c, mode))
    for suffix in (".txt.gz", ".txt.zst"):
        put("archive", suffix, "packed", packed)
    for suffix in (".safetensors", ".gguf", ".onnx", ".npz", ".npy"):
        put("model", suffix, "writer", weights)
        put("model", suffix, "writer", weights)
    put("table", ".sqlite", "sqlite", database)
    put(
        "table",
        ".jsonl",
        "json",
        lambda p, c: p.write_text(
            "".join(json.dumps({"n": n, "note": f"{row_of(c, n)} {seen(c)}@example.com"}) + "\n" for n in range(9))
        ),
    )
    put(
        "table",
        ".json",
        "json",
        lambda p, c: p.write_text(json.dumps({"notes": [prose(c)], "author": f"{seen(c)}@example.com"})),
    )
    put(
        "table",
        ".csv",
        "hand",
        lambda p, c: p.write_text(
            "plant,note\n" + "".join(f"{row_of(c, n)},{seen(c)}@example.com\n" for n in range(9))
        ),
    )
    put(
        "other documents",
        ".css",
        "hand",
        lambda p, c: p.write_text(f"/* {seen(c)}@example.com */\np {{ color: red }}\n"),
    )
    put(
        "xml",
        ".xml",
        "hand",
        lambda p, c: p.write_text(
            f"<?xml version='1.0'?><!-- {c} --><beds owner='{seen(c)}@example.com'><note>{prose(c)}</note></beds>"
        ),
    )
    put(
        "calendar",
        ".ics",
        "hand",
        lambda p, c: p.write_text(
            f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//{c}//x//EN\r\nBEGIN:VEVENT\r\nUID:{seen(c)}@example.com\r\nDTSTART:20240102T030405Z\r\nSUMMARY:watering\r\n"
            f"ORGANIZER;CN={c}:mailto:{seen(c)}@example.com\r\nDESCRIPTION:{seen(c)}@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        ),
    )
