"""Notebooks: code, prose and outputs are rewritten, who ran them goes, and Jupyter reads and writes them the same."""

from __future__ import annotations

import base64
import json
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from privet.metadata import notebook
from privet.metadata.job import CannotClean, Job

sys.path.append(str(Path(__file__).parent))

from text_canaries import ADDRESS, FIRST, LAST, NAME, WORD, check, cleaned, job, unedited

A, N, W = ADDRESS.value, NAME.value, WORD.value
PNG = base64.b64encode(b"\x89PNG " + W.encode()).decode()


def written(book: Any) -> bytes:
    return f"{nbformat.writes(book)}\n".encode()


def personal() -> Any:
    """Return a notebook with a canary in every place that Jupyter, Colab, papermill and VS Code write."""
    code = v4.new_code_cell(
        f"mail = '{A}'\n# {N}\nopen('/home/{W}/x')\n",
        id=FIRST, execution_count=3,
        metadata={
            "tags": [A], "collapsed": True, "executionInfo": {"user": {"displayName": W, "userId": W}, "timestamp": 1}, "id": W, "outputId": W,
            "execution": {"iopub.execute_input": W}, "papermill": {"exception": W}, "colab": {"base_uri": W}, "slideshow": {"slide_type": "slide", "x": W},
        },
    )  # fmt: skip
    code.outputs = [
        v4.new_output("stream", text=f"\x1b[1m{FIRST}\x1b[0m {LAST}\n/Users/{W}/a\n"),
        v4.new_output("execute_result", execution_count=3, metadata={"isolated": W, "image/png": {"width": 3, "alt": W}}, data={
            "text/plain": f"'{A}'", "text/html": f"<b>{A[:4]}</b>{A[4:]}<!-- {W} -->", "text/latex": N, "text/markdown": f"*{A}*\n{N}",
            "image/png": PNG + "\n", "image/svg+xml": f"<svg><!-- {W} --></svg>", "application/json": {A: [N, {"a": A}], "~n": 1.5},
            "application/vnd.jupyter.widget-view+json": {"model_id": W}, "application/x-unknown": W,
            "application/vnd.plotly.v1+json": {"data": [{"name": A, "image": base64.b64encode(b"\x89PNG" + b"x" * 60 + W.encode()).decode()}]},
        }),
        v4.new_output("error", ename="E", evalue=N, traceback=[f"File \x1b[0;32mC:\\Users\\{W}\\a.py\x1b[0m {A}", "x"]),
    ]  # fmt: skip
    prose = v4.new_markdown_cell(
        f"# {N}\n![a](attachment:{FIRST}.png) {A}",
        attachments={f"{FIRST}.png": {"image/png": PNG}},
        metadata={"vscode": {"languageId": "python", "x": W}},
    )
    raw = v4.new_raw_cell(A, metadata={"format": "text/x-rst"})
    metadata = {
        "authors": [{"name": W}], "title": W, "kernelspec": {"name": f"env-{W}", "display_name": f"Python ({W})", "language": "python"},
        "language_info": {"name": "python", "version": "3.11.7", "codemirror_mode": {"name": "ipython", "version": 3}, "x": W},
        "colab": {"provenance": [{"file_id": W}], "name": W}, "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {W: {}}}},
        "papermill": {"input_path": W}, "vscode": {"interpreter": {"hash": W}}, "toc": {"x": W},
    }  # fmt: skip
    return v4.new_notebook(cells=[code, prose, raw], metadata=metadata)


def test_no_canary_is_left_and_jupyter_reads_it() -> None:
    out = check(notebook.clean, written(personal()))
    book = nbformat.reads(out.decode(), as_version=4)
    nbformat.validate(book)
    assert written(book) == out
    code, prose, raw = book.cells
    assert [cell.id for cell in book.cells] == ["cell-1", "cell-2", "cell-3"]
    assert code.source == "mail = '[X]'\n# [X]\nopen('/home/user/x')\n"
    assert code.execution_count == 3
    assert code.metadata == {"tags": ["[X]"], "collapsed": True, "slideshow": {"slide_type": "slide"}}
    assert code.outputs[0].text == "\x1b[1m[X]\x1b[0m\n/Users/user/a\n"
    assert sorted(code.outputs[1].data) == [
        "application/json", "application/vnd.plotly.v1+json", "image/png", "image/svg+xml", "text/html", "text/latex", "text/markdown", "text/plain",
    ]  # fmt: skip
    assert code.outputs[1].data["application/json"] == {"[X]": ["[X]", {"a": "[X]"}], "~n": 1.5}
    assert code.outputs[1].metadata == {"image/png": {"width": 3}}
    assert code.outputs[2].traceback == ["File \x1b[0;32mC:\\Users\\user\\a.py\x1b[0m [X]", "x"]
    assert prose.source == "# [X]\n![a](attachment:x.png) [X]"
    assert list(prose.attachments) == ["x.png"]
    assert raw.source == "[X]"
    assert book.metadata == {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python", "version": "3.11.7", "codemirror_mode": {"name": "ipython", "version": 3}},
    }


