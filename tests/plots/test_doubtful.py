"""The contact sheet of doubtful labels."""

import numpy as np
import pytest
from PIL import Image

from golmu import plots


def sheet(n, shape=(8, 8, 1), name="cat"):
    images = np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)
    return plots.doubtful_labels(images, [name] * n, ["dog"] * n, [f"{i}.png" for i in range(n)], title="pets")


@pytest.mark.parametrize(("n", "rows"), [(1, 1), (8, 1), (9, 2), (64, 8)])
def test_images_stand_in_rows_of_eight(n, rows):
    axes = sheet(n)
    assert len(axes.get_images()) == n
    assert len({round(picture.get_extent()[2], 6) for picture in axes.get_images()}) == rows


def test_each_image_has_its_label_the_suggestion_and_its_name():
    texts = [text.get_text() for text in sheet(2).texts]
    assert texts == ["pets", "cat", "→ dog", "0.png", "cat", "→ dog", "1.png"]


@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 300, 1), (300, 5, 2)])
def test_images_of_any_shape_keep_their_proportions(shape):
    left, right, lower, upper = sheet(1, shape).get_images()[0].get_extent()
    assert (right - left) / (lower - upper) == pytest.approx(max(0.05, min(20, shape[1] / shape[0])), rel=1e-6)


def test_names_are_no_markup_and_long_ones_are_cut(tmp_path):
    axes = sheet(3, name="$x$ " + "long " * 20)
    assert axes.texts[1].get_text().startswith("$x$ long")
    assert "…" in axes.texts[1].get_text()
    (tmp_path / "s.png").write_bytes(plots.png(axes))
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.width > 500
