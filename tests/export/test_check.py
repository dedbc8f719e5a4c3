"""The check of an export: many kinds of images, alone and together, and what it refuses."""

import numpy as np
import pytest
from drawn_network import drawn_network

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import SaveError
from golmu.export import check
from golmu.export.check import check_accuracy, check_answers


def test_the_images_are_of_many_kinds_and_come_alone_and_together(monkeypatch):
    predictor, seen = drawn_network((12, 7, 3)), []

    def answer(images):
        seen.append(images)
        return predictor.probabilities(images)

    assert check_answers(predictor, answer).difference == 0
    assert [len(images) for images in seen] == [1, 999]
    images = np.concatenate(seen)
    assert (images.dtype, images.shape) == (np.uint8, (1000, 12, 7, 3))
    assert (images[0] == 0).all()
    assert (images[1] == 255).all()
    assert len({image.tobytes() for image in images}) > 950
    means = images.mean(axis=(1, 2, 3))
    assert means.min() == 0
    assert np.histogram(means, 5, (0, 255))[0].min() > 20
    monkeypatch.setattr(check, "VALUES_AT_A_TIME", 12 * 7 * 4 * 300)
    seen.clear()
    check_answers(predictor, answer)
    assert [len(part) for part in seen] == [1, 300, 300, 300, 99]
    assert np.array_equal(np.concatenate(seen), images)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda p: p + np.float32(1.5e-4), "by up to 0.00015 of a probability: it is not kept$"),
        (lambda p: p * np.float32(np.nan), "by up to inf of a probability: it is not kept$"),
        (lambda p: p[:, :2], r"answers with shape \(1, 2\), and the network with \(1, 3\): it is not kept$"),
        (lambda p: p[:, ::-1], "gives other answers than the network"),
    ],
)
def test_other_answers_are_refused(change, text):
    predictor = drawn_network()
    with pytest.raises(SaveError, match=text):
        check_answers(predictor, lambda images: change(predictor.probabilities(images)))


def test_one_wrong_answer_in_a_thousand_is_found():
    predictor, count = drawn_network(), 0

    def answer(images):
        nonlocal count
        count += len(images)
        return predictor.probabilities(images) + np.float32(0.01 if count == 1000 else 0)

    with pytest.raises(SaveError, match=r"by up to 0\.01 of"):
        check_answers(predictor, answer)


@pytest.mark.parametrize(
    ("n", "n_wrong", "is_kept"),
    [(1500, 10, True), (1500, 11, False), (500, 5, True), (500, 6, False), (20, 1, True), (20, 2, False)],
)
def test_the_accuracy_may_fall_by_one_point_or_one_image(n, n_wrong, is_kept):
    predictor = drawn_network()
    images = np.random.default_rng(0).integers(0, 256, (n, *predictor.image_shape), np.uint8)
    judged = LabelledImages("test", images, predictor.logits(images).argmax(axis=1))
    n_seen = 0

    def answer(part):
        nonlocal n_seen
        probabilities = predictor.probabilities(part)
        for row in range(len(part)):
            if n_seen + row < n_wrong:
                probabilities[row] = np.roll(probabilities[row], 1)
        n_seen += len(part)
        return probabilities

    if not is_kept:
        with pytest.raises(
            SaveError, match=f"has an accuracy of .* on {min(n, 1000):,} images, where the network has 1"
        ):
            check_accuracy(predictor, answer, judged)
        return
    found = check_accuracy(predictor, answer, judged)
    counted = min(n, 1000)
    assert (found.n_images, found.accuracy, found.own_accuracy) == (counted, (counted - n_wrong) / counted, 1)
