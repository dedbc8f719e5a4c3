"""Compiled code on disk: found again only if it is whole and of the same state, and never missed."""

import ast
import os
import time
from pathlib import Path

import pytest

import golmu
from golmu.engines.fused import code_cache
from golmu.engines.fused.code_cache import DIGEST_BYTES, KernelCache, code_folders
from golmu.engines.fused.compiling import entry

SOURCE = Path(golmu.__file__).parent


def double(x):
    return 2 * x


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two folders for compiled code, which do not exist yet."""
    folders = (tmp_path / "first" / "golmu-a", tmp_path / "second" / "golmu-a")
    monkeypatch.setattr(code_cache, "code_folders", lambda: folders)
    return folders


def call():
    """Call a kernel in what is a new process to it: return the result, and whether its code was loaded."""
    kernel = entry(double)
    result = kernel(21)
    return result, bool(kernel.stats.cache_hits)


def test_code_is_loaded_by_the_next_process(folders):
    assert [call(), call()] == [(42, False), (42, True)]
    assert len(list(folders[0].iterdir())) == 1
    assert not folders[1].exists()


@pytest.mark.parametrize("damage", [
    lambda content: b"", lambda content: content[:10], lambda content: content[:DIGEST_BYTES],
    lambda content: content[:1000], lambda content: content[:-1], lambda content: content + b"\0",
    lambda content: content[:-500] + bytes([content[-500] ^ 1]) + content[-499:], lambda content: b"\0" * len(content),
])  # fmt: skip
def test_damaged_code_is_compiled_again(folders, damage):
    """numba's own cache ends in an error, or runs what it finds."""
    call()
    (file,) = folders[0].iterdir()
    file.write_bytes(damage(file.read_bytes()))
    assert [call(), call()] == [(42, False), (42, True)]


def test_code_is_kept_where_it_can_be(folders, monkeypatch):
    folders[0].parent.write_text("no folder")
    assert [call(), call()] == [(42, False), (42, True)]
    assert len(list(folders[1].iterdir())) == 1

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(code_cache, "write_atomically", full)
    next(folders[1].iterdir()).unlink()
    assert [call(), call()] == [(42, False), (42, False)]


def test_folders_of_other_states_go_when_they_are_old_and_nothing_of_the_users(folders):
    """The folder around them is the user's where `NUMBA_CACHE_DIR` is set: anything called golmu-* was deleted."""
    parent = folders[0].parent
    old, young, mine, mixed, link = (f"golmu-{letter * 24}" for letter in "bcdef")
    kept = {"golmu-photos": "cat.png", "golmu-main": "golmu.x.code", mine: "notes", mixed: "golmu.x.code"}
    for name, file in {**kept, old: "golmu.x.code", young: "golmu.x.code"}.items():
        (parent / name).mkdir(parents=True)
        (parent / name / file).touch()
    (parent / mixed / "notes").touch()
    (parent / link).symlink_to(parent / "golmu-main")
    for name in (*kept, old):
        os.utime(parent / name, (time.time() - 40 * 86400,) * 2)
    call()
    names = {str(path.relative_to(parent)) for path in parent.rglob("*")}
    assert old not in names
    assert {young, link, f"{mixed}/notes", *(f"{name}/{file}" for name, file in kept.items() if name != mixed)} <= names


@pytest.fixture
def fresh():
    """The folders are worked out anew, before and after the test."""
    code_folders.cache_clear()
    yield
    code_folders.cache_clear()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("SETTINGS", [0]), ("TARGET", ("x86_64-unknown-linux-gnu", "generic", "")), ("numba.__version__", "0"),
        ("np.__version__", "0"),
    ],
)  # fmt: skip
def test_another_processor_version_or_setting_has_another_folder(monkeypatch, fresh, place, value):
    """Code for vectors of 16 numbers ran on arrays that were padded to 8: wrong gradients, or a crash."""
    before = code_folders()
    monkeypatch.setattr(f"golmu.engines.fused.code_cache.{place}", value)
    code_folders.cache_clear()
    assert code_folders() != before


def test_an_edit_of_any_file_is_another_state(tmp_path, monkeypatch, fresh):
    """numba's own cache looks at the file of the function alone, and the old code of all others went on running."""
    copies = [tmp_path / f"{number}.py" for number in range(len(code_cache.SOURCES))]
    for copy, source in zip(copies, code_cache.SOURCES, strict=True):
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(code_cache, "SOURCES", copies)
    states = set()
    for copy in copies:
        copy.write_text(copy.read_text() + "\n# edited\n")
        code_folders.cache_clear()
        states.add(code_folders())
    assert len(states) == len(copies)


def test_the_state_has_every_file_that_goes_into_the_code():
    """All that the kernels' files import from golmu is among the sources, or only calls kernels, or names types."""
    plain = {"contract", "errors", "preprocessing", "recipe", "system", "types"}
    for path in (SOURCE / "engines" / "fused").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("golmu"):
                names = [node.module.split(".")[-1], *(alias.name for alias in node.names)]
                known = plain | {source.stem for source in code_cache.SOURCES}
                assert known & set(names), (path.name, node.module)


def test_the_folder_is_in_numbas_own_folder(monkeypatch, tmp_path, fresh):
    monkeypatch.setattr(code_cache.config, "CACHE_DIR", str(tmp_path))
    code_folders.cache_clear()
    (folder,) = code_folders()
    assert folder.parent == tmp_path
    monkeypatch.setattr(code_cache.config, "CACHE_DIR", "")
    code_folders.cache_clear()
    assert code_folders()[0].parent == SOURCE / "engines" / "fused" / "__pycache__"
    assert len(code_folders()) == 2


def test_a_cache_has_nothing_to_flush():
    KernelCache(double).flush()
