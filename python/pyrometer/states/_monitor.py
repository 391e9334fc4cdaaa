"""A fixed model monitored batch by batch, with an alarm where the distribution of the data has changed."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np

from pyrometer.base import RandomSource, described, plain, validate
from pyrometer.laws import LINEAR_CALLS, Law, not_a_law
from pyrometer.results import Displayed, Quantity, Sheet, Table, described_by
from pyrometer.states._alike import alike
from pyrometer.states._as_state import as_state
from pyrometer.states._batch_test import BatchTest
from pyrometer.states._blocks import wide
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._data_state import DataState, checked_block
from pyrometer.states._dependence import Dependence
from pyrometer.states._first_kind import first_kind
from pyrometer.states._layout import united
from pyrometer.states._monitor_file import ARCHIVE, read_monitor, require_storable
from pyrometer.states._monitored import as_reference, require_like, require_reference
from pyrometer.states._neighbour import Neighbour
from pyrometer.states._pools import Pools
from pyrometer.states._predictions import NO_LOSS, SYSTEMS, Model, loss_of
from pyrometer.states._reading import BatchShift, Event, Reading
from pyrometer.states._reference_file import is_united
from pyrometer.states._shift import warn_of_dependence
from pyrometer.states._since import beginning, dispersion, dispersion_of_losses

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RefreshMonitor"]

_Neighbour = Neighbour  # its name in pickles of 0.1.0


class _Alarm(NamedTuple):
    """The first alarm of an event."""

    batch: int
    window: int
    p_value: float


class RefreshMonitor(Displayed):
    r"""Sequential test of batches against a reference, in constant memory; both series of Appendix A.

    Every batch is tested by itself, and so are pools of the last 2, 4, 8, ... batches whenever their number divides
    that of the batches seen: a large shift is detected at once, a small one in a pool.

    Parameters
    ----------
    reference : DataState or (X, y)
        Rows on which the model is valid, preferably held out from its training; at least 8 blocks. X may have no
        columns, shape (m, 0), to monitor targets alone. A state must have been made with `block` and the density
        "gaussian".
    model : LinearRegression, LogisticRegression or callable
        As for `DataState`.
    energy : {"mse", "mae", "ce"}, optional
        The loss of a callable model.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent or Constant, optional
        Distribution of the parameters for temperatures of the first kind, of a system like the model that is trained
        on the batch. Without it they are nan. Beside a function or an estimator the system has the columns of numbers
        that are complete in the reference, whose means stand for missing ones of a batch.
    run_length : int
        Lower bound of the mean number of batches per false alarm while the distribution does not change; at least 2. An
        alarm is a p-value, of the batch or of a pool, of at most ``1 / (run_length * (2 - 1 / memory))``.
    memory : int
        Largest number of batches in a pool: a power of two; with 1 batches are not pooled.
    block : int or "auto"
        As for `DataState`; "auto" chooses it from the reference. Then, and with `grow`, a block goes on in the next
        batch where one ends within it, and a batch is tested by the blocks that it completes.
    history : int
        Number of readings that are kept.
    rng : int, SeedSequence, Generator or None
        Source of randomness, read once: the same source and batches give the same readings.
    grow : bool
        Whether batches join the reference, so that after many batches without a shift it is as accurate as their rows
        make it: a batch is then compared with all rows before it, and a pool with all rows before the pool. After an
        alarm nothing joins until `reset`, and batches are compared, one by one, with what was there before the batches
        that raised it.
    weights : str or array_like, shape (m,), optional
        Weights of the rows of the reference, as for `DataState`; in one unit with those of batches, whose rows have a
        weight of 1 where `update` is given none.

    Attributes
    ----------
    readings : tuple of Reading
        The last `history` readings, in order.
    batches : int
        Batches seen.
    event : Event or None
        The first alarm and what has come since, with an estimate of the batch at which the change began; None before
        an alarm and after `reset`.

    Notes
    -----
    There are 2 - 1 / memory tests for each batch on average, so that without a shift the expected rate of alarms is at
    most one in `run_length` batches, for every distribution and whatever the dependence between the tests. False alarms
    cluster, because batches share a reference and pools share batches, so the mean run to the first one is longer: 1.2
    times `run_length` with a very large reference, more than three times with one of a batch's size.
    Every batch is counted and tested, degenerate ones included: constant or dependent columns, duplicates, a single
    row, fewer rows than columns, values of any magnitude. Numbers that such a batch does not have (energy, entropy, a
    standard error) are nan, and its reading has the reason; that a column becomes constant is a shift like any other.
    Only malformed input is an error: other columns, strings, values that are not finite, no rows.

    With ``block="auto"`` the level holds for rows that are serially dependent, as far as an autoregression that is
    fitted to the reference describes them: for autoregressions of the first order with coefficients to 0.98 there were
    0.15 to 0.5 times as many false alarms as stated. Blocks that are six times the reach of the dependence still share
    some variance with their neighbours, which the p-value takes into account; without that, ten such blocks are
    rejected in 7 % of cases at 5 %. Blocks of more than one row that are given are treated alike.

    p-values above 0.2 are those of 99 permutations, and those above 0.04 of 319, of some three hundred blocks each;
    standard errors are those of 99 resamples unless there is an alarm. Below that p-values are those of all
    ``8 * run_length`` permutations, and without `grow` of all blocks. So a batch of 1,000 rows and 20 columns takes
    some 20 ms. With `grow` an alarm that is missed joins the reference, as does a change that is too slow to be seen
    within `memory` batches. Not in the paper.

    The sampling error of the reference limits the power of pools: it should have many times the rows of a batch. Pools
    keep batches from before an alarm until they are complete: after an alarm has been acted upon, `reset` the monitor
    with a new reference.

    A column of which the reference and all batches together have more than 1,000 different values, such as one of
    identifiers or dates in text, is counted in 256 cells from then on: the cell of a value is a hash of it, and values
    of one cell are counted together, those of the reference included, so that the level holds. The share of a common
    value is seen in that of its cell (of 24 growing monitors with identifiers in most rows no fewer had an alarm than
    with counts of each value), but the column is often not named, and a shift has the cell as its `category`. Columns
    that name rows are better left out. In the states of results these counts are in cells, too; rows, and other states,
    that such a state is compared with are put in the same cells, and the temperature from one to the next is nan.
    Of all columns together more than 32,768 values are not counted each either: columns with the most are in cells.

    Memory: the sums over blocks of the reference, and of one pool of each size, about a thousand blocks each, and in
    each block counts of at most 1,000 values of a column.

    Cost of a batch: two permutation tests on average, as in `shift`, of 99 permutations each in four of five batches.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> def batch(noise):
    ...     x = rng.normal(size=(500, 1))
    ...     return x, x[:, 0] + noise * rng.normal(size=500)
    >>> monitor = pm.RefreshMonitor(batch(1.0), lambda X: X[:, 0], energy="mse", rng=0)
    >>> for noise in (1.0, 1.0, 2.0):
    ...     result = monitor.update(*batch(noise))
    >>> [reading.alarm for reading in monitor.readings]
    [False, False, True]
    """

    def __init__(
        self,
        reference: DataState | tuple[Any, Any],
        model: Model,
        *,
        energy: str | None = None,
        law: Law | None = None,
        run_length: int = 200,
        memory: int = 32,
        block: int | Literal["auto"] = 1,
        history: int = 1000,
        rng: RandomSource = None,
        grow: bool = False,
        weights: Any = None,
    ) -> None:
        self.model, self.energy = model, energy
        if law is not None and not isinstance(law, get_args(Law)):
            raise not_a_law("law", law, LINEAR_CALLS, optional=True)
        if law is not None and law.batch_shape != ():
            raise ValueError(f"law must be a single one, got a batch of shape {law.batch_shape}.")
        self.law = law
        self.run_length = validate.count("run_length", run_length, minimum=2)
        self.memory = validate.count("memory", memory, minimum=1)
        if self.memory & (self.memory - 1):
            raise ValueError(f"memory must be a power of two, got {memory}.")
        self.grow = validate.flag("grow", grow)
        self._chosen = checked_block(block) is None
        self._seed = validate.seed(rng)
        self.batches = self._start = self._origin = 0
        self._readings: deque[Reading] = deque(maxlen=validate.count("history", history, minimum=1))
        self._begin(as_state("reference", reference, model, energy, block, strict=False, weights=weights), block)
        warn_of_dependence(self.reference)

    def _begin(self, reference: DataState, block: int | Literal["auto"]) -> None:
        """Compare with this reference from the next batch on."""
        reference = as_reference(reference)
        require_reference(reference, self.model, loss_of(self.model, self.energy), block, grow=self.grow)
        self.reference, self.block = reference, reference.block
        sizes, carries = self.memory.bit_length() - 1, self.block > 1 and (self.grow or self._chosen)
        self._pools = Pools.of(reference, sizes, grows=self.grow, carries=carries)
        self._last = Neighbour.of(reference, np.random.SeedSequence(self._seed))
        self._alarm: _Alarm | None = None
        self._rows: deque[tuple[Any, ...]] = deque(maxlen=2 * self.memory)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the monitor and its readings as types that JSON has; nan is None."""
        about = {"batches": self.batches, "run_length": self.run_length, "memory": self.memory, "level": self.level}
        return {**about, "reference": self.reference.to_dict(), "readings": [r.to_dict() for r in self._readings]}

    def to_frame(self) -> pd.DataFrame:
        """Return the readings as a pandas DataFrame, one row a batch."""
        first = self.batches - len(self._readings)
        rows = [
            {"batch": first + k + 1, **row} for k, reading in enumerate(self._readings) for row in reading.to_table()
        ]
        return Table.from_rows("Readings", rows).to_pandas()

    @property
    def level(self) -> float:
        """Largest p-value that raises an alarm."""
        return 1.0 / (self.run_length * (2.0 - 1.0 / self.memory))

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The last `history` readings, in order."""
        return tuple(self._readings)

    @property
    def event(self) -> Event | None:
        """The change that was found, with the batch at which it began; None while there is none."""
        if self._alarm is None:
            return None
        pools, raised, d = self._pools, self._alarm, len(self.reference.sums.centre)
        squares, time = self.reference.sums.squares, self.reference.dependence.time if self._remembers else 1.0
        at = pools.layout.rows_at
        of_one = float((pools.earlier[at] + pools.totals[:, at].sum()) / (pools.earlier[0] + pools.totals[:, 0].sum()))
        change = beginning(
            pools.earlier * of_one,  # in units of the mean weight
            pools.totals * of_one,
            pools.layout.groups,
            d,
            squares,
            CONDITIONALS[self.reference.loss].joint,
            time * dispersion(pools.base * of_one, d, squares),
            dispersion_of_losses(pools.base * of_one),
        )
        first = raised.batch - len(pools.totals) + 1
        return Event(
            batch=raised.batch,
            window=raised.window,
            p_value=raised.p_value,
            began=first + change.best,
            earliest=first + change.earliest,
            latest=first + change.latest,
            batches=self.batches - (first + change.best) + 1,
            rows=int(pools.totals[change.best :, at].sum()),
        )

    def since_change(self) -> list[tuple[Any, ...]]:
        """Return the rows (X, y) of the batches since the change began, to train on; of the last `2 * memory` at most.

        Of batches with weights (X, y, weights); of those that were a state (None, None).
        They are those that `update` was given since this object was made, loaded or reset: a file has no rows.
        """
        event = self.event
        if event is None:
            raise ValueError("there has been no alarm, and so no change whose rows could be returned.")
        count = min(event.batches, len(self._rows))
        return list(self._rows)[len(self._rows) - count :]

    def reset(
        self,
        reference: DataState | tuple[Any, Any] | None = None,
        *,
        model: Model | None = None,
        weights: Any = None,
    ) -> None:
        """End the event: the next alarm is the first of another.

        Parameters
        ----------
        reference : DataState or (X, y), optional
            The new reference. Without it the old one stays, with the batches that have joined it before the alarm;
            those since the alarm are left out.
        model : LinearRegression, LogisticRegression or callable, optional
            The new model, of the same loss, for which `reference` is needed.
        weights : str or array_like, shape (m,), optional
            Weights of the rows of the new reference.

        Raises
        ------
        TypeError, ValueError
            As for a new monitor. The monitor has not changed then.
        """
        if reference is None:
            if model is not None:
                raise ValueError("reference must be given with a model: the old one has the losses of the old model.")
            if weights is not None:
                raise ValueError(
                    "weights must be None without a new reference, got some; pass reference= with their rows, too."
                )
            self._pools = self._pools.restarted()
            self._start = self.batches if self.grow else self._start
            self._origin = self.batches
            self._alarm = None
            self._rows.clear()
            return
        before = (self.model, self.energy)
        self.model = self.model if model is None else model
        self.energy = _energy_of(self.model, self.energy, self.reference.loss)
        block: int | Literal["auto"] = "auto" if self._chosen else self.block
        try:
            state = as_state("reference", reference, self.model, self.energy, block, strict=False, weights=weights)
            if state.loss != self.reference.loss:
                raise ValueError(f"model must have the loss {self.reference.loss!r}, got {state.loss!r}.")
            self._begin(state, block)
            self._start = self._origin = self.batches
        except (TypeError, ValueError):
            self.model, self.energy = before
            raise

    def update(self, X: Any, y: Any = None, *, name: str = "", weights: Any = None) -> BatchShift:
        """Test a batch against the reference, and keep its reading.

        Parameters
        ----------
        X, y
            Rows, as for `DataState`, or a pair (X, y); or a `DataState` of the same model, alone, best made with
            ``like=reference``.
        name : str
            Name of the batch in its reading and in messages.
        weights : str or array_like, shape (m,), optional
            Weights of the rows, as for `DataState`.

        Returns
        -------
        BatchShift
            From the reference to this batch, at the monitor's level; its `alarm` includes the pools, and its `event`
            says whether to act.

        Raises
        ------
        TypeError, ValueError
            If X and y are not finite numbers of matching shapes with the reference's columns and at least one row, or
            the model's predictions are not finite; or if a state that was made without `like` lacks counts that the
            reference has, or has other numbers in the place of missing ones. The monitor has not changed then.
        """
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, got {described(name)}.")
        label = f"batch {self.batches + 1}" + (f" ({plain(name)})" if name else "")
        if y is None and self.model is not None and isinstance(X, (tuple, list)) and len(X) == 2:
            X, y = X
        lead, block = self._pools.missing, self.block
        if self.grow and block == 1 and hasattr(X, "__len__"):
            block = wide(len(X), block)
        kept = {"like": self.reference, "strict": False, "lead": lead, "weights": weights}
        state = as_state(label, X if y is None else (X, y), self.model, self.energy, block, **kept)
        require_like(self.reference, label, state, (self.block, block))
        try:
            state = alike(self.reference, state)
        except ValueError as error:
            raise ValueError(f"{label}: {error}") from error
        source = np.random.SeedSequence([*self._seed, self.batches])
        # The least p-value is 1 / (resamples + 1): it must be able to reach the level, with room to be above it.
        resamples = max(199, 8 * self.run_length - 1)
        pools, comparisons = self._pools.with_batch(state, self._alarm is not None)
        ours, *theirs = source.spawn(1 + len(pools.waiting))
        test = self._test
        states = test.states(pools.layout, comparisons[0], state)
        result = test.compared(pools.layout, comparisons[0], state, states, resamples, validate.seed(source))
        others = [
            (test.tested(pools.layout, each, resamples, validate.seed(seed)), each.window)
            for each, seed in zip(comparisons[1:], theirs, strict=False)
        ]
        pooled, window = min(others, default=(np.nan, 0))
        hot, why = first_kind(self.model, self.law, self.reference, X, y, weights)
        last = Neighbour.of(state if self.grow else states[1], ours)
        alarm = result.p_value <= self.level or pooled <= self.level
        reading = Reading(
            name=name,
            columns=test.changed(pools.layout, comparisons, result, window, self._seed) if alarm else (),
            rows=state.rows,
            energy=state.energy,
            entropy=state.entropy,
            divergence=result.divergence,
            temperature=hot,
            neighbour=last.temperature(self._last),
            p_value=result.p_value,
            pooled=pooled,
            window=window,
            alarm=alarm,
            reason="; ".join(filter(None, [result.reason, why])),
        )
        self._readings.append(reading)
        self.batches += 1
        rows = (None, None) if isinstance(X, DataState) else (X, y)
        self._rows.append(rows if weights is None else (*rows, weights))
        if reading.alarm and self._alarm is None:
            p_value, differs = min([(result.p_value, 1), *others])
            self._alarm = _Alarm(self.batches, differs, p_value)
            pools = pools.frozen(self._pools, differs)
        self._last, self._pools = last, pools
        return BatchShift(**vars(result), reading=reading, event=self.event)

    @property
    def _remembers(self) -> bool:
        """Whether tests allow for the serial dependence of the reference."""
        return self._chosen or self.block > 1

    @property
    def _test(self) -> BatchTest:
        """The test of batches; its reference in a few hundred blocks is kept."""
        kept: tuple[DataState, DataState] | None = vars(self).get("_coarsened")
        if kept is None or kept[0] is not self.reference:
            kept = self._coarsened = self.reference, united(self.reference)
        carries = self._pools.carries
        return BatchTest(self.reference, kept[1], self.level, self.block, self._chosen, self.grow, carries)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the reference and the readings to a file, atomically; the model is not saved.

        Parameters
        ----------
        path : str or path
            File to write. An existing file is replaced.

        Raises
        ------
        ValueError
            If categories are neither strings nor booleans nor finite numbers, such as intervals.
        OSError
            If the file cannot be written.
        """
        header = {"batches": self.batches, "seed": list(self._seed), "readings": [vars(r) for r in self._readings]}
        header |= {"run_length": self.run_length, "memory": self.memory, "block": self.block}
        header |= {"history": self._readings.maxlen, "grow": self.grow, "start": self._start}
        header |= {"origin": self._origin}
        header |= {"energy": self.energy, "reference": self.reference.header(), "last": self._last._asdict()}
        header |= {"dependence": self.reference.dependence._asdict() if self._remembers else None}
        header |= {"chosen": self._chosen} | ({"united": True} if is_united(self.reference) else {})
        header |= {"alarm": self._alarm and self._alarm._asdict()}
        layout = self._pools.layout
        require_storable(self.reference, layout.labels)
        header |= {"labels": [list(label) for label in layout.labels]}
        header |= {"in_cells": sorted(layout.in_cells)} if layout.in_cells else {}
        ARCHIVE.write(validate.as_path(path), header, self.reference.arrays() | self._pools.arrays())

    @classmethod
    def load(cls, path: str | os.PathLike[str], model: Model, *, law: Law | None = None) -> RefreshMonitor:
        """Read a monitor that :meth:`save` has written; later readings are those that it would have had.

        Parameters
        ----------
        path : str or path
            File to read.
        model, law
            Those of the saved monitor, which are not in the file.

        Returns
        -------
        RefreshMonitor
            With the same state and random stream.

        Raises
        ------
        ValueError
            If the file is damaged or not the file of a monitor.
        OSError
            If the file cannot be read.
        """
        options, later, reference, readings, last, pools = read_monitor(validate.as_path(path), Reading)
        seed, batches = options.pop("seed"), options.pop("batches")
        if later["dependence"] is not None:
            reference.dependence, reference.automatic = Dependence(**later["dependence"]), later["chosen"]
        if later["chosen"]:
            options["block"] = "auto"
        options["energy"] = _energy_of(model, options["energy"], reference.loss)
        try:
            monitor = cls(reference, model, law=law, rng=0, grow=later["grow"], **options)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        monitor._seed, monitor.batches, monitor._last, monitor._start = seed, batches, Neighbour(*last), later["start"]
        monitor._origin = later["origin"]
        base = pools["layout"].filled(monitor._pools.base, monitor._pools.layout)
        monitor._pools = replace(monitor._pools, base=base)
        monitor._pools = replace(monitor._pools, **pools)
        monitor._alarm = None if later["alarm"] is None else _Alarm(**later["alarm"])
        monitor._readings.extend(readings)
        return monitor

    def _sheet(self) -> Sheet:
        event = self.event
        rows = int(self._pools.before()[:, self._pools.layout.rows_at].sum())
        joined = f"{rows - self.reference.rows} of which joined it" if self.grow else ""
        facts: dict[str | Quantity, Any] = {
            Quantity("reference", note=f"rows{', ' * bool(joined)}{joined}"): rows,
            "batches": self.batches,
            Quantity("alarms", note=f"p at most {self.level:.2g}"): sum(r.alarm for r in self._readings),
            "change": "none" if event is None else f"since batch {event.began} ({event.earliest} to {event.latest})",
        }
        return described_by("RefreshMonitor", facts)


def _energy_of(model: Any, energy: str | None, loss: str) -> str | None:
    """Return the energy of a model that takes the place of one of this loss: systems have their own, functions none."""
    if isinstance(model, SYSTEMS):
        return None
    return loss if energy is None and loss != NO_LOSS else energy
