#!/usr/bin/env bash
# pyod: what ECOD and COPOD say of a sample depends on the other rows of the call.
#
# Guess: after fit, decision_function scores each row against the training data, so a row scored
# alone and the same row within a table get one score.
# What happens: ECOD and COPOD take their empirical distributions over the training rows and the
# rows of the call together. A row scored alone and within its table differ, and a row added
# 200 times to the call turns from an outlier into a common sample, below the fitted threshold.
# IForest and PCA of the same package score rows one by one.
# Why it matters: these two are the usual baselines without parameters beside a reconstruction
# error. Their AUC depends on the test set's size and mix, and batches of a stream give other scores
# than one call: score the baselines in one call on the same rows as the autoencoder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 pyod==3.6.7
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import pyod
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from pyod.models.iforest import IForest
from pyod.models.pca import PCA

print("pyod", pyod.__version__)
x = np.random.default_rng(0).standard_normal((200, 3))
strange = np.array([[4.0, 4.0, 4.0]])
for detector in (ECOD(), COPOD(), IForest(random_state=0), PCA()):
    name = type(detector).__name__
    detector.fit(x)
    table = detector.decision_function(x)
    alone = np.array([detector.decision_function(row[None])[0] for row in x[:50]])
    once = detector.decision_function(strange)[0]
    often = detector.decision_function(np.repeat(strange, 200, axis=0))[0]
    difference = abs(alone - table[:50]).max()
    print(f"{name}: alone − in the table {difference:.3g}; strange row once {once:.3f}, 200 times {often:.3f}, threshold {detector.threshold_:.3f}")
    if name in ("ECOD", "COPOD"):
        assert difference > 1e-3
        assert once > detector.threshold_ > often
    else:
        assert difference < 1e-9 and abs(once - often) < 1e-9
PYTHON
