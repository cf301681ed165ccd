#!/usr/bin/env bash
# ONNX Runtime's seeds: 0 and 1 are one stream, and the first uniform number is the seed.
#
# Guess: the float attribute seed of RandomUniformLike and RandomNormalLike picks a stream, and
# streams of different seeds have nothing to do with each other.
# What happens: the fraction is cut off (0.5, 0.9, 1 and 1.9 draw the same numbers), 0 and 1
# are the same stream, and for a seed s up to 1000 the first uniform number is s · 16807 / 2³¹, so
# all of them start below 0.008; the second is s times that of seed 1, modulo 1. Without a seed
# every session of one process repeats the same numbers.
# Why it matters: a variational net exported with its sampling inside draws z by these operators.
# Ensembles of seeds 0, 1, 2, … are not independent, and two sessions that ought to
# give different samples give the same ones. Make the noise an input of the exported net.
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
from onnx import TensorProto, helper

print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)


def draw(operator, n=3, **attributes):
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["noise"], **attributes), helper.make_node("Add", ["x", "noise"], ["y"])],
        "noise",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [n])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [n])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": np.zeros(n, np.float32)})[0]


one = draw("RandomNormalLike", seed=1.0)
print("normal, seed 1:", one)
for seed in (0.0, 0.5, 0.9, 1.9):
    same = draw("RandomNormalLike", seed=seed)
    print("normal, seed", seed, same)
    assert (same == one).all()
assert (draw("RandomNormalLike", seed=2.0) != one).all()
assert (draw("RandomNormalLike") == draw("RandomNormalLike")).all()

second = float(draw("RandomUniformLike", seed=1.0)[1])
for seed in (1, 2, 3, 10, 100, 1000):
    uniform = draw("RandomUniformLike", seed=float(seed))
    print("uniform, seed", seed, uniform)
    assert abs(uniform[0] - seed * 16807 / 2**31) < 1e-7
    assert abs(uniform[1] - seed * second % 1) < 1e-3
PYTHON
