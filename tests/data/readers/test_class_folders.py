"""Folders of image files, a folder for each class: what is found, what it is made into, what is said of the rest."""

import os
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golmu import load_dataset
from golmu.data.loading import read_dataset
from golmu.data.readers import image_kinds, threaded_reading
from golmu.data.readers.image_files import read_image
from golmu.data.reading import ReadOptions
from golmu.data.storage import Memory
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


def fill(folder, n=10, classes=("ant", "bee")):
    """Class folders of `n` pictures each."""
    for name in classes:
        for i in range(n):
            save(folder / name / f"{i}.png")


@pytest.mark.parametrize("name", ["test", "TEST", "val", "Valid", "validation", "testing"])
def test_folders_of_training_and_test_images(folder, tmp_path, name):
    place = tmp_path / "parts"
    folder.rename(tmp_path / "train")
    place.mkdir()
    (tmp_path / "train").rename(place / "Train")
    save(place / name / "bee" / "a.png")
    data, notes = noted(place)
    assert (data.name, data.class_names, len(data.train)) == ("parts", ("ant", "bee"), 24)
    assert data.test.labels.tolist() == [1]
    is_plain = name.lower() == "test"
    assert notes == ([] if is_plain else [f"from '{place}': training images in 'Train', test images in '{name}'"])


@pytest.mark.parametrize(
    ("training", "test"),
    [
        ("training_set", "test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("asl_alphabet_train/asl_alphabet_train", "asl_alphabet_test"),
        ("Train_images", "Test_images"),
        ("data-train", "data-test"),
        ("trainset", "testset"),
        ("TrainImages", "TestImages"),
        ("1.Training", "2.Validation"),
        ("archive/train", "archive/valid"),
        ("훈련_데이터", "시험_데이터"),
        ("학습데이터", "테스트데이터"),
    ],
)
def test_parts_are_known_by_a_word_of_their_name(tmp_path, training, test):
    fill(tmp_path / "data" / training)
    fill(tmp_path / "data" / test, 3)
    data, notes = noted(tmp_path / "data")
    assert (data.class_names, len(data.train), len(data.test)) == (("ant", "bee"), 20, 6)
    assert notes == [f"from '{tmp_path}/data': training images in '{training}', test images in '{test}'"]


def test_one_image_among_the_parts_does_not_make_them_classes(folder, tmp_path):
    place = tmp_path / "data"
    place.mkdir()
    folder.rename(place / "train")
    fill(place / "test", 2)
    save(place / "train" / "folder.jpg")
    save(place / "sheet.png")
    data, notes = noted(place)
    assert (data.class_names, len(data.train), len(data.test)) == (("ant", "bee"), 24, 4)
    assert notes == [
        f"2 images lie in '{place}' beside the class folders and are not read: sheet.png, train/folder.jpg"
    ]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["val", "test"], "holds 'test', 'val', but no training images: rename one of them 'train', or give the path"),
        (["train_a", "test_a", "train_b", "test_b"], "holds several sets of parts, 'test_a', 'test_b', 'train_a', 'tr"),
        (["train", "training", "test"], "holds 'train', 'training', which both may be the same part of the data: "),
    ],
)
def test_parts_that_may_be_read_in_two_ways_are_refused(tmp_path, parts, text):
    for name in parts:
        fill(tmp_path / "data" / name)
    text = f"'{tmp_path}/data' {text}"
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(tmp_path / "data")


def test_a_part_beside_the_classes_of_training_is_refused(folder):
    fill(folder / "validation")
    text = (
        f"'{folder}' holds the class folder 'ant', and 'validation/ant' too: move the class folders beside 'validation'"
    )
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(folder)


def test_parts_without_class_folders_are_refused(tmp_path):
    fill(tmp_path / "data", classes=["train", "test1"])
    text = f"'{tmp_path}/data' holds 'test1', 'train', with images but no class folders: move the images of each class"
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(tmp_path / "data")
    fill(tmp_path / "data" / "test1")
    text = f"'{tmp_path}/data/train' holds images, but no class folders, as 'test1' does: move the images of each class"
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(tmp_path / "data")


@pytest.mark.parametrize(
    "classes",
    [
        ("valid", "invalid"), ("test_negative", "test_positive"), ("bus", "train"), ("car", "test"),
        ("drug_test", "pregnancy_test"), ("test1", "test2", "test3"), ("dress_shoe", "training_shoe"),
    ],
)  # fmt: skip
def test_classes_may_have_such_words_in_their_names(tmp_path, classes):
    fill(tmp_path / "data", classes=classes)
    assert set(load_dataset(tmp_path / "data").class_names) == set(classes)
    fill(tmp_path / "many", classes=("car", "dev", "test"))
    data, notes = noted(tmp_path / "many")
    assert data.class_names == ("car", "dev", "test")
    assert notes == [f"'dev', 'test' of '{tmp_path}/many' are read as classes, since they hold images"]


