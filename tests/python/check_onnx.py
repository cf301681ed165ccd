"""Runs the exports of a model in onnxruntime and compares with this program's."""

import sys
from pathlib import Path

from common import compare, digits, need

numpy, onnx, onnxruntime = need("numpy", "onnx", "onnxruntime")
folder = Path(sys.argv[1])
samples = digits(numpy)
codes, decoded, reconstructions = (
    numpy.load(folder / f"{name}.npy") for name in ("codes", "decoded", "reconstructions")
)
for part, given, expected in [
    ("encoder", samples, codes),
    ("decoder", codes, decoded),
    ("whole", samples, reconstructions),
]:
    path = folder / f"{part}.onnx"
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    compare(numpy, f"{folder.name} {part} in onnxruntime", session.run(None, {name: given})[0], expected)
