"""The estimator: everything a user may call, held against the float64 twins in `naive.py`."""

import re

import naive
import numpy as np
import pandas
import pytest
from small_network import BATCH, NAMES, RNG, SHAPE, WEIGHT_NAMES, N, X, Y, assert_close, network, ready, same_weights

from golmu import ConvolutionNetwork, metrics
from golmu.architecture import Architecture
from golmu.engines import ENGINE_NAMES
from golmu.errors import GolmuWarning, InputError, InputTypeError, TrainingError
from golmu.training.batching import epoch_order, generators

# Fitting


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        pytest.param(Y, [0, 1, 2], id="integers"),
        pytest.param(np.array([-3, 7, 40])[Y], [-3, 7, 40], id="any integers"),
        pytest.param(NAMES[Y], ["ant", "bee", "cat"], id="strings"),
        pytest.param(np.eye(3)[Y], [0, 1, 2], id="one-hot"),
        pytest.param((Y > 0).tolist(), [False, True], id="booleans"),
    ],
)
def test_fit_and_predict_answer_in_the_labels_given(labels, classes):
    fitted = network()
    assert fitted.fit(X, labels, 2) is fitted
    assert fitted.classes_.tolist() == classes
    predictions = fitted.predict(X)
    assert predictions.shape == (N,)
    assert set(predictions.tolist()) <= set(classes)
    truth = labels.argmax(1) if np.ndim(labels) == 2 else labels
    assert fitted.score(X, labels) == pytest.approx(np.mean(predictions == truth))
    fitted.get_loss(X, labels)
    fitted.training(X[:4], labels[:4])


def test_labels_of_every_kind_train_the_same_network():
    first, *others = (network().fit(X, labels, 2) for labels in (Y, NAMES[Y], np.eye(3)[Y], Y * 10 - 5))
    assert all(same_weights(first, other) for other in others)


def test_validation_labels_may_be_one_hot_where_the_others_are_not():
    one = network().fit(X, NAMES[Y], 2, X[:9], np.eye(3)[Y[:9]])
    other = network().fit(X, Y, 2, X[:9], Y[:9])
    assert one.val_losses == other.val_losses


@pytest.mark.parametrize("shape", [(2, 2, 1), (2, 9, 1), (5, 3, 4), (28, 28, 1), (3, 3)])
def test_images_of_any_shape(shape):
    x = RNG.integers(0, 256, (20, *shape), np.uint8)
    fitted = network().fit(x, Y[:20], 1, x, Y[:20])
    assert fitted.architecture_.image_shape == (*shape, 1)[:3]
    assert fitted.predict(x).shape == (20,)
    assert np.isfinite(fitted.val_losses).all()


def test_images_may_come_in_every_form():
    grey = X[..., :1].copy()
    fitted = network().fit(grey, Y, 1)
    for form in (grey[..., 0], grey.reshape(N, -1), grey.astype(int)):
        assert np.array_equal(fitted.forpass(form), fitted.forpass(grey))
    assert np.allclose(fitted.forpass(grey / 255), fitted.forpass(grey), atol=1e-6)
    square = X[:, :6, :, 0]
    assert same_weights(network().fit(square, Y, 1), network().fit(square.reshape(N, 36), Y, 1))


def test_floats_train_like_the_bytes_they_stand_for():
    assert_close(network().fit(X / 255, Y, 2).get_weights(), network().fit(X, Y, 2).get_weights(), 1e-4)


def test_fewer_samples_than_a_batch_warn_and_train():
    small = network(batch_size=64)
    text = f"^batch_size is 64, but there are only {N} samples: each epoch is one batch of them all$"
    with pytest.warns(GolmuWarning, match=text) as caught:
        small.fit(X, Y, 3)
    assert caught[0].filename == __file__
    assert len(small.losses) == 3
    assert small.losses[2] < small.losses[0]


