"""How a network shows itself: `summary()` in a terminal, and a table with curves in a notebook."""

from __future__ import annotations

from html import escape
from math import isnan, nan
from typing import TYPE_CHECKING, Any

from golmu.architecture import Architecture

if TYPE_CHECKING:
    from golmu.training.loop import History


class Display:
    """What `ConvolutionNetwork` shows of itself."""

    if TYPE_CHECKING:
        architecture_: Architecture
        engine_: str
        history_: History
        best_epoch_: int

        @property
        def _is_ready(self) -> bool: ...
        def _check_ready(self) -> None: ...

    def summary(self) -> None:
        """Prints the layers: shape of what each gives for one image, and number of parameters.

        Raises
        ------
        NotFittedError
            If the network has no weights yet, and so no shapes.
        """
        self._check_ready()
        rows = [("layer", "output", "parameters"), *_rows(self.architecture_)]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for name, shape, n_parameters in rows:
            print(f"{name:{widths[0]}}  {shape:{widths[1]}}  {n_parameters:>{widths[2]}}")

    def _repr_html_(self) -> str:
        """The layers, and the losses where there are any; without weights, scikit-learn's diagram."""
        if not self._is_ready:
            from sklearn.utils import estimator_html_repr  # noqa: PLC0415

            return str(estimator_html_repr(self))
        head = "".join(f"<th>{name}</th>" for name in ("layer", "output", "parameters"))
        body = "".join(
            f"<tr><td>{name}</td><td>{shape}</td><td style='text-align: right'>{n_parameters}</td></tr>"
            for name, shape, n_parameters in _rows(self.architecture_)
        )
        return (
            f"<div style='--blue: #0072b2; --orange: #d55e00'><p><code>{escape(repr(self))}</code><br>"
            f"{_trained(self.history_, self.best_epoch_)} on engine {self.engine_}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_curves(self.history_)}</div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        """What Jupyter asks first; as scikit-learn's, heeding its setting `display`."""
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] = self._repr_html_()
        return bundle


def _rows(architecture: Architecture) -> list[tuple[str, str, str]]:
    rows = [(layer.name, " × ".join(map(str, layer.shape)), f"{layer.n_parameters:,}") for layer in architecture.layers]
    return [*rows, ("total", "", f"{architecture.n_parameters:,}")]


def _trained(history: History, best: int) -> str:
    n = len(history.losses)
    if n == 0:
        return "not trained by fit"
    trained = f"trained for {n} epoch{'s' if n > 1 else ''}"
    if best < n:
        trained += f", with the weights of epoch {best}"
    accuracy = (history.val_accuracies[best - 1 : best] or [nan])[0]
    return trained if isnan(accuracy) else f"{trained}, validation accuracy {accuracy:.4f}"


def _curves(history: History) -> str:
    if not history.losses:
        return ""
    from golmu import plots  # noqa: PLC0415  Matplotlib

    return plots.svg(lambda axes: plots.curves(history, axes))
