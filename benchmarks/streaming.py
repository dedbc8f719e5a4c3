"""Training from shards beside training in memory: memory, time for each image, and accuracy.

`python benchmarks/streaming.py --images 1000000 --record` makes that many images of Fashion-MNIST by shifts of up to
two pixels, as IDX files, packs them, and trains on both with recipe `quick`: for each seed one epoch in memory and one
from the shards, in turns. It prints the largest RssAnon of the processes, which is memory that the system cannot take
back, and ratios, and writes `results/streaming-IMAGES-FAMILY-MODEL.json`. It needs about 2.5 kB of disk for each image
in FOLDER, and leaves the images there for the next time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import struct
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from speed import describe_machine, recording_path

from golmu import load_dataset

LARGEST_SHIFT = 2

IMAGES_AT_A_TIME = 60_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/golmu-streaming"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--only-shards", action="store_true", help="train from the shards alone")
    parser.add_argument("--record", action="store_true", help="write the result")
    args = parser.parse_args()
    place = args.folder / str(args.images)
    idx, shards = place / "idx", place / "shards"
    if not idx.is_dir():
        make_idx(idx, args.images)
    result: dict[str, Any] = {
        "machine": describe_machine(),
        "date": str(date.today()),
        "images": args.images,
        "recipe": args.recipe,
        "runs": [],
    }
    if not shards.is_dir():
        result["pack"] = watch(["pack", str(idx), "--output", str(shards)])
    sources = {"shards": shards} if args.only_shards else {"memory": idx, "shards": shards}
    for seed in range(args.seeds):
        for name, source in sources.items():
            result["runs"].append({"from": name, "seed": seed} | train(source, args.recipe, seed, place))
            print(result["runs"][-1])
    print(summary(result))
    if args.record:
        path = recording_path(f"streaming-{args.images}", result["machine"]["processor"])
        path.write_text(json.dumps(result | summary(result), indent=2) + "\n", encoding="utf-8")


def make_idx(folder: Path, n: int) -> None:
    """Writes IDX files with n training images: those of Fashion-MNIST, each time with other shifts."""
    dataset, rng = load_dataset("fashion-mnist"), np.random.default_rng(0)
    assert dataset.test is not None
    folder.mkdir(parents=True)
    for part, images, labels, n_images in (
        ("train", dataset.train.images, dataset.train.labels, n),
        ("t10k", dataset.test.images, dataset.test.labels, len(dataset.test)),
    ):
        with (
            (folder / f"{part}-images-idx3-ubyte").open("wb") as pixels,
            (folder / f"{part}-labels-idx1-ubyte").open("wb") as classes,
        ):
            pixels.write(struct.pack(">4I", 0x803, n_images, 28, 28))
            classes.write(struct.pack(">2I", 0x801, n_images))
            for start in range(0, n_images, IMAGES_AT_A_TIME):
                rows = np.arange(start, min(start + IMAGES_AT_A_TIME, n_images)) % len(images)
                some = images[rows, :, :, 0]
                if start:
                    some = shifted(some, rng)
                pixels.write(some.tobytes())
                classes.write(labels[rows].astype(np.uint8).tobytes())


def shifted(images: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
    """Returns the images (n, h, w), each moved by up to two pixels along each axis."""
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (LARGEST_SHIFT,) * 2, (LARGEST_SHIFT,) * 2))
    y, x = rng.integers(2 * LARGEST_SHIFT + 1, size=(2, len(images), 1))
    rows, columns = y + np.arange(height), x + np.arange(width)
    return np.ascontiguousarray(padded[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]])


def train(source: Path, recipe: str, seed: int, place: Path) -> dict[str, Any]:
    """Trains in a process of its own, and tells what run.json and the test images say."""
    run = place / f"run-{time.time_ns()}"
    command = ["train", str(source), "--recipe", recipe, "--seed", str(seed), "--run", str(run), "--no-try"]
    watched = watch(command)
    record = json.loads((run / "run.json").read_text())
    score = subprocess.run(
        [sys.executable, "-m", "golmu", "evaluate", str(run), "--json"], capture_output=True, check=True
    )
    seconds = record["results"]["seconds_per_epoch"]
    return watched | {
        "microseconds_per_image": 1e6 * seconds / (record["data"]["train"] + record["data"]["validation"]),
        "val_accuracy": record["results"]["val_accuracy"],
        "test_accuracy": json.loads(score.stdout)["accuracy"],
    }


def watch(command: list[str]) -> dict[str, Any]:
    """Runs a command of golmu, and returns its time and the largest RssAnon that it was seen with."""
    started, most = time.perf_counter(), 0
    with subprocess.Popen([sys.executable, "-m", "golmu", *command], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            try:
                status = Path(f"/proc/{process.pid}/status").read_text()
            except OSError:
                break
            most = max([most, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))])
            time.sleep(0.02)
    assert process.returncode == 0, command
    return {"seconds": time.perf_counter() - started, "rss_anon_mb": round(most / 1000)}


def summary(result: dict[str, Any]) -> dict[str, Any]:
    """Means over the seeds, and the ratio of the times."""
    found: dict[str, Any] = {}
    for name in ("memory", "shards"):
        runs = [run for run in result["runs"] if run["from"] == name]
        if runs:
            found[name] = {
                key: [statistics.median(run[key] for run in runs)] + [run[key] for run in runs]
                for key in ("microseconds_per_image", "rss_anon_mb", "val_accuracy", "test_accuracy")
            }
    if len(found) == 2:
        found["ratio"] = found["shards"]["microseconds_per_image"][0] / found["memory"]["microseconds_per_image"][0]
    return {"summary": found}


if __name__ == "__main__":
    main()
