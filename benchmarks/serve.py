"""Requests per second of `golmu serve`, the times of requests, errors and memory: python benchmarks/serve.py.

A server with the book's network answers one PNG of 28x28 pixels per request, while `wrk` (Debian: apt-get install wrk)
asks on the same computer. Where there is no wrk, connections of Python ask instead; they are slower than the server, so
that their figures are a lower bound. --soak SECONDS asks for that long, and fails if a request does or memory grows.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
from PIL import Image
from speed import describe_machine, recording_path

from golmu.architecture import Architecture
from golmu.model.model import Model, save_model
from golmu.preprocessing import DARK, Preprocessing

HERE = Path(__file__).parent

CONNECTIONS = 32
WARM_UP_SECONDS = 3
SECONDS_PER_ROUND = 10

MAX_GROWTH = 0.05
"""Share by which memory may grow from the first fifth of a soak to its last."""


def write_files(folder: Path) -> tuple[Path, Path]:
    """Write the book's network with random weights, which take as long as others, and an image."""
    architecture, rng = Architecture(28, 28, 1, 10, 100, 10), np.random.default_rng(0)
    names = tuple(f"class {number}" for number in range(10))
    model = Model(architecture, architecture.initial_weights(rng), np.arange(10), names, Preprocessing(ground=DARK))
    save_model(folder / "model.safetensors", model)
    pixels = np.zeros((28, 28), np.uint8)
    pixels[4:24, 6:22] = rng.integers(0, 256, (20, 16))
    Image.fromarray(pixels).save(folder / "image.png")
    return folder / "model.safetensors", folder / "image.png"


@contextmanager
def server(model: Path) -> Iterator[tuple[str, float]]:
    """Start a server, and give its address and the seconds that it took to start."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "golmu", "serve", str(model), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, "the server did not start"
        yield found[0], time.perf_counter() - started
    finally:
        process.terminate()
        assert process.wait(60) == 0, "the server did not stop as it should"


def ask_with_wrk(url: str, image: Path, seconds: int) -> dict[str, float]:
    """Ask for some seconds with wrk."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "serve.lua"), f"{url}/predict"]
    done = subprocess.run([*command, "--", str(image)], check=True, capture_output=True, text=True)
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def ask_with_python(url: str, image: Path, seconds: int) -> dict[str, float]:
    """Ask for some seconds with threads of this process."""
    body, end, times, failed = image.read_bytes(), time.perf_counter() + seconds, [], []

    def ask() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        while (began := time.perf_counter()) < end:
            connection.request("POST", "/predict", body)
            answer = connection.getresponse()
            answer.read()
            (times if answer.status == 200 else failed).append(time.perf_counter() - began)

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quantiles = np.percentile(times, [50, 99, 100]) * 1e3
    names = ("p50_ms", "p99_ms", "max_ms")
    return {
        "requests": len(times), "seconds": float(seconds), "failed": len(failed),
        **dict(zip(names, quantiles.tolist(), strict=True)),
    }  # fmt: skip


def counted(url: str) -> dict[str, float]:
    """What the server has counted."""
    with urlopen(f"{url}/metrics") as answer:
        lines = [line.rsplit(" ", 1) for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def measure(url: str, image: Path, seconds: int, rounds: int) -> list[dict[str, float]]:
    """Ask round after round; of each, what the client and the server say."""
    ask = ask_with_wrk if shutil.which("wrk") else ask_with_python
    ask(url, image, WARM_UP_SECONDS)
    results = []
    for _ in range(rounds):
        before, said, after = counted(url), ask(url, image, seconds), counted(url)
        n = after["golmu_images_total"] - before["golmu_images_total"]
        said["requests_per_second"] = said["requests"] / said["seconds"]
        said["images_per_batch"] = n / (after["golmu_batch_images_count"] - before["golmu_batch_images_count"])
        spent = after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]
        said["processor_microseconds_per_request"] = spent / n * 1e6
        said["megabytes"] = after["process_resident_memory_bytes"] / 1e6
        results.append(said)
        print(json.dumps({name: round(value, 3) for name, value in said.items()}), flush=True)
    return results


def first_answer(model: Path, image: Path) -> float:
    """Seconds from the start of the process to its first answer."""
    started = time.perf_counter()
    with server(model) as (url, _):
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        connection.request("POST", "/predict", image.read_bytes())
        connection.getresponse().read()
        return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--soak", type=int, metavar="SECONDS", help="ask for so long, and record nothing")
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    n = max(5, wanted.soak // SECONDS_PER_ROUND) if wanted.soak else wanted.rounds
    with tempfile.TemporaryDirectory() as folder:
        model, image = write_files(Path(folder))
        with server(model) as (url, _):
            results = measure(url, image, SECONDS_PER_ROUND, n)
        failed = sum(one["failed"] for one in results)
        if wanted.soak:
            fifth = max(1, len(results) // 5)
            ends = results[:fifth], results[-fifth:]
            first, last = (statistics.median(one["megabytes"] for one in part) for part in ends)
            asked = sum(one["requests"] for one in results)
            print(f"{asked:,.0f} requests, {failed:.0f} failed; {first:.1f} MB at first, {last:.1f} MB at the end")
            if failed or last > first * (1 + MAX_GROWTH):
                sys.exit("the soak failed: a request failed, or memory grew")
            return
        median = {name: statistics.median(one[name] for one in results) for name in results[0]}
        result: dict[str, Any] = {
            "date": date.today().isoformat(),
            "machine": describe_machine(),
            "client": "wrk" if shutil.which("wrk") else "python",
            "connections": CONNECTIONS,
            **{name: value for name, value in median.items() if name not in ("requests", "seconds")},
            "failed": failed,
            "seconds_to_first_answer": statistics.median(first_answer(model, image) for _ in range(5)),
        }
    print(json.dumps(result, indent=2))
    path = recording_path("serve", result["machine"]["processor"])
    path.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
