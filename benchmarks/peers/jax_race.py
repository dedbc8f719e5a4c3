"""JAX in the race to an accuracy: a compiled `scan` over the steps of an epoch, augmentation included.

Convolution and pooling are the rewritten ones of `jax_loop`, its fastest way. The epoch is compiled ahead.
"""

import os
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .jax_loop import Params, convolve_patches, pool_reshape
from .race import VALIDATION_BATCH, Race


class State(NamedTuple):
    """What a step changes."""

    weights: Params
    velocity: Params
    average: Params
    """Of the weights; without an average in the recipe, empty."""


class Step(NamedTuple):
    """What a step is given; an epoch has an array of each."""

    batch: jax.Array
    rate: jax.Array
    towards: jax.Array
    key: jax.Array


def viewed(x: jax.Array, key: jax.Array, flip: bool, shift: int, erase: int) -> jax.Array:
    """Images (n, h, w, c), each mirrored, moved and with a square erased, by chance."""
    n, height, width, channels = x.shape
    of_flip, of_shift, of_rows, of_columns = jax.random.split(key, 4)
    if flip:
        x = jnp.where(jax.random.bernoulli(of_flip, shape=(n, 1, 1, 1)), x[:, :, ::-1], x)
    if shift:
        padded = jnp.pad(x, ((0, 0), (shift, shift), (shift, shift), (0, 0)))
        corners = jax.random.randint(of_shift, (n, 2), 0, 2 * shift + 1)
        window = (height, width, channels)
        x = jax.vmap(lambda image, corner: lax.dynamic_slice(image, (*corner, 0), window))(padded, corners)
    if erase:
        rows = jnp.arange(height) - jax.random.randint(of_rows, (n, 1), 0, height) + erase // 2
        columns = jnp.arange(width) - jax.random.randint(of_columns, (n, 1), 0, width) + erase // 2
        in_rows, in_columns = (rows >= 0) & (rows < erase), (columns >= 0) & (columns < erase)
        x = jnp.where((in_rows[:, :, None] & in_columns[:, None, :])[..., None], 0, x)
    return x


def dropped(values: jax.Array, key: jax.Array, probability: float) -> jax.Array:
    """Values with some dropped and the others scaled."""
    if not probability:
        return values
    return jnp.where(jax.random.bernoulli(key, 1 - probability, values.shape), values / (1 - probability), 0)


def main() -> None:
    """Race."""
    race = Race("jax", __doc__)
    # XLA has no setting for its threads: it takes as many as the process may use cores when its backend starts.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: race.args.threads])
    recipe, data = race.recipe, race.data
    x, y = jnp.asarray(race.seen(data.x_train)), jnp.asarray(data.y_train, jnp.int32)
    x_val, y_val = race.seen(data.x_val), data.y_val.astype(np.int32)
    weights: Params = jax.tree.map(jnp.asarray, race.initial_weights())
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state = State(weights, zeros, jax.tree.map(jnp.copy, zeros) if recipe.ema else {})

    def features_of(weights: Params, x: jax.Array) -> jax.Array:
        maps = jax.nn.relu(convolve_patches(x, weights["conv_w"]) + weights["conv_b"])
        return pool_reshape(maps).reshape(len(x), -1)

    def hidden_of(weights: Params, features: jax.Array) -> jax.Array:
        return jax.nn.relu(features @ weights["w1"] + weights["b1"])

    def logits_of(weights: Params, hidden: jax.Array) -> jax.Array:
        return hidden @ weights["w2"] + weights["b2"]

    def loss_of(weights: Params, x: jax.Array, y: jax.Array, key: jax.Array) -> jax.Array:
        of_features, of_hidden = jax.random.split(key)
        features = dropped(features_of(weights, x), of_features, recipe.feature_dropout)
        hidden = dropped(hidden_of(weights, features), of_hidden, recipe.hidden_dropout)
        logs = jax.nn.log_softmax(logits_of(weights, hidden))
        right = jnp.take_along_axis(logs, y[:, None], axis=1).mean()
        return -(1 - recipe.label_smoothing) * right - recipe.label_smoothing * logs.mean()

    def advance(state: State, step: Step, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
        of_view, of_dropout = jax.random.split(step.key)
        images = viewed(x[step.batch], of_view, recipe.flip, recipe.shift, recipe.erase)
        loss, slopes = jax.value_and_grad(loss_of)(state.weights, images, y[step.batch], of_dropout)
        momentum, left = recipe.momentum, 1 - step.rate * recipe.weight_decay
        velocity = jax.tree.map(lambda v, g: momentum * v - step.rate * g, state.velocity, slopes)
        weights = jax.tree.map(lambda w, v, g: left * w + momentum * v - step.rate * g, state.weights, velocity, slopes)
        average = state.average
        if recipe.ema:
            average = jax.tree.map(lambda a, w: a + step.towards * (w - a), average, weights)
        return State(weights, velocity, average), loss

    def advance_epoch(state: State, steps: Step, x: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
        state, losses = lax.scan(lambda state, step: advance(state, step, x, y), state, steps)
        return state, losses.mean()

    @jax.jit
    def count_right(weights: Params, x: jax.Array, y: jax.Array) -> jax.Array:
        views = (x, x[:, :, ::-1]) if recipe.test_flip else (x,)
        logits = sum(logits_of(weights, hidden_of(weights, features_of(weights, view))) for view in views)
        return (logits.argmax(axis=1) == y).sum()

    seed_key = jax.random.key(race.args.seed)

    def steps_of(epoch: int) -> Step:
        batches, rates, averaging = race.plan(epoch)
        return Step(
            jnp.asarray(batches, jnp.int32), jnp.asarray(rates), jnp.asarray(averaging),
            jax.random.split(jax.random.fold_in(seed_key, epoch), len(batches)),
        )  # fmt: skip

    shapes = jax.eval_shape(lambda: steps_of(0))
    compiled = jax.jit(advance_epoch, donate_argnums=0).lower(state, shapes, x, y).compile()

    def train(epoch: int) -> float:
        nonlocal state
        state, loss = compiled(state, steps_of(epoch), x, y)
        return float(loss)

    def validate() -> float:
        weights = state.average if recipe.ema else state.weights
        starts = range(0, len(x_val), VALIDATION_BATCH)
        right = [count_right(weights, x_val[i : i + VALIDATION_BATCH], y_val[i : i + VALIDATION_BATCH]) for i in starts]
        return float(np.sum(right)) / len(x_val)

    race.run(train, validate)


if __name__ == "__main__":
    main()
