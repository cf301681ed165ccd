#!/usr/bin/env bash
# liac-arff cuts the fraction off in a column that is declared INTEGER.
#
# Guess: INTEGER and REAL are two words for numeric, as Weka and SciPy take them, or 1.7 in an
# INTEGER column is an error.
# What happens: liac-arff reads 1.7 as 1 and −0.9 as 0, without a warning; SciPy reads 1.7 and −0.9
# from the same text. Its own dumps writes 1.7 into an INTEGER column, so that a file that it wrote
# itself comes back changed.
# Why it matters: ARFF files of anomaly benchmarks declare columns INTEGER that were scaled
# later. Read by the one library they are a table of zeros and ones, by the other the data; an
# autoencoder trains on either.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 liac-arff==2.5.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import io

import arff
import scipy
from scipy.io import arff as scipy_arff

print("liac-arff", arff.__version__, "scipy", scipy.__version__)
table = {"relation": "r", "attributes": [("a", "INTEGER"), ("b", "REAL")], "data": [[1.7, 2.5], [-0.9, 3.0]]}
text = arff.dumps(table)
print(text)
ours = arff.loads(text)["data"]
theirs, _ = scipy_arff.loadarff(io.StringIO(text))
print("liac-arff", ours, "SciPy", theirs.tolist())
assert "1.7" in text
assert ours == [[1, 2.5], [0, 3.0]]
assert [list(row) for row in theirs.tolist()] == table["data"]
PYTHON
