"""The result of a comparison of two samples, and the verdict of its test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyrometer.base import Deferred
from pyrometer.results import Shown, Table
from pyrometer.states import _records as records
from pyrometer.states._data_state import DataState

__all__ = ["LEVEL", "Shift", "verdict_of"]

LEVEL = 0.05
_COLUMNS = Deferred(Table("Columns of a shift", {}))  # results of 0.1.0 have none


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Shift(Shown, record=records.SHIFT):
    r"""What a shift of the data does to the energy and the entropy of a fixed model.

    Attributes
    ----------
    before, after : DataState
        The two states.
    energy_change, entropy_change : float
        :math:`\Delta E` in units of the loss, :math:`\Delta S` in nats.
    divergence : float
        KL divergence of the new density from the old one, in nats. The entropies, of densities fitted to each state, do
        not change under a shift of the mean; this does.
    cross_entropy : float
        ``entropy_change + divergence``: the cross entropy of the new rows under the old density, less the entropy of
        the old rows.
    temperature : float
        :math:`T = \Delta E / \Delta S` (2.9), in units of the loss per nat; nan unless `temperature_defined`.
    temperature_defined : bool
        Whether T is defined: the entropy has changed by more than twice its standard error. A shift of means alone
        changes no entropy and has no T; neither have data that have not shifted.
    energy_change_error, entropy_change_error, divergence_error, cross_entropy_error, temperature_error : float
        Their standard errors, from resampled blocks of rows. As T is given only where the entropy has changed by more
        than two of them, ``temperature ± 1.96 * temperature_error`` holds T less often where rows are few: in 75 % of
        2,500 cases of 60 and 400 rows, 87 % of 100 and 100, 94 % of 300 and 300.
    p_value : float
        Probability of energy, entropy and divergence that differ together at least as much, if both samples are of one
        distribution; a divergence that is less than chance gives does not differ. By permuting blocks between the
        samples, which holds for every distribution and number of rows.
    level : float
        Level of the test.
    verdict : str
        The verdict of the test: "shifted" where `p_value` is at most `level`, else "not-shifted". It says nothing of T.
    reason : str
        Why a number other than the temperature is nan; "" where none is. A standard error is nan where some resample of
        the rows has no density. Without a model energies are nan, without a reason.
    columns : Table
        Which columns have moved (not in the paper), the clearest change first: a row for each column of X, for the
        residual, or for cross entropy the labels and the energy, and for what the joint density adds beyond the columns
        by themselves. ``column`` and ``kind``: "number", "category", "discrete" (numbers that contribute by counts),
        "residual", "label", "energy" or "dependence"; ``before``, ``after``, ``deviation_before``,
        ``deviation_after``: means and standard deviations, of categories the shares of the one, ``category``, whose
        share has changed most; ``missing_before``, ``missing_after``: shares of missing values; ``divergence`` of the
        column by itself, with its ``standard_error``; ``p_value``, adjusted for all rows together, of ranks where the
        column has numbers. Computed when it is first read; empty in results of 0.1.0.
    note : str
        What is not compared by a joint Gaussian density, and why: columns that contribute by counts, or one by one; ""
        if nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> model = lambda X: X[:, 0]
    >>> calm, noisy = ((x, x[:, 0] + noise * rng.normal(size=2000)) for noise in (1.0, 1.5))
    >>> result = pm.shift(calm, noisy, model=model, energy="mse", rng=0)
    >>> result.verdict, result.p_value, result.changed
    ('shifted', 0.001, ('energy', 'entropy', 'divergence'))
    >>> result.temperature_defined, abs(result.temperature - 3.08) < 3 * result.temperature_error
    (True, True)
    """

    before: DataState
    after: DataState
    energy_change: float
    entropy_change: float
    divergence: float
    cross_entropy: float
    temperature: float
    temperature_defined: bool
    energy_change_error: float
    entropy_change_error: float
    divergence_error: float
    cross_entropy_error: float
    temperature_error: float
    p_value: float
    level: float
    verdict: str
    reason: str = ""
    columns: Deferred[Table] = _COLUMNS
    note: str = ""

    @property
    def shifted(self) -> bool:
        """Whether the test rejects that both samples are of one distribution: `p_value` is at most `level`."""
        return bool(self.p_value <= self.level)

    @property
    def changed(self) -> tuple[str, ...]:
        """Which of "energy", "entropy" and "divergence" have changed by more than twice their standard errors.

        Empty where the test does not reject: three comparisons with standard errors would give more false positives
        than the level allows. Where it rejects, none need have changed by so much alone.
        """
        changes = {
            "energy": (self.energy_change, self.energy_change_error),
            "entropy": (self.entropy_change, self.entropy_change_error),
            "divergence": (self.divergence, self.divergence_error),
        }
        return tuple(name for name, (change, error) in changes.items() if self.shifted and abs(change) > 2.0 * error)

    @property
    def moved(self) -> tuple[str, ...]:
        """The columns whose adjusted p-value is at most `level`, the clearest change first (not in the paper).

        With many columns this finds what the test of all together does not: one that has moved, among others that have
        not. Both tests have the level `level`. Beside a column that has moved, ``(joint)`` may be named although the
        dependence has not changed (Notes of `shift`).
        """
        return tuple(row["column"] for row in self.columns if row["p_value"] <= self.level)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "level" not in state:  # of 0.1.0, whose verdict was on the temperature
            defined = state["verdict"] == "ok"
            verdict = verdict_of(state["p_value"], LEVEL)
            state = state | {"level": LEVEL, "temperature_defined": defined, "verdict": verdict}
        self.__dict__.update(state)


def verdict_of(p_value: float, level: float) -> str:
    return "shifted" if p_value <= level else "not-shifted"