def test_an_epoch_follows_the_twin_batch_by_batch():
    before = network(record_loss="before").fit(X, Y, 1)
    after = network().fit(X, Y, 1, X[:20], Y[:20])
    weights = network()
    weights.init_weights(SHAPE, 3)
    weights = weights.get_weights()
    losses_before, losses_after = [], []
    for batch in epoch_order(N, BATCH, generators(1)[1]):
        loss, weights = naive.sgd_step(X[batch], Y[batch], weights, 0.2)
        losses_before.append(loss)
        losses_after.append(naive.loss(X[batch], Y[batch], weights))
    assert before.losses == pytest.approx([np.mean(losses_before)], abs=1e-6)
    assert after.losses == pytest.approx([np.mean(losses_after)], abs=1e-6)
    assert after.val_losses == pytest.approx([naive.loss(X[:20], Y[:20], weights)], abs=1e-6)
    assert_close(after.get_weights(), weights, 1e-5)
    assert same_weights(before, after)


def test_validation_and_what_is_recorded_do_not_change_the_training():
    assert same_weights(network().fit(X, Y, 3), network(record_loss="before").fit(X, Y, 3, X[:5], Y[:5]))


def test_losses_hold_a_float_an_epoch():
    fitted = network().fit(X, Y, 3, X[:20], Y[:20])
    for column in (fitted.losses, fitted.val_losses, fitted.history_.val_accuracies, fitted.history_.seconds):
        assert len(column) == 3
        assert all(type(value) is float for value in column)
    assert fitted.val_losses[-1] == fitted.get_loss(X[:20], Y[:20])
    assert fitted.history_.val_accuracies[-1] == fitted.score(X[:20], Y[:20])
    assert fitted.n_iter_ == 3
    assert network().fit(X, Y, 2).val_losses == []


def test_learned_attributes():
    fitted = network().fit(X, Y, 1)
    assert fitted.n_features_in_ == 7 * 6 * 2
    assert fitted.architecture_ == Architecture(*SHAPE, 3, 5, 3)
    assert fitted.engine_ in ENGINE_NAMES
    assert fitted.engine_ != "auto"
    assert network(engine="tensorflow").fit(X, Y, 1).engine_ == "tensorflow"


def test_training_learns_digits(digits):
    x, y = digits
    fitted = ConvolutionNetwork(8, 32, 32, 0.1, random_state=0).fit(x[:1400], y[:1400], 15, x[1400:], y[1400:])
    assert fitted.score(x[1400:], y[1400:]) > 0.9
    assert fitted.losses[0] > 1
    assert fitted.losses[-1] < 0.2
    assert fitted.val_losses[-1] < fitted.val_losses[0]


def test_fit_begins_anew_also_on_other_images_and_labels():
    once = network().fit(X, Y, 2)
    again = network().fit(X[:, :4, :4, :1], NAMES[Y], 1, X[:9, :4, :4, :1], NAMES[Y[:9]]).fit(X, Y, 2)
    assert same_weights(once, again)
    assert again.losses == once.losses
    assert again.val_losses == []
    assert again.classes_.tolist() == [0, 1, 2]


def test_a_refused_fit_leaves_the_network_as_it_was():
    fitted = network().fit(X, Y, 2)
    before, losses = fitted.get_weights(), fitted.losses
    for bad in ({"y": Y[:-1]}, {"epochs": 0}, {"x_val": X}):
        with pytest.raises(InputError):
            fitted.fit(**{"x": X[:, :4], "y": Y, **bad})
    assert fitted.losses is losses
    assert all(np.array_equal(fitted.get_weights()[name], before[name]) for name in WEIGHT_NAMES)


def test_the_callback_hears_of_progress():
    heard = []
    fitted = network().fit(X, Y, 2, callback=heard.append)
    assert (heard[-1].epoch, heard[-1].epochs, heard[-1].samples_per_epoch) == (2, 2, 48)
    assert [progress.loss for progress in heard if progress.samples == 0] == fitted.losses


