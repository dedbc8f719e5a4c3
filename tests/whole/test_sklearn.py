"""`ConvolutionNetwork` as a scikit-learn estimator: its own checks, and the tools that people put around estimators."""

import pickle
from inspect import signature
from math import isqrt
from unittest import SkipTest

import joblib
import numpy as np
import pandas
import pytest
import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_digits
from sklearn.ensemble import VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, cross_val_score, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import validate_data
from small_network import WEIGHT_NAMES

from golmu import ConvolutionNetwork
from golmu.errors import InputError

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "batches are drawn by chance, and two of an image in them "
    "are not one of twice the weight",
    "check_supervised_y_2d": "a column of labels is taken as it is, without a warning",
}


class OfAnyWidth(ConvolutionNetwork):
    """Lays rows of values out as the smallest square image that holds them, so that every check has images."""

    def _images(self, x, argument="x", *, is_new=False):
        rows = x if hasattr(x, "ndim") else np.asarray(x)
        if rows.ndim != 2 or rows.shape[1] == 0 or hasattr(rows, "toarray"):
            return super()._images(x, argument, is_new=is_new)
        try:
            validate_data(self, rows, reset=is_new, skip_check_array=True)
        except ValueError as error:
            raise InputError(str(error)) from error
        rows = np.asarray(rows)
        width, side = rows.shape[1], max(2, isqrt(rows.shape[1] - 1) + 1)
        if is_new:
            self._n_values = width
        images = np.zeros((len(rows), side * side), np.float64 if rows.dtype.kind in "biu" else rows.dtype)
        images[:, :width] = rows
        return super()._images(images.reshape(-1, side, side), argument, is_new=is_new)

    def _start(self, *arguments):
        super()._start(*arguments)
        self.n_features_in_ = getattr(self, "_n_values", self.n_features_in_)


def expected_failures(estimator):
    return EXPECTED_FAILURES


