"""What the checks have in common: the digits, and a comparison that can fail."""

import gzip
import sys
from pathlib import Path

DIGITS = Path(__file__).parents[2] / "src/data/digits/mnist-10k-images-idx3-ubyte.gz"


def need(*names):
    """The modules of these names; ends the check, visibly, if one is missing."""
    modules = []
    for name in names:
        try:
            modules.append(__import__(name, fromlist=["_"]))
        except ImportError as error:
            print(f"SKIPPED {Path(sys.argv[0]).name}: {error}")
            sys.exit(0)
    return modules


def digits(numpy):
    """The embedded digits as fractions of 255, one a row."""
    with gzip.open(DIGITS) as file:
        pixels = numpy.frombuffer(file.read()[16:], dtype="u1")
    return pixels.reshape(-1, 784).astype("float32") / numpy.float32(255)


def compare(numpy, what, given, expected, bound=2e-5):
    """Fails unless the arrays agree; f32 sums of 784 products in another order."""
    assert given.shape == expected.shape, f"{what}: {given.shape} {expected.shape}"
    scale = max(1.0, float(numpy.abs(expected).max()))
    difference = float(numpy.abs(given - expected).max())
    assert numpy.isfinite(difference), f"{what}: not finite"
    assert difference <= bound * scale, f"{what}: off by {difference}"
    assert float(expected.std()) > 0, f"{what}: all the same"
    print(f"ok  {what:<40} {given.shape[0]} × {given.shape[1]}, at most {difference:.1e} apart")
