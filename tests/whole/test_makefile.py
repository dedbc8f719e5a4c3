"""What `make` does where an installation was interrupted."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGETS = (".venv/.installed", ".venv/.installed-dev", ".venv-bench/.installed")


def installations(folder):
    """What pip would be told."""
    apart = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # from `make test`
    command = ["make", "--dry-run", *TARGETS]
    done = subprocess.run(command, cwd=folder, env=apart, check=True, capture_output=True, text=True)
    return [line for line in done.stdout.splitlines() if " pip " in line]


def test_what_may_be_half_unpacked_is_unpacked_again(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "requirements.txt").touch()
    assert ["--ignore-installed" in command for command in installations(tmp_path)] == [False] * len(TARGETS)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installing").touch()
    assert ["--ignore-installed" in command for command in installations(tmp_path)] == [True, True, False]
