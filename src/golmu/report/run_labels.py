"""What a figure of several runs calls each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from golmu.plots.fonts import MAX_NAME_WIDTH, shorten, text_width

MAX_SETTINGS = 2
"""Settings that differ, at most, by whose values a run is called."""

MAX_RUNS = 8
"""Runs, at most, that a legend has room to name."""


def label_runs(names: Sequence[str], settings: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a short label for each run: the settings in which it differs, or its name, or its number from #1.

    Settings are told if they are one or two, names if they tell the runs apart as a figure shows them.

    Parameters
    ----------
    names
        The names of the runs.
    settings
        Each setting that differs, with its value in each run as text.

    Examples
    --------
    >>> from golmu.report.run_labels import label_runs
    >>> label_runs(["first", "second"], {"n_kernels": ["10", "20"]})
    ['n_kernels 10', 'n_kernels 20']
    >>> label_runs(["first", "second"], {})
    ['first', 'second']
    """
    numbers = [f"#{number}" for number in range(1, len(names) + 1)]
    if len(names) > MAX_RUNS:
        return numbers
    if 1 <= len(settings) <= MAX_SETTINGS:
        rows = zip(*settings.values(), strict=True)
        labels = [", ".join(f"{name} {value}" for name, value in zip(settings, row, strict=True)) for row in rows]
        if len(set(labels)) == len(labels) and all(text_width(label) <= MAX_NAME_WIDTH for label in labels):
            return labels
    shown = {shorten(name, MAX_NAME_WIDTH) for name in names}
    return list(names) if len(shown) == len(names) else numbers
