"""PyTorch: the plain eager loop, with Adam in its fused form, its fastest."""

import time

import torch
from torch import nn
from torch.nn import functional

import common


def network(program):
    layers = []
    for inputs, outputs in zip(program.widths, program.widths[1:]):
        linear = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    layers.pop()
    if program.output == "sigmoid" and program.loss != "bce":
        layers.append(nn.Sigmoid())
    return nn.Sequential(*layers)


def main():
    args = common.arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    program = common.PROGRAMS[args.program]
    rows = torch.from_numpy(common.data_f32(args))
    model = network(program)
    if program.loss == "bce":
        loss_of = functional.binary_cross_entropy_with_logits
    else:
        loss_of = functional.mse_loss
    optimizer = torch.optim.Adam(
        model.parameters(), common.LEARNING_RATE, eps=common.EPSILON, fused=True
    )
    seconds = []
    for _ in range(args.warm_up + args.epochs):
        start = time.perf_counter()
        total = torch.zeros(())
        for batch in torch.randperm(len(rows)).split(common.BATCH_SIZE):
            x = rows[batch]
            loss = loss_of(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(batch)
        seconds.append(time.perf_counter() - start)
    loss = total.item() / len(rows)
    common.report("PyTorch", torch.__version__, args, seconds, loss)


main()
