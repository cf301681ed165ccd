"""What the peers' scripts share: the programs, the data, the report.

A script trains one program for `--warm-up` and then `--epochs` epochs and prints
one line of JSON: who it is, the seconds of each timed epoch (shuffling included),
and the loss of the last one, the mean over its batches while training. Weights
start as Glorot's uniform ones and biases as zero, as ours do; Adam has a learning
rate of 0.001 and an epsilon of 1e-7; an epoch takes the last, smaller batch too.
"""

import argparse
import gzip
import json
from dataclasses import dataclass

import numpy as np

BATCH_SIZE = 256
LEARNING_RATE = 1e-3
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-7
IMAGES = 60_000


@dataclass(frozen=True)
class Program:
    """A dense autoencoder with relu between its layers."""

    widths: tuple
    output: str  # "sigmoid" or "linear"
    loss: str  # "bce" or "mse"
    images: bool  # learns the images; else the Gaussian rows
    # How far a loss may lie from ours, as a fraction of it: three standard
    # deviations of the difference of two runs, from eight seeds of ours, whose
    # losses had deviations of 1.0 %, 3.6 % and 5.8 %.
    tolerance: float


# The same as in benches/src/program.rs.
PROGRAMS = {
    "784-32-784 bce": Program((784, 32, 784), "sigmoid", "bce", True, 0.05),
    "784-128-64-128-784 mse": Program((784, 128, 64, 128, 784), "sigmoid", "mse", True, 0.16),
    "10-5-8-10 mse": Program((10, 5, 8, 10), "linear", "mse", False, 0.25),
}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True, choices=PROGRAMS)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--images", required=True, help="IDX file of bytes, .gz too")
    parser.add_argument("--gaussians", required=True, help="npy file")
    return parser.parse_args()


def read_idx(path):
    """Images of an IDX file as a matrix of bytes, one a row."""
    with open(path, "rb") as file:
        content = file.read()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if content[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: no IDX file of bytes")
    axes = content[3]
    start = 4 + 4 * axes
    shape = np.frombuffer(content[4:start], dtype=">u4").astype(int)
    return np.frombuffer(content[start:], dtype=np.uint8).reshape(shape[0], -1)


def data(args):
    """The rows to learn: bytes for images, f32 for Gaussian rows."""
    if not PROGRAMS[args.program].images:
        return np.load(args.gaussians)
    few = read_idx(args.images)
    return few[np.arange(IMAGES) % len(few)]


def data_f32(args):
    """The rows to learn as f32; bytes as fractions of 255."""
    rows = data(args)
    return rows.astype(np.float32) / np.float32(255) if rows.dtype == np.uint8 else rows


def report(peer, version, args, seconds, loss):
    print(
        json.dumps(
            {
                "peer": peer,
                "version": version,
                "program": args.program,
                "threads": args.threads,
                "seconds": seconds[-args.epochs :],
                "loss": float(loss),
            }
        )
    )
