"""Ctrl-C and SIGTERM during training: they take effect between two batches, so that nothing is lost."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any

EXIT_STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit status of a process that such a signal has ended: 128 and the signal's number, as shells expect."""


class Abandoned(KeyboardInterrupt):
    """A second Ctrl-C: the training ends at once, maybe inside a batch; it can continue from its last checkpoint."""


class Interruption(AbstractContextManager["Interruption"]):
    """A callback for training that raises what a signal would, but between two batches, so that it can continue later.

    SIGINT raises `KeyboardInterrupt` and SIGTERM `SystemExit(143)`, both at the next call, a quarter of a second
    later at most. A second Ctrl-C raises `Abandoned` at once. A signal that the process ignores stays ignored,
    and in a thread other than the main one, where Python delivers no signals, nothing is changed.

    Parameters
    ----------
    and_termination
        Whether SIGTERM is heard too: where there is a run folder to save into.
    """

    def __init__(self, and_termination: bool) -> None:
        self._numbers = [signal.SIGINT, signal.SIGTERM] if and_termination else [signal.SIGINT]
        self._heard: signal.Signals | None = None
        self._is_held = False
        self._kept: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in self._numbers:
                kept = signal.getsignal(number)
                if kept not in (signal.SIG_IGN, None):
                    signal.signal(number, self._hear)
                    self._kept[number] = kept
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, kept in self._kept.items():
            signal.signal(number, kept)
        if kind is None and not self._is_held:
            self()

    def __call__(self, progress: Any = None) -> None:
        """Raise what has been heard."""
        if self._heard == signal.SIGINT:
            raise KeyboardInterrupt
        if self._heard == signal.SIGTERM:
            raise SystemExit(EXIT_STATUS[signal.SIGTERM])

    def hold(self) -> None:
        """Ignore signals from here on, while the results are written, which takes a second."""
        self._is_held = True

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._is_held:
            return
        if self._heard is not None and number == signal.SIGINT:
            raise Abandoned
        self._heard = signal.Signals(number)
