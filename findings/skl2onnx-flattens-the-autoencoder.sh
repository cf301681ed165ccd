#!/usr/bin/env bash
# skl2onnx: an MLPRegressor with five outputs exports as one with a single column.
#
# Guess: the exported net of MLPRegressor().fit(x, x), an autoencoder, maps (n, 5) to (n, 5).
# What happens: the graph ends in a Reshape to (−1, 1), and (200, 5) comes out as (1000, 1) with the
# numbers of predict in row-major order. Conversion and runtime give no error; the declared
# output type has one column as well. Reshaping to (n, 5) afterwards gives predict again.
# Why it matters: MLPRegressor is the shortest autoencoder there is, and a score taken downstream
# with NumPy, ((x − y)**2).mean(1), fails at best: for a single row, (1, 5) − (5, 1), it
# broadcasts to a 5 × 5 table and yields five plausible errors instead of one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import importlib.metadata
import warnings

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.neural_network import MLPRegressor

warnings.simplefilter("ignore")
print({name: importlib.metadata.version(name) for name in ("skl2onnx", "scikit-learn", "onnxruntime")})
x = np.random.default_rng(0).random((200, 5)).astype(np.float32)
model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=5, random_state=0).fit(x, x)
exported = to_onnx(model, x[:1])
session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
declared = session.get_outputs()[0].shape
y = session.run(None, {session.get_inputs()[0].name: x})[0]
right = model.predict(x)
print("predict", right.shape, "ONNX", y.shape, "declared", declared, [n.op_type for n in exported.graph.node])
assert right.shape == (200, 5) and y.shape == (1000, 1)
assert np.allclose(y.reshape(200, 5), right, atol=1e-5)
one = session.run(None, {session.get_inputs()[0].name: x[:1]})[0]
print("errors of a single row:", ((x[:1] - one) ** 2).mean(1), "right:", ((x[:1] - right[:1]) ** 2).mean(1))
assert ((x[:1] - one) ** 2).mean(1).shape == (5,)
PYTHON
