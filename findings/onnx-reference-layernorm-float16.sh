#!/usr/bin/env bash
# ONNX's reference evaluator ignores stash_type: float16 layer norms overflow in it.
#
# Guess: LayerNormalization's stash_type is 1 by default, so mean and variance of a float16
# input are computed in float32, and Mean and InvStdDev are float32 tensors. ONNX Runtime does so.
# What happens: the reference evaluator of ONNX squares in float16. The row 60000, −60000, 1, 2
# gives 0, 0, 0, 0 there and 1.414, −1.414, … in ONNX Runtime; 300, −300, 1, 2 overflows as well.
# Its Mean and InvStdDev are float16, against the type that ONNX's own shape inference gives.
# Why it matters: whoever tests an exporter of half-precision nets against the reference
# evaluator sees zeros where every runtime gives numbers, and looks for the fault in the exporter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

warnings.simplefilter("ignore")
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)

graph = helper.make_graph(
    [helper.make_node("LayerNormalization", ["x", "scale"], ["y", "mean", "inv_std_dev"], stash_type=1)],
    "layer_norm",
    [
        helper.make_tensor_value_info("x", TensorProto.FLOAT16, [1, 4]),
        helper.make_tensor_value_info("scale", TensorProto.FLOAT16, [4]),
    ],
    [
        helper.make_tensor_value_info("y", TensorProto.FLOAT16, [1, 4]),
        helper.make_tensor_value_info("mean", TensorProto.FLOAT, [1, 1]),
        helper.make_tensor_value_info("inv_std_dev", TensorProto.FLOAT, [1, 1]),
    ],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
onnx.checker.check_model(model, full_check=True)
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

for size in (100, 300, 60000):
    feeds = {"x": np.array([[size, -size, 1, 2]], np.float16), "scale": np.ones(4, np.float16)}
    reference = ReferenceEvaluator(model).run(None, feeds)
    runtime = session.run(None, feeds)
    print(f"{size}: reference {reference[0].ravel()}, runtime {runtime[0].ravel()}")
    print("   types of Mean and InvStdDev:", [a.dtype for a in reference[1:]], [a.dtype for a in runtime[1:]])
    assert abs(runtime[0][0, 0] - 1.414) < 0.03
    assert [a.dtype for a in runtime[1:]] == [np.float32] * 2
    assert [a.dtype for a in reference[1:]] == [np.float16] * 2
    if size >= 300:
        assert (reference[0] == 0).all(), reference[0]
    else:
        assert abs(reference[0][0, 0] - runtime[0][0, 0]) < 0.01
PYTHON
