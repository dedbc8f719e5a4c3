"""The command itself: help, version, log lines, and how it ends."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from command import process

import golmu
from golmu.cli import app
from golmu.cli.console import shell_command
from golmu.cli.output import print_json


def test_without_arguments_the_help_is_shown(run):
    status, lines, err = run()
    assert (status, err) == (2, "")
    assert any("Usage: golmu" in line for line in lines)
    for command in ("train", "evaluate", "predict", "data"):
        assert any(f" {command} " in line for line in lines)


@pytest.mark.parametrize(
    "command", [[], ["train"], ["evaluate"], ["predict"], ["report"], ["compare"], ["explain"], ["data"]]
)
def test_help(run, command):
    status, lines, err = run(*command, "--help")
    assert (status, err) == (0, "")
    assert any("Usage: golmu" in line for line in lines)


def test_version(run):
    assert run("--version") == (0, [f"golmu {golmu.__version__}"], "")


def test_log_messages_are_plain_lines_on_standard_error(tmp_path, fashion_mnist):
    sheet = ("--sheet", tmp_path / "sheet.png")
    with process("data", "fashion-mnist", "--folder", tmp_path / "empty", *sheet) as running:
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert out.splitlines()[1:3] == [
        "train  60,000 images of 28x28x1",
        "test   10,000 images of 28x28x1",
    ]
    first, last = err.splitlines()[0], err.splitlines()[-1]
    assert first.startswith(f"looking for Fashion-MNIST elsewhere: folder '{tmp_path / 'empty'}': cannot look into ")
    assert last == f"Fashion-MNIST comes from {fashion_mnist.source}"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949", "latin-1", "utf-16"])
def test_json_is_json_in_any_encoding(monkeypatch, encoding):
    value = {"골무": "é\x85\udcff", "path": "a\\b"}
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json(value)
    stream.flush()
    assert json.loads(stream.buffer.getvalue().decode(encoding)) == value


def test_names_in_json_are_readable_where_the_console_has_their_letters(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="cp949"))
    print_json({"name": "골무"})
    sys.stdout.flush()
    assert "골무".encode("cp949") in sys.stdout.buffer.getvalue()


def test_debug_shows_the_traceback():
    for option, has_traceback in (("--debug", True), (None, False)):
        with process(*([option] if option else []), "evaluate", "nowhere") as running:
            out, err = running.communicate(timeout=60)
        assert (running.returncode, out) == (2, "")
        assert ("Traceback (most recent call last):" in err) == has_traceback
        assert err.endswith("golmu: error: there is no run folder nowhere\n")


def test_a_reader_that_leaves_is_no_error():
    with process("--version") as running:
        running.stdout.close()
        err = running.stderr.read()
    assert (running.returncode, err) == (1, "")


def test_the_console_command_is_installed():
    command = shutil.which("golmu", path=str(Path(sys.executable).parent))
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"golmu {golmu.__version__}\n"


@pytest.mark.parametrize("command", typer.main.get_command(app).commands)
def test_help_fits_80_columns_and_cuts_no_name(run, command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    status, lines, _ = run(command, "--help")
    assert status == 0
    assert max(map(len, lines)) <= 80
    assert not any("…" in line or line.rstrip().endswith("...") for line in lines[4:])
    text = "\n".join(lines)
    for one in typer.main.get_command(app).commands[command].params:
        if one.param_type_name == "option":
            assert all(name in text for name in (*one.opts, *one.secondary_opts))
            assert one.rich_help_panel is None or f"{one.rich_help_panel}:" in text


def test_help_of_train_is_in_groups(run):
    _, lines, _ = run("train", "--help")
    heads = [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert heads == [
        "Arguments", "Common", "Network", "Optimisation", "Regularisation", "Data", "Run", "Options",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("started", "path", "expected"),
    [
        ("golmu", "/usr/bin", "golmu train 'a b'"),
        (".venv/bin/golmu", "/usr/bin", ".venv/bin/golmu train 'a b'"),
        ("/opt/x/bin/golmu", "/usr/bin:/opt/x/bin", "golmu train 'a b'"),
        ("/opt/x/golmu/__main__.py", str(Path(sys.executable).parent), "python3 -m golmu train 'a b'"),
        ("/opt/x/golmu/__main__.py", "/nowhere", f"{sys.executable} -m golmu train 'a b'"),
        ("-c", "/usr/bin", "golmu train 'a b'"),
    ],
)
def test_a_command_to_type_is_called_as_this_one_was(monkeypatch, started, path, expected):
    monkeypatch.setattr(sys, "argv", [started])
    monkeypatch.setenv("PATH", path)
    assert shell_command("train", Path("a b")) == expected


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1"}], ids=["plain", "notebook"])
def test_a_closed_standard_stream_is_no_error(tmp_path, closed, environment):
    command = [sys.executable, "-m", "golmu", "train", "digits", "--epochs=1", "--run", str(tmp_path / "run")]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], capture_output=True, text=True, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "run" / "report.html").exists()


def test_an_engine_that_may_not_be_compiled_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "golmu", "train", "digits", "--epochs=1"], capture_output=True, text=True, check=False,
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert "NUMBA_DISABLE_JIT has switched off" in done.stderr.splitlines()[-1]
