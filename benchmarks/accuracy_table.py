"""The accuracy of the recipes, alone and beside that of published networks of their kind, as Markdown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from golmu.cli.commands.recipes import over_seeds
from golmu.recipe import RECIPES, format_setting

RESULTS = Path(__file__).parent / "results"

BENCHMARK_PAGE = "https://github.com/zalandoresearch/fashion-mnist#benchmark"

PUBLISHED = {
    "two convolutions with pooling": "0.876–0.916",
    "two convolutions, under 100K parameters": "0.925",
    "three convolutions, pooling, batch normalization": "0.903",
    "two convolutions with batch normalization": "0.934",
}
"""Networks of the data set's own table, by what they are made of, and their accuracy on the test images."""

PURPOSE = {
    "chapter": ("what the book does", "책의 설정 그대로"),
    "quick": ("the book's accuracy in one epoch", "한 에포크 만에 책의 정확도"),
    "best": ("the most from the book's network", "책의 신경망으로 낼 수 있는 최고 정확도"),
    "wide": ("a wider network: 64 kernels", "커널 64개로 넓힌 신경망"),
    "any": ("images of your own: 32 kernels", "내 이미지용, 커널 32개"),
    "color": ("colour images of your own: 16, 32 and 64 kernels", "내 컬러 이미지용, 커널 16·32·64개"),
    "deep": (
        "the most from two convolutions: 32 and 64 kernels",
        "합성곱층 두 개로 낼 수 있는 최고 정확도, 커널 32·64개",
    ),
}
"""What each recipe is for, in English and in Korean."""


def measured() -> list[Any]:
    """The results of every recipe that was measured."""
    paths = (RESULTS / f"accuracy-{name}.json" for name in RECIPES)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths if path.exists()]


def short_table(korean: bool) -> str:
    """The recipes by what they are for."""
    results = measured()
    if korean:
        lines = ["| 레시피 | 쓰임 | 에포크 | 훈련 시간 | 검증 정확도 | 테스트 정확도 |"]
        note = (
            f"시드를 바꾸어 가며 훈련한 결과의 평균 ± 표준편차, {_computers(results, korean)}. 레시피는 검증 정확도만 "
            "보고 골랐고, 테스트 세트는 마지막에 한 번만 썼습니다."
        )
    else:
        lines = ["| recipe | what it is for | epochs | training time | validation accuracy | test accuracy |"]
        note = (
            f"Mean ± standard deviation over several seeds, {_computers(results, korean)}. Recipes were chosen by "
            "validation accuracy alone; the test images were used once, at the end."
        )
    lines.append("|---|---|---:|---:|---:|---:|")
    for result in results:
        purpose = PURPOSE[result["recipe"]][korean]
        lines.append(f"| `{result['recipe']}` | {purpose} | {_scores(result, korean)} |")
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def full_table(korean: bool) -> str:
    """The recipes by their networks, and below them networks that others have published."""
    assert not korean
    results = measured()
    lines = ["| recipe | network | epochs | training time | validation accuracy | test accuracy |"]
    lines.append("|---|---|---:|---:|---:|---:|")
    for result in results:
        settings = result["settings"]
        sizes = format_setting(settings["n_kernels"]), settings["units"], result["n_parameters"]
        network = "{} kernels, {} units: {:,} parameters".format(*sizes)
        lines.append(f"| `{result['recipe']}` | {network} | {_scores(result, korean)} |")
    lines += [f"| | {network} | | | | {accuracy} |" for network, accuracy in PUBLISHED.items()]
    seeds = ", ".join(f"`{result['recipe']}` {len(result['runs'])}" for result in results)
    note = (
        f"Mean ± standard deviation over seeds ({seeds}), {_computers(results, korean)}. The last four rows come from "
        f"the [data set's own table]({BENCHMARK_PAGE})."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def _scores(result: Any, korean: bool) -> str:
    """The cells of a recipe from its epochs on."""
    return (
        f"{result['settings']['epochs']} | {_time(result['seconds'], korean)} | "
        f"**{over_seeds(result['validation'])}** | {over_seeds(result['test'])}"
    )


def _computers(results: list[Any], korean: bool) -> str:
    """The processors that the results come from."""
    machines = [result["machine"] for result in results]
    cores = "코어 {}개" if korean else "{} cores"
    return ", ".join(sorted({f"{one['processor']}, {cores.format(one['cores'])}" for one in machines}))


def _time(seconds: float, korean: bool) -> str:
    if seconds < 100:
        return f"{seconds:.1f}초" if korean else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f}분" if korean else f"{seconds / 60:.1f} min"