def test_of_several_sets_of_parts_the_plain_one_is_read(tmp_path):
    for name in ("train", "test", "train_masks", "test_masks"):
        fill(tmp_path / "data" / name)
    data, notes = noted(tmp_path / "data")
    assert data.class_names == ("ant", "bee")
    assert notes == [
        f"from '{tmp_path}/data': training images in 'train', test images in 'test'; not read: 'test_masks', "
        "'train_masks'"
    ]


def test_folders_around_the_class_folders_are_entered(folder, tmp_path):
    data, notes = noted(tmp_path)
    assert (data.class_names, data.train.files[0]) == (("ant", "bee"), "animals/ant/00.png")
    assert notes == [f"the classes of '{tmp_path}' are the folders in 'animals'"]


def test_folders_inside_class_folders_that_mean_something_else_are_told(tmp_path):
    for name in ("cat", "dog"):
        fill(tmp_path / "data" / name, classes=("train", "test"))
    data, notes = noted(tmp_path / "data")
    assert data.class_names == ("cat", "dog")
    assert notes[0].startswith("the class folders hold the folders 'test', 'train': all their images are read as")
    for name in ("amazon", "webcam"):
        fill(tmp_path / "office" / name, classes=("backpack", "bike"))
    data, notes = noted(tmp_path / "office")
    assert notes[0].startswith("the classes are 'amazon', 'webcam'; their images are in folders inside, which")


def test_run_folders_in_the_data_are_never_classes(folder):
    run = folder / "runs" / "animals-any"
    save(run / "curves.png")
    for name in ("run.json", "history.csv"):
        (run / name).touch()
    data, notes = noted(folder)
    assert data.class_names == ("ant", "bee")
    assert notes == ["run folders of Golmu are not read as data: runs/animals-any"]
    with pytest.raises(DataError, match=f"^'{run}' is a run folder, which holds no data set; give a data set by name"):
        load_dataset(run)


def test_names_are_cleaned_and_those_that_look_alike_are_told(tmp_path):
    fill(tmp_path / "data", classes=("cafe\u0301", "caf\xe9", "Dog", "dog", os.fsdecode("고양이".encode("cp949"))))
    data, notes = noted(tmp_path / "data")
    assert data.class_names == ("Dog", "caf\xe9", "dog", "고양이")
    assert np.bincount(data.train.labels).tolist() == [10, 20, 10, 10]
    assert notes == [
        "names that differ only in spaces around them or in their Unicode form are one class: 'cafe\u0301' and "
        "'caf\xe9'",
        "these names look alike, but are different classes: 'Dog' and 'dog'; if they are one, give them one name",
    ]


def test_only_plain_numbers_are_sorted_as_numbers(tmp_path):
    for classes, names in [
        (("10", "9", "-1"), ("-1", "9", "10")),
        (("10", "9", "007"), ("007", "10", "9")),
        (("1", "２", "10"), ("1", "10", "２")),
    ]:
        fill(tmp_path / names[0], classes=classes)
        assert load_dataset(tmp_path / names[0]).class_names == names


@pytest.fixture
def _without_heif(monkeypatch):
    monkeypatch.setattr(image_kinds, "_reads_heif", lambda: False)
    monkeypatch.setattr(image_kinds, "_readable_suffixes", lambda: image_kinds.IMAGE_SUFFIXES)


