"""The accuracy of the recipes, alone and beside that of published networks of their kind, as Markdown."""

from __future__ import annotations

import json
import re
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
    "any": ("grey images of your own: 32 kernels", "내 흑백 이미지용, 커널 32개"),
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
            "보고 골랐고, 테스트 세트는 마지막에 한 번만 썼습니다. 더 느린 프로세서에서는 더 오래 걸립니다(아래 참고)."
        )
    else:
        lines = ["| recipe | what it is for | epochs | training time | validation accuracy | test accuracy |"]
        note = (
            f"Mean ± standard deviation over several seeds, {_computers(results, korean)}. Recipes were chosen by "
            "validation accuracy alone; the test images were used once, at the end. Slower processors take longer: see "
            "below."
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


OTHER = {
    "cifar10-color": "CIFAR-10, colour photographs of 32×32",
    "cifar10-wide": "CIFAR-10, colour photographs of 32×32",
    "fashion-mnist-deep": "Fashion-MNIST",
    "fashion-mnist-deep-one-view": "Fashion-MNIST, the same networks, answering without mirror images",
    "mnist-deep": "MNIST, handwritten digits of 28×28",
    "mnist-any-20": "MNIST, as many epochs as `golmu train` takes",
    "mnist-any-60": "MNIST, three times as many epochs",
}
"""The results of `other_data.py`, and what the images show."""


def other_table(korean: bool) -> str:
    """The accuracy of deeper networks on several data sets."""
    assert not korean
    results = {name: _load(name) for name in OTHER}
    n_seeds = len(next(iter(results.values()))["runs"])
    lines = [
        "| images | options | epochs | processor time of an epoch | processor | validation accuracy | test accuracy |"
    ]
    lines.append("|---|---|---:|---:|---|---:|---:|")
    for name, result in results.items():
        epochs = result["settings"]["epochs"]
        options = _options(result) + (f" --epochs {epochs}" if "epochs" in result["own"] else "")
        processor = result["machine"]["processor"]
        generation = re.search(r"\w+ generation", processor)
        time = f"{_time(result['processor_seconds'] / epochs, korean)} | {generation[0] if generation else processor}"
        scores = f"**{over_seeds(result['validation'])}** | {over_seeds(result['test'])}"
        lines.append(f"| {OTHER[name]} | `{options}` | {epochs} | {time} | {scores} |")
    note = (
        f"Mean ± standard deviation over {n_seeds} seeds, each with its own fifth of the training images for "
        "validation, the test images scored once. On: "
        f"{_computers(list(results.values()), korean)}."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


def other_sentence(korean: bool) -> str:
    """What deeper networks reach on colour photographs and on Fashion-MNIST."""
    color, wide, deep = (_load(name) for name in ("cifar10-color", "cifar10-wide", "fashion-mnist-deep"))
    one, other = (f"{result['test']['mean']:.2f}" for result in (color, wide))
    epochs, fewer = (result["settings"]["epochs"] for result in (color, wide))
    if korean:
        return (
            f"작은 컬러 사진(CIFAR-10, 32×32)에서는 `{_options(color)} --epochs {epochs}`으로 테스트 정확도 {one}에 "
            f"이르고, `--n-kernels 32,64,128`로 커널을 늘리면 {fewer}에포크 만에 {other}까지 올라갑니다. 패션 MNIST의 "
            f"테스트 정확도는 `{_options(deep)}`으로 {deep['test']['mean']:.3f}입니다. 넓은 장면을 찍은 "
            "사진이라면 미리 훈련된 큰 신경망이 더 정확합니다."
        )
    return (
        f"On small colour photographs (CIFAR-10, 32×32), `{_options(color)} --epochs {epochs}` reaches a test accuracy "
        f"of {one}, and with `--n-kernels 32,64,128` it is {other} after {fewer} epochs. On Fashion-MNIST, "
        f"`{_options(deep)}` reaches {deep['test']['mean']:.3f}. On photographs of large scenes, "
        "pretrained networks do better."
    )


def _load(name: str) -> Any:
    return json.loads((RESULTS / f"accuracy-{name}.json").read_text(encoding="utf-8"))


def _options(result: Any) -> str:
    """The options of `golmu train` for a result."""
    own = result["own"]
    kernels = f" --n-kernels {','.join(map(str, own['n_kernels']))}" if "n_kernels" in own else ""
    flips = " --flip" * own.get("flip", False) + " --no-test-flip" * (own.get("test_flip") is False)
    return f"--recipe {result['recipe']}{flips}{kernels}"


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
    return "; ".join(sorted({f"{processor_name(one, korean)}, {cores.format(one['cores'])}" for one in machines}))


def processor_name(machine: Any, korean: bool) -> str:
    """The processor of a recording, with its generation as the language counts it."""
    name: str = machine["processor"]
    return re.sub(r"(\d)(?:st|nd|rd|th) generation", r"\1세대", name) if korean else name


def _time(seconds: float, korean: bool) -> str:
    if seconds < 100:
        return f"{seconds:.1f}초" if korean else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f}분" if korean else f"{seconds / 60:.1f} min"
