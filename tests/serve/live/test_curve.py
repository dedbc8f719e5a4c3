"""The curve: every batch counts once, and there are never too many points."""

import numpy as np
import pytest

from golmu.serve.live.curve import MAX_POINTS, Curve


@pytest.mark.parametrize("n", [0, 1, 7, MAX_POINTS - 1, MAX_POINTS, MAX_POINTS + 1, 5 * MAX_POINTS + 3])
@pytest.mark.parametrize("part", [1, 13, 4 * MAX_POINTS])
def test_points_are_the_means_of_as_many_batches_each(n, part):
    losses, curve = np.random.default_rng(0).random(n).astype(np.float32), Curve()
    for start in range(0, n, part):
        curve.add(losses[start : start + part])
    assert len(curve) < MAX_POINTS
    steps, points = curve.points()
    stride = curve.stride
    whole = losses[: n // stride * stride].reshape(-1, stride)
    assert np.allclose(points, whole.mean(axis=1, dtype=np.float64), atol=1e-5)
    assert steps.tolist() == list(range(stride, n // stride * stride + 1, stride))
    assert curve.last == (points[-1] if len(points) else None)


def test_later_points_alone():
    curve = Curve()
    curve.add(np.arange(10, dtype=np.float32))
    steps, points = curve.points(7)
    assert steps.tolist() == [8, 9, 10]
    assert points.tolist() == [7, 8, 9]
