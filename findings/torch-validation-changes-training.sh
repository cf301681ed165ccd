#!/usr/bin/env bash
# PyTorch: looking at a validation set that is not shuffled changes the training's dice.
#
# Guess: iterating over a DataLoader with shuffle=False, in the main process, draws no random number.
# What happens: each iterator takes one number from the global generator for its workers' seeds,
# also if there are no workers. One pass over the validation data after an epoch gives the next
# epoch another order, other dropout masks and other noise. A generator of its own
# (generator=torch.Generator()) for that loader mends it; generator=torch.Generator().manual_seed(0)
# on the shuffling one gives another order than torch.manual_seed(0) without.
# Why it matters: switching validation on, or evaluating every second epoch, makes another run from
# the same seed. Figures of a library that keeps the two apart cannot be compared
# step by step with such a run. (Some 3 GB are fetched, since the PyPI package brings CUDA.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile torch==2.15.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import torch
from torch.utils.data import DataLoader, TensorDataset

print("torch", torch.__version__)
data = TensorDataset(torch.arange(10))


def order(loader):
    return [int(k) for (batch,) in loader for k in batch]


def second_epoch(validation):
    torch.manual_seed(0)
    training = DataLoader(data, batch_size=5, shuffle=True, num_workers=0)
    first = order(training)
    if validation is not None:
        assert order(validation) == list(range(10))
    mask = torch.nn.functional.dropout(torch.ones(64), 0.5)
    return first, order(training), mask


first_a, second_a, mask_a = second_epoch(None)
first_b, second_b, mask_b = second_epoch(DataLoader(data, batch_size=5, shuffle=False, num_workers=0))
first_c, second_c, mask_c = second_epoch(DataLoader(data, batch_size=5, generator=torch.Generator()))
print("first epoch ", first_a, first_b, first_c)
print("second epoch", second_a, second_b, second_c)
assert first_a == first_b == first_c
assert second_a != second_b and not torch.equal(mask_a, mask_b)
assert second_a == second_c and torch.equal(mask_a, mask_c)
own = DataLoader(data, batch_size=5, shuffle=True, generator=torch.Generator().manual_seed(0))
print("order with a generator of its own, the same seed:", order(own))
assert order(DataLoader(data, batch_size=5, shuffle=True, generator=torch.Generator().manual_seed(0))) != first_a
PYTHON