def test_ctrl_c_leaves_a_usable_network():
    def interrupt(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    stopped = network()
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(X, Y, 100, X[:9], Y[:9], callback=interrupt)
    assert same_weights(stopped, network().fit(X, Y, 2))
    assert len(stopped.losses) == len(stopped.val_losses) == stopped.n_iter_ == 2
    assert stopped.predict(X).shape == (N,)
    assert stopped.training(X[:4], Y[:4]) > 0


@pytest.mark.parametrize("engine", [name for name in ENGINE_NAMES if name != "auto"])
def test_a_diverging_training_says_where_and_what_to_do(engine):
    diverging = network(n_kernels=5, units=12, learning_rate=1e30, engine=engine)
    with pytest.raises(TrainingError, match=r"^the loss is (nan|inf) in epoch 1, batch \d: ") as caught:
        diverging.fit(X, Y, 5)
    assert str(caught.value).endswith(
        ": most likely learning_rate=1e+30 is too large; try a tenth of it, and check that float pixels lie in [0, 1]"
    )
    assert diverging.losses == []


# Random states


def test_the_same_seed_gives_the_same_bits():
    assert same_weights(network().fit(X, Y, 2), network().fit(X, Y, 2))
    assert network().fit(X, Y, 2).losses == network().fit(X, Y, 2).losses


def test_other_seeds_give_other_weights_and_another_order():
    assert not same_weights(network().fit(X, Y, 1), network(random_state=2).fit(X, Y, 1))
    orders = [next(network(random_state=seed).gen_batch(X, Y))[0] for seed in (1, 1, 2)]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_without_a_seed_every_fit_differs():
    assert not same_weights(network(random_state=None).fit(X, Y, 1), network(random_state=None).fit(X, Y, 1))


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng], ids=["RandomState", "Generator"])
def test_numpys_generators_are_taken_and_drawn_from(make):
    assert same_weights(network(random_state=make(5)).fit(X, Y, 1), network(random_state=make(5)).fit(X, Y, 1))
    shared = make(5)
    assert not same_weights(network(random_state=shared).fit(X, Y, 1), network(random_state=shared).fit(X, Y, 1))


def test_fitting_leaves_numpys_global_state_alone():
    np.random.seed(0)  # noqa: NPY002  the state is what is tested
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    network(random_state=None).fit(X, Y, 1)
    assert np.array_equal(before, np.random.get_state()[1])  # noqa: NPY002


# The chapter's methods


def test_init_weights_draws_what_fit_starts_from():
    made = network()
    assert made.init_weights(SHAPE, 3) is None
    weights = Architecture(*SHAPE, 3, 5, 3).initial_weights(generators(1)[0])
    assert all(np.array_equal(made.get_weights()[name], weights[name]) for name in WEIGHT_NAMES)
    assert made.classes_.tolist() == [0, 1, 2]
    assert made.losses == []


def test_init_weights_takes_shapes_with_and_without_the_number_of_images():
    plain, leading, listed = network(), network(), network()
    plain.init_weights(SHAPE, 3)
    leading.init_weights(X.shape, 3)
    listed.init_weights([None, *SHAPE], np.int64(3))
    assert same_weights(plain, leading)
    assert same_weights(plain, listed)


