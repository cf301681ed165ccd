#!/usr/bin/env bash
# ONNX's own function body of LayerNormalization takes the variance as E[x²] − E[x]².
#
# Guess: the function body that ONNX ships for an operator computes what its specification
# and its reference evaluator compute, here the variance of deviations from the mean.
# What happens: after onnx.inliner replaced the node by that body, the row 10001, 10002,
# 10003, 10005 is normalised to −553, −237, 79, 712 instead of −1.18, −0.51, 0.17, 1.52:
# in float32 the two squares cancel, the variance is 0 and only epsilon is left. A float64
# input is cast to float32 first, since stash_type is 1.
# Why it matters: an exporter that writes LayerNormalization trusts each runtime with the
# formula. A runtime or a converter without a kernel of its own uses this body, and features
# with a large mean (temperatures, times, raw counts) come out a hundred times too large.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper, inliner
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__)


def model(element_type):
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "scale"], ["y"])],
        "layer_norm",
        [
            helper.make_tensor_value_info("x", element_type, [1, 4]),
            helper.make_tensor_value_info("scale", element_type, [4]),
        ],
        [helper.make_tensor_value_info("y", element_type, [1, 4])],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def normalised(row, element_type, dtype):
    node = model(element_type)
    body = inliner.inline_selected_functions(
        node, [("", "LayerNormalization")], exclude=False, inline_schema_functions=True
    )
    assert all(n.op_type != "LayerNormalization" for n in body.graph.node)
    feeds = {"x": np.array([row], dtype), "scale": np.ones(4, dtype)}
    return [ReferenceEvaluator(m).run(None, feeds)[0].ravel() for m in (node, body)]


right = [-1.1832132, -0.5070914, 0.1690305, 1.5212741]
for offset in (0, 1000, 10000):
    node, body = normalised([offset + k for k in (1, 2, 3, 5)], TensorProto.FLOAT, np.float32)
    print(f"mean near {offset}: node {node}, body {body}")
    assert np.allclose(node, right, atol=1e-4), node
    assert np.allclose(body, right, atol=1e-2) == (offset < 10000), body
assert np.allclose(body, [-553.3986, -237.17082, 79.056946, 711.51245], rtol=1e-3), body

node, body = normalised([1e8 + k for k in (1, 2, 3, 5)], TensorProto.DOUBLE, np.float64)
print(f"float64, mean near 1e8: node {node}, body {body}")
assert np.allclose(node, right, atol=1e-6) and body[3] > 2000, (node, body)
PYTHON
