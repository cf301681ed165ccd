#!/usr/bin/env bash
# Saving an ONNX net with external data leaves the weights given as a list of floats inside.
#
# Guess: save_as_external_data=True with size_threshold=1024 moves every tensor of at least 1024
# bytes to the data file.
# What happens: only tensors held as raw bytes move. One made by helper.make_tensor from a list of
# floats, 4096 bytes as well, stays in the .onnx; with convert_attribute nothing changes.
# The same call with raw=True and the bytes of the array moves it.
# Why it matters: external data are there for nets beyond protobuf's 2 GB. An exporter that builds
# its initialisers by make_tensor from a list passes every test on small nets, and its large
# ones still end up in one message.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 onnx==1.23.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

print("onnx", onnx.__version__)
w = np.arange(1024, dtype=np.float32)


def save(listed, **options):
    os.makedirs(listed.name, exist_ok=True)
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "array"], ["a"]), helper.make_node("Add", ["a", listed.name], ["y"])],
        "two_weights",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1024])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1024])],
        [numpy_helper.from_array(w, "array"), listed],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    path = os.path.join(listed.name, "net.onnx")
    onnx.save_model(model, path, save_as_external_data=True, location=listed.name + ".bin", size_threshold=1024, **options)
    tensors = onnx.load(path, load_external_data=False).graph.initializer
    outside = {t.name: t.data_location == TensorProto.EXTERNAL for t in tensors}
    print(outside, "bytes of net.onnx:", os.path.getsize(path))
    return outside


shape = [TensorProto.FLOAT, [1024]]
assert save(helper.make_tensor("floats", *shape, w.tolist())) == {"array": True, "floats": False}
assert save(helper.make_tensor("again", *shape, w.tolist()), convert_attribute=True) == {"array": True, "again": False}
assert save(helper.make_tensor("bytes", *shape, w.tobytes(), raw=True)) == {"array": True, "bytes": True}
PYTHON
