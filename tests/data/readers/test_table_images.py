"""Images in tables that are no column for each pixel: lists, text, and names of files; and splits within a table."""

import json
import re
import warnings

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from golmu import load_dataset
from golmu.errors import DataError, GolmuWarning

RNG = np.random.default_rng(0)
N = 36
X, Y = RNG.integers(0, 256, (N, 6, 6), np.uint8), np.arange(N) % 3
COLOUR = RNG.integers(0, 256, (N, 3, 6, 7), np.uint8)


def noted(path, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GolmuWarning)
        data = load_dataset(path, **options)
    return data, [str(warning.message) for warning in caught]


def table(path, **columns):
    parquet.write_table(pyarrow.table(columns), path)
    return path


def refused(path, text, kind=DataError, **options):
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        load_dataset(path, **options)


# Lists


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        pytest.param(X.reshape(N, 36).tolist(), X[..., None], id="flat"),
        pytest.param(X.tolist(), X[..., None], id="rows"),
        pytest.param(X[:, :4].tolist(), X[:, :4, :, None], id="rows, not square"),
        pytest.param(COLOUR.transpose(0, 2, 3, 1).tolist(), COLOUR.transpose(0, 2, 3, 1), id="channels last"),
        pytest.param(COLOUR.tolist(), COLOUR.transpose(0, 2, 3, 1), id="channels first"),
        pytest.param((X / 255).tolist(), X[..., None], id="shares of 1"),
        pytest.param(
            pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(X.ravel()), 36), X[..., None], id="of a fixed size"
        ),
    ],
)
def test_lists_of_pixels(tmp_path, lists, expected):
    data = load_dataset(table(tmp_path / "a.parquet", image=lists, label=Y))
    assert np.array_equal(data.train.images, expected)
    assert data.train.labels.tolist() == Y.tolist()


def test_lists_that_are_no_images_are_named(tmp_path):
    path = tmp_path / "a.parquet"
    ragged = X.reshape(N, 36).tolist()
    table(path, image=[ragged[0][:25], *ragged[1:]], label=Y)
    refused(path, f"'{path}' has images of several sizes in the lists of 'image': scale or crop them to one size")
    table(path, image=[None, *ragged[1:]], label=Y)
    refused(path, f"'{path}' has rows with missing pixels; fix or remove them")
    table(path, image=[[None, *ragged[0][1:]], *ragged[1:]], label=Y)
    refused(path, f"'{path}' has rows with missing pixels; fix or remove them")
    table(path, image=X[:, :5].reshape(N, 30).tolist(), label=Y)
    refused(path, f"'{path}' has lists of 30 pixels in 'image', which do not make an image: give height, width and")
    assert load_dataset(path, size=(5, 6)).train.images.shape == (N, 5, 6, 1)
    table(path, image=[[[1, 2]]] * N, label=Y)
    refused(path, f"'{path}' has lists of 1 x 2 pixels in 'image', which do not make an image")


# Text


def texts_of(separator):
    return [separator.join(map(str, pixels)) for pixels in X.reshape(N, 36)]


@pytest.mark.parametrize("form", ["{}", " {} ", "[{}]"])
@pytest.mark.parametrize("separator", [" ", ", "])
def test_a_column_of_text_that_lists_pixels(tmp_path, form, separator):
    """As FER2013 has it."""
    texts = [form.format(text) for text in texts_of(separator)]
    path = tmp_path / "fer.csv"
    path.write_text("emotion,pixels\n" + "".join(f'{y},"{text}"\n' for y, text in zip(Y, texts, strict=True)))
    for data in (load_dataset(path), load_dataset(table(tmp_path / "a.parquet", pixels=texts, label=Y))):
        assert np.array_equal(data.train.images[..., 0], X)
        assert data.train.labels.tolist() == Y.tolist()


def test_text_that_ends_in_something_else_is_refused(tmp_path):
    path, texts = tmp_path / "fer.csv", texts_of(" ")
    texts[-1] = texts[-1].rsplit(" ", 1)[0] + " x"
    path.write_text("label,pixels\n" + "".join(f"{y},{text}\n" for y, text in zip(Y, texts, strict=True)))
    refused(
        path,
        f"'{path}' has text in 'pixels' that lists no pixels (Failed to parse string: 'x' as a scalar of type float",
    )


