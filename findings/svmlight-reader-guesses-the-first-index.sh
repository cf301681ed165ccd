#!/usr/bin/env bash
# A svmlight file whose rows happen to lack feature 0 is read one column to the left.
#
# Guess: zero_based='auto' is a property of the format, found once, and n_features fixes the width.
# What happens: load_svmlight_file calls a file one-based when index 0 does not occur in it.
# Written zero-based by dump_svmlight_file of the same package, the whole table reads back right,
# but a part whose rows have a zero in feature 0 (sparse data: likely) comes back shifted by one
# column, also when n_features is given, so that the width agrees with the training file's.
# Why it matters: splitting sparse data (bags of words, counts) into a training and a test
# file, or into chunks, is ordinary. The autoencoder then sees every feature in its neighbour's place,
# with no error. Always pass zero_based=True or False.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scikit-learn==1.9.1
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

print("scikit-learn", sklearn.__version__)
x = np.array([[1.0, 0, 0, 2], [0, 3, 0, 4], [0, 0, 5, 6]])
dump_svmlight_file(x, np.zeros(3), "whole", zero_based=True)
dump_svmlight_file(x[1:], np.zeros(2), "part", zero_based=True)
whole = load_svmlight_file("whole", n_features=4)[0].toarray()
part = load_svmlight_file("part", n_features=4)[0].toarray()
told = load_svmlight_file("part", n_features=4, zero_based=True)[0].toarray()
print("whole file", whole.tolist())
print("rows 1 and 2 alone", part.tolist(), "with zero_based=True", told.tolist())
assert (whole == x).all() and (told == x[1:]).all()
assert (part == [[3, 0, 4, 0], [0, 5, 6, 0]]).all()
PYTHON
