"""PyTorch in the race to an accuracy: tensors in memory, augmented a batch at a time, `torch.optim.SGD`.

Variants are those of `torch_loop`. With `compile`, torch.compile is given augmentation, network and loss as one
function, and two steps whose effect is undone compile it. Validation is not compiled.

Decay is decoupled from the gradient by hand, since that of `SGD` goes through the momentum. `SGD` keeps its velocity
without the learning rate, so that a changing rate acts on the past's share too: the one difference to the recipe.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad
from torch.optim.swa_utils import AveragedModel

from .race import VALIDATION_BATCH, Race
from .torch_loop import VARIANTS, build


def with_dropout(model: nn.Sequential, of_features: float, of_hidden: float) -> nn.Sequential:
    """The network with dropout before both of its dense layers."""
    *first, hidden, relu, output = model
    return nn.Sequential(*first, nn.Dropout(of_features), hidden, relu, nn.Dropout(of_hidden), output)


def viewed(x: torch.Tensor, flip: bool, shift: int, erase: int) -> torch.Tensor:
    """Images (n, c, h, w), each mirrored, moved and with a square erased, by chance."""
    n, _, height, width = x.shape
    if flip:
        x = torch.where(torch.rand(n, 1, 1, 1) < 0.5, x.flip(-1), x)
    if shift:
        rows = torch.arange(height) + torch.randint(2 * shift + 1, (n, 1))
        columns = torch.arange(width) + torch.randint(2 * shift + 1, (n, 1))
        padded = pad(x, [shift] * 4)
        x = padded[torch.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if erase:
        rows = torch.arange(height) - torch.randint(height, (n, 1)) + erase // 2
        columns = torch.arange(width) - torch.randint(width, (n, 1)) + erase // 2
        in_rows, in_columns = (rows >= 0) & (rows < erase), (columns >= 0) & (columns < erase)
        x = x.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)
    return x


def main() -> None:
    """Race."""
    race = Race("torch", __doc__, VARIANTS)
    torch.set_num_threads(race.args.threads)
    torch.manual_seed(race.args.seed)
    recipe, data, options = race.recipe, race.data, set(race.args.variant.split("+"))
    layout = torch.channels_last if "channels_last" in options else torch.contiguous_format
    x, x_val = (
        torch.from_numpy(race.seen(images).transpose(0, 3, 1, 2)).contiguous(memory_format=layout)
        for images in (data.x_train, data.x_val)
    )
    y, y_val = torch.from_numpy(data.y_train), torch.from_numpy(data.y_val)
    sizes = argparse.Namespace(kernels=(recipe.n_kernels,), units=recipe.units, seed=race.args.seed)
    model = with_dropout(build(sizes, data, options), recipe.feature_dropout, recipe.hidden_dropout)
    model = model.to(memory_format=layout)
    averaging = race.schedule.averaging(np.arange(recipe.epochs * race.steps_per_epoch)).tolist()

    def move_average(averages: list[torch.Tensor], weights: list[torch.Tensor], step: torch.Tensor) -> None:
        torch._foreach_lerp_(averages, weights, averaging[int(step)])

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        logits = model(viewed(x, recipe.flip, recipe.shift, recipe.erase))
        return cross_entropy(logits, y, label_smoothing=recipe.label_smoothing)

    if "compile" in options:
        loss_of = torch.compile(loss_of)
        kept = {name: value.clone() for name, value in model.state_dict().items()}
        for _ in range(2):
            loss_of(x[: recipe.batch_size], y[: recipe.batch_size]).backward()
        model.load_state_dict(kept)

    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(
        parameters, lr=recipe.learning_rate, momentum=recipe.momentum, nesterov=recipe.momentum > 0, fused=True
    )
    average = AveragedModel(model, multi_avg_fn=move_average) if recipe.ema else None

    def train(epoch: int) -> float:
        model.train()
        batches, rates, _ = race.plan(epoch)
        total = torch.zeros(())
        for batch, rate in zip(torch.from_numpy(batches), rates.tolist(), strict=True):
            loss = loss_of(x[batch], y[batch])
            optimizer.zero_grad()
            loss.backward()
            if recipe.weight_decay:
                with torch.no_grad():
                    torch._foreach_mul_(parameters, 1 - rate * recipe.weight_decay)
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
            if average is not None:
                average.update_parameters(model)
            total += loss.detach()
        return float(total) / len(batches)

    def validate() -> float:
        network = model if average is None else average.module
        network.eval()
        with torch.inference_mode():
            logits = torch.cat([network(images) for images in x_val.split(VALIDATION_BATCH)])
            if recipe.test_flip:
                logits += torch.cat([network(images.flip(-1)) for images in x_val.split(VALIDATION_BATCH)])
            return float((logits.argmax(1) == y_val).float().mean())

    race.run(train, validate)


if __name__ == "__main__":
    main()
