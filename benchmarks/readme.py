"""Puts the recorded results into the READMEs and the documentation: python benchmarks/readme.py."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from accuracy_table import full_table, other_sentence, other_table, processor_name, short_table

HERE = Path(__file__).parent

TOOLS = {
    "golmu fused": "**Golmu, engine `fused`**",
    "golmu tensorflow": "Golmu, engine `tensorflow`",
    "jax": "JAX",
    "torch": "PyTorch",
    "keras": "Keras `fit`",
    "the chapter": "the book's own loop",
}
"""How the names of a tool's contenders begin, and what the tool is called."""


def load(name: str) -> Any:
    """The recorded results called `name`."""
    return json.loads((HERE / "results" / f"{name}.json").read_text(encoding="utf-8"))


def has(speed: Any, tool: str) -> bool:
    """Whether a tool took part."""
    return any(row["name"].startswith(tool) for row in speed["contenders"])


def best(speed: Any, tool: str) -> float:
    """The median seconds of a tool's fastest contender."""
    rows = [row for row in speed["contenders"] if row["name"].startswith(tool) and "1 thread" not in row["name"]]
    return min(row["median_seconds"] for row in rows)


def ratio(speed: Any, tool: str) -> float:
    """How many times as long as Golmu a tool takes, by its fastest way."""
    return best(speed, tool) / best(speed, "golmu fused")


def rounded_down(value: float) -> str:
    """A ratio with one decimal, never above what was measured: so tables and sentences with "at least" agree."""
    return f"{math.floor(10 * value) / 10:.1f}"


def at_least(value: float) -> str:
    """Two figures of a ratio, rounded down."""
    return f"{math.floor(value)}" if value >= 10 else rounded_down(value)


def recordings_of(name: str) -> list[Any]:
    """What was recorded on one processor after another, the newest generation first."""
    paths = sorted((HERE / "results").glob(f"{name}-[0-9]*.json"), reverse=True)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def ranked(speed: Any) -> list[tuple[str, float]]:
    """The tools and their seconds per epoch, the fastest first."""
    return sorted(((tool, best(speed, tool)) for tool in TOOLS), key=lambda item: item[1])


def machine(result: Any, korean: bool, *, has_peak: bool = True) -> str:
    """The processor, the number of its cores, the width of its vectors, and what it can do at most."""
    facts = result["machine"]
    words = [processor_name(facts, korean), f"코어 {facts['cores']}개" if korean else f"{facts['cores']} cores"]
    if "vector_floats" in facts:
        words.append(
            f"벡터 하나에 수 {facts['vector_floats']}개" if korean else f"vectors of {facts['vector_floats']} floats"
        )
        measured = result.get("peak_gflops", facts["peak_gflops"])  # among the rounds, if there were any
        peak = f"{measured:.0f} GFLOP/s"
        words += [f"최고 {peak}" if korean else f"a peak of {peak}"] if has_peak else []
    return ", ".join(words)


def versions(result: Any) -> str:
    """The versions of what was measured."""
    return ", ".join(f"{name} {number}" for name, number in result["machine"]["versions"].items())


def speed_sentence(korean: bool) -> str:
    """The time of an epoch beside other tools on the processor where it is least, and why `chapter` takes longer."""
    recordings = recordings_of("speed-chapter")
    tools = ("keras", "jax", "torch", "the chapter")
    times = {tool: at_least(min(ratio(speed, tool) for speed in recordings)) for tool in tools}
    fused = [best(speed, "golmu fused") for speed in recordings]
    of_three = [speed for name in ("deep", "deep-wide") for speed in recordings_of(f"speed-{name}")]
    deeper = at_least(min(ratio(speed, tool) for speed in of_three for tool in ("keras", "torch")))
    n_deeper = len({speed["machine"]["processor"] for speed in of_three})
    is_part = n_deeper < len(recordings)
    if korean:
        return (
            f"프로세서 {len(recordings)}종에서 코어 {recordings[0]['threads']}개로 똑같은 계산을 해 보면, "
            f"`fused` 엔진은 책의 신경망을 적어도 케라스의 {times['keras']}배, 파이토치의 {times['torch']}배, "
            f"JAX의 {times['jax']}배, 책의 코드의 {times['the chapter']}배 속도로 훈련합니다. "
            f"이미지 48,000장을 한 에포크 훈련하는 데 {min(fused):.2f}~{max(fused):.2f}초가 걸립니다. "
            "`chapter` 레시피는 책처럼 배치마다 업데이트한 뒤의 손실을 기록하느라 정방향 계산을 한 번 더 하므로, "
            "시간이 1.5배쯤 걸립니다(`record_loss`). "
            f"합성곱층이 세 개인 신경망에서는 차이가 줄지만{f'(프로세서 {n_deeper}종에서 측정)' if is_part else ''}, "
            f"그래도 케라스와 파이토치보다 적어도 {deeper}배 빠릅니다."
        )
    return (
        f"On {recordings[0]['threads']} CPU cores, the engine `fused` trains the book's network at least "
        f"{times['keras']} times as fast as Keras, {times['torch']} times as fast as PyTorch, "
        f"{times['jax']} times as fast as JAX and {times['the chapter']} times as fast as the book's own loop, "
        f"on each of {len(recordings)} processors; all do the same work. An epoch of 48,000 images takes "
        f"{min(fused):.2f} to {max(fused):.2f} s. With the recipe `chapter` it takes about 1.5 times as long: like "
        "the book, it reports each batch's loss after the update, which costs one more forward pass (`record_loss`). "
        f"Networks of three convolutions{f', measured on {n_deeper} of the processors,' if is_part else ''} gain less: "
        f"at least {deeper} times as fast as Keras and PyTorch."
    )


