"""Normalises rows in PyTorch and in Keras 3 (JAX backend), trains a net with layer
normalisation in PyTorch, and keeps what comes out for tests/layer_norm.rs:

    python tests/python/layer_norm.py tests/data/layer_norm.safetensors

It needs the packages of requirements-trajectories.txt.

The layer alone, for each width n in `widths` of the metadata, all in f32:
    n/x, n/delta            rows × n; the rows are those that `rows` names
    n/weight, n/bias        γ and β
    NAME/n/y, NAME/n/dx     what NAME (`pytorch`: ε = 1e-5, `keras`: ε = 1e-3) gives
    NAME/n/weight_gradient, NAME/n/bias_gradient
                            summed over the rows
Theirs are computed in f64 from these numbers of f32, and rounded to f32: nobody's
rounding of a large mean is in the way.

A training, 20 → LayerNorm → 12 relu → LayerNorm → 5 relu → 12 relu → LayerNorm → 20, of
the mean squared error by Adam (learning rate 1e-2) on the same 16 rows in every step, in
PyTorch and f32:
    rows                    16 × 20, inputs and targets
    start.NAME, end.NAME    tensors before and after, as a state dict has them: `encoder.0`,
                            `encoder.1`, … are all layers, dense or not, in their order
    losses                  of each step, before its update
The same in f64 tells the noise of f32, the largest distance of two numbers:
    noise.NAME              of each tensor at the end
    noise.losses
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import json
import sys
from unittest import mock

from common import need

numpy, jax, keras, torch, safetensors = need(
    "numpy", "jax", "keras", "torch", "safetensors.numpy"
)
jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

WIDTHS = [1, 2, 7, 64, 100]
ROWS = ["plain", "mean of 1e4", "equal", "plain"]
EPSILONS = {"pytorch": 1e-5, "keras": 1e-3}
STEPS, BATCH, LEARNING_RATE = 20, 16, 1e-2


def pytorch(x, weight, bias, delta):
    """y, dx, dγ and dβ."""
    layer = torch.nn.LayerNorm(x.shape[1], eps=EPSILONS["pytorch"], dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    x = torch.from_numpy(x).requires_grad_()
    y = layer(x)
    y.backward(torch.from_numpy(delta))
    return [t.detach().numpy() for t in (y, x.grad, layer.weight.grad, layer.bias.grad)]


def keras_jax(x, weight, bias, delta):
    """The same; ε is Keras' own."""
    layer = keras.layers.LayerNormalization(dtype="float64")
    assert layer.epsilon == EPSILONS["keras"]
    layer.build(x.shape)

    def forward(x, weight, bias):
        return layer.stateless_call([weight, bias], [], x)[0]

    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]
    # Keras promotes float64 and float32 to float32, whatever the layer's dtype: errors of
    # 1e-3 where the mean is 1e4. Its own formula in f64 has none.
    with mock.patch.object(keras.src.backend, "result_type", lambda *_: "float64"):
        y, backward = jax.vjp(forward, *map(jax.numpy.asarray, (x, weight, bias)))
    return [numpy.asarray(t) for t in (y, *backward(jax.numpy.asarray(delta)))]


def layers(random, tensors):
    for width in WIDTHS:
        shape = (len(ROWS), width)
        x = random.normal(size=shape).astype("f4")
        for row, kind in zip(x, ROWS, strict=True):
            if kind == "mean of 1e4":
                row += 1e4
            elif kind == "equal":
                row[:] = 0.1
        given = {
            "x": x,
            "weight": random.uniform(-2, 2, width).astype("f4"),
            "bias": random.uniform(-1, 1, width).astype("f4"),
            "delta": random.normal(size=shape).astype("f4"),
        }
        tensors |= {f"{width}/{name}": value for name, value in given.items()}
        given = [value.astype("f8") for value in given.values()]
        for name, run in [("pytorch", pytorch), ("keras", keras_jax)]:
            results = run(*given)
            names = ["y", "dx", "weight_gradient", "bias_gradient"]
            for what, value in zip(names, results, strict=True):
                assert value.dtype == "f8" and numpy.isfinite(value).all()
                tensors[f"{name}/{width}/{what}"] = value.astype("f4")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.ModuleList(
            [
                torch.nn.LayerNorm(20),
                torch.nn.Linear(20, 12),
                torch.nn.LayerNorm(12),
                torch.nn.Linear(12, 5),
            ]
        )
        self.decoder = torch.nn.ModuleList(
            [torch.nn.Linear(5, 12), torch.nn.LayerNorm(12), torch.nn.Linear(12, 20)]
        )

    def forward(self, x):
        x = self.encoder[1](self.encoder[0](x)).relu()
        x = self.encoder[3](self.encoder[2](x)).relu()
        x = self.decoder[0](x).relu()
        return self.decoder[2](self.decoder[1](x))


def train(start, rows, dtype):
    """The losses, and the state dict at the end, in f64."""
    net = Net().to(dtype)
    net.load_state_dict({name: torch.from_numpy(value) for name, value in start.items()})
    optimizer = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE)
    rows, losses = torch.from_numpy(rows).to(dtype), []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(rows), rows)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    state = net.state_dict().items()
    return numpy.array(losses), {name: value.numpy().astype("f8") for name, value in state}


def training(random, tensors):
    start = {}
    for name, value in Net().state_dict().items():
        # γ and β that are not 1 and 0 tell apart what ones and zeros would not.
        middle = 1 if name in ["encoder.0.weight", "encoder.2.weight", "decoder.1.weight"] else 0
        start[name] = (middle + random.uniform(-0.35, 0.35, value.shape)).astype("f4")
    # Ten directions in 20 dimensions, and a shift.
    rows = random.normal(size=(BATCH, 10)) @ random.normal(size=(10, 20)) / 3 + 0.5
    rows = rows.astype("f4")
    single, double = (train(start, rows, dtype) for dtype in [torch.float32, torch.float64])
    tensors["rows"] = rows
    tensors["losses"] = single[0].astype("f4")
    tensors["noise.losses"] = numpy.array([numpy.abs(single[0] - double[0]).max()], "f4")
    for name, value in start.items():
        end = single[1][name]
        noise = numpy.abs(end - double[1][name]).max()
        tensors[f"start.{name}"] = value
        tensors[f"end.{name}"] = end.astype("f4")
        tensors[f"noise.{name}"] = numpy.array([noise], "f4")
        print(f"{name:<20} moved by {numpy.abs(end - value).max():.1e}, noise {noise:.1e}")
    print(f"losses {single[0][0]:.6f} … {single[0][-1]:.6f}, noise {tensors['noise.losses'][0]:.1e}")


def main(path):
    random, tensors = numpy.random.default_rng(17), {}
    layers(random, tensors)
    training(random, tensors)
    metadata = {
        "versions": {module.__name__: module.__version__ for module in (keras, jax, torch)},
        "widths": WIDTHS,
        "rows": ROWS,
        "epsilons": EPSILONS,
        "learning_rate": LEARNING_RATE,
    }
    safetensors.save_file(tensors, path, {"layer_norm": json.dumps(metadata)})


if __name__ == "__main__":
    main(sys.argv[1])
