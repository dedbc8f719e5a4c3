"""Seconds until a validation accuracy is reached: Golmu, Keras, PyTorch, JAX and the chapter's own loop (`make bench`).

Every contender trains by the same recipe (the chapter's loop by the chapter's), written as a good user of its tool
would, in a process of its own that ends at the target. One runs at a time, each once a round, in turn; the number of
the round is the seed; the chapter's loop, which takes minutes, runs in the first round alone. Two times are taken,
that from the start of the process and that of the training steps alone (`peers/race.py` says what is in them), and
medians count, one that has missed the target counting as endless.

Before the first round each contender trains for an epoch that is not counted, so that compiled code that its tool
keeps on disk is there: Golmu's kernels, what torch.compile has made, and XLA's programs, for which JAX gets a folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from speed import HERE, ONEDNN, REST, describe_machine

RESULTS = HERE / "results" / "time-to-accuracy.json"
RACES = {0.8807: "quick", 0.915: "best"}
"""The recipe for each target: what the chapter printed, and what its network can reach."""


@dataclass(frozen=True)
class Contender:
    """How a peer is started."""

    module: str
    words: tuple[str, ...] = ()
    """Arguments; one with "=" sets the environment."""
    recipe: str | None = None
    """In place of the race's."""
    is_slow: bool = False
    """Whether it runs in the first round only: it takes minutes, and misses most targets."""


CONTENDERS = {
    "golmu fused": Contender("golmu_race"),
    "keras steps+pipeline": Contender("keras_race"),
    "torch channels_last": Contender("torch_race", ("--variant", "channels_last")),
    "torch compile, rewritten": Contender("torch_race", ("--variant", "compile+slices")),
    "jax scan, rewritten": Contender("jax_race"),
    "the chapter's eager loop, oneDNN": Contender("chapter_race", (ONEDNN, "--epochs", "25"), "chapter", is_slow=True),
}
BASE = "golmu fused"
TIMES = ("training_seconds", "process_seconds")
WARM_UP = 0.0  # a target that any epoch reaches

Answer = dict[str, Any]


class Driver:
    """Runs contenders, with a folder for their logs and for what their tools compile."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads
        self._cache = {
            "JAX_COMPILATION_CACHE_DIR": str(folder / "jax"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def run(self, name: str, recipe: str, target: float, seed: int) -> Answer:
        """The answer of one process, from its start to its end."""
        contender = CONTENDERS[name]
        environment = dict(word.split("=", 1) for word in contender.words if "=" in word)
        command = [
            sys.executable, "-m", f"benchmarks.peers.{contender.module}", contender.recipe or recipe, str(target),
            str(seed), *(word for word in contender.words if "=" not in word), "--threads", str(self._threads),
        ]  # fmt: skip
        log = self._folder / "log"
        time.sleep(REST)
        with log.open("wb") as stream:
            finished = subprocess.run(
                [*command, "--started", str(time.time())], cwd=HERE.parent,
                env=os.environ | self._cache | environment, stdout=subprocess.PIPE, stderr=stream, check=False,
            )  # fmt: skip
        if finished.returncode:
            raise SystemExit(f"{name} failed:\n{log.read_text(errors='replace')}")
        answer: Answer = json.loads(finished.stdout.splitlines()[-1])
        figures = ", ".join(f"{key} {answer[key]:.4g}" for key in ("epochs", "accuracy", *TIMES))
        print(f"  {name}, {target}, seed {seed}: {figures}", file=sys.stderr)
        return answer


def median(answers: list[Answer], key: str) -> float | None:
    """The median, one that missed the target being endless; None if that is endless."""
    value = statistics.median(answer[key] if answer["reached"] else math.inf for answer in answers)
    return value if math.isfinite(value) else None


def summary(name: str, answers: list[Answer]) -> dict[str, Any]:
    """A contender's part of the result."""
    return {
        "name": name,
        "recipe": answers[0]["recipe"],
        "reached": sum(answer["reached"] for answer in answers),
        "epochs": median(answers, "epochs"),
        "epochs_at_most": max(answer["epochs"] for answer in answers),
        "accuracy": statistics.median(answer["accuracy"] for answer in answers),
        **{key: median(answers, key) for key in TIMES},
        "runs": answers,
    }


def with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows, and how many times as long as Golmu each took, where both reached the target."""
    base = next((row for row in rows if row["name"] == BASE), None)
    for row in rows:
        for key in TIMES:
            known = base is not None and base[key] is not None and row[key] is not None
            row[f"{key}_ratio"] = row[key] / base[key] if known else None
    return rows


def table(race: dict[str, Any]) -> str:
    """One race as a Markdown table."""
    lines = [
        f"| to {race['target']} with recipe `{race['recipe']}` | seconds of training | golmu is faster by "
        "| seconds from the start | golmu is faster by | epochs | reached |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in sorted(race["contenders"], key=lambda row: row["training_seconds"] or math.inf):
        keys = (key for time_key in TIMES for key in (time_key, f"{time_key}_ratio"))
        figures = " | ".join("–" if row[key] is None else f"{row[key]:.2f}" for key in keys)
        epochs = "–" if row["epochs"] is None else f"{row['epochs']:g}"
        lines.append(f"| {row['name']} | {figures} | {epochs} | {row['reached']} of {len(row['runs'])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[""], help="contenders whose names start so; writes no results")
    parser.add_argument(
        "--targets", nargs="+", type=float, choices=RACES, default=list(RACES), help="fewer write no results"
    )
    args = parser.parse_args()
    chosen = [name for name in CONTENDERS if any(name.startswith(prefix) for prefix in args.only)]
    entries = [(target, name) for target in args.targets for name in chosen]
    answers: dict[tuple[float, str], list[Answer]] = {entry: [] for entry in entries}
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(Path(folder), args.threads)
        print("warming up", file=sys.stderr)
        for target, name in entries:
            driver.run(name, RACES[target], WARM_UP, 0)
        for number in range(args.rounds):
            print(f"round {number + 1} of {args.rounds}", file=sys.stderr)
            for target, name in entries:
                if number == 0 or not CONTENDERS[name].is_slow:
                    answers[target, name].append(driver.run(name, RACES[target], target, number))
            result = {
                "date": date.today().isoformat(),
                "rounds": number + 1,
                "threads": args.threads,
                "machine": describe_machine(),
                "races": [
                    {
                        "target": target,
                        "recipe": RACES[target],
                        "contenders": with_ratios([summary(name, answers[target, name]) for name in chosen]),
                    }
                    for target in args.targets
                ],
            }
            if len(entries) == len(RACES) * len(CONTENDERS):
                RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print("\n\n".join(table(race) for race in result["races"]))


if __name__ == "__main__":
    main()
