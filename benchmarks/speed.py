"""Seconds per epoch: Golmu, the chapter's own loop, Keras, PyTorch and JAX in one interleaved run (`make bench`).

Every contender is a process of its own that holds the same data, warms up for an epoch, and then trains one epoch
when it is asked. They are asked in turn, never two at a time, for several rounds; medians count, since the speed of a
shared computer drifts. The peak rate of multiply-adds on all threads, measured in each round, gives the roofline: the
time that the epoch's floating-point work would take at that rate.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from peak import VECTOR_FLOATS, peak_rate

HERE = Path(__file__).parent
VERSIONED = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn", "torch", "jax", "onnxruntime")

ONEDNN = "TF_ENABLE_ONEDNN_OPTS=1"  # TensorFlow leaves oneDNN off on some processors where it is faster

# name: (module, words); words with "=" before the first option set the environment
CONTENDERS: dict[str, tuple[str, list[str]]] = {
    "golmu fused": ("golmu_fit", ["--variant", "fused"]),
    "golmu fused, 1 thread": ("golmu_fit", ["--variant", "fused", "--threads", "1"]),
    "golmu tensorflow": ("golmu_fit", ["--variant", "tensorflow"]),
    "the chapter's eager loop": ("eager_loop", []),
    "the chapter's eager loop, oneDNN": ("eager_loop", [ONEDNN]),
    "keras plain": ("keras_fit", ["--variant", "plain"]),
    "keras jit": ("keras_fit", ["--variant", "jit"]),
    "keras steps": ("keras_fit", ["--variant", "steps"]),
    "keras steps+pipeline": ("keras_fit", ["--variant", "steps+pipeline"]),
    "torch eager": ("torch_loop", ["--variant", "eager"]),
    "torch channels_last": ("torch_loop", ["--variant", "channels_last"]),
    "torch compile": ("torch_loop", ["--variant", "compile"]),
    "torch compile, rewritten": ("torch_loop", ["--variant", "compile+slices"]),
    "jax jit": ("jax_loop", ["--variant", "jit+reshape"]),
    "jax scan": ("jax_loop", ["--variant", "scan+reshape"]),
    "jax jit, rewritten": ("jax_loop", ["--variant", "jit+reshape+patches"]),
    "jax scan, rewritten": ("jax_loop", ["--variant", "scan+reshape+patches"]),
}
PREDICTORS: dict[str, tuple[str, list[str]]] = {
    "golmu fused": ("golmu_predict", []),
    "onnxruntime float32, batches of 1000": ("onnx_predict", ["--variant", "float32", "--batch-size", "1000"]),
    "onnxruntime float32, batches of 100": ("onnx_predict", ["--variant", "float32", "--batch-size", "100"]),
    "onnxruntime uint8, batches of 1000": ("onnx_predict", ["--variant", "uint8", "--batch-size", "1000"]),
    "onnxruntime uint8, batches of 100": ("onnx_predict", ["--variant", "uint8", "--batch-size", "100"]),
}
REST = 0.3  # seconds between contenders: thread pools spin for a while after their work


@dataclass(frozen=True)
class Setting:
    """The sizes of a comparison."""

    kernels: tuple[int, ...]
    """One number for each block."""
    units: int
    image: str
    """"fashion-mnist", or "h x w x c" for random images of that shape."""
    tools: tuple[str, ...] = ("",)
    """How the names of those compared begin."""
    images: tuple[int, int] = (48_000, 12_000)
    """How many random images there are to train and to validate."""


DEEP_TOOLS = ("golmu fused", "keras", "torch eager", "torch channels_last", "torch compile")
SETTINGS = {
    "chapter": Setting((10,), 100, "fashion-mnist"),
    "wide": Setting((64,), 256, "fashion-mnist", ("golmu", "keras plain", "keras steps")),
    "colour": Setting((10,), 100, "32x32x3", ("golmu", "keras plain", "keras steps")),
    "deep": Setting((16, 32, 64), 128, "32x32x3", DEEP_TOOLS, (6400, 1600)),
    "deep-wide": Setting((32, 64, 128), 128, "32x32x3", DEEP_TOOLS, (6400, 1600)),
}


class Contender:
    """A process that trains when asked."""

    def __init__(self, name: str, module: str, arguments: list[str], log: Path) -> None:
        self.name = name
        environment = dict(word.split("=", 1) for word in arguments if "=" in word)
        command = [sys.executable, "-m", f"benchmarks.peers.{module}", *(word for word in arguments if "=" not in word)]
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command, cwd=HERE.parent, env=os.environ | environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
        )  # fmt: skip
        self.answers: list[dict[str, list[float]]] = []

    def ask(self, command: str | None = None) -> dict[str, list[float]]:
        """Gives a command and keeps its answer; None awaits the warm-up's."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if command is not None:
            self._process.stdin.write(command + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name} ended: see {self._log.name}")
        answer: dict[str, list[float]] = json.loads(line)
        self.answers.append(answer)
        return answer

    def stop(self) -> None:
        self._process.communicate("quit\n", timeout=60)
        self._log.close()


