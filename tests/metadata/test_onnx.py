import re
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from privet.metadata.job import CannotClean, Job
from privet.metadata.onnx import clean

sys.path.append(str(Path(__file__).parent))

from jobs import CANARY, cleaned, edits_of

_edits = edits_of(re.escape(CANARY), "X")


def _cleaned(raw: bytes, job: Job | None = None) -> bytes:
    return cleaned(clean, raw, job or Job(edits=_edits))


WEIGHTS = np.arange(200_000, dtype=np.float32).reshape(400, 500)


def _model() -> Any:
    weights = numpy_helper.from_array(WEIGHTS, "w")
    weights.doc_string = CANARY
    labels = helper.make_tensor("labels", TensorProto.STRING, [2], [b"cat", f"ask {CANARY}".encode()])
    floats = helper.make_tensor("f", TensorProto.FLOAT, [3], [1.0, 2.0, 3.0])
    branch = helper.make_graph(
        [helper.make_node("Identity", ["f"], ["branch"], doc_string=CANARY)],
        CANARY,
        [],
        [helper.make_tensor_value_info("branch", TensorProto.FLOAT, [3])],
        doc_string=CANARY,
    )
    nodes = [
        helper.make_node(
            "MatMul", ["x", "w"], ["y"], name="/layer/MatMul", doc_string=f'File "/home/{CANARY}/model.py"'
        ),
        helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch),
        helper.make_node("LabelEncoder", ["k"], ["v"], domain="ai.onnx.ml", keys_int64s=[1], values_strings=[CANARY]),
    ]
    graph = helper.make_graph(
        nodes,
        f"of {CANARY}",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 400], doc_string=CANARY),
            helper.make_tensor_value_info("c", TensorProto.BOOL, []),
            helper.make_tensor_value_info("k", TensorProto.INT64, [1]),
        ],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 500]),
            helper.make_tensor_value_info("z", TensorProto.FLOAT, [3]),
            helper.make_tensor_value_info("v", TensorProto.STRING, [1]),
        ],
        [weights, labels, floats],
        doc_string=CANARY,
    )
    model = helper.make_model(graph, producer_name=CANARY, producer_version=CANARY, doc_string=CANARY, domain=CANARY)
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    model.opset_import.append(helper.make_opsetid("local", 1))
    helper.set_model_props(model, {"author": CANARY})
    model.graph.node[0].attribute.append(helper.make_attribute("note", "", doc_string=CANARY))
    model.graph.node[0].metadata_props.add(key="pkg.torch.onnx.stack_trace", value=CANARY)
    model.training_info.add().algorithm.name = CANARY
    function = helper.make_function(
        "local",
        "F",
        ["a"],
        ["b"],
        [helper.make_node("Relu", ["a"], ["b"])],
        list(model.opset_import[:1]),
        doc_string=CANARY,
    )
    model.functions.append(function)
    return model


def _numbers(model: Any) -> Any:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_the_network_stays_and_all_else_goes() -> None:
    model = _model()
    raw = model.SerializeToString()
    job = Job(edits=_edits)
    out = _cleaned(raw, job)
    assert CANARY.encode() not in out
    after = onnx.load_model_from_string(out)
    onnx.checker.check_model(_checkable(after))
    assert [node.op_type for node in after.graph.node] == ["MatMul", "If", "LabelEncoder"]
    assert after.graph.node[0].name == "/layer/MatMul"
    assert after.graph.input == _without_docs(model.graph.input)
    assert (_numbers(after)["w"] == WEIGHTS).all()
    assert _numbers(after)["f"].tolist() == [1, 2, 3]
    assert _numbers(after)["labels"].tolist() == [b"cat", b"ask X"] or _numbers(after)["labels"].tolist() == [
        "cat",
        "ask X",
    ]
    assert after.graph.node[2].attribute[1].strings == [b"X"] or after.graph.node[2].attribute[0].strings == [b"X"]
    assert after.opset_import == model.opset_import
    assert after.functions[0].node == model.functions[0].node
    assert job.removed["doc string"] >= 7
    assert _cleaned(out) == out


