"""The chapter's engine: TensorFlow's convolution functions and automatic differentiation.

Each step of the chapter is here under its own name (`tf.nn.conv2d`, `tf.nn.max_pool2d`, `tf.GradientTape`,
`tf.optimizers.SGD`). The one difference is that the loop over batches runs inside one compiled graph, so that no Python
runs per batch, and nothing is traced again between epochs.

To import this module is to import TensorFlow, which takes seconds; it raises `EngineError` where there is none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE, Architecture, Block
from golmu.engines.contract import AVERAGE, Batches, Prepared, Score, Slots, finite_logits, needed_slots
from golmu.engines.tensorflow.quiet import import_tensorflow
from golmu.errors import EngineError
from golmu.preprocessing import SCALING_ONLY, Preprocessing
from golmu.recipe import PLAIN, Method
from golmu.system import usable_cores
from golmu.types import Images, Importance, Labels, Weights

import_tensorflow()  # first and quietly; the plain imports below then find it loaded, or are not reached
import tensorflow as tf  # noqa: E402

from golmu.engines.tensorflow.augmentation import augment, drop, sample_keys  # noqa: E402

Variables = dict[str, Any]
"""A variable for each weight, by name."""

IMAGES_PER_PASS = 256
"""Images in one forward pass outside training: enough to fill the cores, few enough for their caches."""


def has_gpu() -> bool:
    """Whether TensorFlow finds a GPU that it can use."""
    return bool(tf.config.list_physical_devices("GPU"))


class TensorFlowEngine:
    """The network on `tf.nn` functions; see `golmu.engines.contract.Engine`."""

    name = "tensorflow"

    def __init__(self, architecture: Architecture, preprocessing: Preprocessing = SCALING_ONLY) -> None:
        if tf.keras.config.backend() != "tensorflow":
            raise EngineError(
                f"engine 'tensorflow' uses tf.optimizers, which Keras runs on {tf.keras.config.backend()!r} here: "
                "set the environment variable KERAS_BACKEND=tensorflow, or unset it"
            )
        self.architecture = architecture
        self.preprocessing = preprocessing
        self.n_threads = usable_cores()  # what TensorFlow takes unless the user has set its own options
        self._variables = self._new_variables()
        self._slots: dict[str, Variables] = {}
        self._method: Method | None = None  # the method that the present optimizer and graph are made for
        # Each instance has tf.functions of its own, so that its graphs are freed with it.
        self._evaluate_graph = tf.function(self._evaluate, reduce_retracing=True)
        self._logits_graph = tf.function(self._all_logits, reduce_retracing=True)

    def _new_variables(self) -> Variables:
        return {name: tf.Variable(tf.zeros(shape), name=name) for name, shape in self.architecture.shapes.items()}

    def set_weights(self, weights: Weights) -> None:
        _assign(self._variables, weights)

    def get_weights(self) -> Weights:
        return _to_arrays(self._variables)

    @property
    def slot_names(self) -> Collection[str]:
        return self._slots.keys()

    def get_slots(self) -> Slots:
        return {slot: _to_arrays(variables) for slot, variables in self._slots.items()}

    def set_slots(self, slots: Slots) -> None:
        self._method = None  # so that the next training makes an optimizer with these slots
        self._slots = {slot: self._new_variables() for slot in slots}
        for slot, weights in slots.items():
            _assign(self._slots[slot], weights)

    def prepare(self, images: Images, labels: Labels, importance: Importance | None = None) -> Prepared:
        counts = None if importance is None else tf.constant(importance)
        return Prepared(tf.constant(images), tf.constant(labels), counts)

    def train(self, data: Prepared, batches: Batches, method: Method) -> NDArray[np.float32]:
        if self._method != method:
            self._prepare_method(method)
        averages = batches.averaging is not None
        if averages and AVERAGE not in self._slots:
            self._slots[AVERAGE] = self._new_variables()
        self._optimizer.iterations.assign(batches.first_step)
        losses: NDArray[np.float32] = self._train_graph(
            data.images, data.labels, tf.constant(batches.order), tf.constant(batches.learning_rates),
            tf.constant(batches.averaging) if averages else None, tf.constant(batches.first_batch, tf.int64),
            tf.constant(batches.seed, tf.int64), data.importance,
        ).numpy()  # fmt: skip
        return losses

    def _prepare_method(self, method: Method) -> None:
        """Make an optimizer for the method, with the slots that exist, and a graph of its training."""
        self._optimizer = _make_optimizer(method)
        self._optimizer.build(list(self._variables.values()))
        for slot, kind in zip(needed_slots(method, averages=False), ("momentum", "velocity"), strict=False):
            own = _slot_variables(self._optimizer, kind, self._variables)
            if slot in self._slots:
                _assign(own, _to_arrays(self._slots[slot]))
            self._slots[slot] = own
        self._train_graph = tf.function(partial(self._train, method), reduce_retracing=True)
        self._method = method

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Score:
        if averaged:
            current = self.get_weights()
            self.set_weights(_to_arrays(self._slots[AVERAGE]))
            try:
                return self.evaluate(data)
            finally:
                self.set_weights(current)
        loss, correct = self._evaluate_graph(data.images, data.labels)
        return Score(float(loss) / len(data), int(correct) / len(data))

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        loss, gradients = self._loss_and_gradients(self._convolution_input(tf.constant(images)), tf.constant(labels))
        return float(loss), {name: gradient.numpy() for name, gradient in zip(self._variables, gradients, strict=True)}

    def logits(self, images: Images) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._logits_graph(tf.constant(images)).numpy()
        return finite_logits(logits)

    def feature_maps(self, images: Images, block: int = 0) -> NDArray[np.float32]:
        x = self._convolution_input(tf.constant(images))
        for one in self.architecture.blocks[:block]:
            x = self._pool(x, one)
        one = self.architecture.blocks[block]
        maps: NDArray[np.float32] = (self._convolution(x, one) + self._variables[one.names[1]]).numpy()
        return maps

    def activation_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        activations = tf.nn.relu(tf.constant(self.feature_maps(images, self.architecture.n_blocks - 1)))
        with tf.GradientTape() as tape:
            tape.watch(activations)
            pooled = tf.nn.max_pool2d(activations, ksize=POOL_SIZE, strides=POOL_SIZE, padding="VALID")
            z = self._dense(pooled)
        gradient: NDArray[np.float32] = tape.gradient(
            z, activations, output_gradients=tf.constant(output_gradient)
        ).numpy()
        return gradient

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        x = self._convolution_input(tf.constant(images))
        with tf.GradientTape() as tape:
            tape.watch(x)
            z = self._forward(x)
        gradient: NDArray[np.float32] = tape.gradient(z, x, output_gradients=tf.constant(output_gradient)).numpy()
        return gradient

    # All methods from here on run inside the graphs.

    def _convolution_input(self, images: tf.Tensor) -> tf.Tensor:
        """Return what the convolution sees of the images, float32."""
        scale, offset = self.preprocessing.factors(images.dtype.as_numpy_dtype, self.architecture.channels)
        x = tf.cast(images, tf.float32)
        x = x * scale if (scale != 1).any() else x
        return x + offset if offset.any() else x

    def _convolution(self, x: tf.Tensor, block: Block) -> tf.Tensor:
        """Convolve (n, h, w, c) to (n, h, w, K), without bias."""
        return tf.nn.conv2d(x, self._variables[block.names[0]], strides=1, padding="SAME")

    def _pool(self, x: tf.Tensor, block: Block) -> tf.Tensor:
        """Compute what a block gives, (n, ⌊h/2⌋, ⌊w/2⌋, K), from its input (n, h, w, c)."""
        # A maximum commutes with adding a constant and with ReLU, so pooling first is the same function for a
        # quarter of the work.
        p = tf.nn.max_pool2d(self._convolution(x, block), ksize=POOL_SIZE, strides=POOL_SIZE, padding="VALID")
        return tf.nn.relu(p + self._variables[block.names[1]])

    def _forward(self, x: tf.Tensor, method: Method = PLAIN, keys: tf.Tensor = None) -> tf.Tensor:
        """Compute logits (n, C) from (n, h, w, c) float32, with the method's dropout if `keys` to draw it are given."""
        for block in self.architecture.blocks:
            x = self._pool(x, block)
        return self._dense(x, method, keys)

    def _dense(self, pooled: tf.Tensor, method: Method = PLAIN, keys: tf.Tensor = None) -> tf.Tensor:
        """Compute logits (n, C) from what the last block has pooled (see `_forward`)."""
        v, n_features = self._variables, self.architecture.n_features
        flat = tf.reshape(pooled, [-1, n_features])
        if keys is not None:
            flat = drop(flat, keys, 0, method.feature_dropout)
        hidden = tf.nn.relu(tf.matmul(flat, v["w1"]) + v["b1"])
        if keys is not None:
            hidden = drop(hidden, keys, n_features, method.hidden_dropout)
        return tf.matmul(hidden, v["w2"]) + v["b2"]

    def _predict(self, x: tf.Tensor) -> tf.Tensor:
        """Compute the logits (n, C) of a prediction from (n, h, w, c) float32: over one view of each image, or two."""
        logits = self._forward(x)
        return (logits + self._forward(tf.reverse(x, [2]))) / 2 if self.preprocessing.test_flip else logits

    def _cross_entropy(self, labels: tf.Tensor, logits: tf.Tensor, smoothing: float = 0.0) -> tf.Tensor:
        """Compute the loss (n,) of each sample."""
        n_classes = self.architecture.n_classes
        target = tf.one_hot(
            labels, n_classes, on_value=1 - smoothing + smoothing / n_classes, off_value=smoothing / n_classes
        )
        return tf.nn.softmax_cross_entropy_with_logits(target, logits)

    def _loss_and_gradients(
        self,
        x: tf.Tensor,
        labels: tf.Tensor,
        method: Method = PLAIN,
        keys: tf.Tensor = None,
        importance: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            logits = self._forward(x, method, keys)
            loss = _mean(self._cross_entropy(labels, logits, method.label_smoothing), importance)
        return loss, tape.gradient(loss, list(self._variables.values()))

    def _train(
        self, method: Method, images: tf.Tensor, labels: tf.Tensor, order: tf.Tensor, rates: tf.Tensor,
        averaging: tf.Tensor | None, first_batch: tf.Tensor, seed: tf.Tensor, importance: tf.Tensor | None,
    ) -> tf.Tensor:  # fmt: skip
        steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, steps)
        for step in tf.range(steps):
            batch = order[step]
            x, y = self._convolution_input(tf.gather(images, batch)), tf.gather(labels, batch)
            counts = None if importance is None else tf.gather(importance, batch)
            keys = None
            if method.draws:
                keys = sample_keys(seed, first_batch + tf.cast(step, tf.int64), tf.shape(batch)[0])
                x = augment(x, keys, method)
            loss, gradients = self._loss_and_gradients(x, y, method, keys, counts)
            self._optimizer.learning_rate.assign(rates[step])
            self._optimizer.apply_gradients(zip(gradients, self._variables.values(), strict=True))
            if averaging is not None:
                for name, average in self._slots[AVERAGE].items():
                    average.assign_add(averaging[step] * (self._variables[name] - average))
            if method.record_loss == "after":
                loss = _mean(self._cross_entropy(y, self._forward(x)), counts)
            losses = losses.write(step, loss)
        return losses.stack()

    def _evaluate(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the sum of the losses (float64) and the number of right predictions."""
        n = tf.shape(labels)[0]
        loss, correct = tf.constant(0.0, tf.float64), tf.constant(0, tf.int64)
        for start in tf.range(0, n, IMAGES_PER_PASS):
            y = labels[start : start + IMAGES_PER_PASS]
            z = self._predict(self._convolution_input(images[start : start + IMAGES_PER_PASS]))
            loss += tf.reduce_sum(tf.cast(self._cross_entropy(y, z), tf.float64))
            correct += tf.reduce_sum(tf.cast(tf.equal(tf.argmax(z, axis=1), y), tf.int64))
        return loss, correct

    def _all_logits(self, images: tf.Tensor) -> tf.Tensor:
        n = tf.shape(images)[0]
        chunks = tf.TensorArray(tf.float32, size=0, dynamic_size=True, infer_shape=False)
        for start in tf.range(0, n, IMAGES_PER_PASS):
            z = self._predict(self._convolution_input(images[start : start + IMAGES_PER_PASS]))
            chunks = chunks.write(start // IMAGES_PER_PASS, z)
        return tf.ensure_shape(chunks.concat(), [None, self.architecture.n_classes])


def _mean(losses: tf.Tensor, importance: tf.Tensor | None) -> tf.Tensor:
    return tf.reduce_mean(losses if importance is None else importance * losses)


def _assign(variables: Variables, weights: Weights) -> None:
    for name, variable in variables.items():
        variable.assign(weights[name])


def _to_arrays(variables: Variables) -> Weights:
    return {name: np.array(variable.numpy()) for name, variable in variables.items()}


def _make_optimizer(method: Method) -> Any:
    if method.optimizer == "nesterov":
        return tf.optimizers.SGD(momentum=method.momentum, nesterov=True, weight_decay=method.weight_decay or None)
    if method.optimizer == "sgd":
        return tf.optimizers.SGD(weight_decay=method.weight_decay or None)
    if method.optimizer == "adam":
        return tf.optimizers.Adam(beta_1=method.momentum)
    return tf.optimizers.AdamW(beta_1=method.momentum, weight_decay=method.weight_decay)


def _slot_variables(optimizer: Any, kind: str, names: Iterable[str]) -> Variables:
    """Return the optimizer's variables of one kind: `momentum`, or the second moment, which Keras calls `velocity`."""
    found = [variable for variable in optimizer.variables if variable.path.endswith(f"_{kind}")]
    return dict(zip(names, found, strict=True))  # Keras keeps them in the order of the weights
