"""The console command, run inside this process, and what it leaves, read back."""

import csv
import json
import subprocess
import sys

import pytest

from golmu import cli

SETTINGS = ["--recipe=chapter", "--epochs=2", "--n-kernels=2", "--units=8", "--batch-size=16", "--learning-rate=0.1"]


def main(*arguments):
    """The exit status of `golmu ARGUMENTS`."""
    kept, sys.argv = sys.argv, ["golmu", *map(str, arguments)]
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        sys.argv = kept
    return ended.value.code


def read(folder):
    return json.loads((folder / "run.json").read_text())


def write(folder, content):
    (folder / "run.json").write_text(json.dumps(content))


def history(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def process(*arguments):
    """The real command. A parent that ignores Ctrl-C, as a job in the background, would hand that on."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from golmu.cli import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
