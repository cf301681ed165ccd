"""Trains the tutorials' programs in Keras 3 (JAX backend) and in PyTorch, and keeps
what becomes of losses and weights for tests/trajectories.rs:

    python tests/python/trajectories.py tests/data/trajectories.safetensors

Everything but the frameworks' own arithmetic is given: the digits of the crate, the
order of the rows (in the file), the first weights (`weights` below; the whole file
would be five times as large with them, and the test computes the same ones).

Of each run, in f32, the file has the loss of every step and, after steps 1, 5 and 20,
some elements of each tensor and how far the whole of it has moved: the root mean square
of the change. Each run is made in f64 too, for the `noise` of f32: the largest distance
of two losses, and for each tensor the root mean square of the distance.
"""

import os

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import json
import math
import sys

from common import digits, need

numpy, jax, keras, torch, safetensors = need(
    "numpy", "jax", "keras", "torch", "safetensors.numpy"
)
jax.config.update("jax_enable_x64", True)
torch.set_num_threads(1)

PROGRAMS = {"simple": [784, 32, 784], "deep": [784, 128, 64, 64, 128, 784]}
BATCH, STEPS, KEPT = 256, 20, [1, 5, 20]
ROWS = (STEPS - 1) * BATCH + 136  # The last minibatch is a smaller one.
SAMPLE = 96

# The frameworks' own rates are ours too, but for SGD's, with which nothing would move in
# 20 steps, and PyTorch's RMSprop's 0.01, whose first steps of 0.1 make chaos of rounding
# errors.
RATES = {
    "sgd-nesterov:0.9": 0.5,
    "sgd-nesterov-pytorch:0.9": 0.5,
    "rmsprop-pytorch": 0.001,
}


# Called by our name of each optimiser.
KERAS = {
    "sgd-nesterov:0.9": lambda of: of.SGD(momentum=0.9, nesterov=True),
    "adam": lambda of: of.Adam(),
    "adamw": lambda of: of.AdamW(),
    "adadelta": lambda of: of.Adadelta(),
    # The formula is Keras 3's, the rate of 1 was the default.
    "adadelta-keras2": lambda of: of.Adadelta(1.0),
    "rmsprop": lambda of: of.RMSprop(),
}
PYTORCH = {
    "sgd-nesterov-pytorch:0.9": lambda of, p: of.SGD(p, momentum=0.9, nesterov=True),
    "adam-pytorch": lambda of, p: of.Adam(p),
    "adamw-pytorch": lambda of, p: of.AdamW(p),
    "adadelta-pytorch": lambda of, p: of.Adadelta(p),
    "rmsprop-pytorch": lambda of, p: of.RMSprop(p),
}


def weights(widths):
    """Glorot's limits, numbers of Splitmix64 that f32 has exactly, and zero biases.

    Of each layer in turn, inputs × outputs, row by row.
    """
    result, state = [], 0
    for inputs, outputs in zip(widths, widths[1:]):
        count = inputs * outputs
        z = numpy.arange(state + 1, state + count + 1, dtype="u8")
        state += count
        z *= numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        unit = ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)).astype("f4") / numpy.float32(
            1 << 24
        )
        limit = numpy.float32(math.sqrt(6 / (inputs + outputs)))
        result.append((limit * (2 * unit - 1)).reshape(inputs, outputs))
        result.append(numpy.zeros(outputs, "f4"))
    return result


def train_keras(widths, start, batches, loss, name, dtype):
    keras.config.set_floatx(dtype)
    keras.config.set_dtype_policy(dtype)
    hidden = [keras.layers.Dense(width, activation="relu") for width in widths[1:-1]]
    last = keras.layers.Dense(widths[-1], activation="sigmoid")
    model = keras.Sequential([keras.Input((widths[0],)), *hidden, last])
    model.set_weights([w.astype(dtype) for w in start])
    loss = {"mse": "mean_squared_error", "bce": "binary_crossentropy"}[loss]
    optimizer = KERAS[name](keras.optimizers)
    if name in RATES:
        optimizer.learning_rate = RATES[name]
    model.compile(optimizer=optimizer, loss=loss)
    for x in batches:
        x = x.astype(dtype)
        model.reset_metrics()
        value = model.train_on_batch(x, x)
        now = model.get_weights()
        assert all(w.dtype == dtype for w in now)
        yield float(value), now


