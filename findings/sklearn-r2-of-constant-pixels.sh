#!/usr/bin/env bash
# r2_score of pictures: a blank border counts as perfect, or as 0 if it is off by 1e-12.
#
# Guess: an error of 1e-12 in a reconstruction changes a score by about as much.
# What happens: R² is averaged over the columns, and a column that is constant in the data counts
# 1 if it is reproduced exactly and 0 otherwise. With half of the pixels blank, 1e-12 added to
# those takes the mean from 0.78 to 0.28, and explained_variance_score falls alike.
# multioutput='variance_weighted' is 0.57 both times.
# Why it matters: MNIST has dozens of pixels that are always 0. A ReLU output, which gives
# exact zeros, beats a sigmoid output by all of them at equal error, and MLPRegressor's
# score and every cross-validation of an autoencoder use this number by default.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scikit-learn==1.9.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.metrics import explained_variance_score, r2_score

print("scikit-learn", sklearn.__version__)
generator = np.random.default_rng(0)
x = generator.random((100, 10))
x[:, 5:] = 0
exact = np.clip(x + 0.2 * generator.standard_normal(x.shape), 0, 1) * (x > 0)
nearly = exact + 1e-12 * (x == 0)
plain = r2_score(x, exact), r2_score(x, nearly)
weighted = [r2_score(x, y, multioutput="variance_weighted") for y in (exact, nearly)]
explained = explained_variance_score(x, exact), explained_variance_score(x, nearly)
print("largest difference of the two reconstructions:", abs(exact - nearly).max())
print("R², mean over columns:", plain)
print("R², variance_weighted:", weighted)
print("explained variance:", explained)
assert abs(plain[0] - plain[1] - 0.5) < 1e-9
assert abs(explained[0] - explained[1] - 0.5) < 1e-9
assert abs(weighted[0] - weighted[1]) < 1e-9
PYTHON
