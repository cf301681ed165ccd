"""Times an epoch of ours and of each peer on the same data and cores, and prints
one table in Markdown. Started by `run`, in whose environment the peers are.

Everything runs `--rounds` times in turn, so that a slow moment of the machine
hits all alike; a figure is the median of all its epochs. A peer's time counts
only if its loss after as many epochs is ours within a tolerance: it has learned
the same from other first weights.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import common

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DIGITS = ROOT / "src/data/digits/mnist-10k-images-idx3-ubyte.gz"

OURS = "autoencoder"
BENCH = ["cargo", "bench", "-q", "-p", "autoencoder-benches"]
EPOCH = [*BENCH, "--bench", "epoch", "--"]
CANDLE = [*BENCH, "--features", "candle", "--bench", "candle_epoch", "--"]
BURN = ["cargo", "run", "-q", "--release", "--manifest-path", str(HERE / "burn/Cargo.toml"), "--"]


def script(name):
    return [sys.executable, str(HERE / name)]


# In the order of the columns: the command, and what it wants in its environment.
PEERS = {
    "jax": (script("jax_epoch.py"), {}),
    "keras-jax": (script("keras_epoch.py"), {"KERAS_BACKEND": "jax"}),
    "torch": (script("torch_epoch.py"), {}),
    "keras-tf": (script("keras_epoch.py"), {"KERAS_BACKEND": "tensorflow"}),
    "candle": (CANDLE, {}),
    "burn": (BURN, {}),
}
# Left out unless an option of their name asks for them.
OPTIONAL = ("torch", "candle", "burn")


def arguments():
    cores = sorted({1, os.cpu_count()})
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__)
    parser.add_argument(
        "--threads",
        type=lambda text: [int(word) for word in text.split(",")],
        default=cores,
        help="such as 1,2: as many cores, too; else 1 and all",
    )
    parser.add_argument(
        "--images",
        type=Path,
        default=DIGITS,
        help="IDX file of 28 × 28 bytes, .gz too; else the embedded digits",
    )
    parser.add_argument(
        "--program", default="", help="the programs whose names contain this; else all"
    )
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--machine", default=machine(), help="its name in the table")
    for key in OPTIONAL:
        parser.add_argument(f"--{key}", action="store_true", help=f"{key}, too")
    return parser.parse_args()


def machine():
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
    except OSError:
        pass
    return f"{os.cpu_count()} cores of {name}"


class Disturbance:
    """How many cores other processes have kept busy since this was made."""

    def __init__(self):
        self.start = time.monotonic()
        self.others = self.seconds_of_others()

    @staticmethod
    def seconds_of_others():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        # user, nice, system; see proc(5).
        ticks = Path("/proc/stat").read_text().split()[1:4]
        busy = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return busy - usage.ru_utime - usage.ru_stime

    def cores(self):
        passed = time.monotonic() - self.start
        return max(0.0, self.seconds_of_others() - self.others) / passed


def run(command, environment, threads):
    """The lines of JSON that a command prints, run on as many cores as threads."""
    pinned = ["taskset", "-c", f"0-{threads - 1}", *command]
    # candle counts the machine's cores, not the process's, unless told; burn's pool
    # is rayon's, too.
    environment = os.environ | environment | {"RAYON_NUM_THREADS": str(threads)}
    result = subprocess.run(pinned, cwd=ROOT, env=environment, text=True, capture_output=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(pinned)} failed:\n{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines() if line[:1] == "{"]


class Figure:
    """All that one program on so many threads has shown of one peer."""

    def __init__(self):
        self.seconds = []
        self.peaks = []
        self.losses = []
        self.others = 0.0
        self.line = {}

    def add(self, line):
        self.seconds += line["seconds"]
        self.losses.append(line["loss"])
        self.others = max(self.others, line["others"])
        if line.get("peak"):
            self.peaks.append(line["peak"])
        self.line = line

    @property
    def median(self):
        return median(self.seconds)


def measure(args, peers, gaussians):
    """Figures by (program, threads) and peer."""
    programs = [program for program in common.PROGRAMS if args.program in program]
    if not programs:
        raise SystemExit(f"no program is called {args.program}: {', '.join(common.PROGRAMS)}")
    cases = [(program, threads) for program in programs for threads in args.threads]
    figures = {case: {} for case in cases}
    for number in range(args.rounds):
        for program, threads in cases:
            columns = figures[program, threads]

            def add(key, command, environment):
                disturbance = Disturbance()
                (line,) = run(command, environment, threads)
                line["others"] = disturbance.cores()
                print(
                    f"round {number + 1}: {program}, {threads}: {key}",
                    f"{milliseconds(median(line['seconds']))}, loss {line['loss']:.4f},",
                    f"others used {line['others']:.2f} cores",
                    file=sys.stderr,
                )
                columns.setdefault(key, Figure()).add(line)
                return line

            which = ["--program", program, "--threads", str(threads)]
            images = ["--images", str(args.images)]
            ours = add(OURS, [*EPOCH, "--json", *which, *images], {})
            epochs = ["--epochs", str(len(ours["seconds"])), "--warm-up", str(ours["warm_up"])]
            rest = [*which, *images, *epochs, "--gaussians", str(gaussians)]
            for key in peers:
                command, environment = PEERS[key]
                add(key, [*command, *rest], environment)
    return figures


def agrees(program, figure, ours):
    bound = common.PROGRAMS[program].tolerance
    expected = median(ours.losses)
    return all(abs(loss - expected) <= bound * expected for loss in figure.losses)


def short(number):
    """Three digits, and no exponent."""
    return f"{float(f'{number:.3g}'):g}"


def milliseconds(seconds):
    return f"{short(seconds * 1e3)} ms"


def print_table(figures, peers):
    """The table; whether all peers' losses agree with ours."""
    first = next(iter(figures.values()))
    names = [first[key].line["peer"] for key in peers]
    print("| program, threads | autoencoder |", " | ".join(names), "| FMA limit |")
    print("|---|---|" + "---|" * (len(names) + 1))
    good = True
    for (program, threads), columns in figures.items():
        ours = columns[OURS]
        cells = [f"{program}, {threads}", f"**{milliseconds(ours.median)}**"]
        for key in peers:
            figure = columns[key]
            if agrees(program, figure, ours):
                ratio = figure.median / ours.median
                cells.append(f"{milliseconds(figure.median)} ({short(ratio)}×)")
            else:
                good = False
                losses = ", ".join(f"{loss:.4f}" for loss in figure.losses)
                cells.append(f"not ours: loss {losses}")
        if ours.peaks:
            flops = ours.line["flops"] * ours.line["median"]
            limit = flops / max(ours.peaks)
            cells.append(f"{milliseconds(limit)} ({100 * limit / ours.median:.0f} %)")
        else:
            cells.append("–")
        print("|", " | ".join(cells), "|")
    return good


