"""What is printed: nothing in a name steers the terminal."""

import io
import json
import os
import warnings

import numpy as np
import pytest
from PIL import Image
from rich.table import Table

from golmu.cli import console
from golmu.cli.console import make_console, print_table

HOSTILE = "\x1b]0;owned\x07\x1b[2Jb\u202egnp"


def test_names_are_printed_with_escapes_in_lines_and_tables(capsys):
    make_console().print(f"a {HOSTILE}\nb")
    table = Table(box=None)
    table.add_column("\x1bhead")
    table.add_row("two\nlines\x9b")
    print_table(table)
    assert capsys.readouterr().out.splitlines() == [
        "a \\u001b]0;owned\\u0007\\u001b[2Jb\\u202egnp", "b", " \\u001bhead", " two\\u000alines\\u009b",
    ]  # fmt: skip


def test_a_terminal_still_gets_colours(monkeypatch):
    file = io.StringIO()
    shown = console.SafeConsole(file=file, force_terminal=True, color_system="standard", legacy_windows=False)
    shown.print("\x1b", style="red")
    assert file.getvalue() == "\x1b[31m\\u001b\x1b[0m\n"


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
def test_no_command_prints_a_name_raw(run, tmp_path):
    folder = tmp_path / "d"
    for name in (HOSTILE, "a"):
        (folder / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng((len(name), i)).integers(0, 256, (5, 5), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    bad = folder / "a" / "\x1b[31m\nbad\u202e.png"
    bad.touch()
    strange = folder / "a" / os.fsdecode(b"\xb0\xed.png")
    strange.touch()
    said = [run("data", folder, "--sheet", tmp_path / "s.png", *more) for more in ((), ("--json",))]
    said.append(run("train", folder))
    small = (
        "--epochs=1",
        "--n-kernels=2",
        "--units=4",
        "--shift=0",
        "--erase=0",
        "--skip-bad",
        "--run",
        tmp_path / "run",
    )
    said.append(run("train", folder, *small))
    said += [run("predict", tmp_path / "run", folder / HOSTILE, *more) for more in ((), ("--json",))]
    said += [run("predict", tmp_path / "run", bad), run("predict", tmp_path / "run", tmp_path / HOSTILE)]
    said.append(run("explain", tmp_path / "run", folder / HOSTILE / "0.png", "--target", HOSTILE))
    said.append(run("explain", tmp_path / "run", folder / HOSTILE / "0.png", "--target", "\x1b"))
    said.append(run("report", tmp_path / "run"))
    assert [status for status, _, _ in said] == [0, 0, 2, 0, 0, 0, 2, 2, 0, 2, 0]
    for _, lines, err in said:
        assert not set("\x1b\x07\u202e\udcb0") & set("".join(lines) + err)
    assert all("\\u001b" in "".join(lines) + err for _, lines, err in [*said[:3], *said[4:10]])
    assert HOSTILE in [row["class"] for row in json.loads("\n".join(said[1][1]))["classes"]]
    assert HOSTILE in json.loads("\n".join(said[5][1]))[0]["probabilities"]
    assert warnings.formatwarning(HOSTILE) == "golmu: warning: \\u001b]0;owned\\u0007\\u001b[2Jb\\u202egnp\n"
    page = (tmp_path / "run" / "report.html").read_text()
    assert not set("\x1b\x07\u202e") & set(page)