def _checkable(model: Any) -> Any:
    copied = onnx.ModelProto()
    copied.CopyFrom(model)
    del copied.graph.node[0].attribute[:]
    return copied


def _without_docs(values: Any) -> Any:
    for value in values:
        value.ClearField("doc_string")
    return values


def test_results_stay_the_same() -> None:
    runtime = pytest.importorskip("onnxruntime")
    node = helper.make_node("MatMul", ["x", "w"], ["y"], doc_string=CANARY)
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 400])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 500])],
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    raw = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]).SerializeToString()
    given_x = {"x": np.ones((1, 400), np.float32)}
    results = [
        runtime.InferenceSession(m, providers=["CPUExecutionProvider"]).run(None, given_x)[0]
        for m in (raw, _cleaned(raw))
    ]
    assert (results[0] == results[1]).all()


def test_names_are_rewritten_everywhere_and_stay_apart() -> None:
    other = f"a {CANARY}"
    nodes = [
        helper.make_node("MatMul", ["x", CANARY], [f"y {CANARY}"], name=CANARY),
        helper.make_node("Add", [f"y {CANARY}", other], ["z"], name="X"),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [f"n {CANARY}", 400])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [f"n {CANARY}", 500])],
        [numpy_helper.from_array(WEIGHTS, CANARY), numpy_helper.from_array(np.ones(500, np.float32), other)],
    )
    out = onnx.load_model_from_string(_cleaned(helper.make_model(graph).SerializeToString()))
    onnx.checker.check_model(out, full_check=True)
    assert [tensor.name for tensor in out.graph.initializer] == ["X_2", "a X"]
    assert [list(node.input) for node in out.graph.node] == [["x", "X_2"], ["y X", "a X"]]
    assert [node.name for node in out.graph.node] == ["X_2", "X"]
    assert CANARY.encode() not in out.SerializeToString()


def test_unknown_fields_go() -> None:
    raw = _model().SerializeToString() + b"\xfa\x3e" + bytes((len(CANARY),)) + CANARY.encode()
    job = Job(edits=_edits)
    assert CANARY.encode() not in _cleaned(raw, job)
    assert job.removed["unknown field"] == 1


def _external(location: str, **more: Any) -> bytes:
    tensor = TensorProto(name="w", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, "offset": "0", "length": "4", **more}.items():
        tensor.external_data.add(key=key, value=value)
    return onnx.ModelProto(ir_version=8, graph=onnx.GraphProto(name="graph", initializer=[tensor])).SerializeToString()


def test_external_data_stays_beside_the_model() -> None:
    job = Job(edits=_edits)
    out = onnx.load_model_from_string(_cleaned(_external(f"{CANARY}.data", note=CANARY), job))
    assert [(pair.key, pair.value) for pair in out.graph.initializer[0].external_data] == [
        ("location", "X.data"),
        ("offset", "0"),
        ("length", "4"),
    ]


@pytest.mark.parametrize("location", ["/etc/w", "../w", "a/../../w", "C:\\w", "\\\\host\\w"])
def test_external_data_elsewhere_is_refused(location: str) -> None:
    with pytest.raises(CannotClean):
        _cleaned(_external(location))


def test_deep_nesting_is_refused() -> None:
    graph = onnx.GraphProto(name="g").SerializeToString()
    for _ in range(60):
        attribute = b"\x32" + _length(graph) + graph
        node = b"\x2a" + _length(attribute) + attribute
        graph = b"\x0a" + _length(node) + node
    with pytest.raises(CannotClean, match="deep"):
        _cleaned(b"\x08\x08\x3a" + _length(graph) + graph)


def _length(content: bytes) -> bytes:
    value, out = len(content), bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes((*out, value))


SMALL = _external("w.bin")


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_hostile_bytes_are_cleaned_or_refused(place: int, noise: bytes) -> None:
    raw = bytearray(SMALL)
    place %= len(raw)
    raw[place : place + len(noise)] = noise
    for content in (noise, bytes(raw), bytes(raw[:place])):
        with suppress(CannotClean):
            _cleaned(content)
