"""Runs every target of `fuzzing.py` under atheris; writes the counts into reliability.md (`make fuzz`)."""

import re
import subprocess
import sys
import tempfile
from datetime import date
from importlib.metadata import version
from pathlib import Path

import fuzzing
from fuzzing import TARGETS

RUNS = 100_000
PAGE = Path(__file__).parent.parent / "docs" / "reference" / "reliability.md"
START, END = "<!-- fuzz -->", "<!-- /fuzz -->"


def fuzz(target):
    """Files fed to one target, and seconds; ends the program where one was answered wrongly."""
    command = [sys.executable, fuzzing.__file__, target, f"-runs={RUNS}", "-rss_limit_mb=2048"]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, check=False)
    found = re.search(r"Done (\d+) runs in (\d+) second", done.stderr)
    if done.returncode or not found:
        raise SystemExit(f"{target}: exit status {done.returncode}\n{done.stderr[-4000:]}")
    return int(found[1]), int(found[2])


def main():
    lines = ["| reader of | files | seconds | wrong answers |", "|---|---:|---:|---:|"]
    for target in TARGETS:
        n, seconds = fuzz(target)
        lines.append(f"| {target} | {n:,} | {seconds} | 0 |")
        print(lines[-1], flush=True)
    lines += ["", f"<sub>{date.today().isoformat()}, atheris {version('atheris')}.</sub>"]
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(START)
    PAGE.write_text(f"{before}{START}\n" + "\n".join(lines) + f"\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
