"""Keras `Sequential.fit` on TensorFlow.

A variant joins options with "+": `jit` compiles the step with XLA, `steps` runs a whole epoch of steps in one call
(`steps_per_execution`), `pipeline` feeds a tf.data pipeline in place of arrays.
"""

import argparse
import os
import time

# On processors that it does not count among oneDNN's, TensorFlow leaves oneDNN off; with it, `fit` is up to twice as
# fast. Set the variable to 0 to see the default.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf

from .serve import Answer, Epoch, columns, serve
from .setting import Data, initial_weights, parser, scaled

VARIANTS = ("plain", "jit", "steps", "jit+steps", "pipeline", "steps+pipeline", "jit+pipeline", "jit+steps+pipeline")


class Stopwatch(keras.callbacks.Callback):
    """Time each epoch, its validation included, and keep what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[Epoch] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Start the watch."""
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        """Stop the watch; `fit` calls this after validation."""
        seconds = time.perf_counter() - self.start
        self.epochs.append(Epoch(seconds, logs["loss"], logs["val_loss"], logs["val_accuracy"]))


def build(args: argparse.Namespace, data: Data, options: set[str]) -> keras.Model:
    """Build and compile the network with the common initial weights."""
    image_shape = data.x_train.shape[1:]
    blocks = [
        layer
        for count in args.kernels
        for layer in (
            keras.layers.Conv2D(count, 3, padding="same", activation="relu"),
            keras.layers.MaxPooling2D(2),
        )
    ]
    model = keras.Sequential(
        [
            keras.Input(image_shape),
            *blocks,
            keras.layers.Flatten(),
            keras.layers.Dense(args.units, activation="relu"),
            keras.layers.Dense(data.classes),
        ]
    )
    weights = initial_weights(image_shape, args.kernels, args.units, data.classes, args.seed)
    model.set_weights(list(weights.values()))
    model.compile(
        optimizer=keras.optimizers.SGD(args.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile="jit" in options,
        steps_per_execution=len(data.x_train) // args.batch_size if "steps" in options else 1,
    )
    return model


def pipeline(x: np.ndarray, y: np.ndarray, batch_size: int) -> tf.data.Dataset:
    """Shuffle indices and gather whole batches, which is far cheaper than shuffling images one by one."""
    images, labels = tf.constant(x), tf.constant(y)
    return (
        tf.data.Dataset.range(len(x))
        .shuffle(len(x))
        .batch(batch_size, drop_remainder=True)
        .map(lambda batch: (tf.gather(images, batch), tf.gather(labels, batch)), num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(tf.data.AUTOTUNE)
    )


def main() -> None:
    """Serve `fit`."""
    arguments = parser(__doc__, VARIANTS)
    arguments.add_argument("--validation-batch-size", type=int, default=125)
    args = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)
    keras.utils.set_random_seed(args.seed)
    options = set(args.variant.split("+"))

    data = Data.load(args.data)
    full = len(data.x_train) // args.batch_size * args.batch_size
    x, y = scaled(data.x_train[:full]), data.y_train[:full]
    model = build(args, data, options)
    if "pipeline" in options:
        training = {"x": pipeline(x, y, args.batch_size)}
    else:
        training = {"x": x, "y": y, "batch_size": args.batch_size}
    validation = (scaled(data.x_val), data.y_val)

    def epochs(number: int) -> Answer:
        stopwatch = Stopwatch()
        model.fit(
            **training,
            epochs=number,
            validation_data=validation,
            validation_batch_size=args.validation_batch_size,
            callbacks=[stopwatch],
            verbose=0,
        )
        return columns(stopwatch.epochs)

    serve("epoch", epochs)


if __name__ == "__main__":
    main()