@pytest.mark.usefixtures("_without_heif")
def test_files_of_other_kinds_are_counted(folder):
    for i in range(3):
        (folder / "ant" / f"IMG_{i}.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    (folder / "bee" / "notes.txt").touch()
    (folder / "bee" / "0001").touch()
    save(folder / "bee" / "a.jpg").rename(folder / "bee" / "a.jfif")
    read_options = ReadOptions()
    data = read_dataset(folder, None, read_options)
    assert data.train.files[-1] == "bee/a.jfif"
    assert read_options.notes == [
        f"5 files in '{folder}' are not read: 3 .heic, 1 without an ending, 1 .txt; HEIC images need pillow-heif: "
        'pip install "golmu[heif]"'
    ]
    assert read_options.passed_over == {".heic": 3, ".txt": 1, "": 1}


@pytest.mark.usefixtures("_without_heif")
def test_a_class_of_images_that_cannot_be_read_here_is_refused(folder):
    (folder / "cat").mkdir()
    (folder / "cat" / "1.heic").touch()
    text = f"the class folder '{folder}/cat' holds no image that can be read here: 1 .heic; HEIC images need pillow"
    with pytest.raises(DataError, match=f"^{re.escape(text)}"):
        load_dataset(folder)


def test_a_folder_inside_that_may_not_be_looked_into_is_skipped_with_skip_bad(folder, monkeypatch):
    look = os.scandir
    (folder / "ant" / "secret").mkdir()

    def forbidding(path):
        if str(path).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return look(path)

    monkeypatch.setattr(os, "scandir", forbidding)
    with pytest.raises(DataError, match=r"^cannot look into folder '.*secret' for image files \(Permission denied\)"):
        load_dataset(folder)
    _, notes = noted(folder, skip_bad=True)
    assert notes == [
        f"cannot look into folder '{folder}/ant/secret' for image files (Permission denied); check its permissions"
    ]


def test_a_link_to_itself_is_a_file_that_cannot_be_read(folder):
    (folder / "ant" / "self.png").symlink_to("self.png")
    with pytest.raises(DataError, match=r"^1 of 25 images cannot be read: .*self.png is not a readable image: Too"):
        load_dataset(folder)
    data, _ = noted(folder, skip_bad=True)
    assert len(data.train) == 24


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
    assert notes == [f"from '{place}': training images in 'train', test images in 'test'; not read: 'loose', 'val'"]


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
    assert notes == [f"from '{place}': training images in 'train'; not read: 'test'"]


def test_numbers_are_sorted_as_numbers(tmp_path):
    for name in ("10", "9", "1"):
        for i in range(10):
            save(tmp_path / name / f"{i}.png")
    assert load_dataset(tmp_path).class_names == ("1", "9", "10")


def test_what_is_hidden_or_no_image_is_passed_over_and_folders_inside_a_class_are_read(folder):
    for name in ("Thumbs.db", "._00.png", ".00.png"):
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
    (folder / "dog").symlink_to(folder)
    data, notes = noted(folder)
    assert data.class_names == ("ant", "bee", "cat")
    assert np.bincount(data.train.labels).tolist() == [12, 13, 10]
    assert notes == [
        "1 training image is a duplicate of another: bee/00.png = bee/12.png"
        "; remove the copies: an image in both parts makes the accuracy too high"
    ]


def test_a_link_to_nothing_cannot_be_read(folder):
    (folder / "ant" / "gone.png").symlink_to(folder / "nowhere.png")
    with pytest.raises(DataError, match=r"^1 of 25 images cannot be read: there is no image .*gone\.png"):
        load_dataset(folder)


# Sizes and colours


def test_one_size_is_kept_and_several_are_fitted(folder):
    save(folder / "ant" / "wide.png", (10, 40))
    data, notes = noted(folder)
    assert data.train.images.shape[1:] == (28, 28, 1)
    assert notes == [
        "the images have 2 sizes (height x width), 6x5 (24), 10x40 (1): all are scaled to fit 28x28; choose another "
        "size with --size (in Python: size=)"
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
        "the images have 5 sizes (height x width), 6x5 (24), 7x9 (1), 8x9 (1), ...: all are scaled to fit 28x28; "
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
        "the images are 130x20 pixels (height x width), which makes the network large and slow; try a "
        "smaller size with --size (in Python: size=)"
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
    assert notes == [
        "2 training images are duplicates of others: bee/00.png = bee/12.png = bee/13.gif"
        "; remove the copies: an image in both parts makes the accuracy too high"
    ]


def test_all_modes_together(folder):
    for mode in ("1", "LA", "P", "RGBA", "I;16"):
        save(folder / "bee" / f"{mode.replace(';', '')}.png", colour=1, mode=mode)
    save(folder / "bee" / "cmyk.jpg", colour=(10, 200, 30, 40), mode="CMYK")
    data, notes = noted(folder)
    assert data.train.images.shape == (30, 6, 5, 3)
    # Nearly black ones; and where they are transparent too, white is laid under them.
    text = "bee/1.png = bee/LA.png = bee/RGBA.png, bee/I16.png = bee/P.png"
    text += "; remove the copies: an image in both parts makes the accuracy too high"
    assert notes == [f"3 training images are duplicates of others: {text}"]


# What cannot be read


def test_files_that_cannot_be_read_are_counted_and_named_or_left_out(folder):
    for i in range(5):
        (folder / "ant" / f"bad{i}.png").write_bytes(b"text")
    names = [
        f"{folder}/ant/bad{i}.png is not an image in a known format (PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC)"
        for i in range(5)
    ]
    what = f"5 of 29 images cannot be read: {'; '.join(names[:3])}; ..."
    text = f"{what}; fix or remove them, or skip them with --skip-bad (in Python: skip_bad=True)"
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
    assert more == "and 2 more; golmu data DATA --json lists them all as left_out"
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

    refused(folder / "ant", f"'{folder}/ant' holds images, but no class folders: move the images of each class")
    for path in (folder / "ant").iterdir():
        path.unlink()
    (folder / "ant").rmdir()
    refused(folder, f"'{folder}' holds 1 class folder, 'bee', but at least 2 are needed: one for each class, with")


def test_classes_of_test_that_training_lacks_are_not_read(folder, tmp_path):
    place = tmp_path / "parts"
    place.mkdir()
    folder.rename(place / "train")
    fill(place / "test", 1, ("unknown", "Ant"))
    data, notes = noted(place)
    assert data.test is None
    assert notes == [
        f"'{place}/test' holds 2 images of Ant, unknown, which training lacks: they are not read; rename them if they "
        "are classes of training: Ant and ant look alike"
    ]
    save(place / "test" / "bee" / "a.png")
    assert noted(place)[0].test.files == ("test/bee/a.png",)


def test_empty_class_folders_are_no_classes(folder):
    (folder / "empty").mkdir()
    (folder / "labels").mkdir()
    (folder / "labels" / "1.xml").touch()
    data, notes = noted(folder)
    assert data.class_names == ("ant", "bee")
    assert notes == [f"folders of '{folder}' without an image are no classes: 'empty', 'labels' (1 .xml)"]


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
    monkeypatch.setattr(Memory, "max_bytes", 24 * 30 - 1)
    text = "24 images of 6x5x1 (height x width x channels) take 720 bytes, but at most 719 are read: "
    text += "choose a smaller size with --size (in Python: size=)"
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
        "1 image appears in more than one training class: train/ant/copy.png = train/dog/0.png; keep each image in its "
        "true class only",
        "1 of 2 test images is in the training data too: test/dog/old.png = train/ant/copy.png = train/dog/0.png; "
        "remove the copies: an image in both parts makes the accuracy too high",
    ]


def test_a_class_of_one_image_cannot_be_split(folder):
    save(folder / "cow" / "a.png")
    data, notes = noted(folder)
    assert notes[:2] == [
        "1 class has only one training image, so that none can be held out for validation: add images, or remove cow",
        "1 class has fewer than 10 training images: cow (1)",
    ]
    with pytest.raises(InputError, match=r"^'animals' cannot be split by class, since 'cow' has only 1 image"):
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


@pytest.mark.parametrize("is_packed", [False, True])
@pytest.mark.parametrize(
    ("classes", "strays"),
    [
        pytest.param("", ["cover.png"], id="one folder"),
        pytest.param("inner/", ["cover.png"], id="two folders"),
        pytest.param("train/", ["cover.png"], id="a part"),
        pytest.param("", ["cover.png", "../top.png"], id="at both levels"),
    ],
)
def test_a_wrapping_folder_is_entered_although_stray_files_lie_beside_it(tmp_path, classes, strays, is_packed):
    top = tmp_path / "top"
    for name in ("ant", "bee"):
        for i in range(10):
            save(top / "wrap" / classes / name / f"{i}.png")
    places = [save((top / "wrap" / stray).resolve()) for stray in strays]
    (top / "wrap" / "readme.txt").write_text("about")
    path = Path(shutil.make_archive(str(tmp_path / "top"), "zip", top)) if is_packed else top
    data, notes = noted(path)
    assert data.class_names == ("ant", "bee")
    assert len(data.train) == 20
    named = ", ".join(sorted(place.relative_to(top).as_posix() for place in places))
    assert notes[1:] == [
        f"{len(places)} image{'s lie' if len(places) > 1 else ' lies'} in '{path}' beside the class folders and "
        f"{'are' if len(places) > 1 else 'is'} not read: {named}"
    ]


def test_one_class_with_one_folder_inside_is_no_wrapping_folder(folder):
    shutil.rmtree(folder / "ant")
    save(folder / "bee" / "more" / "a.png")
    with pytest.raises(DataError, match="holds 1 class folder, 'bee', but at least 2 are needed: one for each class, "):
        load_dataset(folder)
