"""The accuracy of the recipes beside that of published networks of their kind, as Markdown for the READMEs."""

from __future__ import annotations

import json
from pathlib import Path

from golmu.cli.commands.recipes import over_seeds
from golmu.recipe import RECIPES

RESULTS = Path(__file__).parent / "results"

BENCHMARK_PAGE = "https://github.com/zalandoresearch/fashion-mnist#benchmark"

PUBLISHED = [
    ("two convolutions with pooling", "합성곱 2개와 풀링", "0.876–0.916"),
    ("two convolutions, under 100K parameters", "합성곱 2개, 가중치 10만 개 미만", "0.925"),
    ("three convolutions, pooling, batch normalization", "합성곱 3개, 풀링, 배치 정규화", "0.903"),
    ("two convolutions with batch normalization", "합성곱 2개와 배치 정규화", "0.934"),
]
"""Networks of the data set's own table, by what they are made of, and their accuracy on the test images."""


def table(korean: bool) -> list[str]:
    """Lines of Markdown; a recipe that was not measured is left out."""
    if korean:
        lines = ["| 레시피 | 신경망 | 에포크 | 훈련 시간 | 검증 정확도 | 테스트 정확도 |"]
    else:
        lines = ["| recipe | network | epochs | to train | validation | test |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    results = [json.loads(path.read_text()) for name in RECIPES if (path := _path(name)).exists()]
    for result in results:
        settings = result["settings"]
        sizes = settings["n_kernels"], settings["units"], result["n_parameters"]
        network = (
            "커널 {}개, 유닛 {}개, 가중치 {:,}개" if korean else "{} kernels, {} units: {:,} parameters"
        ).format(*sizes)  # fmt: skip
        lines.append(
            f"| `{result['recipe']}` | {network} | {settings['epochs']} | {_time(result['seconds'], korean)} | "
            f"**{over_seeds(result['validation'])}** | {over_seeds(result['test'])} |"
        )
    for english, in_korean, accuracy in PUBLISHED:
        lines.append(f"| | {in_korean if korean else english} | | | | {accuracy} |")
    seeds = ", ".join(f"`{result['recipe']}` {len(result['runs'])}" for result in results)
    machines = [result["machine"] for result in results]
    computers = ", ".join(
        sorted(
            {f"{m['processor']}, " + (f"코어 {m['cores']}개" if korean else f"{m['cores']} cores") for m in machines}
        )
    )
    if korean:
        note = (
            f"시드별 결과의 평균 ± 표준편차(시드 수: {seeds}), {computers}. 레시피는 검증 정확도만 "
            "보고 골랐고, 테스트 세트는 훈련이 끝난 뒤 한 번만 썼습니다. 아래 네 줄은 "
            f"[데이터 세트에 공개된 표]({BENCHMARK_PAGE})의 합성곱 신경망입니다."
        )
    else:
        note = (
            f"Mean ± standard deviation over seeds ({seeds}), {computers}. Recipes were chosen by validation "
            f"accuracy alone, and the test images scored once, at the end. The last four rows are from the "
            f"[data set's own table]({BENCHMARK_PAGE})."
        )
    return [*lines, "", f"<sub>{note}</sub>"]


def _path(name: str) -> Path:
    return RESULTS / f"accuracy-{name}.json"


def _time(seconds: float, korean: bool) -> str:
    if seconds < 100:
        return f"{seconds:.1f}초" if korean else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f}분" if korean else f"{seconds / 60:.1f} min"
