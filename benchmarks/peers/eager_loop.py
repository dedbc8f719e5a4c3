"""The chapter's loop as it is printed: TensorFlow operations run one by one from Python, nothing compiled.

After each update the chapter computes the loss of the batch once more (`--record after`); `--record before` keeps the
loss that the gradient was taken of, and saves that forward pass.
"""

import argparse

import numpy as np
import tensorflow as tf

from .serve import serve_epochs
from .setting import Data, Weights, initial_weights, parser, scaled, shuffled_batches


class ConvolutionNetwork:
    """The chapter's class, with its method names."""

    def __init__(self, weights: Weights, learning_rate: float) -> None:
        self.weights = {name: tf.Variable(value, name=name) for name, value in weights.items()}
        self.optimizer = tf.optimizers.SGD(learning_rate=learning_rate)

    def forpass(self, x: np.ndarray) -> tf.Tensor:
        """Return the logits (n, C) of images (n, h, w, c)."""
        w = self.weights
        c_out = tf.nn.conv2d(x, w["conv_w"], strides=1, padding="SAME") + w["conv_b"]
        r_out = tf.nn.relu(c_out)
        p_out = tf.nn.max_pool2d(r_out, ksize=2, strides=2, padding="VALID")
        f_out = tf.reshape(p_out, [x.shape[0], -1])
        a1 = tf.nn.relu(tf.matmul(f_out, w["w1"]) + w["b1"])
        return tf.matmul(a1, w["w2"]) + w["b2"]

    def loss(self, y: np.ndarray, z: tf.Tensor) -> tf.Tensor:
        """Return the mean cross-entropy of logits z for one-hot targets y."""
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, z))

    def training(self, x: np.ndarray, y: np.ndarray) -> float:
        """Make one step of gradient descent; return the loss before it."""
        with tf.GradientTape() as tape:
            loss = self.loss(y, self.forpass(x))
        variables = list(self.weights.values())
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return float(loss)

    def get_loss(self, x: np.ndarray, y: np.ndarray) -> float:
        """Return the loss of a batch."""
        return float(self.loss(y, self.forpass(x)))


def main() -> None:
    """Serve the eager loop."""
    arguments = parser(__doc__)
    arguments.add_argument("--record", choices=("after", "before"), default="after")
    args: argparse.Namespace = arguments.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(args.threads)

    data = Data.load(args.data)
    x, x_val = scaled(data.x_train), scaled(data.x_val)
    y, y_val = (np.eye(data.classes, dtype=np.float32)[labels] for labels in (data.y_train, data.y_val))
    weights = initial_weights(x.shape[1:], args.kernels, args.units, data.classes, args.seed)
    network = ConvolutionNetwork(weights, args.learning_rate)
    rng = np.random.default_rng(args.seed)

    def epoch() -> tuple[float, float, float]:
        losses = []
        for batch in shuffled_batches(rng, len(x), args.batch_size):
            x_batch, y_batch = x[batch], y[batch]
            before = network.training(x_batch, y_batch)
            losses.append(network.get_loss(x_batch, y_batch) if args.record == "after" else before)
        z = network.forpass(x_val)
        accuracy = np.mean(np.argmax(z, axis=1) == data.y_val)
        return float(np.mean(losses)), float(network.loss(y_val, z)), float(accuracy)

    serve_epochs(epoch)


if __name__ == "__main__":
    main()
