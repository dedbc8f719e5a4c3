"""Folders of images as a tree: which files are images, what is hidden, and where links lead."""

import re

import pytest

from golmu.data.readers.image_tree import find_images, scan_folder
from golmu.errors import DataError, GolmuWarning


def test_files_are_found_in_the_order_given_and_by_name_within_a_folder(tmp_path):
    folder = tmp_path / "folder"
    (folder / "inner.png").mkdir(parents=True)
    for name in ("b.PNG", "a.jpeg", "notes.txt", "c.tif", "._b.PNG", ".c.png"):
        (folder / name).touch()
    single = tmp_path / "single.dat"
    single.touch()
    with pytest.warns(GolmuWarning, match=r"^1 file in '.*folder' is not read: 1 \.txt$"):
        found = find_images([single, folder])
    assert found == [single, folder / "a.jpeg", folder / "b.PNG", folder / "c.tif"]
    assert find_images([]) == []


def test_folders_are_looked_into_as_deeply_as_for_training(tmp_path):
    names = ["bee/1.png", "ant/deep/2.PNG", "0.png", ".hidden/3.png", "ant/._4.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert find_images([tmp_path]) == [tmp_path / name for name in sorted(names[:3])]


def test_what_cannot_be_found_is_named(tmp_path):
    with pytest.raises(DataError, match=f"^there is no image {re.escape(str(tmp_path / 'a.png'))}$"):
        find_images([tmp_path / "a.png"])
    text = f"the folder {tmp_path} holds no image that is read, and no file at all"
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        find_images([tmp_path])
    with pytest.raises(DataError, match=r"cannot be read: File name too long$"):
        find_images([tmp_path / ("a" * 5000)])


def test_a_folder_without_an_image_says_what_it_holds(tmp_path):
    for name in ("a.txt", "b.txt", "c.doc"):
        (tmp_path / name).touch()
    text = f"the folder {tmp_path} holds no image that is read, and only files of other kinds: 2 .txt, 1 .doc"
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        find_images([tmp_path])


def test_links_that_lead_nowhere_are_files_and_those_that_lead_in_a_circle_end(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "self.png").symlink_to("self.png")
    (tmp_path / "a" / "gone.png").symlink_to("nowhere")
    (tmp_path / "a" / "b" / "up").symlink_to(tmp_path)
    (tmp_path / "a" / "b" / "too").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "b" / "1.png").touch()
    (tmp_path / "c").symlink_to(tmp_path / "a" / "b")
    tree = scan_folder(tmp_path)
    assert ["/".join(image.parts) for image in tree.list_images()] == ["a/b/1.png", "a/gone.png", "a/self.png"]
    assert [image.parts for image in tree.folders["c"].list_images()] == [("1.png",)]


def test_a_run_folder_is_never_read(tmp_path):
    run, other = tmp_path / "cat" / "runs" / "x", tmp_path / "cat" / "notes"
    for folder in (run, other):
        folder.mkdir(parents=True)
        (folder / "curves.png").touch()
        (folder / "run.json").touch()
    (run / "history.csv").touch()
    tree = scan_folder(tmp_path)
    assert [image.parts for image in tree.list_images()] == [("cat", "notes", "curves.png")]
    assert tree.find_runs() == [("cat", "runs", "x")]


def test_only_what_systems_leave_is_hidden(tmp_path):
    for name in ("__background__", "__MACOSX", "@eaDir", ".git", "__pycache__", ".ipynb_checkpoints", "#recycle"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    for name in ("Thumbs.db", "desktop.ini", "._b.png", "__b.png"):
        (tmp_path / "__background__" / name).touch()
    tree = scan_folder(tmp_path)
    assert list(tree.folders) == ["__background__"]
    assert sorted(tree.folders["__background__"].images) == ["__b.png", "a.png"]
    assert not tree.count_others()
