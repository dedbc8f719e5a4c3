"""Automatic differentiation, from one line to a whole network: python examples/autodiff.py.

A gradient tape writes down every operation, and plays them backwards with the chain rule. Golmu's fused engine has no
tape: its backward pass is written by hand. Here both give the same gradient. Needs TensorFlow (`golmu[tensorflow]`).
"""

import numpy as np
import tensorflow as tf

from golmu import ConvolutionNetwork


def main() -> None:
    # x³ + 2x + 5 has the derivative 3x² + 2.
    x = tf.Variable([1.0, 2.0, 3.0])
    with tf.GradientTape() as tape:
        y = x**3 + 2 * x + 5
    print("x³ + 2x + 5 at 1, 2 and 3:", tape.gradient(y, x).numpy())

    # A softmax always sums to 1. What never changes has the gradient zero, to rounding.
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(tf.nn.softmax(x))
    print("a summed softmax:", tape.gradient(total, x).numpy())

    # The chapter's network, in the functions that the tape knows.
    rng = np.random.default_rng(0)
    images = rng.random((16, 28, 28, 1), np.float32)
    labels = rng.integers(0, 10, 16)
    network = ConvolutionNetwork(n_kernels=10, units=100, engine="fused", random_state=0)
    network.init_weights((28, 28, 1), n_classes=10)
    weights = {name: tf.Variable(value) for name, value in network.get_weights().items()}
    with tf.GradientTape() as tape:
        maps = tf.nn.conv2d(images, weights["conv_w"], strides=1, padding="SAME") + weights["conv_b"]
        pooled = tf.nn.max_pool2d(tf.nn.relu(maps), ksize=2, strides=2, padding="VALID")
        flat = tf.reshape(pooled, (len(images), -1))
        hidden = tf.nn.relu(flat @ weights["w1"] + weights["b1"])
        logits = hidden @ weights["w2"] + weights["b2"]
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
    taped = tape.gradient(loss, weights)

    own_loss, own = network.gradients(images, labels)
    print(f"loss by the tape {loss.numpy():.6f}, by Golmu {own_loss:.6f}")
    for name, gradient in own.items():
        difference = np.abs(gradient - taped[name].numpy()).max()
        print(f"  {name:6} largest gradient {np.abs(gradient).max():.1e}, largest difference {difference:.1e}")
        np.testing.assert_allclose(gradient, taped[name].numpy(), atol=1e-5)


if __name__ == "__main__":
    main()
