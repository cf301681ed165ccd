#!/usr/bin/env bash
# A layer norm that overflows is NaN in PyTorch and beta in its exported ONNX twin.
#
# Guess: where the variance of a row of float32 numbers overflows (numbers near 1e20), the two
# agree: both 0, since x/∞ is 0, or both NaN.
# What happens: PyTorch merges running moments and gives NaN in the whole row; ONNX Runtime's
# kernel for the exported LayerNormalization, ε and all else equal, gives 0, that is beta. Up to
# 1e18 they agree.
# Why it matters: a broken input (a fill value such as 1e20 or the largest float is usual in
# weather and sensor data) stops the original with NaN, and passes through the exported
# net as an inconspicuous average row with a finite anomaly score. Check inputs before the net.
# (Some 3 GB are fetched: the PyPI package brings CUDA.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile torch==2.15.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import numpy as np
import onnx
import onnxruntime
import torch

warnings.simplefilter("ignore")
print("torch", torch.__version__, "onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
layer = torch.nn.LayerNorm(4).eval()
program = torch.onnx.export(layer, (torch.ones(1, 4),), dynamo=True, verbose=False)
assert [n.op_type for n in program.model_proto.graph.node] == ["LayerNormalization"]
session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
for size in (1.0, 1e18, 1e20):
    x = np.array([[1, -1, 3, 0]], np.float32) * np.float32(size)
    with torch.no_grad():
        original = layer(torch.from_numpy(x)).numpy().ravel()
    exported = session.run(None, {session.get_inputs()[0].name: x})[0].ravel()
    print(f"{size:g}: PyTorch {original}, ONNX Runtime {exported}")
    if size < 1e20:
        assert np.allclose(original, exported, atol=1e-4) and abs(original).max() > 1
    else:
        assert np.isnan(original).all() and (exported == 0).all()
PYTHON
