"""Folders of image files, a folder for each class: what is found, what it is made into, what is said of the rest."""

import os
import re
import warnings

import numpy as np
import pytest
from PIL import Image

from golmu import load_dataset
from golmu.data.loading import read_dataset
from golmu.data.readers import threaded_reading
from golmu.data.readers.image_files import read_image
from golmu.data.reading import ReadOptions
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError

RNG = np.random.default_rng(0)


def save(path, size=(6, 5), *, colour=None, mode="L"):
    """A picture of (height, width) with noise, or of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = RNG.integers(0, 256, (*size, 3), np.uint8) if mode == "RGB" else RNG.integers(0, 256, size, np.uint8)
    picture = Image.fromarray(pixels) if colour is None else Image.new(mode, size[::-1], colour)
    picture.save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Classes "ant" and "bee" of 12 grey pictures each, 6×5 pixels."""
    for name in ("bee", "ant"):
        for i in range(12):
            save(tmp_path / "animals" / name / f"{i:02}.png")
    return tmp_path / "animals"


def noted(folder, **options):
    """The data set, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load_dataset(folder, **options)
    assert all(warning.category is GolmuWarning for warning in caught)
    assert all(warning.filename == __file__ for warning in caught)  # they point at the caller
    return data, [str(warning.message) for warning in caught]


def test_a_folder_for_each_class(folder):
    data = load_dataset(folder)
    assert (data.name, data.source, data.class_names, data.test) == ("animals", str(folder), ("ant", "bee"), None)
    assert data.train.images.shape == (24, 6, 5, 1)
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.tolist() == [0] * 12 + [1] * 12
    assert np.array_equal(data.train.images[13], read_image(folder / "bee" / "01.png", (6, 5, 1)))


@pytest.mark.parametrize("name", ["test", "val", "Valid", "validation", "testing"])
def test_folders_of_training_and_test_images(folder, tmp_path, name):
    place = tmp_path / "parts"
    folder.rename(tmp_path / "train")
    place.mkdir()
    (tmp_path / "train").rename(place / "Train")
    save(place / name / "bee" / "a.png")
    data = load_dataset(place)
    assert (data.name, data.class_names, len(data.train)) == ("parts", ("ant", "bee"), 24)
    assert data.test.labels.tolist() == [1]


def test_of_test_and_val_the_first_is_the_test_set_and_the_other_is_not_read(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "val" / "ant" / "a.png")
    save(place / "test" / "ant" / "a.png")
    save(place / "test" / "bee" / "a.png")
    save(place / "loose" / "a.png")
    data, notes = noted(place)
    assert data.test.labels.tolist() == [0, 1]
    assert notes == [f"from '{place}' only 'train' and 'test' is read; ignored: loose, val"]


def test_a_class_may_be_called_train(folder):
    save(folder / "train" / "a.png")
    data, _ = noted(folder)
    assert data.class_names == ("ant", "bee", "train")


def test_unlabelled_test_images_are_passed_over_with_a_note(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "test" / "1.png")
    data, notes = noted(place)
    assert data.test is None
    assert notes == [f"from '{place}' only 'train' is read; ignored: test"]


def test_numbers_are_sorted_as_numbers(tmp_path):
    for name in ("10", "9", "1"):
        for i in range(10):
            save(tmp_path / name / f"{i}.png")
    assert load_dataset(tmp_path).class_names == ("1", "9", "10")


def test_what_is_hidden_or_no_image_is_passed_over_and_folders_inside_a_class_are_read(folder):
    for name in ("notes.txt", "Thumbs.db", "._00.png", ".00.png"):
        (folder / "ant" / name).write_text("x")
    (folder / "readme.md").write_text("x")
    for name in (".cache", "__MACOSX"):
        save(folder / name / "a.png")
    save(folder / "ant" / "more" / "and more" / "A.PNG")
    save(folder / "ant" / ".hidden" / "a.png")
    data = load_dataset(folder)
    assert data.class_names == ("ant", "bee")
    assert np.bincount(data.train.labels).tolist() == [13, 12]


def test_links_are_followed_and_may_make_a_circle(folder, tmp_path):
    for i in range(10):
        save(tmp_path / "elsewhere" / f"{i}.png")
    (folder / "cat").symlink_to(tmp_path / "elsewhere")
    (folder / "ant" / "circle").symlink_to(folder)
    (folder / "bee" / "12.png").symlink_to(folder / "bee" / "00.png")
    data, notes = noted(folder)
    assert data.class_names == ("ant", "bee", "cat")
    assert notes[0].startswith("24 training images are duplicates of others")  # ant holds all of bee, once
    (folder / "ant" / "circle").unlink()
    data, notes = noted(folder)
    assert np.bincount(data.train.labels).tolist() == [12, 13, 10]
    assert notes == ["1 training image is a duplicate of another"]


def test_a_link_to_nothing_cannot_be_read(folder):
    (folder / "ant" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DataError, match=r"^1 of 25 images cannot be read: .*gone.png is not a readable image: No such"):
        load_dataset(folder)


# Sizes and colours


def test_one_size_is_kept_and_several_are_fitted(folder):
    save(folder / "ant" / "wide.png", (10, 40))
    data, notes = noted(folder)
    assert data.train.images.shape[1:] == (28, 28, 1)
    assert notes == [
        "the images have 2 sizes, 6x5 (24), 10x40 (1): all are scaled to fit 28x28; choose another size with --size "
        "(size=)"
    ]
    wide = data.train.images[12, :, :, 0]
    ground = wide[0, 0]
    assert (wide[:10] == ground).all()
    assert (wide[18:] == ground).all()
    assert (wide[10:17] != ground).any(axis=0).all()


def test_of_many_sizes_the_most_common_are_named(folder):
    for i in range(4):
        save(folder / "ant" / f"other{i}.png", (7 + i, 9))
    _, notes = noted(folder)
    assert notes[0].startswith(
        "the images have 5 sizes, 6x5 (24), 7x9 (1), 8x9 (1), ...: all are scaled to fit 28x28; "
    )


def test_the_size_asked_for(folder):
    save(folder / "ant" / "wide.png", (10, 40))
    assert load_dataset(folder, size=8).train.images.shape[1:] == (8, 8, 1)
    assert load_dataset(folder, size=(4, 9), channels=3).train.images.shape[1:] == (4, 9, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert load_dataset(folder, channels=3).train.images.shape[1:] == (28, 28, 3)


def test_large_images_are_kept_with_a_note(tmp_path):
    for name in "ab":
        for i in range(10):
            save(tmp_path / name / f"{i}.png", (130, 20))
    data, notes = noted(tmp_path)
    assert data.train.images.shape[1:] == (130, 20, 1)
    assert notes == [
        "the images are 130x20 pixels, which makes the network large and slow; try a smaller size with --size (size=)"
    ]


def test_lines_are_made_as_wide_as_a_network_needs(tmp_path):
    for name in "ab":
        for i in range(10):
            save(tmp_path / name / f"{i}.png", (1, 5))
    assert load_dataset(tmp_path).train.images.shape[1:] == (2, 5, 1)


def test_colours_are_kept_if_any_image_has_one(folder):
    save(folder / "bee" / "red.png", colour=(200, 0, 0), mode="RGB")
    images = load_dataset(folder).train.images
    assert images.shape[1:] == (6, 5, 3)
    assert images[-1, 0, 0].tolist() == [200, 0, 0]
    assert load_dataset(folder, channels=1).train.images.shape[1:] == (6, 5, 1)


def test_grey_images_that_are_stored_with_colours_are_grey(folder):
    grey = Image.open(folder / "bee" / "00.png").convert("RGB")
    grey.save(folder / "bee" / "12.png")
    grey.quantize(256).save(folder / "bee" / "13.gif")
    data, notes = noted(folder)
    assert data.train.images.shape[1:] == (6, 5, 1)
    assert np.array_equal(data.train.images[12], data.train.images[24])
    assert notes == ["2 training images are duplicates of others"]


def test_all_modes_together(folder):
    for mode in ("1", "LA", "P", "RGBA", "I;16"):
        save(folder / "bee" / f"{mode.replace(';', '')}.png", colour=1, mode=mode)
    save(folder / "bee" / "cmyk.jpg", colour=(10, 200, 30, 40), mode="CMYK")
    data, notes = noted(folder)
    assert data.train.images.shape == (30, 6, 5, 3)
    assert notes == ["3 training images are duplicates of others"]  # the nearly black ones


# What cannot be read


def test_files_that_cannot_be_read_are_counted_and_named_or_left_out(folder):
    for i in range(5):
        (folder / "ant" / f"bad{i}.png").write_bytes(b"text")
    names = [
        f"{folder}/ant/bad{i}.png is not an image in a known format (PNG, JPEG, BMP, GIF, TIFF, WEBP)" for i in range(5)
    ]
    what = f"5 of 29 images cannot be read: {'; '.join(names[:3])}; ..."
    text = f"{what}; fix or remove them, or skip them with --skip-bad (skip_bad=True)"
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        load_dataset(folder)
    data, notes = noted(folder, skip_bad=True)
    assert notes == ["\n  ".join(["5 of 29 images cannot be read and are skipped:", *names])]
    assert len(data.train) == 24
    assert data.train.labels.tolist() == [0] * 12 + [1] * 12


def test_of_very_many_files_left_out_the_first_are_named_and_all_are_kept(folder, monkeypatch):
    monkeypatch.setattr(threaded_reading, "MAX_FILES_LISTED", 4)
    for i in range(6):
        (folder / "ant" / f"bad{i}.png").write_bytes(b"text")
    read_options = ReadOptions(skip_bad=True)
    read_dataset(folder, None, read_options)
    head, *named, more = read_options.notes[0].split("\n  ")
    assert head == "6 of 30 images cannot be read and are skipped:"
    assert named == read_options.left_out[:4]
    assert more == "and 2 more; golmu data DATA --skip-bad --json lists them all as left_out"
    assert [line.split()[0] for line in read_options.left_out] == [f"{folder}/ant/bad{i}.png" for i in range(6)]


def test_images_carry_the_names_of_their_files_through_the_split(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "test" / "ant" / "in" / "a.png")
    (place / "train" / "ant" / "03.png").write_bytes(b"")
    data, _ = noted(place, skip_bad=True)
    assert data.test.files == ("test/ant/in/a.png",)
    assert data.train.files[2:4] == ("train/ant/02.png", "train/ant/04.png")
    for part in data.split():
        for image, label, name in zip(part.images, part.labels, part.files, strict=True):
            assert name.split("/")[1] == data.class_names[label]
            assert np.array_equal(image, read_image(place / name, (6, 5, 1)))


def test_bad_test_images_are_left_out_too(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "test" / "ant" / "a.png")
    (place / "test" / "ant" / "b.png").write_bytes(b"")
    save(place / "test" / "bee" / "c.png")
    data, notes = noted(place, skip_bad=True)
    assert data.test.labels.tolist() == [0, 1]
    assert len(notes) == 1


def test_no_training_image_is_left(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "test" / "ant" / "a.png")
    for name in ("ant", "bee"):
        for path in (place / "train" / name).iterdir():
            path.write_bytes(b"")
    with pytest.raises(DataError, match=f"^'{place}/train' holds no image that can be read; fix or replace the files$"):
        load_dataset(place, skip_bad=True)


def test_no_image_is_left(folder):
    for path in (folder / "ant").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=f"^'{folder}/ant' holds no image that can be read; fix or remove it$"):
        load_dataset(folder, skip_bad=True)
    for path in (folder / "bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"^24 of 24 images cannot be read: .*; no image is left$"):
        load_dataset(folder, skip_bad=True)


def test_folders_that_are_not_as_they_should_be(folder, tmp_path):
    def refused(place, text):
        with pytest.raises(DataError, match=f"^{re.escape(text)}"):
            load_dataset(place)

    (folder / "empty").mkdir()
    refused(folder, f"the class folder '{folder}/empty' holds no image: no file ends in .png, .jpg, ")
    (folder / "empty").rmdir()
    refused(folder / "ant", f"'{folder}/ant' holds images, but no class folders: move the images of each class")
    refused(
        tmp_path,
        f"'{tmp_path}' holds 1 class folder, 'animals', but at least 2 are needed: one for each class, with its "
        f"images; '{folder}' holds folders itself: give its path",
    )
    for path in (folder / "ant").iterdir():
        path.unlink()
    (folder / "ant").rmdir()
    refused(folder, f"'{folder}' holds 1 class folder, 'bee', but at least 2 are needed: one for each class, with")


def test_classes_of_test_must_be_those_of_training(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    save(place / "test" / "cow" / "a.png")
    text = f"'{place}/test' holds the classes cow, which are not among the training classes ant, bee; rename, move or"
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(place)


def test_a_folder_that_may_not_be_looked_into(folder, monkeypatch):
    look = os.scandir

    def forbidding(path):
        if str(path).endswith("ant"):
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    with pytest.raises(
        DataError, match=r"^cannot look into folder '.*ant' for image files \(Permission denied\); check"
    ):
        load_dataset(folder)


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"size": 1}, InputError, "size must be an integer from 2 to 4096, got 1"),
        ({"size": (28, 5000)}, InputError, "size must be an integer from 2 to 4096, got 5000"),
        ({"size": "28"}, InputTypeError, "size must be an integer from 2 to 4096, got '28'"),
        ({"size": (28, 28, 3)}, InputError, "size must be one number, or height and width, got (28, 28, 3)"),
        ({"size": True}, InputTypeError, "size must be an integer from 2 to 4096, got True"),
        ({"channels": 2}, InputError, "channels must be 1 (grey) or 3 (RGB), got 2"),
        ({"channels": 4}, InputError, "channels must be an integer from 1 to 3, got 4"),
        ({"channels": "rgb"}, InputTypeError, "channels must be an integer from 1 to 3, got 'rgb'"),
        ({"skip_bad": "yes"}, InputTypeError, "skip_bad must be True or False, got 'yes'"),
        ({"progress": 3}, InputTypeError, "progress must be a function of two numbers, got 3"),
        (
            {"folder": "x"},
            InputError,
            "name='{folder}' is a folder itself, so folder='x' has no effect; leave out folder",
        ),
    ],
)
def test_arguments_that_cannot_be_used(folder, options, kind, text):
    with pytest.raises(kind, match=f"^{re.escape(text.format(folder=folder))}$"):
        load_dataset(folder, **options)


def test_more_than_fits_into_the_limit_is_refused_before_it_is_decoded(folder, monkeypatch):
    monkeypatch.setattr(threaded_reading, "MAX_BYTES", 24 * 30 - 1)
    text = "24 images of 6x5x1 take 720 bytes, but at most 719 are read: choose a smaller size with --size (size=)"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        load_dataset(folder)


# Notices


def test_few_images_uneven_classes_and_copies_are_noted(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    for i in range(120):
        save(place / "train" / "cow" / f"{i}.png")
    for i in range(3):
        save(place / "train" / "dog" / f"{i}.png")
    one = (place / "train" / "dog" / "0.png").read_bytes()
    (place / "train" / "ant" / "copy.png").write_bytes(one)
    save(place / "test" / "dog" / "new.png")
    (place / "test" / "dog" / "old.png").write_bytes(one)
    _, notes = noted(place)
    assert notes == [
        "1 class has fewer than 10 training images: dog (3)",
        "the classes are unbalanced: 'cow' has 120 training images, 'dog' has 3",
        "1 training image is a duplicate of another",
        "1 image appears in more than one training class",
        "1 of 2 test images is in the training data too, so the test says less about new images",
    ]


def test_a_class_of_one_image_cannot_be_split(folder):
    save(folder / "cow" / "a.png")
    data, notes = noted(folder)
    assert notes[:2] == [
        "1 class has only one training image, so that none can be held out for validation: add images, or remove cow",
        "1 class has fewer than 10 training images: cow (1)",
    ]
    text = (
        "validation=0.2 cannot split the 25 images of 'animals' by class: 'cow' has 1 image, but needs 2 to be in both"
    )
    with pytest.raises(InputError, match=f"^{re.escape(text)}"):
        data.split()


# Many files


def test_ten_thousand_files_are_read_in_order_with_progress(tmp_path):
    for label in range(4):
        (tmp_path / str(label)).mkdir()
        for i in range(2500):
            number = 2500 * label + i
            pixels = np.array([[number % 256, number // 256], [label, 255]], np.uint8)
            Image.fromarray(pixels).save(tmp_path / str(label) / f"{i:04}.bmp")
    seen = []
    data = load_dataset(tmp_path, progress=lambda done, total: seen.append((done, total)))
    numbers = data.train.images[:, 0, 0, 0] + 256 * data.train.images[:, 0, 1, 0].astype(int)
    assert np.array_equal(numbers, np.arange(10_000))
    assert seen[0] == (threaded_reading.FILES_PER_PART, 10_000)
    assert seen[-1] == (10_000, 10_000)
    assert seen == sorted(seen)


def test_an_interruption_ends_the_reading(folder):
    def interrupt(_done, _total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_dataset(folder, progress=interrupt)
