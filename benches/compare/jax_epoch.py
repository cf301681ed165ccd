"""JAX: a whole epoch is one compiled function, a scan over the shuffled batches.

The fastest of several forms that were tried: images stay bytes, a quarter of
the memory to gather from; the batches are gathered within the scan, not all
before it; the scan is not unrolled. The loss is computed from logits, where it
can be, and arguments are donated, so that weights are updated in place. JAX takes
as many threads as the process has cores: pin it with taskset.
"""

import functools
import os
import time

os.environ["JAX_PLATFORMS"] = "cpu"

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import common


def initial(widths, generator):
    params = []
    for inputs, outputs in zip(widths, widths[1:]):
        limit = (6 / (inputs + outputs)) ** 0.5
        weights = generator.uniform(-limit, limit, (inputs, outputs))
        params.append((jnp.asarray(weights, jnp.float32), jnp.zeros(outputs, jnp.float32)))
    return params


def loss_function(program):
    def loss(params, x):
        h = x
        for weights, bias in params[:-1]:
            h = jax.nn.relu(h @ weights + bias)
        weights, bias = params[-1]
        z = h @ weights + bias
        if program.loss == "bce":
            return jnp.mean(jnp.maximum(z, 0) - z * x + jnp.log1p(jnp.exp(-jnp.abs(z))))
        y = jax.nn.sigmoid(z) if program.output == "sigmoid" else z
        return jnp.mean((y - x) ** 2)

    return jax.value_and_grad(loss)


def adam(params, grads, state):
    m, v, step = state
    step += 1
    rate = common.LEARNING_RATE * jnp.sqrt(1 - common.BETA2**step) / (1 - common.BETA1**step)
    m = jax.tree.map(lambda m, g: common.BETA1 * m + (1 - common.BETA1) * g, m, grads)
    v = jax.tree.map(lambda v, g: common.BETA2 * v + (1 - common.BETA2) * g * g, v, grads)
    params = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + common.EPSILON), params, m, v
    )
    return params, (m, v, step)


def epoch_function(program):
    gradient = loss_function(program)

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def epoch(params, state, rows, order):
        def step(carry, batch):
            params, state = carry
            x = rows[batch]
            if rows.dtype == jnp.uint8:
                x = x.astype(jnp.float32) * jnp.float32(1 / 255)
            loss, grads = gradient(params, x)
            params, state = adam(params, grads, state)
            return (params, state), loss

        full = len(order) // common.BATCH_SIZE * common.BATCH_SIZE
        batches = order[:full].reshape(-1, common.BATCH_SIZE)
        (params, state), losses = lax.scan(step, (params, state), batches)
        total = losses.sum() * common.BATCH_SIZE
        if full < len(order):
            (params, state), loss = step((params, state), order[full:])
            total += loss * (len(order) - full)
        return params, state, total / len(order)

    return epoch


def main():
    args = common.arguments()
    program = common.PROGRAMS[args.program]
    generator = np.random.default_rng(0)
    rows = jnp.asarray(common.data(args))
    params = initial(program.widths, generator)
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (zeros(), zeros(), jnp.zeros((), jnp.float32))
    epoch = epoch_function(program)
    seconds = []
    for _ in range(args.warm_up + args.epochs):
        start = time.perf_counter()
        order = generator.permutation(len(rows)).astype(np.int32)
        params, state, loss = epoch(params, state, rows, order)
        loss.block_until_ready()
        seconds.append(time.perf_counter() - start)
    common.report("JAX, whole epoch jitted", jax.__version__, args, seconds, loss)


main()
