"""Puts the recorded results into the READMEs and docs/reference/results.md: python benchmarks/readme.py."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accuracy_table import full_table, short_table

HERE = Path(__file__).parent

TOOLS = {
    "golmu fused": ("**Golmu, engine `fused`**", "**골무, `fused` 엔진**"),
    "golmu tensorflow": ("Golmu, engine `tensorflow`", "골무, `tensorflow` 엔진"),
    "jax": ("JAX", "JAX"),
    "torch": ("PyTorch", "파이토치"),
    "keras": ("Keras `fit`", "케라스 `fit`"),
    "the chapter": ("the book's own loop", "책의 코드"),
}
"""How the names of a tool's contenders begin, and what the tool is called in English and in Korean."""


def load(name: str) -> Any:
    """The recorded results called `name`."""
    return json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))


def best(speed: Any, tool: str) -> float:
    """The median seconds of a tool's fastest contender."""
    rows = [row for row in speed["contenders"] if row["name"].startswith(tool) and "1 thread" not in row["name"]]
    return min(row["median_seconds"] for row in rows)


def ranked(speed: Any) -> list[tuple[str, float]]:
    """The tools and their seconds per epoch, the fastest first."""
    return sorted(((tool, best(speed, tool)) for tool in TOOLS), key=lambda item: item[1])


def machine(result: Any, korean: bool) -> str:
    """The processor and the number of its cores."""
    cores = result["machine"]["cores"]
    return f"{result['machine']['processor']}, " + (f"코어 {cores}개" if korean else f"{cores} cores")


def versions(result: Any) -> str:
    """The versions of what was measured."""
    return ", ".join(f"{name} {number}" for name, number in result["machine"]["versions"].items())


def speed_sentence(korean: bool) -> str:
    """The time of an epoch beside other tools, and why the recipe `chapter` takes longer."""
    assert not korean
    speed, chapter = load("speed-chapter"), load("accuracy-chapter")
    seconds = dict(ranked(speed))
    fused = seconds["golmu fused"]
    times = {tool: f"{seconds[tool] / fused:.1f}" for tool in ("keras", "jax", "torch", "the chapter")}
    after = chapter["seconds"] / chapter["settings"]["epochs"]
    return (
        f"On {speed['threads']} CPU cores, the engine `fused` trains one epoch of the book's network in {fused:.2f} s: "
        f"{times['keras']} times as fast as Keras, {times['jax']} times as fast as JAX, {times['torch']} times as fast "
        f"as PyTorch and {times['the chapter']} times as fast as the book's own loop, all doing the same work. With "
        f"the recipe `chapter` an epoch takes {after:.2f} s: like the book, it reports each batch's loss after the "
        "update, which costs one more forward pass (`record_loss`)."
    )


def speed_table(korean: bool) -> str:
    """Seconds per epoch of every tool."""
    speed = load("speed-chapter")
    fused = best(speed, "golmu fused")
    if korean:
        lines = ["| 같은 신경망의 1에포크(훈련 48,000개, 검증 12,000개) | 초 | 골무 대비 소요 시간 |"]
        note = (
            f"{machine(speed, korean)}, {speed['rounds']}회 번갈아 측정한 중앙값, {speed['date']}. 도구마다 가장 빠른 "
            f"방법의 시간입니다. {versions(speed)}."
        )
    else:
        lines = ["| one epoch: 48,000 images to train, 12,000 to validate | seconds | time relative to Golmu |"]
        note = (
            f"{machine(speed, korean)}, median of {speed['rounds']} interleaved rounds, {speed['date']}; for each tool "
            f"the fastest way that was tried. {versions(speed)}."
        )
    lines.append("|---|---:|---:|")
    for tool, seconds in ranked(speed):
        ratio = f"{seconds / fused:.1f}" + ("배" if korean else "×")
        lines.append(f"| {TOOLS[tool][korean]} | {seconds:.2f} | {ratio} |")
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def larger_table(korean: bool) -> str:
    """Seconds per epoch of larger networks, beside Keras."""
    assert not korean
    titles = {"wide": "64 kernels, 256 units, 28×28 images", "colour": "10 kernels, 100 units, 32×32×3 images"}
    lines = ["| network | Golmu, s per epoch | Keras, s per epoch | time relative to Golmu |", "|---|---:|---:|---:|"]
    for name, title in titles.items():
        speed = load(f"speed-{name}")
        golmu, keras = best(speed, "golmu fused"), best(speed, "keras")
        lines.append(f"| {title} | {golmu:.2f} | {keras:.2f} | {keras / golmu:.1f}× |")
    note = f"{machine(speed, korean)}, median of {speed['rounds']} interleaved rounds, {speed['date']}."
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def prediction_table(korean: bool) -> str:
    """Milliseconds to predict the test images, beside ONNX Runtime."""
    assert not korean
    speed = load("speed-chapter")
    seconds = {}
    for row in speed["prediction"]:
        tool = "Golmu, engine `fused`" if row["name"].startswith("golmu") else "ONNX Runtime"
        seconds[tool] = min(row["median_seconds"], seconds.get(tool, math.inf))
    golmu = min(seconds.values())
    lines = ["| predicting 10,000 images | milliseconds | time relative to Golmu |", "|---|---:|---:|"]
    lines += [f"| {tool} | {1000 * value:.0f} | {value / golmu:.1f}× |" for tool, value in seconds.items()]
    return "\n".join([*lines, "", f"<sub>{machine(speed, korean)}, {speed['date']}; the faster way of each.</sub>"])


