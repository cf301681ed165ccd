#!/usr/bin/env bash
# JAX on the CPU says that 1e-40 equals 0, while its array still holds 1e-40.
#
# Guess: on a CPU float32 arithmetic is IEEE's, as in NumPy and PyTorch: 1e-20 squared is 1e-40.
# What happens: XLA treats subnormal numbers as zero, operands and results alike. An array made of
# 1e-40 prints and converts back as 1e-40, but times 1 it is 0, it equals 0, its square root is 0 and
# not 1e-20, and 1e-20 squared is 0. exp(−100) is 0 instead of 3.8e-44.
# Why it matters: the second moment of a gradient below 1e-19 is exactly 0 in JAX and not
# elsewhere, so that optimiser states do not agree between frameworks in the tail; with
# epsilon = 0 a layer norm of tiny rows divides by 0 there and works elsewhere. A comparison
# across frameworks needs an absolute tolerance of 1.2e-38, not only a relative one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import os

os.environ["JAX_PLATFORMS"] = "cpu"
import jax
import jax.numpy as jnp
import numpy as np

print("jax", jax.__version__, "numpy", np.__version__)
tiny = np.array([1e-40], np.float32)
held = jnp.asarray(tiny)
print("held", held, "times one", held * 1, "equals zero", held == 0, "root", jnp.sqrt(held))
assert np.asarray(held)[0] == tiny[0] != 0
assert (np.asarray(held * 1) == 0).all() and bool((held == 0).all()) and (np.asarray(jnp.sqrt(held)) == 0).all()
assert (tiny * np.float32(1) == tiny).all() and abs(np.sqrt(tiny)[0] / 1e-20 - 1) < 1e-4
small = np.array([1e-20], np.float32)
print("squared: JAX", jnp.asarray(small) ** 2, "NumPy", small**2)
assert (np.asarray(jnp.asarray(small) ** 2) == 0).all() and (small**2 > 0).all()
print("exp(-100): JAX", jnp.exp(jnp.float32(-100)), "NumPy", np.exp(np.float32(-100)))
assert float(jnp.exp(jnp.float32(-100))) == 0 and np.exp(np.float32(-100)) > 0
PYTHON
