#!/usr/bin/env bash
# soundfile writes float32 samples to a WAV as 16-bit integers and clips them, unasked.
#
# Guess: the type of the array decides, as in scipy.io.wavfile.write, which makes a float WAV
# of a float array; or samples outside −1 … 1 raise.
# What happens: sf.write with a float32 or float64 array and the ending .wav takes PCM_16. 1.5
# comes back as 0.99997, −2 as −1 and 1e-6 as 0; subtype='FLOAT' keeps all four. SciPy's file
# holds the float32 bits.
# Why it matters: reconstructions of a decoder without a bounded output overshoot, and small
# residuals (input minus reconstruction) are below half a 16-bit step and become 0. A dataset
# that was standardised first comes back clipped at one deviation.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 soundfile==0.14.0
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import scipy
import soundfile
from scipy.io import wavfile

print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__, "scipy", scipy.__version__)
for dtype in (np.float32, np.float64):
    x = np.array([0.1, 1.5, -2.0, 1e-6], dtype)
    soundfile.write("default.wav", x, 8000)
    soundfile.write("float.wav", x, 8000, subtype="FLOAT")
    wavfile.write("scipy.wav", 8000, x.astype(np.float32))
    kinds = [soundfile.info(name).subtype for name in ("default.wav", "float.wav", "scipy.wav")]
    default, floats, other = (soundfile.read(name)[0] for name in ("default.wav", "float.wav", "scipy.wav"))
    print(np.dtype(dtype), kinds, default, floats, other)
    assert kinds == ["PCM_16", "FLOAT", "FLOAT"]
    assert default[1] < 1 and default[2] == -1 and default[3] == 0
    assert (floats == x.astype(np.float32)).all() and (other == floats).all()
PYTHON
