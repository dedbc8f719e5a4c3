"""The chapter's own code: its examples of automatic differentiation, and its training loop, on this package."""

import numpy as np
import pytest
import tensorflow as tf

from golmu import ConvolutionNetwork


def test_the_gradient_of_a_polynomial():
    x = tf.Variable(np.array([1.0, 2.0, 3.0]))
    with tf.GradientTape() as tape:
        y = x**3 + 2 * x + 5
    assert tape.gradient(y, x).numpy().tolist() == [5, 14, 29]


def test_the_gradient_of_a_summed_softmax_is_zero_to_rounding():
    x = tf.Variable(np.array([1.0, 2.0, 3.0]))
    with tf.GradientTape() as tape:
        y = tf.nn.softmax(x)
    assert y.numpy().sum() == pytest.approx(1)
    assert np.abs(tape.gradient(y, x).numpy()).max() < 1e-15


def prepared(digits):
    """As the chapter prepares its data: floats in [0, 1] with a channel axis, and one-hot labels."""
    x, y = digits
    x, y = x[:600].reshape(-1, 8, 8, 1) / 255, tf.keras.utils.to_categorical(y[:600])
    return x[:480], y[:480], x[480:], y[480:]


class ChaptersLoop(ConvolutionNetwork):
    """`fit` as the chapter writes it out, out of the methods it names."""

    def fit(self, x, y, epochs=100, x_val=None, y_val=None):
        self.init_weights(x.shape, y.shape[1])
        for _ in range(epochs):
            batch_losses = []
            for x_batch, y_batch in self.gen_batch(x, y):
                self.training(x_batch, y_batch)
                batch_losses.append(self.get_loss(x_batch, y_batch))
            self.losses.append(np.mean(batch_losses))
            self.val_losses.append(self.get_loss(x_val, y_val))
        return self


def test_the_chapters_loop_runs_on_this_class_and_trains_the_same_network(digits):
    x_train, y_train, x_val, y_val = prepared(digits)
    settings = {"n_kernels": 5, "units": 20, "batch_size": 32, "learning_rate": 0.1, "random_state": 3}
    loop = ChaptersLoop(**settings).fit(x_train, y_train, 3, x_val, y_val)
    fitted = ConvolutionNetwork(**settings).fit(x_train, y_train, 3, x_val, y_val)
    assert len(loop.losses) == len(loop.val_losses) == loop.n_iter_ == 3
    assert loop.losses == pytest.approx(fitted.losses, abs=1e-5)
    assert loop.val_losses == pytest.approx(fitted.val_losses, abs=1e-5)
    for name, weight in fitted.get_weights().items():
        assert np.allclose(loop.get_weights()[name], weight, atol=1e-5), name
    assert loop.score(x_val, y_val) == pytest.approx(fitted.score(x_val, y_val), abs=0.02)


def test_the_chapters_calls_give_the_chapters_forms(digits):
    x_train, y_train, x_val, y_val = prepared(digits)
    cn = ConvolutionNetwork(n_kernels=10, units=100, batch_size=128, learning_rate=0.01)
    cn.fit(x_train, y_train, x_val=x_val, y_val=y_val, epochs=2)
    assert isinstance(cn.losses, list)
    assert isinstance(cn.val_losses, list)
    assert 0 <= cn.score(x_val, y_val) <= 1
    assert cn.forpass(x_val).shape == (120, 10)
    assert cn.predict(x_val).shape == (120,)
    assert cn.conv_w.shape == (3, 3, 1, 10)
    assert cn.w1.shape == (4 * 4 * 10, 100)