def plain() -> Any:
    cell = v4.new_code_cell("x = 1\n\nprint('é')", id="cell-1", execution_count=1)
    cell.outputs = [
        v4.new_output("stream", text="é\n\x1b[31mred\x1b[0m"),
        v4.new_output(
            "display_data",
            data={"image/png": "AAAA\n", "text/html": "<b>1</b>\n<i>2</i>", "application/json": [1, None, "a"]},
        ),
    ]
    metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return v4.new_notebook(cells=[cell, v4.new_markdown_cell("# é", id="cell-2")], metadata=metadata)


def test_what_is_not_edited_stays_as_jupyter_wrote_it() -> None:
    assert unedited(notebook.clean, written(plain())) == written(plain())


def test_old_notebooks_get_no_ids_and_keep_strings() -> None:
    old = {
        "cells": [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": f"a\n{A}"}],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 2,
    }
    new = json.loads(check(notebook.clean, json.dumps(old).encode()))
    assert new["cells"][0] == {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": "a\n[X]",
    }


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not valid JSON"),
        (b"[1]", "not a notebook"),
        (b"{}", "not a notebook of format 4"),
        (b'{"nbformat": 3, "worksheets": []}', "not a notebook of format 4"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"nbformat": 4, "cells": [{"cell_type": "raw", "source": "\\ud800"}]}', "half characters"),
        (
            b'{"nbformat": 4, "cells": [{"cell_type": "code", "outputs": [{"output_type": "display_data", "data": {"application/json": NaN}}]}]}',
            "not JSON",
        ),
        (b"\xff\xfe{}", "not valid JSON"),
        (b'{"nbformat": ' + b"4" * 6000 + b', "cells": []}', "not valid JSON"),
    ],
)
def test_what_is_no_notebook_is_refused(raw: bytes, reason: str) -> None:
    with pytest.raises(CannotClean, match=reason):
        cleaned(notebook.clean, raw)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from([A, N, "x", "code", "stream", "AAAA"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(
                [
                    "cell_type",
                    "source",
                    "metadata",
                    "outputs",
                    "data",
                    "output_type",
                    "text",
                    "text/plain",
                    "image/png",
                    "attachments",
                    A,
                    "id",
                ]
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=4), JSON)
def test_any_json_is_cleaned_or_refused(cells: list[Any], metadata: Any) -> None:
    cells = [{"cell_type": "code", **cell} if isinstance(cell, dict) else cell for cell in cells]
    raw = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}).encode()
    try:
        once = cleaned(notebook.clean, raw)
    except CannotClean:
        return
    assert A.encode() not in once
    assert cleaned(notebook.clean, once) == once


@pytest.mark.parametrize("pattern", ["/home/", "C:\\\\Users\\\\", "data:a", "\\u001b[", "\\n"])
def test_hostile_texts_take_linear_time(pattern: str) -> None:
    raw = f'{{"nbformat": 4, "cells": [{{"cell_type": "raw", "source": "{pattern * (200_000 // len(pattern))}"}}]}}'.encode()
    start = time.process_time()
    unedited(notebook.clean, raw)
    assert time.process_time() - start < 3


def test_pictures_that_cannot_be_cleaned_go_and_are_told() -> None:
    how = Job()
    out = cleaned(notebook.clean, written(personal()), how)
    assert "image/png" not in nbformat.reads(out.decode(), as_version=4).cells[0].outputs[1].data
    assert how.removed["member set aside"] == 4
    assert job().removed == {}


def test_odd_values_are_dropped_and_told() -> None:
    cells = [
        3, {"cell_type": "heading"}, {"cell_type": "code", "attachments": [], "metadata": {"tags": {"x": A}, "scrolled": "auto", "collapsed": 1}, "outputs": [
            {"output_type": "pyout"}, {"output_type": "display_data", "metadata": 3, "data": {"image/png": "A", "text/html": [A], "image/svg+xml": ["<svg/>"]}},
        ]},
    ]  # fmt: skip
    raw = json.dumps({"nbformat": 4, "nbformat_minor": 4, "metadata": [], "cells": cells, "worksheets": W}).encode()
    book = json.loads(check(notebook.clean, raw))
    assert len(book["cells"]) == 1
    assert book["cells"][0]["metadata"] == {"scrolled": "auto"}
    assert book["cells"][0]["outputs"] == [
        {"output_type": "display_data", "metadata": {}, "data": {"text/html": ["[X]"], "image/svg+xml": ["<svg/>"]}}
    ]


def test_a_notebook_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_MAX_BYTES", 100)
    with pytest.raises(CannotClean, match="a notebook larger than 0 MiB"):
        cleaned(notebook.clean, written(plain()))
