"""Keras in the race to an accuracy: `fit` with a tf.data pipeline that augments, an epoch of steps in one call.

A `fit` of two batches, whose effect is undone, compiles the functions of training and validation.
"""

import os
import time

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as in `keras_fit`

import keras
import numpy as np
import tensorflow as tf

from .race import VALIDATION_BATCH, Race


class Network(keras.Model):
    """The network; outside training its logits may be the mean of those of an image and of its mirror image."""

    def __init__(self, layers: list[keras.layers.Layer], test_flip: bool) -> None:
        super().__init__()
        self.layers_in_turn = keras.Sequential(layers)
        self.test_flip = test_flip

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the logits (n, C) of images (n, h, w, c)."""
        logits = self.layers_in_turn(x, training=training)
        if training or not self.test_flip:
            return logits
        return (logits + self.layers_in_turn(keras.ops.flip(x, axis=2), training=False)) / 2


class Rates(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, from a table."""

    def __init__(self, rates: np.ndarray) -> None:
        self.rates = tf.constant(rates)

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """Return the rate of a step."""
        return tf.gather(self.rates, tf.minimum(tf.cast(step, tf.int32), len(self.rates) - 1))


class AveragingSGD(keras.optimizers.SGD):
    """SGD whose moving average begins as the plain mean of the weights so far, as the recipe's does."""

    @property
    def ema_momentum(self) -> tf.Tensor:
        """Share of the average that stays in the running step."""
        return tf.minimum(self._ema, 1 - 1 / (tf.cast(self.iterations, tf.float32) + 1))

    @ema_momentum.setter
    def ema_momentum(self, value: float) -> None:
        self._ema = value


class Stopwatch(keras.callbacks.Callback):
    """Times the steps of each epoch, and stops at the target."""

    def __init__(self, race: Race) -> None:
        super().__init__()
        self.race = race

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the watch."""
        self.start = time.perf_counter()

    def on_test_begin(self, logs: dict | None = None) -> None:
        """Stop the watch: validation begins."""
        self.seconds = time.perf_counter() - self.start

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Take down the epoch."""
        self.model.stop_training = self.race.note(self.seconds, logs["loss"], logs["val_accuracy"])


def viewed(x: tf.Tensor, flip: bool, shift: int, erase: int) -> tf.Tensor:
    """Images (n, h, w, c), each mirrored, moved and with a square erased, by chance."""
    n, (height, width) = tf.shape(x)[0], x.shape[1:3]
    if flip:
        x = tf.where(tf.random.uniform((n, 1, 1, 1)) < 0.5, tf.reverse(x, [2]), x)
    if shift:
        x = tf.pad(x, [[0, 0], [shift, shift], [shift, shift], [0, 0]])
        for axis, size in ((1, height), (2, width)):
            first = tf.random.uniform((n, 1), 0, 2 * shift + 1, tf.int32)
            x = tf.gather(x, tf.range(size) + first, axis=axis, batch_dims=1)
    if erase:
        rows = tf.range(height) - tf.random.uniform((n, 1), 0, height, tf.int32) + erase // 2
        columns = tf.range(width) - tf.random.uniform((n, 1), 0, width, tf.int32) + erase // 2
        in_rows, in_columns = (rows >= 0) & (rows < erase), (columns >= 0) & (columns < erase)
        x = tf.where((in_rows[:, :, None] & in_columns[:, None, :])[..., None], 0.0, x)
    return x


def build(race: Race) -> Network:
    """Build and compile the network with the common initial weights."""
    recipe = race.recipe
    layers = [
        keras.Input(race.image_shape),
        keras.layers.Conv2D(recipe.n_kernels, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dropout(recipe.feature_dropout),
        keras.layers.Dense(recipe.units, activation="relu"),
        keras.layers.Dropout(recipe.hidden_dropout),
        keras.layers.Dense(race.data.classes),
    ]
    model = Network(layers, recipe.test_flip)
    model.layers_in_turn.set_weights(list(race.initial_weights().values()))
    rates = race.schedule.learning_rates(np.arange(recipe.epochs * race.steps_per_epoch))
    model.compile(
        optimizer=AveragingSGD(
            Rates(rates),
            momentum=recipe.momentum,
            nesterov=True,
            weight_decay=recipe.weight_decay or None,
            use_ema=recipe.ema > 0,
            ema_momentum=recipe.ema,
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing),
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=race.steps_per_epoch,
    )
    return model


def main() -> None:
    """Race."""
    race = Race("keras", __doc__)
    tf.config.threading.set_intra_op_parallelism_threads(race.args.threads)
    keras.utils.set_random_seed(race.args.seed)
    recipe, data = race.recipe, race.data
    one_hot = np.eye(data.classes, dtype=np.float32)
    images, labels = tf.constant(race.seen(data.x_train)), tf.constant(one_hot[data.y_train])
    validation = race.seen(data.x_val), one_hot[data.y_val]

    def batch_of(indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = viewed(tf.gather(images, indices), recipe.flip, recipe.shift, recipe.erase)
        return x, tf.gather(labels, indices)

    pipeline = (
        tf.data.Dataset.range(len(images))
        .shuffle(len(images))
        .batch(recipe.batch_size, drop_remainder=True)
        .map(batch_of, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )
    model = build(race)
    model.optimizer.build(model.trainable_variables)
    averages = [keras.callbacks.SwapEMAWeights()] if recipe.ema else []
    changed = model.variables + model.optimizer.variables
    kept = [variable.numpy() for variable in changed]
    few = tuple(array[:VALIDATION_BATCH] for array in validation)
    model.fit(
        pipeline.take(2), validation_data=few, validation_batch_size=VALIDATION_BATCH, callbacks=averages, verbose=0
    )
    for variable, value in zip(changed, kept, strict=True):
        variable.assign(value)

    model.fit(
        pipeline,
        epochs=recipe.epochs,
        validation_data=validation,
        validation_batch_size=VALIDATION_BATCH,
        callbacks=[Stopwatch(race), *averages],
        verbose=0,
    )
    race.finish()


if __name__ == "__main__":
    main()
