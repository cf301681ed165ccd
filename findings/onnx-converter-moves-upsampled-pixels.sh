#!/usr/bin/env bash
# ONNX's version converter changes what linear upsampling computes.
#
# Guess: version_converter keeps the meaning of a model; where a default changed between two
# versions of an operator, it writes the old value down.
# What happens: linear Resize of opset 10 and Upsample of opset 9 sample at x/scale; from opset 11 on
# Resize's default is half_pixel, (x + ½)/scale − ½. Converted to opset 13 the node has no
# coordinate_transformation_mode, so 0, 1, 2, 3 doubled becomes 0, .25, .75, 1.25, … instead of
# 0, .5, 1, 1.5, …; the checker finds nothing. With coordinate_transformation_mode='asymmetric' set by
# hand the old numbers come back. Nearest, by luck of its rounding, is the same for doubling.
# Why it matters: the decoders of older convolutional autoencoders are upsampling and convolution.
# Raising their opset for a new runtime shifts every level by a part of a pixel, and the
# reconstruction error that the anomaly threshold was set for rises.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
x = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
old_rule = [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]
half_pixel = [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]


def run(model):
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0].ravel().tolist()


def build(operator, opset, mode):
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", "scales"], ["y"], mode=mode)],
        "doubled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 1, 8])],
        [numpy_helper.from_array(np.array([1, 1, 1, 2], np.float32), "scales")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)


for operator, opset in (("Resize", 10), ("Upsample", 9)):
    old = build(operator, opset, "linear")
    new = version_converter.convert_version(old, 13)
    node = next(n for n in new.graph.node if n.op_type == "Resize")
    attributes = [a.name for a in node.attribute]
    before, after = run(old), run(new)
    print(operator, opset, before, "as opset 13", attributes, after)
    assert before == old_rule and after == half_pixel and "coordinate_transformation_mode" not in attributes
    node.attribute.append(helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
    assert run(new) == old_rule
    nearest = build(operator, opset, "nearest")
    assert run(nearest) == run(version_converter.convert_version(nearest, 13)) == [0, 0, 1, 1, 2, 2, 3, 3]
PYTHON
