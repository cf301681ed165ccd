"""Loads a model's tensors into PyTorch's nn.Linear and nn.LayerNorm, and compares with
this program.

Without PyTorch, the formulas that these compute by their documentation, in numpy.
"""

import json
import sys
from pathlib import Path

from common import compare, digits, need

numpy, safetensors = need("numpy", "safetensors.numpy")
folder = Path(sys.argv[1])
info = json.loads((folder / "info.json").read_text())
tensors = safetensors.load_file(folder / "model.safetensors")
encoders = sum(layer["name"].startswith("encoder") for layer in info["layers"])

try:
    import torch
except ImportError:
    torch = None


def is_norm(layer):
    return layer["layer"].startswith("layer-norm")


def epsilon(layer):
    """As `--layers` has it: PyTorch's, Keras', or a number."""
    option = layer["layer"].partition(":")[2]
    return {"": 1e-5, "keras": 1e-3}.get(option) or float(option)


# Of a tied decoder, the encoder's weights, transposed, the last one first.
shared = [layer["name"] for layer in info["layers"][:encoders] if not is_norm(layer)]


def weight(layer):
    if info["tied"] and layer["name"].startswith("decoder"):
        return tensors[f"{shared.pop()}.weight"].T.copy()
    return tensors[f"{layer['name']}.weight"]


if torch:
    from torch import nn
    from torch.nn import functional

    how = "nn.Linear and nn.LayerNorm"
    activations = {
        "identity": lambda z: z,
        "relu": functional.relu,
        "elu": lambda z, alpha: functional.elu(z, alpha),
        "selu": functional.selu,
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "softplus": functional.softplus,
        "gelu": functional.gelu,
        "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
        "silu": functional.silu,
        "softmax": lambda z: functional.softmax(z, dim=-1),
        "leaky_relu": lambda z, slope: functional.leaky_relu(z, slope),
    }

    def dense(x, w, b):
        linear = nn.Linear(w.shape[1], w.shape[0])
        state = {"weight": torch.from_numpy(w), "bias": torch.from_numpy(b)}
        linear.load_state_dict(state, strict=True)
        return linear(x)

    def normalise(x, w, b, eps):
        norm = nn.LayerNorm(w.shape[0], eps=eps)
        state = {"weight": torch.from_numpy(w), "bias": torch.from_numpy(b)}
        norm.load_state_dict(state, strict=True)
        return norm(x)

    torch.set_grad_enabled(False)
    into, out = torch.from_numpy, lambda x: x.numpy()
else:
    import math

    print("SKIPPED nn.Linear and nn.LayerNorm, no PyTorch here: their formulas instead")

    how = "PyTorch's formulas"
    erf = numpy.vectorize(math.erf, otypes=["f8"])

    def softmax(z):
        e = numpy.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def gelu_tanh(z):
        return z / 2 * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))

    activations = {
        "identity": lambda z: z,
        "relu": lambda z: numpy.maximum(z, 0),
        "elu": lambda z, alpha: numpy.where(z > 0, z, alpha * numpy.expm1(numpy.minimum(z, 0))),
        "selu": lambda z: 1.0507009873554805
        * numpy.where(z > 0, z, 1.6732632423543772 * numpy.expm1(numpy.minimum(z, 0))),
        "sigmoid": lambda z: 1 / (1 + numpy.exp(-z)),
        "tanh": numpy.tanh,
        "softplus": lambda z: numpy.logaddexp(0, z),
        "gelu": lambda z: z / 2 * (1 + erf(z / math.sqrt(2))),
        "gelu_tanh": gelu_tanh,
        "silu": lambda z: z / (1 + numpy.exp(-z)),
        "softmax": softmax,
        "leaky_relu": lambda z, slope: numpy.where(z > 0, z, slope * z),
    }

    def dense(x, w, b):
        return x @ w.T.astype("f8") + b

    def normalise(x, w, b, eps):
        mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
        return (x - mean) / numpy.sqrt(variance + eps) * w + b

    into, out = lambda x: x.astype("f8"), lambda x: x

value = into(digits(numpy))
for number, layer in enumerate(info["layers"]):
    bias = tensors[f"{layer['name']}.bias"]
    if is_norm(layer):
        scale = tensors[f"{layer['name']}.weight"]
        value = normalise(value, scale, bias, epsilon(layer))
    else:
        value = dense(value, weight(layer), bias)
        name, *parameters = layer["activation"].split(":")
        value = activations[name](value, *map(float, parameters))
    if number + 1 == encoders:
        codes = value
for what, given in [("codes", codes), ("reconstructions", value)]:
    compare(numpy, f"{folder.name} {what} by {how}", out(given), numpy.load(folder / f"{what}.npy"))