@pytest.mark.parametrize(
    ("shape", "n_classes", "kind", "text"),
    [
        ((7, 6), 3, InputError, "input_shape must be (h, w, c) or (n, h, w, c), got (7, 6)"),
        ((1, 1, 7, 6, 2), 3, InputError, "input_shape must be (h, w, c) or (n, h, w, c), got (1, 1, 7, 6, 2)"),
        (28, 3, InputTypeError, "input_shape must be (h, w, c) or (n, h, w, c), got 28"),
        ((7, 1, 2), 3, InputError, "width must be at least 2, got 1"),
        ((7, 6.5, 2), 3, InputTypeError, "width must be an integer, got 6.5"),
        ((7, 6, 0), 3, InputError, "channels must be at least 1, got 0"),
        (SHAPE, 1, InputError, "n_classes must be at least 2, got 1"),
        (SHAPE, 0, InputError, "n_classes must be an integer of at least 1, got 0"),
        (SHAPE, 2.5, InputTypeError, "n_classes must be an integer of at least 1, got 2.5"),
    ],
)
def test_init_weights_refuses_what_is_no_shape(shape, n_classes, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        network().init_weights(shape, n_classes)
    assert type(caught.value) is kind


def test_forpass_gives_the_twins_logits():
    made = ready()
    logits = made.forpass(X)
    assert logits.shape == (N, 3)
    assert logits.dtype == np.float32
    assert isinstance(logits, np.ndarray)
    assert np.allclose(logits, naive.forward(X, made.get_weights())["logits"], atol=1e-5)


def test_the_logarithm_of_a_probability_too_small_for_a_float_is_known():
    trained = ready()
    assert trained.predict_log_proba(X) == pytest.approx(np.log(trained.predict_proba(X)), abs=1e-6)
    logits = np.float32([[300, 0, -200]])
    assert metrics.log_softmax(logits).tolist() == [[0, -300, -500]]


def test_probabilities_are_the_softmax_of_the_logits():
    made = ready()
    probabilities = made.predict_proba(X)
    assert probabilities.dtype == np.float32
    e = np.exp(made.forpass(X).astype(float))
    assert np.allclose(probabilities, e / e.sum(1, keepdims=True), atol=1e-6)
    assert np.allclose(probabilities.sum(1), 1, atol=1e-6)
    assert np.array_equal(made.predict(X), probabilities.argmax(1))
    far = made.get_weights()
    far["b2"] = [1e4, 0, -1e4]
    made.set_weights(far)
    assert np.array_equal(made.predict_proba(X[:1]), [[1, 0, 0]])


def test_training_is_one_step_and_returns_the_loss_before_it():
    made = ready()
    expected, weights = naive.sgd_step(X[:11], Y[:11], made.get_weights(), 0.2)
    loss = made.training(X[:11], Y[:11])
    assert type(loss) is float
    assert loss == pytest.approx(expected, abs=1e-6)
    assert_close(made.get_weights(), weights, 1e-5)
    assert made.losses == []


def test_training_takes_the_present_learning_rate():
    made = ready().set_params(learning_rate=0.01)
    _, weights = naive.sgd_step(X[:8], Y[:8], made.get_weights(), 0.01)
    made.training(X[:8], Y[:8])
    assert_close(made.get_weights(), weights, 1e-6)


def test_get_loss_and_score_agree_with_the_twin():
    made = ready()
    logits = naive.forward(X, made.get_weights())["logits"]
    assert made.get_loss(X, Y) == pytest.approx(naive.sample_losses(logits, Y).mean(), abs=1e-6)
    assert made.score(X, Y) == pytest.approx((logits.argmax(1) == Y).mean())
    assert type(made.get_loss(X, Y)) is type(made.score(X, Y)) is float


@pytest.mark.parametrize("labels", [Y, NAMES[Y], np.eye(3)[Y]], ids=["integers", "strings", "one-hot"])
def test_gen_batch_yields_shuffled_full_batches(labels):
    x = X.copy()
    x[:, 0, 0, 0] = np.arange(N)  # so that an image tells which it is
    made = ready()
    orders = []
    for _ in range(2):
        found = list(made.gen_batch(x, labels))
        assert [batch.shape for batch, _ in found] == [(BATCH, *SHAPE)] * (N // BATCH)
        order = np.concatenate([batch[:, 0, 0, 0] for batch, _ in found])
        assert len(set(order)) == N // BATCH * BATCH
        assert np.array_equal(np.concatenate([batch for _, batch in found]), labels[order])
        orders.append(order)
    assert not np.array_equal(*orders)


def test_gen_batch_works_before_there_are_weights():
    assert len(list(network().gen_batch(X, Y))) == N // BATCH


def test_gen_batch_warns_of_too_few_samples_and_gives_them_all():
    with pytest.warns(GolmuWarning, match=f"only {N} samples"):
        ((images, labels),) = network(batch_size=64).gen_batch(X, Y)
    assert len(images) == len(labels) == N


def test_gen_batch_refuses_when_it_is_called_not_when_it_is_read():
    with pytest.raises(InputError, match=r"^y has 49 labels for 50 images"):
        network().gen_batch(X, Y[:-1])
    with pytest.raises(InputError, match=r"^batch_size must be"):
        network(batch_size=0).gen_batch(X, Y)


def test_gradients_agree_with_the_twin():
    made = ready()
    loss, gradients = made.gradients(X[:9], Y[:9])
    expected_loss, expected = naive.gradients(X[:9], Y[:9], made.get_weights())
    assert loss == pytest.approx(expected_loss, abs=1e-6)
    assert tuple(gradients) == WEIGHT_NAMES
    assert {name: g.shape for name, g in gradients.items()} == made.architecture_.shapes
    assert_close(gradients, expected, 1e-5)


def test_gradients_agree_with_central_differences():
    made = ready()
    _, gradients = made.gradients(X[:9], Y[:9])
    weights = {name: weight.astype(np.float64) for name, weight in made.get_weights().items()}
    rng = np.random.default_rng(2)
    for name in WEIGHT_NAMES:
        index = tuple(rng.integers(0, size) for size in weights[name].shape)
        slope = naive.central_difference(lambda: naive.loss(X[:9], Y[:9], weights), weights[name], index)
        assert gradients[name][index] == pytest.approx(slope, rel=1e-3, abs=1e-6), name


@pytest.mark.parametrize("kind", [np.int64, float, object])
@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("is_partial", [False, True])
def test_a_row_of_a_mixed_frame_means_what_it_means_among_others(kind, scale, is_partial):
    """Columns of zeros are integers in CSV files of floats; columns with gaps are floats in those of integers."""
    rng = np.random.default_rng(0)
    values = rng.integers(0, 256, (12, 16)) / (255 / scale)
    values[:3] = np.arange(16) % 2  # as dark as can be where white is 255
    frame = pandas.DataFrame(values, columns=[f"p{i}" for i in range(16)])
    frame = frame.astype({"p3": kind}) if scale == 255 else frame.assign(p3=np.zeros(12, int).astype(kind))
    frame = frame.assign(p5=np.arange(12) % 2)
    estimator = ConvolutionNetwork(2, 3, random_state=0, batch_size=4)
    y = (np.arange(12) % 2).tolist()
    estimator.partial_fit(frame, y) if is_partial else estimator.fit(
        frame, y, epochs=1, x_val=frame.iloc[:3], y_val=y[:3]
    )
    together = estimator.predict_proba(frame)
    for rows in ([0], [1, 2], [7]):
        assert np.allclose(estimator.predict_proba(frame.iloc[rows]), together[rows], atol=1e-5)
    fractions = pandas.concat([frame, frame.assign(p0=scale * 0.3)])
    assert np.allclose(estimator.predict_proba(fractions)[:12], together, atol=1e-5)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a", "a"], "x has more than one column 'a': rename all but one, or drop them"),
        ([1, "a"], "x has columns whose names cannot be kept: Feature names are only supported if all"),
    ],
)
def test_names_of_columns_are_refused_before_the_training(names, text):
    frame = pandas.DataFrame(np.full((4, 16), 255, np.uint8), columns=[*names, *(f"b{i * 3}" for i in range(14))])
    estimator, y = ConvolutionNetwork(2, 3, batch_size=2), [0, 1, 0, 1]
    for fit in (estimator.fit, estimator.partial_fit):
        with pytest.raises(InputError, match=f"^{text}"):
            fit(frame, y)
        assert not hasattr(estimator, "classes_")
