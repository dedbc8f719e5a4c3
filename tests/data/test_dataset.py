"""Data sets: what they refuse, the arguments of their split, and how they show themselves."""

import subprocess
import sys

import numpy as np
import pytest

import golmu.data
from golmu.data import Dataset, ImageSet
from golmu.errors import InputError, InputTypeError


def image_set(n=20, shape=(6, 5, 1), n_classes=2):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % n_classes)


def dataset(train=None, test=None, class_names=("no", "yes")):
    return Dataset("tiny", image_set() if train is None else train, test, class_names, "memory")


IMAGES, LABELS = image_set().images, image_set().labels


def test_importing_the_package_is_light():
    heavy = "{'sklearn', 'scipy', 'pooch', 'requests', 'platformdirs', 'tensorflow'}"
    code = f"import sys; sys.path[:] = {sys.path!r}; import golmu.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert golmu.data.__all__ == ["Dataset", "ImageSet", "load_dataset"]


def test_dataset_names_what_does_not_fit():
    assert dataset(test=image_set(4)).test is not None
    with pytest.raises(InputError, match=r"test images must have the shape .* \(6, 5, 1\), but have \(6, 5, 3\)"):
        dataset(test=image_set(shape=(6, 5, 3)))
    with pytest.raises(InputError, match="class_names must name every label, but train has label 2 and there are 2"):
        dataset(train=image_set(n_classes=3))
    with pytest.raises(InputError, match="class_names must name every label, but test has label 3"):
        dataset(test=image_set(n_classes=4))
    with pytest.raises(InputTypeError, match="train must be an ImageSet, but is a tuple"):
        dataset(train=(IMAGES, LABELS))


@pytest.mark.parametrize("validation", [0, 1, -0.1, 1.5, float("nan")])
def test_split_names_a_share_out_of_range(validation):
    with pytest.raises(InputError, match=f"validation must be between 0 and 1, both excluded, but is {validation}"):
        dataset().split(validation)


def test_split_names_arguments_of_wrong_type_or_range():
    with pytest.raises(InputTypeError, match=r"validation must be a number between 0 and 1, but is '0\.2'"):
        dataset().split("0.2")
    with pytest.raises(InputTypeError, match="validation must be a number between 0 and 1, but is True"):
        dataset().split(True)
    with pytest.raises(InputTypeError, match="random_state must be an integer, but is None"):
        dataset().split(random_state=None)
    with pytest.raises(InputError, match=r"random_state must be 0 to 2\*\*32 - 1, but is -1"):
        dataset().split(random_state=-1)


def test_split_names_a_class_with_too_few_images():
    lonely = ImageSet(IMAGES, np.r_[1, np.zeros(19)].astype(np.int64))
    with pytest.raises(
        InputError, match=r"^'tiny' cannot be split by class, since 'yes' has only 1 image, and each class needs 2, "
    ):
        dataset(train=lonely).split()
    lonely = ImageSet(IMAGES, np.arange(len(IMAGES)))
    names = tuple(map(str, range(len(IMAGES))))
    with pytest.raises(InputError, match=r"since '0', '1', .* and \d+ more have only 1 image, and each class needs 2"):
        dataset(train=lonely, class_names=names).split()


def test_a_data_set_shows_itself_in_a_line():
    data = Dataset.from_arrays(np.zeros((1200, 4, 4), np.uint8), np.arange(1200) % 3, name="none")
    assert repr(data.train) == "<ImageSet: 1,200 images of 4x4x1, 3 classes>"
    assert len(repr(data)) < 200
