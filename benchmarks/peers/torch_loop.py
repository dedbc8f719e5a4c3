"""A PyTorch loop over tensors held in memory, with no DataLoader between them and the network.

A variant joins options with "+": `eager` is the plain network in NCHW; `channels_last` holds images and maps in NHWC
memory; `compile` gives the network to torch.compile. `patches` writes the convolution as one matrix product over the
nine shifted images, which suits few channels (oneDNN's gradient of the kernels is slow there); `slices` pools by the
maximum of four strided slices, since the code that torch.compile makes of MaxPool2d does not vectorize.
"""

import argparse

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from .serve import serve_epochs
from .setting import Data, channels_first_w1, convolutions, initial_weights, parser, scaled, shuffled_batches

VARIANTS = (
    "eager",
    "channels_last",
    "channels_last+patches",
    "compile",
    "compile+slices",
    "compile+channels_last+slices",
    "compile+channels_last+patches+slices",
)


class PatchConv2d(nn.Conv2d):
    """A 3x3 convolution, padding SAME, as one product: patches (n·h·w, 9c) times kernels (9c, K)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve images (n, c, h, w) that lie in NHWC memory; so do the maps returned."""
        n, channels, height, width = x.shape
        padded = pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        shifted = [padded[:, row : row + height, col : col + width] for row in range(3) for col in range(3)]
        patches = torch.cat(shifted, dim=-1).view(-1, 9 * channels)
        kernels = self.weight.permute(2, 3, 1, 0).reshape(9 * channels, -1)
        return torch.addmm(self.bias, patches, kernels).view(n, height, width, -1).permute(0, 3, 1, 2)


class SlicePool2d(nn.Module):
    """A 2x2 max pooling, stride 2, as the maximum of four slices."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool maps (n, K, h, w); an odd last row or column is dropped."""
        x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
        top = torch.maximum(x[:, :, ::2, ::2], x[:, :, ::2, 1::2])
        bottom = torch.maximum(x[:, :, 1::2, ::2], x[:, :, 1::2, 1::2])
        return torch.maximum(top, bottom)


class FlattenNHWC(nn.Flatten):
    """Flatten maps (n, K, h, w) that lie in NHWC memory as they lie there, without a copy."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (n, D), the kernel running fastest."""
        return super().forward(x.permute(0, 2, 3, 1))


def build(args: argparse.Namespace, data: Data, options: set[str]) -> nn.Sequential:
    """Build the network with the common initial weights, brought into PyTorch's layout."""
    image_shape = data.x_train.shape[1:]
    weights = initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed)
    if "channels_last" not in options:
        weights["w1"] = channels_first_w1(weights, image_shape)
    blocks: list[nn.Module] = []
    for kernel, bias in convolutions(weights):
        *_, channels, count = kernel.shape
        conv = (PatchConv2d if "patches" in options else nn.Conv2d)(channels, count, 3, padding=1)
        with torch.no_grad():
            conv.weight.copy_(torch.from_numpy(kernel.transpose(3, 2, 0, 1)))
            conv.bias.copy_(torch.from_numpy(bias))
        blocks += [conv, nn.ReLU(), SlicePool2d() if "slices" in options else nn.MaxPool2d(2)]
    flatten = FlattenNHWC() if "channels_last" in options else nn.Flatten()
    hidden = nn.Linear(*weights["w1"].shape)
    output = nn.Linear(*weights["w2"].shape)
    with torch.no_grad():
        hidden.weight.copy_(torch.from_numpy(weights["w1"].T))
        output.weight.copy_(torch.from_numpy(weights["w2"].T))
        for layer in (hidden, output):
            layer.bias.zero_()
    return nn.Sequential(*blocks, flatten, hidden, nn.ReLU(), output)


def main() -> None:
    """Serve the loop."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--validation-batch-size", type=int, default=125)
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
    model: nn.Module = build(args, data, options).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.learning_rate, fused=True)
    if "compile" in options:
        model = torch.compile(model)
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
