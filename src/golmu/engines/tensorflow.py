"""The chapter's engine: TensorFlow's convolution functions and automatic differentiation.

Each step of the chapter is here under its own name (`tf.nn.conv2d`, `tf.nn.max_pool2d`, `tf.GradientTape`,
`tf.optimizers.SGD`). What differs is where the loop over batches runs: inside one compiled graph, so that no Python
runs per batch, and nothing is traced again between epochs.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE, WEIGHT_NAMES, Architecture, Weights
from golmu.engines.contract import PIXEL_SCALE, Evaluation, Images, Labels, Prepared, usable_cores
from golmu.engines.hush import hushed
from golmu.errors import EngineError

# Where a processor's convolutions are three times faster through oneDNN, TensorFlow may not know it: ask for it.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
try:
    with hushed():
        import tensorflow as tf
except ImportError as error:
    raise EngineError(f"engine 'tensorflow' needs TensorFlow, which cannot be imported: {error}") from error

CHUNK = 256
"""Images in one forward pass outside training: enough to fill the cores, few enough for their caches."""


def has_gpu() -> bool:
    """Whether TensorFlow finds a GPU that it can use."""
    return bool(tf.config.list_physical_devices("GPU"))


class TensorFlowEngine:
    """The network on `tf.nn` functions; see `golmu.engines.contract.Engine`."""

    name = "tensorflow"

    def __init__(self, architecture: Architecture) -> None:
        if tf.keras.config.backend() != "tensorflow":
            raise EngineError(
                f"engine 'tensorflow' uses tf.optimizers, which Keras runs on {tf.keras.config.backend()!r} here: "
                "set the environment variable KERAS_BACKEND=tensorflow, or unset it"
            )
        self.architecture = architecture
        self.n_threads = usable_cores()  # what TensorFlow takes unless the user has set its own options
        shapes = architecture.shapes
        self._variables = {name: tf.Variable(tf.zeros(shapes[name]), name=name) for name in WEIGHT_NAMES}
        self._optimizer = tf.optimizers.SGD()
        self._optimizer.build(list(self._variables.values()))
        # One tf.function an instance, so that its graphs go when the engine goes.
        self._train_graph = tf.function(self._train, reduce_retracing=True)
        self._evaluate_graph = tf.function(self._evaluate, reduce_retracing=True)
        self._logits_graph = tf.function(self._all_logits, reduce_retracing=True)

    def set_weights(self, weights: Weights) -> None:
        for name, variable in self._variables.items():
            variable.assign(weights[name])

    def get_weights(self) -> Weights:
        return {name: np.array(variable.numpy()) for name, variable in self._variables.items()}

    def prepare(self, images: Images, labels: Labels) -> Prepared:
        return Prepared(tf.constant(images), tf.constant(labels))

    def train(
        self, data: Prepared, order: NDArray[np.int64], *, learning_rate: float, loss_after: bool
    ) -> NDArray[np.float32]:
        self._optimizer.learning_rate.assign(learning_rate)
        losses: NDArray[np.float32] = self._train_graph(
            data.images, data.labels, tf.constant(order), loss_after
        ).numpy()
        return losses

    def evaluate(self, data: Prepared) -> Evaluation:
        loss, correct = self._evaluate_graph(data.images, data.labels)
        return Evaluation(float(loss) / len(data), int(correct) / len(data))

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        loss, gradients = self._loss_and_gradients(self._scaled(tf.constant(images)), tf.constant(labels))
        return float(loss), {name: gradient.numpy() for name, gradient in zip(WEIGHT_NAMES, gradients, strict=True)}

    def logits(self, images: Images) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._logits_graph(tf.constant(images)).numpy()
        return logits

    def feature_maps(self, images: Images) -> NDArray[np.float32]:
        maps: NDArray[np.float32] = (
            self._convolution(self._scaled(tf.constant(images))) + self._variables["conv_b"]
        ).numpy()
        return maps

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        x = self._scaled(tf.constant(images))
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = self._forward(x)
        gradient: NDArray[np.float32] = tape.gradient(z, x, output_gradients=tf.constant(output_gradient)).numpy()
        return gradient

    # From here on: what runs inside the graphs.

    @staticmethod
    def _scaled(images: tf.Tensor) -> tf.Tensor:
        """Float32 pixels; uint8 ones are brought to [0, 1]."""
        return tf.cast(images, tf.float32) * PIXEL_SCALE if images.dtype == tf.uint8 else images

    def _convolution(self, x: tf.Tensor) -> tf.Tensor:
        """(n, h, w, c) -> (n, h, w, K), without bias."""
        return tf.nn.conv2d(x, self._variables["conv_w"], strides=1, padding="SAME")

    def _forward(self, x: tf.Tensor) -> tf.Tensor:
        """(n, h, w, c) float32 -> logits (n, C)."""
        v = self._variables
        # A maximum commutes with adding a constant and with ReLU, so pooling first is the same function for a
        # quarter of the work.
        p = tf.nn.max_pool2d(self._convolution(x), ksize=POOL_SIZE, strides=POOL_SIZE, padding="VALID")
        p = tf.nn.relu(p + v["conv_b"])
        flat = tf.reshape(p, [-1, self.architecture.n_features])
        hidden = tf.nn.relu(tf.matmul(flat, v["w1"]) + v["b1"])
        return tf.matmul(hidden, v["w2"]) + v["b2"]

    def _cross_entropy(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """(n,): the loss of each sample."""
        target = tf.one_hot(labels, self.architecture.n_classes)
        return tf.nn.softmax_cross_entropy_with_logits(target, logits)

    def _loss_and_gradients(self, x: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._cross_entropy(labels, self._forward(x)))
        return loss, tape.gradient(loss, list(self._variables.values()))

    def _train(self, images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor, loss_after: bool) -> tf.Tensor:
        steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            batch = order[step]
            x, y = self._scaled(tf.gather(images, batch)), tf.gather(labels, batch)
            loss, gradients = self._loss_and_gradients(x, y)
            self._optimizer.apply_gradients(zip(gradients, self._variables.values(), strict=True))
            if loss_after:
                loss = tf.reduce_mean(self._cross_entropy(y, self._forward(x)))
            losses = losses.write(step, loss)
        return losses.stack()

    def _evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Sum of the losses (float64) and number of right answers, chunk by chunk."""
        n = tf.shape(labels)[0]
        loss, correct = tf.constant(0.0, tf.float64), tf.constant(0, tf.int64)
        for start in tf.range(0, n, CHUNK):
            y = labels[start : start + CHUNK]
            z = self._forward(self._scaled(images[start : start + CHUNK]))
            loss += tf.reduce_sum(tf.cast(self._cross_entropy(y, z), tf.float64))
            correct += tf.reduce_sum(tf.cast(tf.equal(tf.argmax(z, axis=1), y), tf.int64))
        return loss, correct

    def _all_logits(self, images: tf.Tensor) -> tf.Tensor:
        n = tf.shape(images)[0]
        chunks = tf.TensorArray(tf.float32, size=0, dynamic_size=True, infer_shape=False)
        for start in tf.range(0, n, CHUNK):
            z = self._forward(self._scaled(images[start : start + CHUNK]))
            chunks = chunks.write(start // CHUNK, z)
        return tf.ensure_shape(chunks.concat(), [None, self.architecture.n_classes])
