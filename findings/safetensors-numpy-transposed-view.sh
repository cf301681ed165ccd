#!/usr/bin/env bash
# safetensors writes a transposed NumPy view as if it were not transposed.
#
# Guess: save_file({'weight': w.T}) stores wᵀ, as numpy.save does, or raises, as the PyTorch
# half of the same package does for a tensor that is not contiguous.
# What happens: the shape of the view is written with the bytes of the memory behind it, so that
# load_file gives a matrix of the right shape with its numbers in another order. The same goes for
# an array in Fortran order. No error and no warning; a symmetric or constant matrix hides it.
# Why it matters: bringing Keras' (in, out) kernels into PyTorch's [out, in] layout is exactly
# w.T, so a converter of one line makes a file that every loader accepts and whose network is noise.
# Pass numpy.ascontiguousarray(w.T). A test of an importer must compare numbers, not shapes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 safetensors==0.8.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import safetensors
from safetensors.numpy import load_file, save_file

print("safetensors", safetensors.__version__, "numpy", np.__version__)
w = np.arange(6, dtype=np.float32).reshape(2, 3)
right = w.T.tolist()
cases = {"view": w.T, "fortran": np.asfortranarray(np.ascontiguousarray(w.T)), "copy": np.ascontiguousarray(w.T)}
for name, array in cases.items():
    assert array.tolist() == right
    save_file({"weight": array}, "weights.safetensors")
    back = load_file("weights.safetensors")["weight"]
    print(f"{name}: saved {right}, loaded {back.tolist()}")
    assert back.shape == (3, 2)
    assert (back.tolist() == right) == (name == "copy"), name
    if name != "copy":
        assert back.ravel().tolist() == [0, 1, 2, 3, 4, 5]
np.save("weight.npy", w.T)
assert np.load("weight.npy").tolist() == right
PYTHON
