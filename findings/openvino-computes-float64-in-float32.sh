#!/usr/bin/env bash
# OpenVINO computes a float64 net in float32 and returns it as float64.
#
# Guess: a runtime that reports float64 inputs and outputs computes in float64, or refuses.
# What happens: the CPU plugin accepts the float64 model, says float64 at both ends, and
# computes in float32. The layer norm of 1e8 + 1, 2, 3, 5 is 0, 0, 0, 2 instead of −1.18,
# −0.51, 0.17, 1.52; x − 1e8 by a single Sub is 0, 0, 0, 8. ONNX Runtime gives the right ones.
# Why it matters: the type of an output is no proof of its precision. An exporter's
# round-trip test in float64 with a tolerance made for float64 fails here for no fault of its own,
# and anomaly scores that are differences of large numbers lose their digits silently.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 openvino==2026.4.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper

print("openvino", openvino.__version__, "onnxruntime", onnxruntime.__version__)
x = 1e8 + np.array([[1.0, 2.0, 3.0, 5.0]])


def run(node, constant):
    graph = helper.make_graph(
        [node],
        "float64",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, [1, 4])],
        [numpy_helper.from_array(constant, "c")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    text = model.SerializeToString()
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(text), "CPU")
    print("OpenVINO's types:", compiled.input(0).element_type, compiled.output(0).element_type)
    a = compiled(x)[0]
    b = onnxruntime.InferenceSession(text, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    print(node.op_type, "OpenVINO", a.dtype, a.ravel(), "ONNX Runtime", b.dtype, b.ravel())
    assert a.dtype == b.dtype == np.float64
    return a.ravel(), b.ravel()


a, b = run(helper.make_node("Sub", ["x", "c"], ["y"]), np.full(4, 1e8))
assert a.tolist() == [0, 0, 0, 8] and b.tolist() == [1, 2, 3, 5]
a, b = run(helper.make_node("LayerNormalization", ["x", "c"], ["y"]), np.ones(4))
assert np.allclose(a, [0, 0, 0, 2], atol=1e-3) and np.allclose(b, [-1.1832, -0.5071, 0.1690, 1.5213], atol=1e-3)
PYTHON
