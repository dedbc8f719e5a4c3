"""Names: what the rule takes away and what it keeps, and how a name is shown."""

import json
import os

import pytest

from golmu.names import are_integers, clean_name, file_stem, look_alike_notice, merge_notice, printable, sort_names


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (" cat\t", "cat"),
        ("cat\u3000", "cat"),
        ("\ufeffcat\u200b", "cat"),
        ("cafe\u0301", "caf\xe9"),
        ("\u1100\u1169\u110b\u1163\u11bc\u110b\u1175", "고양이"),
        ("Cat", "Cat"),
        ("007", "007"),
        ("１", "１"),
        ("two  words", "two  words"),
        ("con", "con"),
        (" \t", ""),
        (os.fsdecode("고양이".encode("cp949")), "고양이"),
        (os.fsdecode(b"\xff\xfe"), "\\xff\\xfe"),
        (os.fsdecode("고".encode() + b"\xff"), "고\\xff"),
    ],
)
def test_a_name_is_in_normal_form_without_spaces_around_it(written, name):
    assert clean_name(written) == name
    assert clean_name(name) == name


def test_names_are_sorted_as_numbers_only_if_all_are_plain_ones():
    assert sort_names(["10", "9", "-1", "0"]) == ["-1", "0", "9", "10"]
    assert sort_names(["10", "9", "07"]) == ["07", "10", "9"]
    assert sort_names(["9" * 5000, "10"]) == ["10", "9" * 5000]
    for name in ("07", "+1", "-0", "１", "1.0", "", "٣"):
        assert not are_integers(["1", name])


def test_names_that_look_alike_are_told():
    names = ["Cat", "cat", "７", "7", "07", "a b", "ab", "a", "A", "d", "d\u200be", "de", "0", "00"]
    text = (
        "these names look alike, but are different classes: '0' and '00', '07' and '7' and '７', 'Cat' and 'cat', ...; "
        "if they are one, give them one name"
    )
    assert look_alike_notice(names) == [text]
    assert look_alike_notice(["a", "A", "b", "1", "10", "100", "고양이", "강아지"]) == []


def test_names_that_become_one_are_told():
    assert merge_notice(["cat", "dog"]) == []
    assert merge_notice(["cat ", "cat", "dog", "cat"]) == [
        "names that differ only in spaces around them or in their Unicode form are one class: 'cat' and 'cat '"
    ]


def test_what_steers_a_terminal_is_escaped_and_json_stays_json():
    raw = "a\x1b[31mb\x07\x9b\u202ec\u2066\ud800\x7f\n\t고"
    assert printable(raw) == "a\\u001b[31mb\\u0007\\u009b\\u202ec\\u2066\\ud800\\u007f\n\t고"
    assert printable(raw, keep="").endswith("\\u000a\\u0009고")
    assert json.loads(printable(json.dumps([raw], ensure_ascii=False))) == [raw]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("photos", "photos"), ("con", "_con"), ("NUL.2024", "_NUL.2024"), ("console", "console"), ("com1", "_com1"),
        ("a/b:c?", "a_b_c_"), ("..", "_"), ("", "_"), ("a\nb\x1b", "a_b_"), ("고" * 100, "고" * 40), ("x. ", "x"),
    ],
)  # fmt: skip
def test_a_name_is_made_the_name_of_a_file(name, stem):
    assert file_stem(name) == stem
