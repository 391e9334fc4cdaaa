"""Results of a monitor: the reading of a batch, a change of the distribution, and the result of an update."""

from __future__ import annotations

from dataclasses import dataclass

from pyrometer.results import Shown
from pyrometer.states import _records as records
from pyrometer.states._shift_result import Shift

__all__ = ["BatchShift", "Event", "Reading"]


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
    divergence : float
        From the reference to the batch, in nats, as in `Shift`; inf where a column was constant and is not.
    name : str
        Name of the batch, as it was given.
    columns : tuple of str
        At an alarm the columns that have changed, the clearest first: those of `Shift.columns`, of the batch or of the
        pool that raised it, whose adjusted p-value is at most 0.05; empty where there is no alarm, or no single column
        has changed so clearly.

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
    divergence: float = float("nan")
    name: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Event(Shown, record=records.EVENT):
    """A change of the distribution: the first alarm, and all that has come since, until `RefreshMonitor.reset`.

    Attributes
    ----------
    batch : int
        Number of the batch that raised the first alarm, from 1.
    window : int
        Number of batches, up to this one, that differed; 1 for the batch alone.
    p_value : float
        Of that test.
    began : int
        Number of the batch at which the change most probably began. Estimated from all batches so far; not in the
        paper.
    earliest, latest : int
        Range of batches that together have a posterior probability of 95 % of being the first after the change. It
        assumes one change, and normal features and residuals before it and after it, with likelihoods tempered by the
        dispersion of squares over the blocks of the reference: it held the true batch in 53 of 55 cases with normal
        residuals, and in 23 of 28 with those of Student's t of 4 degrees of freedom. For absolute error and cross
        entropy the losses take the place of the residuals, as exponential ones tempered by their own dispersion: where
        the target given the features changed, it held the true batch in 205 of 207 cases.
    batches, rows : int
        What has come since the change began.

    Examples
    --------
    >>> import pyrometer as pm
    >>> event = pm.Event(batch=9, window=2, p_value=0.001, began=8, earliest=7, latest=8, batches=4, rows=400)
    >>> event
    Event
      batch       9        of the first alarm
      pool        2        batches, up to this one, that differ together
      p           0.001    of that test
      began       8        batch at which the change most probably began
      earliest    7        of 95 % of the posterior probability
      latest      8
      batches     4        since it began
      rows      400        since it began
    """

    batch: int
    window: int
    p_value: float
    began: int
    earliest: int
    latest: int
    batches: int
    rows: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class BatchShift(Shift):
    """A `Shift` from the reference to a batch, with what it means for the monitor.

    Attributes
    ----------
    before, after : DataState
        The reference as it is now, and the batch.
    energy_change, entropy_change, divergence, cross_entropy, temperature : float
        As in `Shift`.
    temperature_defined : bool
        As in `Shift`.
    energy_change_error, entropy_change_error, divergence_error, cross_entropy_error, temperature_error : float
        As in `Shift`.
    p_value, level : float
        Of the batch alone, and the monitor's level.
    verdict, reason : str
        As in `Shift`.
    columns : Table
        As in `Shift`.
    note : str
        As in `Shift`.
    reading : Reading
        The reading of the batch, the last of ``monitor.readings``.
    event : Event or None
        The change that has been found and not reset; None while there is none. Where it is not None, act: look at the
        columns, train again on what has come since ``event.began``, and call `RefreshMonitor.reset`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> issubclass(pm.BatchShift, pm.Shift)
    True
    """

    reading: Reading
    event: Event | None

    @property
    def alarm(self) -> bool:
        """Whether this batch, or a pool that ends with it, differs from the reference at the monitor's level."""
        return self.reading.alarm
