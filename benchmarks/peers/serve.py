"""The loop that answers commands: the one part of a peer that talks to the driver.

A command is a line on standard input, its answer one JSON line on standard output::

    epoch 2   ->  {"seconds": [1.1, 1.2], "loss": [..], "val_loss": [..], "val_accuracy": [..]}
    quit      ->  (the process ends)

The first line of all is not asked for: it comes once the peer has warmed up and carries the answer for its warm-up.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple, TextIO

Answer = dict[str, list[float]]


class Epoch(NamedTuple):
    """What one epoch gives: its duration with validation, the mean training loss, and the validation results."""

    seconds: float
    loss: float
    val_loss: float
    val_accuracy: float


def serve(command: str, run: Callable[[int], Answer]) -> None:
    """Warm up with `run(1)`, then answer each line `command N` with `run(N)`, until `quit` or the end of input."""
    answers = _claim_stdout()
    _print(run(1), answers)
    for line in sys.stdin:
        match line.split():
            case [name, number] if name == command:
                _print(run(int(number)), answers)
            case ["quit"]:
                return
            case _:
                _print({"error": f"expected '{command} N' or 'quit', got {line.strip()!r}"}, answers)


def serve_epochs(epoch: Callable[[], tuple[float, float, float]]) -> None:
    """Serve a peer whose `epoch()` trains one epoch and returns its (loss, val_loss, val_accuracy)."""

    def timed() -> Epoch:
        start = time.perf_counter()
        loss, val_loss, val_accuracy = epoch()
        return Epoch(time.perf_counter() - start, loss, val_loss, val_accuracy)

    serve("epoch", lambda n: columns([timed() for _ in range(n)]))


def columns(epochs: list[Epoch]) -> Answer:
    """Turn a list of epochs into one list a field, as the answer to `epoch N` has it."""
    return dict(zip(Epoch._fields, map(list, zip(*epochs, strict=True)), strict=True))


def _claim_stdout() -> TextIO:
    """Keep standard output for answers alone: whatever a library prints there goes to standard error from now on."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return answers


def _print(answer: object, stream: TextIO) -> None:
    print(json.dumps(answer), file=stream, flush=True)
