"""A fixed model monitored batch by batch, with an alarm where the distribution of the data has changed."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from pyrometer.base import Archive, RandomSource, validate
from pyrometer.laws import LINEAR_CALLS, Law, not_a_law
from pyrometer.linear import LinearRegression, LogisticRegression, system_of
from pyrometer.results import Displayed, Shown, Table
from pyrometer.states import _records as records
from pyrometer.states._blocks import LEAST, together
from pyrometer.states._data_state import DataState, as_state
from pyrometer.states._monitor_file import checked_header, checked_last, checked_pools, checked_readings, checked_state
from pyrometer.states._permuted import permuted
from pyrometer.states._predictions import Model, loss_of
from pyrometer.states._row_sums import in_range
from pyrometer.states._shift import Shift, compare
from pyrometer.thermodynamics import temperature

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Reading", "RefreshMonitor"]

_Array: TypeAlias = npt.NDArray[np.float64]
_ARCHIVE = Archive("pyrometer-monitor", 1, "RefreshMonitor.save")
_RESAMPLES = 99  # for the standard error of an entropy


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Reading(Shown, record=records.READING):
    """Results of a batch.

    Attributes
    ----------
    rows : int
        Rows of the batch.
    energy, entropy : float
        Of the batch under the model, as in `DataState`; nan where the batch has none.
    temperature : float
        First kind: the temperature of a system trained on this batch, under the monitor's law; nan without one.
    neighbour : float
        Second kind (2.9), between the previous batch and this one; nan where the entropy has not changed by twice its
        standard error, or a number is nan.
    p_value : float
        Of the test of this batch against the reference; 1 for batches of fewer rows than a block.
    pooled : float
        Smallest p-value of the tests of pools of batches that end with this one; nan where no pool does.
    window : int
        Number of batches of that pool; 0 where there is none.
    alarm : bool
        Whether `p_value` or `pooled` is at most the monitor's level.
    reason : str
        Why numbers of this batch are nan, by name; "" if none is.

    Examples
    --------
    >>> import pyrometer as pm
    >>> series = {"energy": 1.0, "entropy": 2.0, "temperature": 3.0, "neighbour": 4.0}
    >>> pm.Reading(rows=100, **series, p_value=0.5, pooled=0.1, window=2, alarm=False).window
    2
    """

    rows: int
    energy: float
    entropy: float
    temperature: float
    neighbour: float
    p_value: float
    pooled: float
    window: int
    alarm: bool
    reason: str = ""


class _Neighbour(NamedTuple):
    """The batch that the next one is compared with."""

    energy: float
    entropy: float
    variance: float

    @classmethod
    def of(cls, state: DataState, source: np.random.SeedSequence) -> _Neighbour:
        variance = state.covariance(_RESAMPLES, source)[1, 1]
        return cls(state.energy, state.entropy, float(variance))

    def temperature(self, before: _Neighbour) -> float:
        """T (2.9) from the one before, nan unless the entropy has moved by twice its standard error."""
        change = self.entropy - before.entropy
        known = abs(change) > 2.0 * np.sqrt(self.variance + before.variance)
        return in_range((self.energy - before.energy) / change, 0) if known else np.nan


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
        Distribution of the parameters for temperatures of the first kind. Without it they are nan.
    run_length : int
        Lower bound of the mean number of batches per false alarm while the distribution does not change; at least 2. An
        alarm is a p-value, of the batch or of a pool, of at most ``1 / (run_length * (2 - 1 / memory))``.
    memory : int
        Largest number of batches in a pool: a power of two; with 1 batches are not pooled.
    block : int
        As for `DataState`.
    history : int
        Number of readings that are kept.
    rng : int, SeedSequence, Generator or None
        Source of randomness, read once: the same source and batches give the same readings.

    Attributes
    ----------
    readings : tuple of Reading
        The last `history` readings, in order.
    batches : int
        Batches seen.

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

    The sampling error of the reference limits the power of pools: it should have many times the rows of a batch. Pools
    keep batches from before an alarm until they are complete: after an alarm has been acted upon, start a new monitor.

    Memory: the sums over blocks of the reference, and of one pool of each size, about a thousand blocks each.

    Cost of a batch: two permutation tests on average, of ``8 * run_length`` permutations each, as in `shift`.

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
    ...     found = monitor.update(*batch(noise))
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
        block: int = 1,
        history: int = 1000,
        rng: RandomSource = None,
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
        self._pools: list[_Array | None] = [None] * (self.memory.bit_length() - 1)
        self.block = validate.count("block", block, minimum=1)
        self._seed = validate.seed(rng)
        self.batches = 0
        self._readings: deque[Reading] = deque(maxlen=validate.count("history", history, minimum=1))
        self.reference = as_state("reference", reference, model, energy, self.block, strict=False)
        self._require_reference(loss_of(model, energy))
        self._last = _Neighbour.of(self.reference, np.random.SeedSequence(self._seed))

    def _require_reference(self, loss: str) -> None:
        """Raise if batches cannot be tested against the reference."""
        found = self.reference
        blocks = found.sums.counts
        if found.loss != loss:
            raise ValueError(f"reference must have the loss of the model, {loss!r}, got {found.loss!r}.")
        if not isinstance(found.density, str) or found.density != "gaussian":
            raise ValueError(f"reference must have density='gaussian', got {found.density!r}.")
        if len(blocks) < LEAST:
            raise ValueError(
                f"reference must have at least {LEAST} blocks of rows, got {len(blocks)} of {found.rows} rows; "
                "use more rows or a smaller block."
            )
        if blocks[0] != self.block:
            raise ValueError(f"reference must have been made with block={self.block}, got {blocks[0]:g}.")
        if isinstance(self.model, (LinearRegression, LogisticRegression)):
            features = self.model.parameters - self.model.intercept
            if self.model.shape != () or features != found.features:
                raise ValueError(f"reference must have the {features} features of the model, got {found.features}.")

    def __repr__(self) -> str:
        alarms = sum(reading.alarm for reading in self._readings)
        last = f", the last in batch {self.batches - self._since()}" if alarms else ""
        return (
            f"<RefreshMonitor: {self.batches} batch{'es' * (self.batches != 1)} against {self.reference.rows} rows, "
            f"{alarms} alarm{'s' * (alarms != 1)}{last}, level {self.level:.2g}>"
        )

    def _since(self) -> int:
        """Return the number of batches since the last alarm."""
        return next(since for since, reading in enumerate(reversed(self._readings)) if reading.alarm)

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

    def update(self, X: Any, y: Any) -> Shift:
        """Test a batch against the reference, and keep its reading.

        Parameters
        ----------
        X, y
            Rows, as for `DataState`.

        Returns
        -------
        Shift
            From the reference to this batch, at the monitor's level. ``monitor.readings[-1].alarm`` says whether to
            act: it includes the pools.

        Raises
        ------
        TypeError, ValueError
            If X and y are not finite numbers of matching shapes with the reference's columns and at least one row, or
            the model's predictions are not finite. The monitor has not changed then.
        """
        name = f"batch {self.batches + 1}"
        state = as_state(name, (X, y), self.model, self.energy, self.block, like=self.reference, strict=False)
        if state.names and self.reference.names and state.names != self.reference.names:
            raise ValueError(
                f"{name}: X must have the same columns in one order as the reference, "
                f"{', '.join(self.reference.names)}, "
                f"got {', '.join(state.names)}."
            )
        source = np.random.SeedSequence([*self._seed, self.batches])
        # The least p-value is 1 / (resamples + 1): it must be able to reach the level, with room to be above it.
        resamples = max(199, 8 * self.run_length - 1)
        found = compare(self.reference, state, self.level, resamples, validate.seed(source), threads=0)
        ours, *theirs = source.spawn(1 + len(self._pools))
        last = _Neighbour.of(state, ours)
        pools, tested = self._grown(state.sums.table(self.reference.sums), resamples, theirs)
        pooled, window = min(tested, default=(np.nan, 0))
        hot, why = self._temperature(X, y, state)
        reading = Reading(
            rows=state.rows,
            energy=state.energy,
            entropy=state.entropy,
            temperature=hot,
            neighbour=last.temperature(self._last),
            p_value=found.p_value,
            pooled=pooled,
            window=window,
            alarm=found.p_value <= self.level or pooled <= self.level,
            reason="; ".join(filter(None, [found.reason, why])),
        )
        self._readings.append(reading)
        self._last, self._pools = last, pools
        self.batches += 1
        return found

    def _grown(
        self, sums: _Array, resamples: int, sources: list[np.random.SeedSequence]
    ) -> tuple[list[_Array | None], list[tuple[float, int]]]:
        """Pools after one more batch, and p-values and sizes of the pools that it completed.

        Pools of 1, 2, 4, ... batches are the digits of a binary counter: two of one size are merged into the next.
        """
        pools, tested = list(self._pools), []
        for k, (waiting, source) in enumerate(zip(self._pools, sources, strict=True)):
            if waiting is None:
                pools[k] = sums
                break
            sums, pools[k] = together(waiting, sums), None
            seed = validate.seed(source)
            p_value = permuted(self.reference.sums.table(), sums, self.reference.law, resamples, seed, threads=0)
            tested.append((p_value, 2 ** (k + 1)))
        return pools, tested

    def _temperature(self, X: Any, y: Any, state: DataState) -> tuple[float, str]:
        """Temperature of the first kind of the batch; and why it is nan, or the messages of its warnings."""
        if self.law is None:
            return np.nan, ""
        intercept = self.model.intercept if isinstance(self.model, (LinearRegression, LogisticRegression)) else True
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            try:
                hot = temperature(system_of(state.loss, X, y, intercept=intercept), self.law)
            except ValueError as error:
                return np.nan, f"temperature: {error}"
        notes = [str(warning.message) for warning in told]
        if not np.isfinite(hot.value):
            notes.append(str(hot.verdict))
        return float(hot.value) if np.isfinite(hot.value) else np.nan, "; ".join(
            f"temperature: {note}" for note in notes
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the reference and the readings to a file, atomically; the model is not saved.

        Parameters
        ----------
        path : str or path
            File to write. An existing file is replaced.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        header = {"batches": self.batches, "seed": list(self._seed), "readings": [vars(r) for r in self._readings]}
        header |= {"run_length": self.run_length, "memory": self.memory, "block": self.block}
        header |= {"history": self._readings.maxlen}
        header |= {"energy": self.energy, "reference": self.reference.header(), "last": self._last._asdict()}
        pools = {f"pool_{k}": sums for k, sums in enumerate(self._pools) if sums is not None}
        _ARCHIVE.write(validate.as_path(path), header, self.reference.sums.arrays() | pools)

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

        def build(header: dict[str, Any], archive: Mapping[str, Any]) -> tuple[Any, ...]:
            arrays = dict(archive)  # read once
            options = checked_header(header)
            reference = checked_state(header, arrays, options["block"])
            level = 1.0 / (options["run_length"] * (2.0 - 1.0 / options["memory"]))
            readings = checked_readings(header, Reading, options, level)
            last = _Neighbour(*checked_last(header, readings[-1] if readings else reference))
            pools = checked_pools(arrays, options, reference, [reading.rows for reading in readings])
            return options, reference, readings, last, pools

        options, reference, readings, last, pools = _ARCHIVE.read(validate.as_path(path), build)
        seed, batches = options.pop("seed"), options.pop("batches")
        try:
            monitor = cls(reference, model, law=law, rng=0, **options)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        monitor._seed, monitor.batches, monitor._last, monitor._pools = seed, batches, last, pools
        monitor._readings.extend(readings)
        return monitor
