#!/usr/bin/env bash
# A constant row does not come out of Keras' LayerNormalization as beta.
#
# Guess: where all features are equal, x − mean is 0 and the layer gives beta, 0 at the start.
# What happens (JAX backend): the mean of n equal float32 numbers is rounded, and the layer
# computes x·(γ/σ) + (β − mean·γ/σ), where σ is √ε. Seven times 3.0 give 1.2e-4, and at
# 1e8 + 8, a number that float32 holds exactly, every entry comes out as 1 or −1: the
# rounding of the mean, 8, is all the deviation there is. The same float32 row and ε are 0 in ONNX Runtime.
# Why it matters: constant rows are everywhere (blank pictures, padding, dead sensors). An
# exported net and its Keras original disagree on them; an implementer who wants β exactly
# has to refine the mean or to sum in float64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 jaxlib==0.10.2 onnx==1.23.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import keras
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

print("keras", keras.__version__, "onnxruntime", onnxruntime.__version__)


def in_keras(x, epsilon):
    return np.asarray(keras.layers.LayerNormalization(epsilon=epsilon)(x))


def in_runtime(x, epsilon):
    n = x.shape[1]
    graph = helper.make_graph(
        [helper.make_node("LayerNormalization", ["x", "scale"], ["y"], epsilon=epsilon)],
        "layer_norm",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, s) for k, s in (("x", [1, n]), ("scale", [n]))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, n])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x, "scale": np.ones(n, np.float32)})[0]


largest = {}
for value in (3.0, 1e8 + 8):
    assert float(np.float32(value)) == value
    for n in (3, 7, 784):
        x = np.full((1, n), value, np.float32)
        ours, other = in_keras(x, 1e-5), in_runtime(x, 1e-5)
        largest[value, n] = float(abs(ours).max())
        print(f"{n} times {value}: Keras {ours.ravel()[0]}, ONNX Runtime {other.ravel()[0]}")
        assert (other == 0).all()
assert 1e-5 < largest[3.0, 7] < 1e-3
assert largest[1e8 + 8, 7] > 0.9
PYTHON
