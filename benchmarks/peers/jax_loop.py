"""A JAX loop compiled by XLA.

`jit` calls a compiled step a batch; `scan` compiles the whole epoch. `+reshape` pools by reshape and maximum, whose
gradient is far cheaper on a CPU than that of a window reduction; `+patches` writes the convolution as one matrix
product over the nine shifted images, which suits few channels.
"""

import os
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .serve import serve_epochs
from .setting import Data, initial_weights, parser, scaled, shuffled_batches

VARIANTS = ("jit", "scan", "jit+reshape", "scan+reshape", "jit+reshape+patches", "scan+reshape+patches")

Params = dict[str, jax.Array]


def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Convolve images (n, h, w, c) with kernels (3, 3, c, K): stride 1, padding SAME."""
    return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def convolve_patches(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """Do the same as one product: patches (n, h, w, 9c) times kernels (9c, K)."""
    _, height, width, _ = x.shape
    padded = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    shifted = [padded[:, row : row + height, col : col + width] for row in range(3) for col in range(3)]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(-1, kernel.shape[-1])


def pool(x: jax.Array) -> jax.Array:
    """Take the maximum of each 2x2 window, stride 2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def pool_reshape(x: jax.Array) -> jax.Array:
    """Do the same by a reshape to (n, h/2, 2, w/2, 2, K); an odd last row or column is dropped."""
    n, height, width, kernels = x.shape
    even = x[:, : height // 2 * 2, : width // 2 * 2]
    return even.reshape(n, height // 2, 2, width // 2, 2, kernels).max(axis=(2, 4))


def main() -> None:
    """Serve the loop."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--validation-batch-size", type=int, default=125)
    args = arguments.parse_args()
    # XLA has no setting for its threads: it takes as many as the process may use cores when its backend starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    options = set(args.variant.split("+"))
    conv2d = convolve_patches if "patches" in options else convolve
    max_pool = pool_reshape if "reshape" in options else pool

    data = Data.load(args.data)
    weights = initial_weights(data.x_train.shape[1:], args.kernels, args.units, data.classes, args.seed)
    params: Params = jax.tree.map(jnp.asarray, weights)
    x, y = jnp.asarray(scaled(data.x_train)), jnp.asarray(data.y_train, jnp.int32)
    x_val, y_val = scaled(data.x_val), data.y_val.astype(np.int32)
    rng = np.random.default_rng(args.seed)

    def logits_of(params: Params, x: jax.Array) -> jax.Array:
        maps = max_pool(jax.nn.relu(conv2d(x, params["conv_w"]) + params["conv_b"]))
        hidden = jax.nn.relu(maps.reshape(len(x), -1) @ params["w1"] + params["b1"])
        return hidden @ params["w2"] + params["b2"]

    def losses_of(logits: jax.Array, y: jax.Array) -> jax.Array:
        return -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)[:, 0]

    def step(params: Params, x: jax.Array, y: jax.Array, batch: jax.Array) -> tuple[Params, jax.Array]:
        x, y = x[batch], y[batch]
        loss, grads = jax.value_and_grad(lambda p: losses_of(logits_of(p, x), y).mean())(params)
        return jax.tree.map(lambda w, g: w - args.learning_rate * g, params, grads), loss

    @partial(jax.jit, donate_argnums=0)
    def train_scan(params: Params, x: jax.Array, y: jax.Array, batches: jax.Array) -> tuple[Params, jax.Array]:
        return lax.scan(lambda params, batch: step(params, x, y, batch), params, batches)

    jitted_step = jax.jit(step, donate_argnums=0)

    def train_jit(params: Params, x: jax.Array, y: jax.Array, batches: np.ndarray) -> tuple[Params, jax.Array]:
        losses = []
        for batch in batches:
            params, loss = jitted_step(params, x, y, batch)
            losses.append(loss)
        return params, jnp.stack(losses)

    @jax.jit
    def validate(params: Params, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        logits = logits_of(params, x)
        return losses_of(logits, y).sum(), (logits.argmax(axis=1) == y).sum()

    train = train_scan if "scan" in options else train_jit

    def epoch() -> tuple[float, float, float]:
        nonlocal params
        batches = shuffled_batches(rng, len(x), args.batch_size).astype(np.int32)
        params, losses = train(params, x, y, batches)
        starts = range(0, len(x_val), args.validation_batch_size)
        sums = [
            validate(params, x_val[i : i + args.validation_batch_size], y_val[i : i + args.validation_batch_size])
            for i in starts
        ]
        val_loss, correct = np.sum(sums, axis=0)
        return float(losses.mean()), float(val_loss) / len(x_val), float(correct) / len(x_val)

    serve_epochs(epoch)


if __name__ == "__main__":
    main()