def speed_table(korean: bool) -> str:
    """How much longer every tool takes than Golmu, and seconds per epoch, on every processor."""
    assert not korean
    recordings = recordings_of("speed-chapter")
    letters = "ABCDEFGH"[: len(recordings)]
    head = "one epoch: 48,000 images to train, 12,000 to validate"
    relative = [f"time relative to Golmu, {letter}" for letter in letters]
    seconds = [f"seconds, {letter}" for letter in letters]
    lines = [f"| {' | '.join([head, *relative, *seconds])} |", f"|---|{'---:|' * 2 * len(letters)}"]
    for tool, _ in ranked(recordings[0]):
        ratios = (f"{rounded_down(ratio(speed, tool))}×" for speed in recordings)
        cells = [*ratios, *(f"{best(speed, tool):.2f}" for speed in recordings)]
        lines.append(f"| {TOOLS[tool]} | {' | '.join(cells)} |")
    processors = "; ".join(
        f"{letter}: {machine(speed, korean)}, {speed['date']}"
        for letter, speed in zip(letters, recordings, strict=True)
    )
    rounds = min(speed["rounds"] for speed in recordings)
    note = (
        f"{processors}. Median of {rounds} interleaved rounds; for each tool the fastest way that was tried. "
        f"{versions(recordings[0])}."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


LARGER = {
    "wide": "64 kernels, 256 units, 28×28 images",
    "colour": "10 kernels, 100 units, 32×32×3 images",
    "deep": "16, 32 and 64 kernels, 128 units, 32×32×3 images",
    "deep-wide": "32, 64 and 128 kernels, 128 units, 32×32×3 images",
}


def larger_table(korean: bool) -> str:
    """How much longer Keras and PyTorch take for larger networks, and Golmu's seconds and share of the peak."""
    assert not korean
    recordings = {
        (name, speed["machine"]["processor"]): speed for name in LARGER for speed in recordings_of(f"speed-{name}")
    }
    letters = {processor: "ABCDEFGH"[i] for i, processor in enumerate(dict.fromkeys(key[1] for key in recordings))}
    heads = (
        "Keras, time relative to Golmu",
        "PyTorch",
        "Golmu, µs an image",
        "share of the peak",
        "peak, GFLOP/s",
        "on",
    )
    lines = [f"| network | {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|---|"]
    for (name, processor), speed in recordings.items():
        golmu = best(speed, "golmu fused")
        ratios = [f"{rounded_down(ratio(speed, tool))}×" if has(speed, tool) else "–" for tool in ("keras", "torch")]
        has_peak = "peak_gflops" in speed
        share = f"{speed['roofline_seconds'] / golmu:.2f} | {speed['peak_gflops']:.0f}" if has_peak else "– | –"
        micros = f"{1e6 * golmu / speed.get('images', 48_000):.1f}"
        lines.append(f"| {LARGER[name]} | {' | '.join(ratios)} | {micros} | {share} | {letters[processor]} |")
    notes = {
        letters[processor]: f"{machine(speed, korean, has_peak=False)}, {speed['date']}"
        for (_, processor), speed in recordings.items()
    }
    note = "; ".join(f"{letter}: {text}" for letter, text in notes.items())
    return "\n".join([*lines, "", f"<sub>{note}. Medians of interleaved rounds; –: not measured.</sub>"])


def prediction_table(korean: bool) -> str:
    """Milliseconds to predict the test images, beside ONNX Runtime, on every processor."""
    assert not korean
    lines = ["| predicting 10,000 images | ONNX Runtime, time relative to Golmu | Golmu, ms | ONNX Runtime, ms |"]
    lines.append("|---|---:|---:|---:|")
    for speed in recordings_of("speed-chapter"):
        seconds = {row["name"]: row["median_seconds"] for row in speed["prediction"]}
        golmu = seconds.pop("golmu fused")
        other = min(seconds.values())
        name = speed["machine"]["processor"]
        lines.append(f"| {name} | {rounded_down(other / golmu)}× | {1000 * golmu:.0f} | {1000 * other:.0f} |")
    note = "The chapter's network. Of ONNX Runtime the fastest way: batches of 100 or 1,000, in float32 or uint8."
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


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
            text = "–" if math.isinf(seconds) else f"{seconds:.{1 if seconds >= 10 else 2}f}"
            cells.append(f"{text} ({rounded_down(seconds / base)}×)" if has_ratio else text)
        name = TOOLS[tool] + (" (recipe `chapter`)" if is_other_recipe else "")
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
    recordings = recordings_of("limits")
    rows = {
        "first run ever, which compiles its code: seconds to the first batch": "first_run_seconds",
        "the same with three blocks of 16, 32 and 64 kernels": "first_run_of_several_blocks_seconds",
        "every later run: seconds to the first batch": "later_run_seconds",
        "the same with three blocks": "later_run_of_several_blocks_seconds",
        "`golmu train fashion-mnist`, 3 epochs, whole process: seconds": "seconds",
        "`golmu train fashion-mnist`: peak memory in MB": "peak_megabytes",
    }
    letters = "ABCDEFGH"[: len(recordings)]
    lines = [f"| | {' | '.join(letters)} |", f"|---|{'---:|' * len(letters)}"]
    for what, name in rows.items():
        values = [limits.get(name) for limits in recordings]
        cells = ["–" if value is None else f"{value:.0f}" if value > 100 else f"{value:.1f}" for value in values]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    notes = "; ".join(
        f"{letter}: {machine(limits, korean)}, {limits['date']}"
        for letter, limits in zip(letters, recordings, strict=True)
    )
    return "\n".join([*lines, "", f"<sub>{notes}, with the data on disk.</sub>"])


def server_sentence(korean: bool) -> str:
    """Requests per second of the server, and how long they take, on every processor."""
    sentences = []
    for result in recordings_of("serve"):
        where, rate, failed = machine(result, korean), result["requests_per_second"], result["failed"]
        median, slow, first = result["p50_ms"], result["p99_ms"], result["seconds_to_first_answer"]
        work, memory = result["processor_microseconds_per_request"], result["megabytes"]
        if korean:
            sentences.append(
                f"클라이언트를 같은 컴퓨터에 두고 1초에 요청 {rate:,.0f}건을 처리했습니다. 절반은 {median:.0f}ms, "
                f"99%는 {slow:.0f}ms 안에 답했고, 실패는 {failed:.0f}건입니다. 요청 하나에 프로세서 시간 {work:.0f}µs"
                f"가 들고, 메모리는 {memory:.0f}MB를 쓰며, 서버가 시작해서 처음 답하기까지 {first:.1f}초가 걸렸습니다. "
                f"측정 환경: {where}, {result['date']}."
            )
        else:
            sentences.append(
                f"On {where}, with the client beside it: {rate:,.0f} requests per second, half of them answered within "
                f"{median:.0f} ms and 99 % within {slow:.0f} ms, {failed:.0f} failed; {work:.0f} µs of processor time "
                f"a request, {memory:.0f} MB of memory, and {first:.1f} s from the start to the first answer "
                f"({result['date']})."
            )
    return " ".join(sentences)


def scaling_table(korean: bool) -> str:
    """The time of a step, and of its gradient on the way to another computer."""
    assert not korean
    result = recordings_of("scaling")[0]
    lines = [
        "| recipe | images per step | ms per step | gradient, MB | its way at 1 Gb/s, ms | two computers at 1 Gb/s | "
        "at 10 Gb/s | faster at 1 Gb/s from images per step |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        bits, step = 32 * row["n_parameters"], 1000 * row["seconds_per_step"]
        slow, fast = bits / 1e6, bits / 1e7
        turn = 2 * slow / step * row["batch_size"]
        lines.append(
            f"| {row['network']} | {row['batch_size']} | {step:.1f} | {bits / 8e6:.2f} | {slow:.1f} | "
            f"{step / (step / 2 + slow):.1f}× as fast | {step / (step / 2 + fast):.1f}× | {turn:,.0f} |"
        )
    note = f"{machine(result, korean)}, {result['date']}, median of {result['rounds']} rounds in all threads."
    return "\n".join([*lines, "", f"<sub>{note} Latency, which adds to each step, is not counted.</sub>"])


def streaming_table(korean: bool) -> str:
    """Memory, time and accuracy of trainings on shards beside trainings in memory."""
    if korean:
        heads = ["28×28 이미지", "프로세스의 메모리(MB)", "이미지 한 장의 시간(µs)", "테스트 정확도"]
        ways = {"memory": "장, 메모리에 두고 훈련", "shards": "장, 조각에서 읽으며 훈련"}
    else:
        heads = ["28×28 images", "memory of the process, MB", "µs for each image", "test accuracy"]
        ways = {"memory": " in memory", "shards": " from shards"}
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|"]
    notes = []
    recordings = sorted(recordings_of("streaming"), key=lambda result: result["images"])
    for result in recordings:
        for name, words in ways.items():
            if (found := result["summary"].get(name)) is None:
                continue
            accuracies = found["test_accuracy"][1:]
            spread = f" ± {statistics.stdev(accuracies):.4f}" if len(accuracies) > 1 else ""
            lines.append(
                f"| {result['images']:,}{words} | {found['rss_anon_mb'][0]:,.0f} | "
                f"{found['microseconds_per_image'][0]:.1f} | {statistics.mean(accuracies):.4f}{spread} |"
            )
        images = f"{result['images']:,}" + ("장" if korean else " images")
        notes.append(f"{images}: {machine(result, korean)}, {result['date']}")
    recipe, where = recordings[0]["recipe"], "; ".join(notes)
    note = (
        f"`{recipe}` 레시피, 패션 MNIST의 이미지를 2픽셀까지 움직여 늘린 데이터. 메모리는 운영 체제가 되찾을 수 없는 "
        f"양(RssAnon)이 가장 많았을 때의 값, 시간은 중앙값, 정확도는 시드별 평균 ± 표준편차입니다. {where}."
        if korean
        else f"Recipe `{recipe}`, images of Fashion-MNIST moved by up to two pixels; memory that the system cannot "
        f"take back (RssAnon), at its highest; median time, mean accuracy ± standard deviation over the seeds. {where}."
    )
    return "\n".join([*lines, "", f"<sub>{note}</sub>"])


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


def labels_table(korean: bool) -> str:
    """How many labels that were changed the check of labels finds."""
    assert not korean
    lines = [
        "| images of | labels changed | of these, in the ranking's first 3 % | doubtful labels | precision | recall |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    results = load("labels")
    for name, result in results.items():
        mean = result["mean"]
        lines.append(
            f"| {name} | {mean['changed']:,.0f} of {mean['images']:,.0f} | **{mean['precision_of_first']:.3f}** | "
            f"{mean['doubtful']:,.0f} | {mean['precision_of_doubtful']:.3f} | {mean['recall_of_doubtful']:.3f} |"
        )
    runs = ", ".join(f"{name} {len(result['runs'])}" for name, result in results.items())
    notes = sorted({f"{processor_name(one['machine'], korean)}, {one['date']}" for one in results.values()})
    return "\n".join([*lines, "", f"<sub>Means over seeds ({runs}). {'; '.join(notes)}.</sub>"])


BLOCKS: dict[str, Callable[[bool], str]] = {
    "accuracy": short_table,
    "accuracy-published": full_table,
    "accuracy-other": other_table,
    "photographs": other_sentence,
    "speed-sentence": speed_sentence,
    "speed": speed_table,
    "speed-larger": larger_table,
    "prediction": prediction_table,
    "time-to-accuracy": race_table,
    "limits": limits_table,
    "server": server_sentence,
    "scaling": scaling_table,
    "streaming": streaming_table,
    "mlp": mlp_table,
    "labels": labels_table,
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
PAGES = {
    ROOT / "README.md": False,
    ROOT / "README.ko.md": True,
    ROOT / "docs" / "en" / "reference" / "results.md": False,
    ROOT / "docs" / "en" / "how-to" / "serve.md": False,
    ROOT / "docs" / "en" / "how-to" / "large-data.md": False,
    ROOT / "docs" / "en" / "explanation" / "scaling.md": False,
    ROOT / "docs" / "ko" / "how-to" / "serve.md": True,
    ROOT / "docs" / "ko" / "how-to" / "large-data.md": True,
}
"""The pages with results, and whether they are in Korean."""

if __name__ == "__main__":
    for path, is_korean in PAGES.items():
        path.write_text(filled(path.read_text(encoding="utf-8"), is_korean), encoding="utf-8")
