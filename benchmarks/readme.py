"""Puts the recorded results into README.md and README.ko.md: python benchmarks/readme.py."""

from __future__ import annotations

import json
import math
from importlib.metadata import version
from pathlib import Path
from typing import Any

from accuracy_table import table

HERE = Path(__file__).parent
RACES = "time-to-accuracy"

# The best variant of a tool stands for it.
TOOLS = {
    "golmu fused": ("**golmu, engine `fused`**", "**골무, `fused` 엔진**"),
    "golmu tensorflow": ("golmu, engine `tensorflow`", "골무, `tensorflow` 엔진"),
    "jax": ("JAX", "JAX"),
    "torch": ("PyTorch", "파이토치"),
    "keras": ("Keras `fit`", "케라스 `fit`"),
    "the chapter": ("the chapter's own loop", "책의 코드"),
}


def load(name: str) -> Any:
    return json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))


def best(speed: Any, tool: str) -> Any:
    """The fastest contender of a tool."""
    rows = [row for row in speed["contenders"] if row["name"].startswith(tool) and "1 thread" not in row["name"]]
    return min(rows, key=lambda row: row["median_seconds"])


def block(korean: bool) -> str:
    """The results as Markdown."""
    speed = load("speed-chapter")
    fused = best(speed, "golmu fused")["median_seconds"]
    machine = speed["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    if korean:
        lines = ["| 같은 신경망의 1에포크(훈련 48,000개, 검증 12,000개) | 초 | 골무가 빠른 배수 |"]
        note = f"{machine['processor']}, 코어 {speed['threads']}개, {speed['rounds']}회 측정한 중앙값. {versions}."
    else:
        lines = ["| an epoch of this network: 48,000 images, and 12,000 to validate | seconds | golmu is faster by |"]
        note = (
            f"{machine['processor']}, {speed['threads']} cores, median of {speed['rounds']} interleaved rounds, "
            f"{speed['date']}; of each tool the fastest of the ways tried ([how](benchmarks/README.md)). {versions}."
        )
    lines.append("|---|---:|---:|")
    for tool, names in sorted(TOOLS.items(), key=lambda item: best(speed, item[0])["median_seconds"]):
        seconds = best(speed, tool)["median_seconds"]
        lines.append(f"| {names[korean]} | {seconds:.2f} | {seconds / fused:.1f} |")
    lines += ["", f"<sub>{note}</sub>", "", larger_networks(korean)]
    if (HERE / "results" / f"{RACES}.json").exists():
        lines += ["", *race_lines(load(RACES), korean)]
    return "\n".join(lines)


def larger_networks(korean: bool) -> str:
    """How many times as long as Golmu Keras takes for the other settings."""
    ratios = []
    for name in ("wide", "colour"):
        speed = load(f"speed-{name}")
        ratios.append(best(speed, "keras")["median_seconds"] / best(speed, "golmu fused")["median_seconds"])
    wide, colour = ratios
    page = "benchmarks/README.md"
    if korean:
        return (
            f"더 큰 신경망([커널 64개와 유닛 256개, 32×32×3 이미지]({page}))도 케라스보다 각각 {wide:.1f}배, "
            f"{colour:.1f}배 빠릅니다."
        )
    return (
        f"Larger networks ([64 kernels and 256 units; 32×32×3 images]({page})) train {wide:.1f} and {colour:.1f} times "
        "as fast as with Keras."
    )


def quickest(race: Any, tool: str, key: str) -> float:
    """The least time of a tool's contenders; infinite if none reached the target."""
    rows = [row for row in race["contenders"] if row["name"].startswith(tool)]
    return min((row[key] for row in rows if row[key] is not None), default=math.inf)


def race_lines(result: Any, korean: bool) -> list[str]:
    """The times to an accuracy as Markdown."""
    keys = ("training_seconds", "process_seconds")
    clocks = [(race, key) for race in result["races"] for key in keys]
    tools = [tool for tool in TOOLS if any(row["name"].startswith(tool) for row in result["races"][0]["contenders"])]
    names = ("훈련만", "실행 시작부터") if korean else ("training alone", "from the start")
    heads = [f"{race['target']}: {name}" for race in result["races"] for name in names]
    title = "아래 검증 정확도에 이르기까지 걸린 시간(초)" if korean else "seconds to a validation accuracy of"
    lines = [f"| {title} | {' | '.join(heads)} |", f"|---|{'---:|' * len(heads)}"]
    for tool in sorted(tools, key=lambda tool: quickest(result["races"][0], tool, keys[0])):
        cells = []
        for race, key in clocks:
            seconds, base = quickest(race, tool, key), quickest(race, "golmu", key)
            ratio = "" if tool.startswith("golmu") or math.isinf(base) else f" (×{seconds / base:.1f})"
            cells.append("–" if math.isinf(seconds) else f"{seconds:.1f}{ratio}")
        lines.append(f"| {TOOLS[tool][korean]} | {' | '.join(cells)} |")
    recipes = [f"`{race['recipe']}`" for race in result["races"]]
    chapter = [row for race in result["races"] for row in race["contenders"] if row["recipe"] == "chapter"]
    limit = max(row["epochs_at_most"] for row in chapter)
    if korean:
        note = (
            f"레시피 {', '.join(recipes)}로 훈련했고(책의 코드는 책의 설정으로 최대 {limit}에포크), 괄호 안은 골무 "
            f"대비 배수입니다. –: 도달하지 못함. 코어 {result['threads']}개, {result['rounds']}회 측정한 중앙값."
        )
    else:
        note = (
            f"All by the recipes {' and '.join(recipes)}, the chapter's loop by the chapter's for at most {limit} "
            f"epochs; in brackets, times golmu's; –: not reached. {result['threads']} cores, median of "
            f"{result['rounds']} interleaved rounds, {result['date']}; for each figure the faster of a tool's ways."
        )
    return [*lines, "", f"<sub>{note}</sub>"]


def beside_mlp(result: Any, korean: bool) -> str:
    """Accuracy and time beside scikit-learn's network without a convolution, as Markdown."""
    titles = (
        ("데이터", "분류기", "1에포크(초)", "정확도") if korean else ("data", "classifier", "s an epoch", "accuracy")
    )
    lines = [f"| {' | '.join(titles)} |", "|---|---|---:|---:|"]
    for row in result["rows"]:
        sd = "" if row["sd"] is None else f" ± {row['sd']:.4f}"
        call = f"`{row['estimator']}`, `{row['settings']}`"
        lines.append(f"| {row['data']} | {call} | {row['seconds_per_epoch']:.4f} | {row['accuracy']:.4f}{sd} |")
    versions, n = result["machine"]["versions"], result["rounds"]
    if korean:
        note = (
            f"시드 {n}개의 평균 ± 표준편차, 시간은 중앙값. digits는 테스트 이미지, fashion-mnist는 검증 이미지의 "
            f"정확도입니다. {result['machine']['processor']}, 코어 {result['machine']['cores']}개."
        )
    else:
        note = (
            f"Mean ± standard deviation over {n} seeds, median of the times, {result['date']}; on the test images of "
            f"digits, and the validation images of fashion-mnist. {result['machine']['processor']}, "
            f"{result['machine']['cores']} cores, scikit-learn {versions.get('scikit-learn', version('scikit-learn'))}."
        )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def filled(text: str, korean: bool) -> str:
    """A README with the results between its marks."""
    blocks = {"results": block(korean), "accuracy": "\n".join(table(korean)), "mlp": beside_mlp(load("mlp"), korean)}
    for mark, content in blocks.items():
        start, end = f"<!-- {mark} -->", f"<!-- /{mark} -->"
        before, rest = text.split(start)
        text = f"{before}{start}\n{content}\n{end}{rest.split(end)[1]}"
    return text


READMES = {HERE.parent / "README.md": False, HERE.parent / "README.ko.md": True}

if __name__ == "__main__":
    for path, korean in READMES.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), korean), encoding="utf-8")
