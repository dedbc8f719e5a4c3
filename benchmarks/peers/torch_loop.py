"""A PyTorch loop over tensors held in memory, with no DataLoader between them and the network.

`eager` runs in NCHW; `channels_last` holds images and maps in NHWC memory; `compile` gives the network to
torch.compile; `autotune` does so with the mode max-autotune-no-cudagraphs.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from .serve import serve_epochs
from .setting import Data, channels_first_w1, initial_weights, parser, scaled, shuffled_batches

VARIANTS = ("eager", "channels_last", "compile", "compile+channels_last", "autotune", "autotune+channels_last")


def build(args: argparse.Namespace, data: Data) -> nn.Sequential:
    """Build the network with the common initial weights, brought into PyTorch's layout."""
    image_shape = data.x_train.shape[1:]
    weights = initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed)
    weights["w1"] = channels_first_w1(weights, image_shape)
    conv = nn.Conv2d(image_shape[-1], args.kernels, 3, padding=1)
    hidden = nn.Linear(*weights["w1"].shape)
    output = nn.Linear(*weights["w2"].shape)
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(weights["conv_w"].transpose(3, 2, 0, 1)))
        hidden.weight.copy_(torch.from_numpy(weights["w1"].T))
        output.weight.copy_(torch.from_numpy(weights["w2"].T))
        for layer in (conv, hidden, output):
            layer.bias.zero_()
    return nn.Sequential(conv, nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), hidden, nn.ReLU(), output)


def main() -> None:
    """Serve the loop."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--validation-batch-size", type=int, default=1000)
    args = arguments.parse_args()
    torch.set_num_threads(args.threads)
    options = set(args.variant.split("+"))

    data = Data.load(args.data)
    layout = torch.channels_last if "channels_last" in options else torch.contiguous_format
    x, x_val = (
        torch.from_numpy(scaled(images).transpose(0, 3, 1, 2)).contiguous(memory_format=layout)
        for images in (data.x_train, data.x_val)
    )
    y, y_val = torch.from_numpy(data.y_train), torch.from_numpy(data.y_val)
    model: nn.Module = build(args, data).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.learning_rate, fused=True)
    if "compile" in options:
        model = torch.compile(model)
    elif "autotune" in options:
        model = torch.compile(model, mode="max-autotune-no-cudagraphs")
    rng = np.random.default_rng(args.seed)

    def epoch() -> tuple[float, float, float]:
        batches = torch.from_numpy(shuffled_batches(rng, len(x), args.batch_size))
        total = torch.zeros(())
        for batch in batches:
            loss = cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        with torch.inference_mode():
            logits = torch.cat([model(images) for images in x_val.split(args.validation_batch_size)])
            val_loss = cross_entropy(logits, y_val)
            accuracy = (logits.argmax(1) == y_val).float().mean()
        return float(total) / len(batches), float(val_loss), float(accuracy)

    serve_epochs(epoch)


if __name__ == "__main__":
    main()