def flop_per_epoch(data: Any, kernels: tuple[int, ...], units: int) -> float:
    """Floating-point operations of an epoch with validation, a multiplication and an addition counted as two.

    The backward pass of a network's only convolution is counted through the maxima only. With several, each costs what
    it costs forward for the gradient of its weights, and again, except in the first, for that of its input.
    """
    n, height, width, channels = data["x_train"].shape
    classes = int(data["y_train"].max()) + 1
    forward = backward = 0
    for number, count in enumerate(kernels):
        convolution = 2 * (height // 2 * 2) * (width // 2 * 2) * 9 * channels * count
        height, width = height // 2, width // 2
        forward += convolution
        backward += convolution * (1 if number == 0 else 2) if len(kernels) > 1 else convolution // 4
        channels = count
    dense = 2 * (height * width * channels * units + units * classes)
    forward, backward = forward + dense, backward + 2 * dense
    return float(n * (forward + backward) + len(data["x_val"]) * forward)


def make_data(setting: Setting, path: Path) -> None:
    """Writes the arrays that every contender reads."""
    if setting.image == "fashion-mnist":
        from golmu import load_dataset

        dataset = load_dataset(setting.image)
        parts = dataset.split()
        arrays = [array for part in parts for array in (part.images, part.labels)]
    else:
        rng = np.random.default_rng(0)
        shape = tuple(int(size) for size in setting.image.split("x"))
        arrays = []
        for n in setting.images:
            labels = rng.integers(0, 10, n)
            # A block of the image is bright by class, so that there is something to learn.
            images = rng.integers(0, 128, (n, *shape), np.uint8)
            images[np.arange(n), 2 * labels + 4] += 100
            arrays += [images, labels]
    np.savez(path, **dict(zip(("x_train", "y_train", "x_val", "y_val"), arrays, strict=True)))


def compare(
    contenders: dict[str, tuple[str, list[str]]], arguments: list[str], command: str, rounds: int, folder: Path,
    threads: int,
) -> tuple[list[Contender], list[float]]:  # fmt: skip
    """Runs every contender in turn for `rounds` rounds; returns them with their answers, and the peaks."""
    running: list[Contender] = []
    try:
        for name, (module, own) in contenders.items():
            log = folder / f"{name.replace(' ', '-').replace(',', '')}.log"
            contender = Contender(name, module, [*arguments, *own], log)
            running.append(contender)
            started = time.perf_counter()
            contender.ask()
            print(f"  {name}: ready after {time.perf_counter() - started:.0f} s", file=sys.stderr)
        rates = []
        for number in range(rounds):
            rates.append(peak_rate(threads))
            for contender in running:
                time.sleep(REST)
                contender.ask(command)
            print(f"  round {number + 1} of {rounds}", file=sys.stderr)
        return running, rates
    finally:
        for contender in running:
            contender.stop()


def seconds_of(contender: Contender) -> list[float]:
    """Every timed epoch; the warm-up's is left out."""
    return [seconds for answer in contender.answers[1:] for seconds in answer["seconds"]]


GENERATIONS = {("25", "1"): "3rd", ("25", "17"): "4th", ("26", "2"): "5th"}
"""Of AMD's EPYC, whose name does not tell them apart, by family and model."""


def processor_name() -> str:
    """The processor's name, with its generation, family and model where the system tells them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^(.*?)\t*: (.*)$", cpuinfo.read_text(), re.MULTILINE))
    name = fields.get("model name", platform.machine())
    if "cpu family" not in fields:
        return name
    numbers = fields["cpu family"], fields["model"]
    generation = f"{GENERATIONS[numbers]} generation, " if name == "AMD EPYC" and numbers in GENERATIONS else ""
    return f"{name} ({generation}family {numbers[0]}, model {numbers[1]})"


def describe_machine() -> dict[str, Any]:
    """Hardware and versions; the peak is that of all cores together."""
    versions = {}
    for package in VERSIONED:
        try:
            versions[package] = version(package)
        except ModuleNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": processor_name(),
        "cores": cores,
        "vector_floats": VECTOR_FLOATS,
        "peak_gflops": round(peak_rate(cores or 1) / 1e9),
        "python": platform.python_version(),
        "versions": versions,
    }


def run_setting(name: str, rounds: int, threads: int, only: list[str]) -> dict[str, Any]:
    """The comparison of one setting as a JSON object."""
    setting = SETTINGS[name]
    chosen = {
        contender: value
        for contender, value in CONTENDERS.items()
        if any(contender.startswith(prefix) for prefix in only or setting.tools)
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.npz"
        make_data(setting, path)
        with np.load(path) as data:
            flop, n_images = flop_per_epoch(data, setting.kernels, setting.units), len(data["x_train"])
        sizes = [
            "--kernels",
            ",".join(map(str, setting.kernels)),
            "--units",
            str(setting.units),
            "--threads",
            str(threads),
        ]
        running, rates = compare(chosen, ["--data", str(path), *sizes], "epoch 1", rounds, Path(folder), threads)
        result: dict[str, Any] = {
            "setting": name,
            "date": date.today().isoformat(),
            "rounds": rounds,
            "threads": threads,
            "machine": describe_machine(),
            "images": n_images,
            "flop_per_epoch": flop,
            "peak_gflops": statistics.median(rates) / 1e9,
            "roofline_seconds": flop / statistics.median(rates),
            "contenders": [
                {
                    "name": contender.name,
                    "median_seconds": statistics.median(seconds_of(contender)),
                    "seconds": seconds_of(contender),
                    "losses": [loss for answer in contender.answers for loss in answer["loss"]],
                    "val_accuracy": contender.answers[-1]["val_accuracy"][-1],
                }
                for contender in running
            ],
        }
        if name == "chapter" and not only:
            predicting, _ = compare(
                PREDICTORS, ["--data", str(path), *sizes], "predict 5", rounds, Path(folder), threads
            )
            result["prediction"] = [
                {"name": contender.name, "median_seconds": statistics.median(seconds_of(contender))}
                for contender in predicting
            ]
    return result


def recording_path(name: str, processor: str) -> Path:
    """The file of a result: one for each kind of processor, by its family and model."""
    numbers = re.findall(r"family (\d+), model (\d+)", processor)
    return HERE / "results" / f"{'-'.join([name, *(numbers[0] if numbers else ['0'])])}.json"


def table(result: dict[str, Any]) -> str:
    """The comparison as a Markdown table."""
    base = result["contenders"][0]["median_seconds"]
    lines = ["| | seconds an epoch | golmu fused is faster by | validation accuracy |", "|---|---:|---:|---:|"]
    for row in sorted(result["contenders"], key=lambda row: row["median_seconds"]):
        seconds, accuracy = row["median_seconds"], row["val_accuracy"]
        lines.append(f"| {row['name']} | {seconds:.3f} | {seconds / base:.2f} | {accuracy:.4f} |")
    roofline = result["roofline_seconds"]
    lines.append(f"| *roofline ({result['peak_gflops']:.0f} GFLOP/s)* | {roofline:.3f} | {roofline / base:.2f} | |")
    for row in result.get("prediction", []):
        base = result["prediction"][0]["median_seconds"]
        seconds = row["median_seconds"]
        lines.append(f"| predict 10,000: {row['name']} | {seconds:.4f} | {seconds / base:.2f} | |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=["chapter"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", default=[], help="contenders whose names start so; writes no results")
    args = parser.parse_args()
    for name in args.settings:
        print(f"{name}: {SETTINGS[name]}", file=sys.stderr)
        result = run_setting(name, args.rounds, args.threads, args.only)
        print(table(result))
        if not args.only:
            path = recording_path(f"speed-{name}", result["machine"]["processor"])
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(result, indent=2) + "\n")
            print(f"written to {path.relative_to(HERE.parent)}", file=sys.stderr)


if __name__ == "__main__":
    main()