def test_a_column_may_say_what_to_train_and_to_test_on(tmp_path):
    path = tmp_path / "fer.csv"
    for usage, n_train, n_test, end in (
        (["Training", "PrivateTest", "PublicTest"], 12, 12, "; those for validation (12) are ignored, since "),
        (["train", "test", "train"], 24, 12, ""),
        (["train", "valid", "train"], 24, 12, ""),
    ):
        rows = zip(Y, texts_of(" "), np.array(usage)[np.arange(N) // 12], strict=True)
        path.write_text("label,pixels,Usage\n" + "".join(f"{y},{text},{use}\n" for y, text, use in rows))
        data, notes = noted(path)
        assert (len(data.train), len(data.test)) == (n_train, n_test)
        assert notes[0].startswith(
            f"the column 'Usage' of '{path}' says which images are for training and which for the test{end}"
        )
        assert np.array_equal(data.test.images[..., 0], X[12:24])
        assert data.test.labels.tolist() == Y[12:24].tolist()
    path.write_text(path.read_text().replace("valid", "other"))
    data, notes = noted(path)
    assert (len(data.train), data.test) == (N, None)
    assert notes == [f"the column 'Usage' of '{path}' is not heeded, since its values are not train, test and val"]
    path.write_text(path.read_text().replace("other", "train"))
    assert len(load_dataset(path).train) == N  # without a word


# Names of files


def save_images(folder, names, images=X):
    for name, pixels in zip(names, images, strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / name)


def listing(path, names, labels=Y, header="filename,label"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{header}\n" + "".join(f"{name},{label}\n" for name, label in zip(names, labels, strict=True)))
    return path


@pytest.mark.parametrize(
    ("written", "stored", "header"),
    [
        pytest.param("{}.png", "{}.png", "filename,label", id="beside"),
        pytest.param("img/{}.png", "img/{}.png", "image,species", id="a path"),
        pytest.param("./img\\{}.png", "img/{}.png", "path,label", id="a path of Windows"),
        pytest.param("/kaggle/input/img/{}.png", "img/{}.png", "path,label", id="the path of another computer"),
        pytest.param("../img/{}.PNG", "img/{}.PNG", "what,label", id="a path from elsewhere"),
        pytest.param("{}.png", "train/{}.png", "file_name,label", id="a name alone"),
        pytest.param("{}", "train/{}.png", "id,label", id="a number"),
        pytest.param("{}ab", "train/{}ab.png", "id,breed", id="an id"),
    ],
)
@pytest.mark.parametrize("as_folder", [False, True])
def test_a_table_of_names_of_files_and_labels(tmp_path, written, stored, header, as_folder):
    save_images(tmp_path, [stored.format(i) for i in range(N)])
    names = np.array(["ant", "bee", "cat"])
    path = listing(tmp_path / "train.csv", [written.format(i) for i in range(N)], names[Y], header)
    data = load_dataset(tmp_path if as_folder else path)
    assert data.class_names == ("ant", "bee", "cat")
    assert np.array_equal(data.train.images[..., 0], X)
    assert data.train.labels.tolist() == Y.tolist()
    assert load_dataset(path, size=4, channels=3).train.images.shape == (N, 4, 4, 3)


def test_a_competition_with_images_of_one_name_in_both_parts(tmp_path):
    save_images(tmp_path / "train", [f"{i}.png" for i in range(N)])
    save_images(tmp_path / "test", [f"{i}.png" for i in range(4)], 255 - X[:4])
    listing(tmp_path / "train.csv", [f"{i}.png" for i in range(N)], header="id,label")
    data, _ = noted(tmp_path)
    assert np.array_equal(data.train.images[..., 0], X)
    listing(tmp_path / "test.csv", [f"{i}.png" for i in range(4)], Y[:4], header="id,label")
    data, _ = noted(tmp_path)
    assert np.array_equal(data.test.images[..., 0], 255 - X[:4])
    save_images(tmp_path / "images" / "a", ["7.png"], X[:1])
    save_images(tmp_path / "images" / "b", ["8.png"], X[:1])
    listing(tmp_path / "train.csv", ["7.png", "8.png", *range(34)], header="id,label")
    assert np.array_equal(noted(tmp_path)[0].train.images[:2, :, :, 0], X[7:9])  # those in the folder `train`
    path = listing(tmp_path / "other.csv", [f"{i}.png" for i in range(N)], header="id,label")
    refused(
        path, f"'0.png' may be '{tmp_path}/test/0.png' or '{tmp_path}/train/0.png': give its path within '{tmp_path}'"
    )


def test_a_folder_of_images_with_metadata_in_each_part(tmp_path):
    """As the hubs have it."""
    for part, images in (("train", X), ("test", 255 - X)):
        save_images(tmp_path / part, [f"{i}.png" for i in range(N)], images)
        listing(tmp_path / part / "metadata.csv", [f"{i}.png" for i in range(N)], header="file_name,label")
    data = load_dataset(tmp_path)
    assert np.array_equal(data.train.images[..., 0], X)
    assert np.array_equal(data.test.images[..., 0], 255 - X)


def test_folders_of_classes_come_before_a_table(tmp_path):
    for part in ("", "train/"):
        folder = tmp_path / f"x{len(part)}"
        save_images(folder, [f"{part}{'ant' if i % 2 else 'bee'}/{i}.png" for i in range(N)])
        listing(folder / "predictions.csv", [f"{i}.png" for i in range(N)])
        data, notes = noted(folder)
        assert data.class_names == ("ant", "bee")
        assert f"the class folders in '{folder}' are read, and its tables are not" in notes[0]


def test_files_that_are_not_there_are_named_or_skipped(tmp_path):
    path = listing(tmp_path / "names.csv", [f"{i}.png" for i in range(N)])
    lacks = f"there is no image {tmp_path}/0.png, which is named in {path}, row 1"
    refused(path, f"36 of 36 images cannot be read: {lacks}; ")
    save_images(tmp_path, [f"{i}.png" for i in range(1, N)], X[1:])
    refused(path, f"1 of 36 images cannot be read: {lacks}; ")
    data, notes = noted(path, skip_bad=True)
    assert np.array_equal(data.train.images[..., 0], X[1:])
    assert data.train.labels.tolist() == Y[1:].tolist()
    assert any(lacks in note for note in notes)


@pytest.mark.parametrize(
    "name", ["../secret.png", "{outside}/secret.png", "..\\secret.png", "", "a" * 5000 + ".png", "\0.png"]
)
def test_no_file_outside_of_the_folder_is_read(tmp_path, name):
    save_images(tmp_path, ["secret.png"], X[:1])
    inside = tmp_path / "inside"
    save_images(inside, [f"{i}.png" for i in range(N)])
    names = [name.format(outside=tmp_path), *(f"{i}.png" for i in range(1, N))]
    path = table(inside / "a.parquet", file_name=names, label=Y)
    data, _ = noted(path, skip_bad=True)
    assert len(data.train) == N - 1


@pytest.mark.parametrize("composed", [True, False])
def test_names_may_be_composed_otherwise_than_those_of_the_files(tmp_path, composed):
    forms = ["Käfer{}.png", "Ka\u0308fer{}.png"]
    stored, written = forms if composed else forms[::-1]
    save_images(tmp_path / "img", [stored.format(i) for i in range(N)])
    path = listing(tmp_path / "names.csv", [written.format(i) for i in range(N)])
    assert np.array_equal(load_dataset(path).train.images[..., 0], X)


def test_structs_with_a_path_in_place_of_contents(tmp_path):
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    save_images(tmp_path / "img", [f"{i}.png" for i in range(N)])
    paths = [{"bytes": None, "path": f"{i}.png"} for i in range(N)]
    path = table(tmp_path / "a.parquet", image=pyarrow.array(paths, kind), label=Y)
    assert np.array_equal(load_dataset(path).train.images[..., 0], X)
    paths[3] = {"bytes": (tmp_path / "img" / "3.png").read_bytes(), "path": "elsewhere.png"}
    paths[4], paths[5] = {"bytes": None, "path": None}, None
    table(path, image=pyarrow.array(paths, kind), label=Y)
    data, notes = noted(path, skip_bad=True)
    assert np.array_equal(data.train.images[..., 0], np.delete(X, [4, 5], axis=0))
    assert any("row 5 is not an image" in note and "row 6 is not an image" in note for note in notes)


def test_names_of_files_are_trained_on_and_resumed(run, tmp_path):
    save_images(tmp_path / "train", [f"{i}.png" for i in range(N)])
    path = listing(tmp_path / "train.csv", range(N), header="id,label")
    settings = ("--recipe=chapter", "--n-kernels=1", "--units=2", "--batch-size=4", "--epochs=1", "--size=5")
    status, _, err = run("train", path, *settings, "--run", tmp_path / "run")
    assert (status, "nearly" in err) == (0, False), err
    assert run("train", "--resume", tmp_path / "run", "--epochs=2")[0] == 0
    with pytest.warns(GolmuWarning, match="this is the run's own data: judged on its 8 validation images"):
        status, lines, _ = run("evaluate", tmp_path / "run", path.rename(tmp_path / "other.csv"), "--json")
    assert status == 0
    judged = json.loads("\n".join(lines))
    assert judged["part"] == "validation"  # of data that it was trained on, none else is a fair judge
    assert sum(row["support"] for row in judged["classes"]) == 8


def test_a_size_that_was_asked_for_does_not_change_the_lists(tmp_path):
    refused(
        table(tmp_path / "a.parquet", image=X.reshape(N, 36).tolist(), label=Y),
        f"'{tmp_path}/a.parquet' has lists of 36 pixels in 'image', which do not make an image: give height, width",
        size=5,
    )
