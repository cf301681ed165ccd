#!/usr/bin/env bash
# Keras loads a variational encoder's mean into its log-variance if the outputs change places.
#
# Guess: layers named 'mean' and 'logvar' get the weights that were saved for these names.
# What happens: model.save_weights numbers layers of one class in the model's own order, which for a
# functional model follows the list of outputs. Saved from outputs [mean, logvar] and loaded into the
# same layers and names with outputs [logvar, mean], the two heads are exchanged, both having the
# same shape, with no error. The order in which the layers are created does not matter.
# Why it matters: putting z first, or returning [logvar, mean], is a change that looks harmless.
# An importer of Keras' weights has to read the name that the file holds as an attribute, and
# must compare it with the layer's: neither the path nor the shape tells the heads apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile numpy==2.4.6 keras==3.15.1 jax==0.10.2 jaxlib==0.10.2
cd "$folder"
venv/bin/python - <<'PYTHON'
import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_PLATFORMS"] = "cpu"
import keras
import numpy as np

print("keras", keras.__version__)
x = np.ones((1, 4), np.float32)


def encoder(created, outputs):
    inputs = keras.Input((4,))
    heads = {name: keras.layers.Dense(2, name=name)(inputs) for name in created}
    return keras.Model(inputs, [heads[name] for name in outputs])


def head(model, name):
    return np.asarray(model.get_layer(name)(x)).ravel()


saved = encoder(("mean", "logvar"), ("mean", "logvar"))
saved.save_weights("vae.weights.h5")
for created, outputs, swapped in (
    (("mean", "logvar"), ("mean", "logvar"), False),
    (("logvar", "mean"), ("mean", "logvar"), False),
    (("mean", "logvar"), ("logvar", "mean"), True),
):
    loaded = encoder(created, outputs)
    loaded.load_weights("vae.weights.h5")
    print("created", created, "outputs", outputs, "mean was", head(saved, "mean"), "is", head(loaded, "mean"))
    assert np.allclose(head(loaded, "mean"), head(saved, "logvar" if swapped else "mean"))
    assert np.allclose(head(loaded, "logvar"), head(saved, "mean" if swapped else "logvar"))
assert not np.allclose(head(saved, "mean"), head(saved, "logvar"))
PYTHON
