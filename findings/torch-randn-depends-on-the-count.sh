#!/usr/bin/env bash
# PyTorch: the first numbers of randn depend on how many are asked for.
#
# Guess: with one seed, randn(17) begins with the numbers of randn(16), as rand(17) does with rand(16).
# What happens: below 16 numbers are made one by one, from 16 on in groups of 16, and if the count
# is no multiple of 16 the last 16 are drawn again. Of randn(64)'s numbers randn(15) has none,
# randn(16) all, randn(17) one, randn(24) eight. A strided tensor of 4096 shares no number with
# a contiguous one.
# Why it matters: the noise of a denoising or variational autoencoder for the first rows of a
# minibatch changes with the number of rows, so a batch of 5 rows and its first 4 are
# not comparable, and no other library can reproduce PyTorch's first weights from prefixes.
# (The PyPI package brings CUDA along: some 3 GB are fetched for a test on the CPU.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile torch==2.15.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import torch

print("torch", torch.__version__, torch.backends.cpu.get_cpu_capability())


def seeded(make):
    torch.manual_seed(0)
    return make()


long = seeded(lambda: torch.randn(64))
shared = {n: int((seeded(lambda: torch.randn(n)) == long[:n]).sum()) for n in (15, 16, 17, 24, 31, 32, 33)}
print("numbers of randn(n) that are those of randn(64):", shared)
assert shared == {15: 0, 16: 16, 17: 1, 24: 8, 31: 15, 32: 32, 33: 17}
uniform = seeded(lambda: torch.rand(64))
assert all(torch.equal(seeded(lambda: torch.rand(n)), uniform[:n]) for n in shared)
four, five = seeded(lambda: torch.randn(4, 5)), seeded(lambda: torch.randn(5, 5))
print("of 20 numbers in four rows of five, the same in a minibatch of five rows:", int((four == five[:4]).sum()))
assert int((four == five[:4]).sum()) < 20
dense = seeded(lambda: torch.empty(64, 64).normal_())
strided = seeded(lambda: torch.empty(64, 128)[:, ::2].normal_())
print("the same in a strided tensor of 4096:", int((dense == strided).sum()))
assert int((dense == strided).sum()) == 0
PYTHON
