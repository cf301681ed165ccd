#!/usr/bin/env bash
# PCA on float32 data with a large mean: the default solver invents components.
#
# Guess: PCA() centres the data, so that an added constant changes nothing but the mean.
# What happens: with at most 1000 features and ten times as many rows, the default is
# svd_solver='covariance_eigh', which forms XᵀX − n·mean·meanᵀ in the data's own type. For
# float32 data with mean 1000 the largest variance is 4.2 instead of 1.0 and two of five
# components have variance 0; with mean 10000 it is near 290. No warning;
# svd_solver='full' and float64 data give the right numbers.
# Why it matters: PCA is the baseline beside every autoencoder, and float32 is what autoencoders
# eat. Reconstructions through fewer components than features get much worse than PCA's, which
# flatters the autoencoder. Compare with float64 or with svd_solver='full'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scikit-learn==1.9.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.decomposition import PCA

print("scikit-learn", sklearn.__version__, "numpy", np.__version__)
base = np.random.default_rng(0).standard_normal((1000, 5)) * [1.0, 0.8, 0.6, 0.4, 0.2]
error = {}
for mean in (0, 1000, 10000):
    x = (base + mean).astype(np.float32)
    x64 = x.astype(np.float64)
    right = np.linalg.eigvalsh(np.cov(x64.T))[::-1]
    print("mean", mean, "right variances", right.round(4))
    for solver in ("auto", "full"):
        pca = PCA(svd_solver=solver).fit(x)
        kept = PCA(3, svd_solver=solver).fit(x)
        back = kept.inverse_transform(kept.transform(x)).astype(np.float64)
        mse = ((back - x64) ** 2).mean()
        print(f"  {solver} ({pca._fit_svd_solver}): {pca.explained_variance_.round(4)}, mse of 3 components {mse:.4f}")
        error[mean, solver] = abs(pca.explained_variance_ - right).max(), mse
assert error[0, "auto"][0] < 1e-4
assert error[1000, "auto"][0] > 0.1 and error[10000, "auto"][0] > 5
assert error[1000, "full"][0] < 1e-3 and error[10000, "full"][0] < 1e-2
assert error[10000, "auto"][1] > 1.2 * error[10000, "full"][1]
PYTHON
