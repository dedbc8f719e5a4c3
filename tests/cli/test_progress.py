"""The bar on a terminal."""

import io
import re

from command import SETTINGS
from rich.console import Console

from golmu.cli import progress
from golmu.training import loop as training


def test_a_terminal_shows_a_bar_with_rate_loss_and_time_left():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    past = training.History([1.5], [1.25], [0.5], [0.1])
    with progress.TrainingDisplay(console) as display:
        display(training.Progress(0, 3, 250, 1000, 1.75, past))
        display(training.Progress(0, 3, 500, 1000, 1.75, past))
        display._bar.refresh()
        display(training.Progress(1, 3, 0, 1000, 1.5, past))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert re.search(r"epoch 1/3 .* 17% of the run  [\d,]+ samples/s  loss 1\.7500 left", text)
    assert "epoch 1/3  loss 1.5000  val_loss 1.2500  val_accuracy 0.5000  0.10 s\n" in text


def test_the_line_of_a_short_epoch_has_milliseconds():
    past = training.History([1.5], [1.25], [0.5], [0.0077])
    assert progress.epoch_line(training.Progress(1, 3, 0, 1000, 1.5, past)).endswith("  7.7 ms")


def test_a_resumed_training_shows_the_speed_of_now(monkeypatch):
    out = io.StringIO()
    now = iter([100.0, 102.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(now))
    with progress.TrainingDisplay(Console(file=out, force_terminal=True, width=100)) as display:
        display(training.Progress(4, 9, 500, 1000, 1.5, training.History([2.0] * 4)))
        display(training.Progress(4, 9, 700, 1000, 1.5, training.History([2.0] * 4)))
        display._bar.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert re.search(r"epoch 5/9 .* 52% of the run  100 samples/s", text)


def test_a_search_shows_its_running_trial():
    out = io.StringIO()
    past = training.History([1.5], [1.25], [0.5], [0.1])
    with progress.TrialDisplay(Console(file=out, force_terminal=True, width=100)) as display:
        for trial in (0, 7):
            display.begin(trial)
            display(training.Progress(1, 4, 0, 1000, 1.5, past))
            display._bar.refresh()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert re.search(r"trial 0 .* epoch 2/4 left", text)
    assert re.search(r"trial 7 .* epoch 2/4 left", text)


def test_a_notebook_shows_lines_alone_although_it_asks_for_colours(run, data, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    status, lines, err = run("train", data, *SETTINGS, "--run", tmp_path / "run")
    assert (status, err) == (0, "")
    assert not [line for line in lines if "\x1b" in line or "samples/s" in line]
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/2", "2/2"]