def print_notes(args, figures, peers):
    first = next(iter(figures.values()))
    versions = [f"{first[key].line['peer']} {first[key].line['version']}" for key in peers]
    print("\nMedian time of an epoch, shuffling included, batch 256, Adam; in brackets the")
    print("ratio to ours, and for the FMA limit our share of it.\n")
    print(f"- Machine: {args.machine}; level {first[OURS].line['level']}.")
    for threads in args.threads:
        peaks = [p for (_, t), c in figures.items() if t == threads for p in c[OURS].peaks]
        if peaks:
            print(f"- FMA limit, {threads} thread(s): {max(peaks) / 1e9:.0f} GFLOP/s, measured.")
    versions.append(f"Python {platform.python_version()}")
    print(f"- Versions: autoencoder {first[OURS].line['version']}; {'; '.join(versions)}.")
    for (program, threads), columns in figures.items():
        if threads == args.threads[0]:
            losses = [f"{key} {median(columns[key].losses):.4f}" for key in [OURS, *peers]]
            print(f"- Loss of {program}: {', '.join(losses)}.")
    print(f"- Images: {args.images.name}, repeated to {common.IMAGES}.")
    others = [f.others for columns in figures.values() for f in columns.values()]
    print(f"- Other processes kept up to {max(others):.2f} cores busy during a run,")
    print(f"  {median(others):.2f} in the median. {datetime.date.today()}.")
    for key in OPTIONAL:
        if key not in peers:
            print(f"- Not measured: {key} (give --{key}).")


def main():
    args = arguments()
    if shutil.which("taskset") is None:
        raise SystemExit("taskset is missing (util-linux); without it a peer takes all cores")
    args.images = args.images.resolve()
    left_out = {key for key in OPTIONAL if not getattr(args, key)}
    peers = [key for key in PEERS if key not in left_out]
    with tempfile.TemporaryDirectory() as directory:
        gaussians = Path(directory) / "gaussians.npy"
        run([*EPOCH, "--save-gaussians", str(gaussians)], {}, 1)
        figures = measure(args, peers, gaussians)
    good = print_table(figures, peers)
    print_notes(args, figures, peers)
    if not good:
        raise SystemExit("a peer's loss is not ours: its time does not count")


main()
