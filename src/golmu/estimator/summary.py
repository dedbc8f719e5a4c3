"""How a network shows itself: a table of its layers, and in a notebook the same with its curves."""

from __future__ import annotations

from html import escape
from math import isnan, nan

from golmu import plots
from golmu.architecture import Architecture
from golmu.training.history import History

HEADER = ("layer", "output", "parameters")


def layer_table(architecture: Architecture) -> str:
    """Return a table of the layers as text: name, shape of the output for one image, number of parameters."""
    rows = [HEADER, *_rows(architecture)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(f"{name:{widths[0]}}  {shape:{widths[1]}}  {n:>{widths[2]}}" for name, shape, n in rows)


def summary_html(code: str, architecture: Architecture, engine: str, history: History, best_epoch: int) -> str:
    """Return the table of the layers, and the losses if there are any, as HTML.

    Parameters
    ----------
    code
        The network as code, such as its `repr`.
    architecture, engine, history
        Its sizes, the name of its engine, and how it was trained.
    best_epoch
        The epoch whose weights it has, counted from 1.
    """
    head = "".join(f"<th>{name}</th>" for name in HEADER)
    body = "".join(
        f"<tr><td>{name}</td><td>{shape}</td><td style='text-align: right'>{n}</td></tr>"
        for name, shape, n in _rows(architecture)
    )
    curves = plots.svg(lambda axes: plots.curves(history, axes)) if history.losses else ""
    return (
        f"<div style='--blue: #0072b2; --orange: #d55e00'><p><code>{escape(code)}</code><br>"
        f"{_training_summary(history, best_epoch)}, engine {engine}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{curves}</div>"
    )


def _rows(architecture: Architecture) -> list[tuple[str, str, str]]:
    rows = [(layer.name, " × ".join(map(str, layer.shape)), f"{layer.n_parameters:,}") for layer in architecture.layers]
    return [*rows, ("total", "", f"{architecture.n_parameters:,}")]


def _training_summary(history: History, best: int) -> str:
    n = len(history.losses)
    if n == 0:
        return "not trained by fit"
    trained = f"trained for {n} epoch{'s' if n > 1 else ''}"
    if best < n:
        trained += f", with the weights of epoch {best}"
    accuracy = (history.val_accuracies[best - 1 : best] or [nan])[0]
    return trained if isnan(accuracy) else f"{trained}, validation accuracy {accuracy:.4f}"