@parametrize_with_checks(
    [OfAnyWidth(8, 16, 16, 0.05, epochs=20, engine="fused")],
    expected_failed_checks=expected_failures,
    **({"xfail_strict": True} if "xfail_strict" in signature(parametrize_with_checks).parameters else {}),
)
@pytest.mark.filterwarnings("ignore")  # small and unscaled data are what most of the checks use
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@parametrize_with_checks([ConvolutionNetwork(4, 8, 16, 0.05, epochs=2)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_of_rows_that_are_no_images_are_refused_or_pass(estimator, check):
    """Without the layout above, all that may go wrong is that a row is no square."""
    name = check.func.__name__
    if name in EXPECTED_FAILURES:
        return
    try:
        check(estimator)
    except SkipTest:
        return
    except Exception as error:
        causes = [error]
        while cause := causes[-1].__cause__ or causes[-1].__context__:
            causes.append(cause)
        assert any("which must be a square number" in str(cause) or "2x2 pixels" in str(cause) for cause in causes), (
            name
        )


def network(**parameters):
    settings = {
        "n_kernels": 8, "units": 32, "batch_size": 32, "learning_rate": 0.05, "epochs": 12, "optimizer": "nesterov",
        "schedule": "triangular", "random_state": 0, "record_loss": "before",
    }  # fmt: skip
    return ConvolutionNetwork(**(settings | parameters))


@pytest.fixture(scope="module")
def digits():
    """x (1797, 64) in [0, 1], flattened as scikit-learn has them; y (1797,)."""
    x, y = load_digits(return_X_y=True)
    return train_test_split(x / 16, y, stratify=y, random_state=0)


def same(first, second):
    return all(np.array_equal(first.get_weights()[name], second.get_weights()[name]) for name in WEIGHT_NAMES)


# Selection and ensembles


def test_cross_validation(digits):
    x, _, y, _ = digits
    scores = cross_val_score(network(), x, y, cv=3)
    assert len(scores) == 3
    assert min(scores) > 0.95


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_grid_search_finds_the_better_setting(digits, n_jobs):
    x, x_test, y, y_test = digits
    search = GridSearchCV(network(), {"learning_rate": [0.05, 1e-5], "n_kernels": [4, 8]}, cv=2, n_jobs=n_jobs)
    search.fit(x[:600], y[:600])
    assert search.best_params_["learning_rate"] == 0.05
    assert search.score(x_test, y_test) > 0.93


def test_two_processes_find_what_one_finds(digits):
    x, _, y, _ = digits
    one, two = (
        GridSearchCV(network(), {"n_kernels": [2, 8]}, cv=2, n_jobs=n).fit(x[:400], y[:400]).cv_results_
        for n in (None, 2)
    )
    assert np.array_equal(one["mean_test_score"], two["mean_test_score"])


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_halving_search_over_epochs(digits, n_jobs):
    x, x_test, y, y_test = digits
    search = HalvingGridSearchCV(
        network(), {"learning_rate": [0.05, 0.02, 1e-4, 1e-5]}, resource="epochs", min_resources=2, max_resources=8,
        factor=2, cv=2, n_jobs=n_jobs, random_state=0,
    ).fit(x[:600], y[:600])  # fmt: skip
    assert search.best_params_["learning_rate"] >= 0.02
    assert search.best_estimator_.n_iter_ == 8
    assert search.score(x_test, y_test) > 0.9


def test_a_pipeline_scales_and_reshapes(digits):
    x, x_test, y, y_test = digits
    reshape = FunctionTransformer(lambda rows: rows.reshape(-1, 8, 8))
    pipeline = make_pipeline(MinMaxScaler(), reshape, network()).fit(x * 16 - 3, y)
    assert pipeline.score(x_test * 16 - 3, y_test) > 0.95


def test_a_vote_with_another_classifier(digits):
    x, x_test, y, y_test = digits
    vote = VotingClassifier([("network", network()), ("linear", LogisticRegression(max_iter=500))], voting="soft")
    assert vote.fit(x, y).score(x_test, y_test) > 0.95


def test_calibrated_probabilities(digits):
    x, x_test, y, y_test = digits
    calibrated = CalibratedClassifierCV(network(), cv=2, method="sigmoid").fit(x, y)
    probabilities = calibrated.predict_proba(x_test)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)
    assert calibrated.score(x_test, y_test) > 0.95


def test_pixels_at_the_border_matter_less_than_those_in_the_middle(digits):
    x, x_test, y, y_test = digits
    found = permutation_importance(network().fit(x, y), x_test[:100], y_test[:100], n_repeats=2, random_state=0)
    means = found.importances_mean.reshape(8, 8)
    assert means[:, [0, 7]].mean() < means[2:6, 2:6].mean()


# Copies and files


@pytest.mark.parametrize("engine", ["fused", "tensorflow"])
def test_copies_answer_as_the_original(digits, tmp_path, engine):
    x, x_test, y, _ = digits
    fitted = network(engine=engine, epochs=2).fit(x, y)
    joblib.dump(fitted, tmp_path / "network.joblib")
    for copy in (pickle.loads(pickle.dumps(fitted)), joblib.load(tmp_path / "network.joblib")):
        assert copy.engine_ == engine
        assert copy.predict_proba(x_test) == pytest.approx(fitted.predict_proba(x_test), abs=1e-6)


def test_a_clone_has_the_parameters_and_no_weights(digits):
    x, _, y, _ = digits
    fitted = network(class_weight={0: 2.0}, image_shape=(8, 8)).fit(x, y, epochs=1)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not copy.__sklearn_is_fitted__()
    assert same(copy.fit(x, y, epochs=1), fitted)


# Data frames and labels


def test_a_data_frame_of_named_pixels(digits):
    x, _, y, _ = digits
    frame = pandas.DataFrame(x, columns=[f"pixel{i}" for i in range(64)])
    labels = pandas.Series(y).map(str).astype("category")  # as fetch_openml gives them
    fitted = network(epochs=3).fit(frame, labels)
    assert fitted.feature_names_in_.tolist() == list(frame.columns)
    assert fitted.classes_.tolist() == [str(digit) for digit in range(10)]
    with pytest.raises(InputError, match="The feature names should match those that were passed during fit"):
        fitted.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        fitted.predict(x)
    assert not hasattr(fitted.fit(x.reshape(-1, 8, 8), y, epochs=1), "feature_names_in_")


def test_flattened_images_that_are_not_square(digits):
    x, x_test, y, y_test = digits
    wide = np.pad(x.reshape(-1, 8, 8), ((0, 0), (0, 0), (0, 2))).reshape(len(x), -1)
    with pytest.raises(InputError, match=r"x is flattened to 80 values .* or set the network's image_shape"):
        network().fit(wide, y)
    fitted = network(image_shape=(8, 10)).fit(wide, y)
    assert fitted.architecture_.image_shape == (8, 10, 1)
    assert fitted.n_features_in_ == 80
    wide_test = np.pad(x_test.reshape(-1, 8, 8), ((0, 0), (0, 0), (0, 2)))
    assert fitted.score(wide_test.reshape(-1, 80), y_test) == fitted.score(wide_test, y_test) > 0.95
    with pytest.raises(InputError, match="X has 64 features, but ConvolutionNetwork is expecting 80 features as input"):
        fitted.predict(x_test)


# Metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.mark.usefixtures("routing")
def test_sample_weight_is_routed_to_fit_and_score(digits):
    x, _, y, _ = digits
    x, y = x[:300], y[:300]
    weights = np.where(y == 3, 20.0, 1.0)
    routed = network(epochs=2).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    search = GridSearchCV(routed, {"n_kernels": [4]}, cv=2).fit(x, y, sample_weight=weights)
    assert same(search.best_estimator_, network(epochs=2, n_kernels=4).fit(x, y, sample_weight=weights))
    pipeline = make_pipeline(MinMaxScaler(), routed).fit(x, y, sample_weight=weights)
    assert not same(pipeline[-1], network(epochs=2).fit(MinMaxScaler().fit_transform(x), y))
    scores = cross_validate(routed, x, y, cv=2, params={"sample_weight": weights}, error_score="raise")
    assert len(scores["test_score"]) == 2


@pytest.mark.usefixtures("routing")
def test_images_are_no_metadata():
    requests = network().get_metadata_routing()
    for method in ("fit", "partial_fit", "predict", "predict_proba", "score"):
        assert "x" not in getattr(requests, method).requests, method
    assert "sample_weight" in requests.fit.requests