def train_torch(widths, start, batches, loss, name, dtype):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    layers.pop()
    if loss == "mse":
        layers.append(torch.nn.Sigmoid())
    model = torch.nn.Sequential(*layers).to(getattr(torch, dtype))
    loss = {"mse": torch.nn.MSELoss, "bce": torch.nn.BCEWithLogitsLoss}[loss]()
    with torch.no_grad():
        for to, value in zip(model.parameters(), start, strict=True):
            to.copy_(torch.from_numpy(value.T.copy()))
    optimizer = PYTORCH[name](torch.optim, model.parameters())
    if name in RATES:
        optimizer.param_groups[0]["lr"] = RATES[name]
    for x in batches:
        x = torch.from_numpy(x.astype(dtype))
        optimizer.zero_grad()
        value = loss(model(x), x)
        value.backward()
        optimizer.step()
        yield value.item(), [p.detach().numpy().T.copy() for p in model.parameters()]


def some(tensor):
    """Elements from everywhere, the same ones as in the test."""
    values = numpy.ascontiguousarray(tensor).reshape(-1)
    places = numpy.arange(min(SAMPLE, values.size), dtype="u8") * numpy.uint64(2654435761)
    return values[places % numpy.uint64(values.size)]


def run(train, *arguments, dtype):
    """The losses, and the weights after each kept step, in f64 so that nothing is lost."""
    losses, kept = [], {}
    for step, (loss, now) in enumerate(train(*arguments, dtype), 1):
        losses.append(loss)
        if step in KEPT:
            kept[step] = [w.astype("f8") for w in now]
    return numpy.array(losses), kept


def size(tensor):
    """The root mean square."""
    return numpy.sqrt((tensor**2).mean())


def keep(tensors, key, start, single, double):
    """What the file has of a run in f32, given the same one in f64."""
    noise = numpy.abs(single[0] - double[0]).max()
    tensors[f"{key}/losses"] = single[0].astype("f4")
    tensors[f"{key}/losses/noise"] = numpy.array([noise], "f4")
    report = [f"{noise:.1e}"]
    for step in KEPT:
        now, exact = single[1][step], double[1][step]
        change = [size(w - first) for w, first in zip(now, start, strict=True)]
        noise = [size(a - b) for a, b in zip(now, exact, strict=True)]
        for name, numbers in [
            ("weights", numpy.concatenate([some(w) for w in now])),
            ("change", change),
            ("noise", noise),
        ]:
            tensors[f"{key}/{step}/{name}"] = numpy.array(numbers, "f4")
        report.append(f"{max(a / b for a, b in zip(noise, change, strict=True)):.0e}")
    print(f"{key:<40} {single[0][0]:.6f} … {single[0][-1]:.6f}, noise", *report)


def main(path):
    # A permutation of some of the digits, as anyone's shuffle gives it.
    images = digits(numpy)
    order = numpy.random.default_rng(0).permutation(len(images))[:ROWS].astype("u2")
    batches = [images[order[at : at + BATCH]] for at in range(0, ROWS, BATCH)]
    assert len(batches) == STEPS
    tensors = {"order": order}
    versions = {module.__name__: module.__version__ for module in (keras, jax, torch)}
    runs = []
    for program, widths in PROGRAMS.items():
        for loss in ["mse", "bce"]:
            for framework, train, optimizers in [
                ("Keras", train_keras, KERAS),
                ("PyTorch", train_torch, PYTORCH),
            ]:
                for name in optimizers:
                    start = weights(widths)
                    given = (train, widths, start, batches, loss, name)
                    single, double = (run(*given, dtype=d) for d in ["float32", "float64"])
                    key = f"{program}/{loss}/{name}"
                    keep(tensors, key, start, single, double)
                    runs.append({"key": key, "framework": framework})
    metadata = {
        "versions": versions,
        "programs": PROGRAMS,
        "batch": BATCH,
        "kept": KEPT,
        "sample": SAMPLE,
        "learning_rates": RATES,
        "runs": runs,
    }
    safetensors.save_file(tensors, path, {"trajectories": json.dumps(metadata)})


if __name__ == "__main__":
    main(sys.argv[1])
