"""What holds for all functions that draw."""

import numpy as np
import pytest
from drawn import draw
from matplotlib.figure import Figure
from small_network import X, Y

from golmu import metrics, plots
from golmu.errors import InputError

MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_every_function_draws_on_the_axis_given(fitted, explained):
    reliability = metrics.reliability(np.eye(2), np.array([0, 1]))
    drawings = {
        plots.confusion: MATRIX, plots.class_activations: np.ones((2, 3)), plots.reliability: reliability,
        plots.class_scores: metrics.class_scores(Y, Y[::-1], 3),
        plots.image: X[0], plots.kernels: fitted, plots.feature_maps: explained.maps, plots.heat: explained.saliency,
        plots.occlusion: explained.occlusion, plots.probabilities: explained, plots.units: explained,
        plots.curves: fitted, plots.accuracies: fitted.history_,
    }  # fmt: skip
    for function, data in drawings.items():
        left, right = Figure(layout="constrained").subplots(1, 2)
        assert function(data, axes=right) is right
        assert not any(left.lines) | any(left.images) | any(left.patches)
        draw(right)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: plots.confusion(np.ones((2, 3))), r"matrix must have shape \(C, C\), got \(2, 3\)"),
        (lambda: plots.confusion(MATRIX, ["a"]), "class_names must have 3 names, one for each class, got 1"),
        (lambda: plots.class_activations(np.ones(3)), r"means must have shape \(K, C\), got \(3,\)"),
        (lambda: plots.kernels(np.ones(3)), r"kernels must have shape \(3, 3, c, K\), got \(3,\)"),
        (lambda: plots.feature_maps(np.ones((2, 2))), r"maps must have shape \(h, w, K\), got \(2, 2\)"),
        (lambda: plots.heat(np.ones(3)), r"a map must have shape \(h, w\), got \(3,\)"),
    ],
)
def test_wrong_shapes_are_said(call, text):
    with pytest.raises(InputError, match=f"^{text}$"):
        call()
