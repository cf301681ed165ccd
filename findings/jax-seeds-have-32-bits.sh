#!/usr/bin/env bash
# JAX forgets the upper half of a seed: key(0) and key(2**32) are one generator.
#
# Guess: jax.random.key takes a 64-bit seed (its key is 64 bits wide), or refuses what is too large.
# What happens: with JAX's default 32-bit mode the seed is cut to 32 bits without a word.
# key(2**32) equals key(0), key(−1) equals key(2**32 − 1), and two seeds that differ in the upper
# half give the same weights; the first word of the key is always 0. NumPy's default_rng tells
# them all apart, and refuses −1.
# Why it matters: seeds made of a hash or of a time in nanoseconds collide by design if only
# the upper half differs, such as run << 32; runs meant to be independent repeat the same first
# weights and the same minibatches. A library's own seed should be hashed before it goes there.
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
import numpy as np

print("jax", jax.__version__, "numpy", np.__version__)


def draw(seed):
    return np.asarray(jax.random.normal(jax.random.key(seed), (3,))).tolist()


for a, b in ((0, 2**32), (7, 7 + (5 << 32)), (-1, 2**32 - 1)):
    print(a, draw(a), b, draw(b))
    assert draw(a) == draw(b)
    assert np.asarray(jax.random.key_data(jax.random.key(b)))[0] == 0
assert draw(0) != draw(1)
assert np.random.default_rng(0).random() != np.random.default_rng(2**32).random()
try:
    np.random.default_rng(-1)
    raise SystemExit("NumPy takes −1")
except ValueError as error:
    print("NumPy:", error)
PYTHON
