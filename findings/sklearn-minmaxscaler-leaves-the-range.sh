#!/usr/bin/env bash
# MinMaxScaler's output leaves [0, 1] on the very data it was fitted to.
#
# Guess: fit_transform maps the smallest value of each column to 0 and the largest to 1, so
# everything is in [0, 1], ends included.
# What happens: it computes x·scale + min with two rounded constants. In about two of three
# random tables (50 × 10) some largest entry is above 1 by a unit in the last place, in float32
# and in float64; clip=True (not the default) mends it.
# Why it matters: this is the usual step before a sigmoid output with binary cross-entropy. A
# loss that refuses targets outside [0, 1], or a code that takes log(1 − x) or √(x(1 − x)),
# fails on a table that was scaled exactly for it. Such a check needs a tolerance, or advice
# to pass clip=True in its error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scikit-learn==1.9.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.preprocessing import MinMaxScaler

print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
for dtype in (np.float32, np.float64):
    generator = np.random.default_rng(0)
    below = above = clipped = 0
    farthest = 0.0
    for _ in range(300):
        table = (generator.random((50, 10)) * 100 + 5).astype(dtype)
        scaled = MinMaxScaler().fit_transform(table)
        assert scaled.dtype == dtype
        below += scaled.min() < 0
        above += scaled.max() > 1
        farthest = max(farthest, float(scaled.max()) - 1, -float(scaled.min()))
        mended = MinMaxScaler(clip=True).fit_transform(table)
        clipped += mended.min() < 0 or mended.max() > 1
    print(f"{np.dtype(dtype)}: of 300 tables {below} go below 0, {above} above 1, by at most {farthest:.3g}; with clip {clipped}")
    assert above > 30 and clipped == 0
    assert 0 < farthest < 10 * np.finfo(dtype).eps
PYTHON
