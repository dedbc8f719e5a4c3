"""A search: trials, each a training in memory, until there are as many as asked for, whichever process ran them."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from golmu.errors import GolmuError, GolmuWarning
from golmu.recipe import Recipe
from golmu.runs.checkpoint import refuse_differences
from golmu.runs.job import SplitDataset, TrainingJob
from golmu.training.history import Callback, Progress
from golmu.training.interruption import Interruption
from golmu.tune.record import SearchRecord
from golmu.tune.results import ACCURACY, EPOCHS, ERROR, LOSS, RETRY_OF, SECONDS, TrialResult, trial_results
from golmu.tune.space import parameters_of
from golmu.tune.storage import Shared

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial

REPORTS = 20
"""Times at most that a trial reports its validation loss, so that the shortest epochs do not wait for the storage."""

UNPRUNED_REPORTS = REPORTS // 4
"""Reports before which no trial is pruned: a quarter of the training, while the learning rate is still high."""

UNPRUNED_TRIALS = 5
"""Trials that must have come to their end before others are compared with them."""

MAX_ATTEMPTS = 3
"""Times at most that a trial is begun whose process is killed: it may be the trial that takes all memory."""

WAIT_SECONDS = 0.2
"""Between two looks at the trials of other processes, when no other is left to begin."""

GIVE_THE_SAME = "Give what it began with, or start another search, in a database under another name (--study)"

IDENTITY, WORKER, ATTEMPT = "golmu", "worker", "attempt"
"""What a study and its trials say of themselves beside what `golmu.tune.results` reads."""


@dataclass
class Search:
    """The trials of a study, as one of its processes sees and runs them.

    Parameters
    ----------
    record
        What the search is.
    split
        The data, whose validation images every trial is judged on.
    shared
        The storage, and the processes that use it.
    threads
        Threads of each training.
    """

    record: SearchRecord
    split: SplitDataset
    shared: Shared
    study: Study
    threads: int | None = None

    @classmethod
    def join(cls, record: SearchRecord, split: SplitDataset, shared: Shared, threads: int | None = None) -> Search:
        """Begin the study in a storage, or join it there.

        The first trial is the recipe itself, as far as the space includes it, so that the best is never worse.

        Raises
        ------
        RunError
            If the study has other data or settings.
        """
        import optuna  # noqa: PLC0415  half a second to import

        optuna.logging.set_verbosity(logging.CRITICAL)  # what it logs is shown, or raised, by golmu
        with shared.workers.turn():
            study = optuna.create_study(
                storage=shared.storage, study_name=record.study, direction="minimize", load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(UNPRUNED_TRIALS, UNPRUNED_REPORTS),
            )  # fmt: skip
            begun = study.user_attrs.get(IDENTITY)
            if begun is None:
                with quiet():
                    study.enqueue_trial(parameters_of(record.recipe, record.space))
                study.set_user_attr(IDENTITY, record.identity())
            else:
                refuse_differences(f"the search {record.study!r}", record.differences(begun), GIVE_THE_SAME)
        return cls(record, split, shared, study, threads)

    def run(
        self, n_trials: int, show: Callable[[TrialResult], None], callbacks: Sequence[Callback] = (),
        on_wait: Callable[[], None] = lambda: None, on_begin: Callable[[int], None] = lambda number: None,
    ) -> None:  # fmt: skip
        """Run trials until there are `n_trials`, those of all processes together, and all have ended.

        A trial whose process was killed runs again, here or in another process. Ctrl-C and SIGTERM come out as
        `KeyboardInterrupt` and `SystemExit`, and the trial that they cut off runs again when the search continues.

        Parameters
        ----------
        n_trials
            How many, which fail and which are pruned counted too.
        show, callbacks
            Called with each trial of this process that has ended, and while it trains, several times an epoch.
        on_wait, on_begin
            Called when only other processes' trials are left, and with the number of each trial that begins here.

        Raises
        ------
        GolmuError
            If the storage cannot be used any more.
        """
        with Interruption(and_termination=True) as interruption:
            while (trial := self._next(n_trials, interruption, on_wait)) is not None:
                on_begin(trial.number)
                self._try(trial, [*callbacks, interruption])
                show(next(one for one in self.results() if one.number == trial.number))
                interruption()

    def results(self) -> list[TrialResult]:
        """Return all trials so far, in the order of their numbers."""
        return trial_results(self.study, self.record.space)

    def _next(self, n_trials: int, interruption: Interruption, on_wait: Callable[[], None]) -> Trial | None:
        """Return the next trial, which is this process's from now on; None once all have ended."""
        is_waiting = False
        while True:
            with self.shared.workers.turn(), quiet():
                for killed in self._killed():
                    self._run_again(killed, is_killed=True)
                trials = self._trials()
                again = _run_again_already(trials)
                n_begun = sum(one.number not in again for one in trials)
                if n_begun < n_trials or any(one.state.name == "WAITING" for one in trials):
                    trial = self.study.ask()
                    trial.set_user_attr(WORKER, self.shared.workers.name)
                    return trial
                if all(one.state.is_finished() for one in trials):
                    return None
            if not is_waiting:
                on_wait()
            is_waiting = True
            time.sleep(WAIT_SECONDS)
            interruption()

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)

    def _killed(self) -> Iterator[FrozenTrial]:
        """Yield the trials whose process has ended: in a turn, also one that has no name of a process yet."""
        for trial in self._trials():
            worker = trial.user_attrs.get(WORKER)
            if trial.state.name == "RUNNING" and (worker is None or not self.shared.workers.is_alive(worker)):
                yield trial

    def _run_again(self, trial: FrozenTrial, *, is_killed: bool) -> None:
        """Put a trial that was cut off back into the queue, with the same settings, and only then end it."""
        attempt = trial.user_attrs.get(ATTEMPT, 1)
        is_hopeless = is_killed and attempt >= MAX_ATTEMPTS
        if not is_hopeless and trial.number not in _run_again_already(self._trials()):
            said = {RETRY_OF: trial.number, ATTEMPT: attempt + is_killed}
            self.study.enqueue_trial(trial.system_attrs.get("fixed_params", {}) | trial.params, user_attrs=said)
        self.study.tell(trial.number, state=_states().FAIL, skip_if_finished=True)

    def _try(self, trial: Trial, callbacks: Sequence[Callback]) -> None:
        from optuna.exceptions import TrialPruned, UpdateFinishedTrialError  # noqa: PLC0415

        started = time.perf_counter()
        try:
            state, loss = _states().FAIL, None
            try:
                values = self._choose(trial)
                job = self._prepare(replace(self.record.recipe, **values))
                job.run([_Reporter(trial), *callbacks])
                history, best = job.training.history, job.training.best
                epoch = len(history.val_losses) if best is None else best.epoch
                loss, accuracy = history.val_losses[epoch - 1], history.val_accuracies[epoch - 1]
                state = _states().COMPLETE
                trial.set_user_attr(LOSS, loss)
                trial.set_user_attr(ACCURACY, accuracy)
                trial.set_user_attr(EPOCHS, len(history.val_losses))
            except TrialPruned:
                state = _states().PRUNED
            except MemoryError:
                trial.set_user_attr(ERROR, "out of memory")
            except (GolmuError, ArithmeticError) as error:
                trial.set_user_attr(ERROR, str(error))
            trial.set_user_attr(SECONDS, time.perf_counter() - started)
            self.study.tell(trial, loss, state, skip_if_finished=True)
        except UpdateFinishedTrialError:
            return  # the storage took this process for dead, and another has the trial
        except BaseException:
            with suppress(Exception), self.shared.workers.turn(), quiet():
                cut_off = next(one for one in self._trials() if one.number == trial.number)
                self._run_again(cut_off, is_killed=False)
            raise

    def _choose(self, trial: Trial) -> dict[str, Any]:
        """Return the trial's settings, whose chance depends on its place, not on which process runs it or when."""
        seed = np.random.SeedSequence([self.record.seed, self._place(trial.number)]).generate_state(1)[0]
        with quiet():
            self.study.sampler = _sampler(int(seed))
            return {dimension.name: dimension.suggest(trial) for dimension in self.record.space}

    def _place(self, number: int) -> int:
        """Return the number that a trial would have if none had been cut off: that of its first attempt."""
        retried = {one.number: one.user_attrs[RETRY_OF] for one in self._trials() if RETRY_OF in one.user_attrs}
        while number in retried:
            number = retried[number]
        return number - sum(retry < number for retry in retried)

    def _prepare(self, recipe: Recipe) -> TrainingJob:
        with warnings.catch_warnings():  # what there is to say about the data was said before the first trial
            warnings.simplefilter("ignore", GolmuWarning)
            return TrainingJob.from_split(
                self.split, recipe, engine=self.record.engine, threads=self.threads, seed=self.record.seed
            )