def quickest(race: Any, tool: str, key: str) -> float:
    """The least time of a tool's contenders; infinite if none reached the target."""
    rows = [row for row in race["contenders"] if row["name"].startswith(tool)]
    return min((row[key] for row in rows if row[key] is not None), default=math.inf)


def race_table(korean: bool) -> str:
    """Seconds to a validation accuracy; no ratio is given for a tool that trained by another recipe."""
    assert not korean
    result = load("time-to-accuracy")
    keys = ("training_seconds", "process_seconds")
    clocks = [(race, key) for race in result["races"] for key in keys]
    tools = [tool for tool in TOOLS if any(row["name"].startswith(tool) for row in result["races"][0]["contenders"])]
    chapter = [row for race in result["races"] for row in race["contenders"] if row["recipe"] == "chapter"]
    limit = max(row["epochs_at_most"] for row in chapter)
    heads = [
        f"{race['target']} with `{race['recipe']}`: {clock}"
        for race in result["races"]
        for clock in ("training alone", "whole process")
    ]
    lines = [f"| seconds to a validation accuracy of | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for tool in sorted(tools, key=lambda tool: quickest(result["races"][0], tool, keys[0])):
        is_other_recipe = any(row["name"].startswith(tool) for row in chapter)
        cells = []
        for race, key in clocks:
            seconds, base = quickest(race, tool, key), quickest(race, "golmu", key)
            has_ratio = not (is_other_recipe or tool.startswith("golmu") or math.isinf(seconds))
            cells.append(
                "–" if math.isinf(seconds) else f"{seconds:.1f}" + (f" ({seconds / base:.1f}×)" if has_ratio else "")
            )
        name = TOOLS[tool][korean] + (" (recipe `chapter`)" if is_other_recipe else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    note = (
        "In brackets: time relative to Golmu with the same recipe. The book's own loop uses the book's recipe, so its "
        f"seconds are no measure of speed; –: not reached within {limit} epochs. {machine(result, korean)}, median of "
        f"{result['rounds']} interleaved rounds, {result['date']}; for each figure the fastest way of a tool."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def limits_table(korean: bool) -> str:
    """Time to the first batch, and memory."""
    assert not korean
    limits = load("limits")
    rows = {
        "first run ever, which compiles the kernels: seconds to the first batch": f"{limits['first_run_seconds']:.1f}",
        "every later run: seconds to the first batch": f"{limits['later_run_seconds']:.1f}",
        "`golmu train fashion-mnist`, 3 epochs, whole process: seconds": f"{limits['seconds']:.1f}",
        "`golmu train fashion-mnist`: peak memory in MB": f"{limits['peak_megabytes']:.0f}",
    }
    lines = ["| | |", "|---|---:|", *(f"| {what} | {value} |" for what, value in rows.items())]
    return "\n".join([*lines, "", f"<sub>{machine(limits, korean)}, {limits['date']}, with the data on disk.</sub>"])


def mlp_table(korean: bool) -> str:
    """Accuracy and time beside scikit-learn's network without a convolution."""
    assert not korean
    result = load("mlp")
    lines = ["| data | classifier | s per epoch | accuracy |", "|---|---|---:|---:|"]
    for row in result["rows"]:
        sd = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
        call = f"`{row['estimator']}`, `{row['settings']}`"
        lines.append(f"| {row['data']} | {call} | {row['seconds_per_epoch']:.4f} | {row['accuracy']:.4f}{sd} |")
    number = result["machine"]["versions"]["scikit-learn"]
    note = (
        f"Mean ± standard deviation over {result['rounds']} seeds, median of the times, {result['date']}; test images "
        f"of digits, validation images of fashion-mnist. {machine(result, korean)}, scikit-learn {number}."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


BLOCKS: dict[str, Callable[[bool], str]] = {
    "accuracy": short_table,
    "accuracy-published": full_table,
    "speed-sentence": speed_sentence,
    "speed": speed_table,
    "speed-larger": larger_table,
    "prediction": prediction_table,
    "time-to-accuracy": race_table,
    "limits": limits_table,
    "mlp": mlp_table,
}
"""What stands between a page's marks, by their name; a page has the marks that it wants."""


def filled(text: str, korean: bool) -> str:
    """A page with the recorded results between its marks."""
    for mark, block in BLOCKS.items():
        start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        if start in text:
            before, rest = text.split(start)
            text = f"{before}{start}\n{block(korean)}\n{end}{rest.split(end)[1]}"
    return text


ROOT = HERE.parent
PAGES = {ROOT / "README.md": False, ROOT / "README.ko.md": True, ROOT / "docs" / "reference" / "results.md": False}
"""The pages with results, and whether they are in Korean."""

if __name__ == "__main__":
    for path, is_korean in PAGES.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), is_korean), encoding="utf-8")
