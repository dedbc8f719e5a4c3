"""How a training ended, shown on standard output: its results, what to know of them, and what to do next."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from math import log
from pathlib import Path

from rich.table import Table

from golmu.analysis.dead_kernels import advice_on_dead_kernels, dead_kernels
from golmu.analysis.labelled_images import JudgedImages
from golmu.cli.console import make_console, print_table, shell_command
from golmu.cli.first_change import suggest_change
from golmu.metrics import describe_accuracy, describe_spread, wilson_interval
from golmu.pages.rendering import format_duration
from golmu.runs.folder import CURVES, MODEL
from golmu.runs.job import Outcome, TrainingJob
from golmu.runs.run import Run
from golmu.training.interruption import EXIT_STATUS

CHANCE_FACTOR = 1.1
"""Times the accuracy of a guess up to which a network has learned nothing."""

FEW_STEPS = 100
"""Training steps below which a network may not have had the time to learn anything."""

DIVERGING_FACTOR = 2
"""Times the loss of a guess from which on the steps are too large, however few there were."""

LEARNING_FACTOR = 0.99
"""Times the loss of a guess below which a network has begun to learn."""


def show_outcome(outcome: Outcome, job: TrainingJob, images: JudgedImages, *, with_panel: bool) -> int:
    """Print how a training ended, whose network is judged on these images, and what to do next.

    Returns
    -------
    int
        The exit status.
    """
    console, run = make_console(), outcome.run
    if outcome.interruption is not None:
        if outcome.has_results:
            _show_results(run, None)
            _show_advice(run, job, images)
            console.print(f"for a report so far: {shell_command('report', run.folder)}")
        return show_interruption(outcome)
    from golmu.report.run_report import draw_report  # noqa: PLC0415  Jinja2

    with console.status("drawing the report"):  # on a terminal only; the first figure of a computer takes a while
        report = draw_report(run, images, with_panel=with_panel)
    _show_results(run, report)
    _show_advice(run, job, images)
    for step in _next_steps(run, report):
        console.print(step)
    return 0


def show_interruption(outcome: Outcome) -> int:
    """Print how to continue a training that was ended early; return the exit status."""
    make_console().print(f"interrupted; continue with: {shell_command('train', '--resume', outcome.run.folder)}")
    if isinstance(outcome.interruption, SystemExit):
        return int(outcome.interruption.code or 0)
    return EXIT_STATUS[signal.SIGINT]


def _show_results(run: Run, report: Path | None) -> None:
    record, results = run.record, run.record.results
    assert results is not None
    assert record.seconds is not None
    rows = {}
    if record.folds is not None:
        rows[f"accuracy of {len(record.folds.accuracies)} folds"] = describe_spread(record.folds.accuracies)
    else:
        rows["validation accuracy"] = (
            "–" if results.val_accuracy is None else describe_accuracy(results.val_accuracy, record.data.validation)
        )
        rows["validation loss"] = _format_number(results.val_loss, ".4f")
    per_epoch = "–" if results.seconds_per_epoch is None else format_duration(results.seconds_per_epoch)
    rows |= {
        "training loss": _format_number(results.train_loss, ".4f"),
        "epochs": str(results.epochs),
        "time": f"{format_duration(record.seconds)} in all, {per_epoch} per epoch",
        "engine": str(record.engine_used),
        "parameters": f"{results.n_parameters:,}",
        "curves": str(run.folder / CURVES),
        "model": str(run.folder / MODEL),
    }
    if report is not None:
        rows["report"] = str(report)
    if results.model_epoch != results.epochs:
        rows["epochs"] += f" (the model is that of epoch {results.model_epoch}, the best)"
    table = Table(show_header=False, box=None, pad_edge=False)
    for row in rows.items():
        table.add_row(*row)
    print_table(table)


def _show_advice(run: Run, job: TrainingJob, judged: JudgedImages) -> None:
    """Print what to know and to try where images are trained on too, kernels never fire, or the accuracy tells little.

    Each is a line, and most trainings have none.
    """
    console, images = make_console(), judged.validation
    if note := run.record.data.copies_note:
        console.print(f"{note}.")
    if images is not None:
        dead = dead_kernels(run.predictor, images.images)
        kernels = run.predictor.model.architecture.kernels
        if advice := advice_on_dead_kernels(dead, kernels, run.recipe, f"{images.name} images"):
            console.print(f"{advice}.")
    if advice := _advice_on_accuracy(run, job):
        console.print(advice)


def _advice_on_accuracy(run: Run, job: TrainingJob) -> str:
    """What to say about an accuracy that is measured on too few images, or is that of a guess; else ""."""
    results, chance, n, images = (
        run.record.results,
        1 / len(job.data.classes),
        run.record.data.validation,
        "validation ",
    )
    accuracy = None if results is None else results.val_accuracy
    if run.record.folds is not None:  # every image was held out once
        accuracy, n, images = run.record.folds.spread.mean, run.record.data.train, ""
    if results is None or accuracy is None:
        return ""
    low, high = wilson_interval(round(accuracy * n), n)
    if low <= chance and high >= (1 + chance) / 2:  # it may be a guess, or a network that has learned half of it all
        return f"With {n} {images}{'image' if n == 1 else 'images'} the accuracy says little: add images."
    if accuracy > CHANCE_FACTOR * chance:
        return ""
    losses, guess = job.training.history.losses, -log(chance)
    steps = results.epochs * -(-job.data.n_images // run.recipe.batch_size)
    # A network that has begun to learn has a lower loss than a guess; steps that are too large have taken it far above.
    if losses[-1] < LEARNING_FACTOR * guess:
        cause = "its loss has begun to fall, so it most likely needs more epochs or more images."
    elif steps < FEW_STEPS and max(losses) < DIVERGING_FACTOR * guess:
        taken = f"{steps} training {'step' if steps == 1 else 'steps'}"
        cause = f"it has taken only {taken}, so it most likely needs more epochs."
    else:
        cause = (
            f"most likely learning_rate={run.recipe.learning_rate:g} is too large for these settings; find another "
            "with golmu find-lr. Or the images are nearly black, which golmu data reports."
        )
    return f"The network is no better than chance: {cause}"


def _next_steps(run: Run, report: Path | None) -> Sequence[str]:
    """What to do after a training that ended, each with a command that works as typed."""
    steps = [] if report is None else [f"open {report} in a browser"]
    steps.append(f"predict: {shell_command('predict', run.folder, 'IMAGE')}")
    if not run.recipe.fixes_epochs:
        more = 2 * run.record.asked_recipe.epochs
        steps.append(f"train longer: {shell_command('train', '--resume', run.folder, '--epochs', more)}")
    return ["next:", *(f"  {step}" for step in [*steps, *suggest_change(run)])]


def _format_number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