class _Reporter:
    """A callback for training that tells Optuna the validation loss, and ends a trial that is not worth its end."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._step = 0

    def __call__(self, progress: Progress) -> None:
        from optuna.exceptions import TrialPruned  # noqa: PLC0415

        step = REPORTS * progress.epoch // progress.epochs  # by the share, as trials may have other numbers of epochs
        if progress.samples or step == self._step:
            return
        self._step = step
        self._trial.report(progress.history.val_losses[-1], step)
        if progress.epoch < progress.epochs and self._trial.should_prune():
            self._trial.set_user_attr(LOSS, progress.history.val_losses[-1])
            self._trial.set_user_attr(ACCURACY, progress.history.val_accuracies[-1])
            self._trial.set_user_attr(EPOCHS, progress.epoch)
            raise TrialPruned


def _run_again_already(trials: Sequence[FrozenTrial]) -> set[int]:
    """The numbers of trials that another trial stands for."""
    return {one.user_attrs[RETRY_OF] for one in trials if RETRY_OF in one.user_attrs}


def _states() -> Any:
    from optuna.trial import TrialState  # noqa: PLC0415

    return TrialState


def _sampler(seed: int) -> BaseSampler:
    from optuna.samplers import TPESampler  # noqa: PLC0415

    return TPESampler(seed=seed, constant_liar=True)  # trials that run elsewhere count as bad, so that none comes twice


@contextmanager
def quiet() -> Iterator[None]:
    """Let Optuna not warn: of what is experimental in it, and of pruned trials that it does not like to be asked of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
