"""Temperatures of the second kind: the model stays, the data move (2.8)-(2.12).

Two samples of the same distribution differ by noise, so a bare quotient of differences says nothing. Everything here
comes with a standard error, and with one p-value for energy, entropy and divergence together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import Deferred, RandomSource, described, listed, plain, validate, warn_caller
from pyrometer.errors import DependenceWarning
from pyrometer.results import Shown, Table
from pyrometer.states import _records as records
from pyrometer.states._block_sums import covariance_of
from pyrometer.states._blocks import LEAST
from pyrometer.states._column_table import ColumnTable
from pyrometer.states._data_state import DataState, Kept, as_state, checked_block
from pyrometer.states._densities import Density, Joint
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import compared
from pyrometer.states._predictions import NO_LOSS, Model
from pyrometer.states._resampled import redrawn_pair
from pyrometer.states._row_sums import in_range

__all__ = ["DataState", "Shift", "shift"]

_Array: TypeAlias = npt.NDArray[np.float64]
_LEVEL = 0.05
_INFLATED = 1.25  # of a variance; 5 % of three quantities become 10 % at most
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
        KL divergence of the new density from the old one, in nats. An entropy that is fitted to each state cannot see a
        shift of the mean; this does.
    cross_entropy : float
        What the old density needs in excess for the new rows: ``entropy_change + divergence``.
    temperature : float
        :math:`T = \Delta E / \Delta S` (2.9), in units of the loss per nat; nan unless `temperature_defined`.
    temperature_defined : bool
        Whether T is defined: the entropy has changed by more than twice its standard error. A shift of means alone
        changes no entropy and has no T; neither have data that have not shifted.
    energy_change_error, entropy_change_error, divergence_error, cross_entropy_error, temperature_error : float
        Their standard errors, from resampled blocks of rows.
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
    >>> found = pm.shift(calm, noisy, model=model, energy="mse", rng=0)
    >>> found.verdict, found.p_value, found.changed
    ('shifted', 0.001, ('energy', 'entropy', 'divergence'))
    >>> found.temperature_defined, abs(found.temperature - 3.08) < 3 * found.temperature_error
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

        Empty where the test does not reject: three comparisons with standard errors would report chance more often
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
        not. Both tests have the level `level`.
        """
        return tuple(row["column"] for row in self.columns if row["p_value"] <= self.level)

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "level" not in state:  # of 0.1.0, whose verdict was on the temperature
            defined = state["verdict"] == "ok"
            verdict = _verdict(state["p_value"], _LEVEL)
            state = state | {"level": _LEVEL, "temperature_defined": defined, "verdict": verdict}
        self.__dict__.update(state)


def shift(
    before: DataState | tuple[Any, Any] | Any,
    after: DataState | tuple[Any, Any] | Any,
    *,
    model: Model = None,
    energy: str | None = None,
    prediction: Any = None,
    block: int | Literal["auto"] = 1,
    density: Density = "gaussian",
    level: float = _LEVEL,
    resamples: int = 999,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Shift:
    r"""Temperature of a shift of the data under a fixed model (2.9), with errors and a test.

    Parameters
    ----------
    before, after : DataState or (X, y), or X without a model
        The two samples, with the same columns. A column that contributes by counts in `before` does so in `after`, if
        that is given as rows.
    model, energy
        As for `DataState`; not used for what is one already.
    prediction : str or tuple, optional
        As for `DataState`: the name of a column of both samples, or a pair of arrays, before and after.
    block, density
        As for `DataState`; not used for what is one already. A callable density given here is one for both samples, and
        adds nothing to the divergence: give each state its own.
    level : float
        Level of the test, at least ``1 / (resamples + 1)`` and below 1: the verdict is "shifted" where the p-value is
        at most this.
    resamples : int
        How often rows are drawn again for the errors, and permuted for the p-value; at least 99. The p-value is a
        multiple of ``1 / (resamples + 1)``.
    rng : int, SeedSequence, Generator or None
        Source of randomness.
    threads : int, optional
        At least 1; changes the speed and not a bit of the result. Default: all that OpenMP offers.

    Returns
    -------
    Shift
        Changes of energy and entropy, the divergence, T, their errors, the p-value and a verdict.

    Raises
    ------
    TypeError, ValueError
        If the states are not of the same loss, features, block and kind of density, or an option is out of range.

    Warns
    -----
    DependenceWarning
        If the rows of a sample are correlated over so many rows that blocks of this size break the level of the test.

    Notes
    -----
    A model fits the rows that it was trained on better than others of the same distribution, by about n/m of its
    energy on both sides; where that matters, hold rows out for `before`.

    The statistic of the test is the squared length of (:math:`\Delta E, \Delta S`, KL) in units of their covariance
    over all permutations, the sample's own included. A divergence below what the other two lead to expect counts as
    that: samples that agree better than chance are no sign of a shift, and a sample beside itself has p near 1. Only
    blocks of equally many rows change hands: where one sample is much the larger, as many of its rows as the other can
    match. For the statistic each sample has a thousandth of a row besides its own, the mean row of both together, so
    that a permutation without a density has a statistic, too: the p-value needs no density, only the standard errors
    do. They are nan, with a `reason`, where a resample has none.

    With a density other than "gaussian" entropies are cross-fitted (`DataState`) and new rows are scored under the old
    density. Then everything is a mean over rows, and errors are those of means over blocks. Where new rows lie beyond
    the old ones, the divergence rests on the old density's tails, and its error is too small. For the p-value one
    density is fitted to the rows of both samples together, whichever they came from; the statistic has the change of
    the mean :math:`-\ln p` under it in the place of :math:`\Delta S`, and the divergence of Gaussians. So permutations
    need no further fit, and the test keeps its level whatever the density.

    Categories and other columns that are compared by counts have shares smoothed by one row that has the shares of both
    samples together, for the divergence: categories that only one sample has are no error. Their p-value is that of the
    permutations, whatever the counts.

    `Shift.columns` is computed when it is first read. Its p-values compare each row's statistic, in each permutation,
    with the largest of all rows (max-T, in units of their deviations over the permutations, after a cube root) [1]_.
    The statistic of counts, and of the joint density, is the divergence. That of numbers and residuals has ranks, so
    that an outlier in a column with heavy tails decides nothing: Wilcoxon's scores for the place and Savage's for the
    squares about the median, of the permuted blocks, in units of their covariance, as Lepage's test [2]_ (not in the
    paper). The test of all columns together has moments, not ranks: with heavy tails in many columns it may reject
    because of an outlier, and the first column is then another, or has no small p-value.

    Cost: ``resamples`` products with some thousand sums over blocks at most, of :math:`(p + 2)(p + 5)/2` numbers, two
    for each sample.

    References
    ----------
    .. [1] P. H. Westfall, S. S. Young, "Resampling-Based Multiple Testing", Wiley (1993).
    .. [2] Y. Lepage, "A combination of Wilcoxon's and Ansari-Bradley's statistics", Biometrika 58 (1971), 213-217.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(2)
    >>> X = rng.normal(size=(400, 2))
    >>> y = X @ [1.0, 2.0] + rng.normal(size=400)
    >>> trained = pm.LinearRegression(X[:200], y[:200])
    >>> found = pm.shift((X[:200], y[:200]), (X[200:], y[200:]), model=trained, rng=0)
    >>> found.p_value > 0.05
    True
    >>> old = {"city": rng.choice(["Oslo", "Moss"], 100), "age": rng.choice([*range(20, 68), None], 100)}
    >>> new = {"city": rng.choice(["Oslo", "Bodo"], 50), "age": rng.choice([*range(22, 70), None], 50)}
    >>> import pyarrow as pa
    >>> found = pm.shift(pa.table(old), pa.table(new), rng=0)      # columns alone, without a model
    >>> found.verdict, found.moved
    ('shifted', ('city',))
    """
    count = validate.count("resamples", resamples, minimum=99)
    level = _level(level, count)
    workers = validate.threads(threads)
    predictions = _predictions(prediction)
    old, new = _states(before, after, model, energy, block, density, predictions)
    _require_like(old, new)
    for state in (old, new):
        warn_of_dependence(state)
    return compare(old, new, level, count, validate.seed(rng), workers)


def _predictions(prediction: Any) -> tuple[Any, Any]:
    """Return the predictions of both samples: a column of both, or a pair of arrays."""
    if prediction is None or isinstance(prediction, str):
        return prediction, prediction
    if not isinstance(prediction, (tuple, list)) or len(prediction) != 2:
        raise TypeError(
            "prediction must be the name of a column of X, or a pair of arrays, before and after, got "
            f"{described(prediction)}."
        )
    return prediction[0], prediction[1]


def _states(
    before: Any,
    after: Any,
    model: Model,
    energy: str | None,
    block: int | Literal["auto"],
    density: Density,
    predictions: tuple[Any, Any],
) -> tuple[DataState, DataState]:
    """Make the states of both samples; blocks of "auto" are those that both need, or those of a state that is given."""
    automatic = checked_block(block) is None
    if automatic and isinstance(after, DataState):
        block = after.block
    old = as_state("before", before, model, energy, block, density, prediction=predictions[0])
    if automatic and isinstance(before, DataState):
        block = old.block
    new = as_state("after", after, model, energy, block, density, like=old, prediction=predictions[1])
    if automatic and old.block != new.block:
        longer = max(old.block, new.block)
        memories = old.dependence, new.dependence
        old = as_state("before", before, model, energy, longer, density, prediction=predictions[0])
        new = as_state("after", after, model, energy, longer, density, like=old, prediction=predictions[1])
        old.of_dependence(memories[0])
        new.of_dependence(memories[1])
    elif automatic:
        for state, given in ((old, before), (new, after)):
            if state is not given:
                state.of_dependence(state.dependence)
    return old, new


def inflation_of(old: DataState, new: DataState) -> float:
    """Variance of means in units of that of permutations; 1 for blocks of one row, unless they were chosen."""
    if not (old.automatic or new.automatic) and old.block == 1:
        return 1.0
    memory = max(old.dependence, new.dependence, key=lambda each: each.reach)
    return memory.inflation(old.block, min(old.rows, new.rows))


def warn_of_dependence(state: DataState) -> None:
    """Give a warning if blocks are too short for the memory of the rows."""
    memory = state.dependence
    inflation = memory.inflation(state.block, state.rows)
    if not state.automatic and inflation > _INFLATED:
        warn_caller(
            DependenceWarning(
                f"rows are serially dependent in their order ({memory.series} over {memory.time:.2g} rows): with "
                f"block={state.block} the test may find shifts that are none, because means vary by {inflation:.3g} "
                'times the variance of its permutations; use block="auto", or shuffle rows whose order has no meaning.'
            )
        )


def _level(value: float, resamples: int) -> float:
    level, least = validate.single("level", value, minimum=0.0, exclusive=True), 1.0 / (resamples + 1)
    if level >= 1.0:
        raise ValueError(f"level must be below 1, got {level:g}.")
    if level < least:
        raise ValueError(
            f"level must be at least 1/(resamples + 1) = {least:g}, the least p-value of {resamples} permutations, got "
            f"{level:g}; use resamples={int(np.ceil(1.0 / level)) - 1} or more."
        )
    return level


def _verdict(p_value: float, level: float) -> str:
    return "shifted" if p_value <= level else "not-shifted"


def compare(old: DataState, new: DataState, level: float, resamples: int, seed: tuple[int, int], threads: int) -> Shift:
    """Compare two states of one kind; numbers that cannot be computed are nan, and the result has the reason."""
    reasons = [
        f"{name}: {state.reason.rstrip('.')}" for name, state in (("before", old), ("after", new)) if state.reason
    ]
    pair = Pair.of(old, new)
    sums, law = pair.tables, old.law
    if old.kept is None or new.kept is None:
        changes, spread, why = pair.redrawn(resamples, seed, threads)
        reasons += why
    else:
        changes, spread = _scored(pair, old.kept, new.kept, resamples, seed, threads)
        sums = (sums[0].copy(), sums[1].copy())
        for state, blocks, scores in zip((old, new), sums, _pooled(old, old.kept, new.kept), strict=True):
            blocks[:, 2] = state.sums.of_rows(scores)
        law = "scores"
    inflation = inflation_of(old, new)
    found = compared(sums, law, resamples, (seed[0], seed[1] ^ 1), threads, pair.marginals, inflation=inflation)
    spread = spread * inflation
    change = new.energy - old.energy
    entropy, divergence = (new.entropy - old.entropy if pair.is_own else float(changes[0])), float(changes[1])
    errors, unit = np.sqrt(np.diag(spread)), old.sums.unit
    T, T_error = _quotient(change, entropy, spread, unit)
    known = not np.isnan(T)
    if not known and abs(entropy) > 2.0 * errors[1] and not np.isnan(change):
        reasons.append("temperature: the quotient leaves the range of a double")
    of_energy = in_range(float(errors[0]), unit) if old.loss != NO_LOSS else np.nan
    # A sum that may cancel to less than its rounding.
    of_cross_entropy = float(np.sqrt(np.maximum(spread[1:, 1:].sum(), 0.0)))
    unknown = {"energy": of_energy, "entropy": errors[1], "divergence": errors[2], "cross entropy": of_cross_entropy}
    lost = [name for name, error in unknown.items() if np.isnan(error) and (name != "energy" or old.loss != NO_LOSS)]
    if lost and not any(reason.startswith(("before", "after", "errors", "divergence")) for reason in reasons):
        reasons.append(f"errors of {', '.join(lost)}: their squares leave the range of a double")
    p_value = 1.0 if found is None else found.p_value
    return Shift(
        before=old,
        after=new,
        energy_change=change,
        entropy_change=entropy,
        divergence=divergence,
        cross_entropy=entropy + divergence,
        temperature=T,
        temperature_defined=bool(known),
        energy_change_error=of_energy,
        entropy_change_error=float(errors[1]),
        divergence_error=float(errors[2]),
        cross_entropy_error=of_cross_entropy,
        temperature_error=T_error,
        p_value=p_value,
        level=level,
        verdict=_verdict(p_value, level),
        reason="; ".join(reasons),
        columns=ColumnTable(
            old, new, divergence, None if found is None else found.changes, resamples, seed, threads, inflation
        ),
        note=pair.note,
    )


def with_p_value(found: Shift, p_value: float, *, before: DataState, after: DataState) -> Shift:
    """Return a shift with another p-value and its verdict, and other states; its columns are still not computed."""
    other = {"p_value": p_value, "verdict": _verdict(p_value, found.level), "before": before, "after": after}
    return type(found)(**(vars(found) | other))


def _quotient(change: float, entropy: float, spread: _Array, unit: int) -> tuple[float, float]:
    """T and its standard error, with energies of `spread` in units of 2^unit; nan unless the entropy has changed."""
    if not abs(entropy) > 2.0 * np.sqrt(spread[1, 1]):
        return np.nan, np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        T = np.ldexp(change, -unit) / entropy
        slope = np.array([1.0, -T]) / entropy
        error = np.sqrt(slope @ spread[:2, :2] @ slope)
    found = in_range(float(T), unit), in_range(float(error), unit)
    return found if not np.isnan(found).any() else (np.nan, np.nan)


def _require_like(old: DataState, new: DataState) -> None:
    """Raise if two states cannot be compared."""
    if (old.loss, old.features) != (new.loss, new.features):
        raise ValueError(
            f"before and after must have the same loss and features, got {old.loss} with {old.features} and {new.loss} "
            f"with {new.features}."
        )
    if old.names is not None and new.names is not None and old.names != new.names:
        raise ValueError(
            f"before and after must have the same columns in one order, got {listed(old.names, plain)} and "
            f"{listed(new.names, plain)}."
        )
    fills = [state.columns.fill for state in (old, new)]
    apart = [place for place in fills[0] if place in fills[1] and fills[0][place] != fills[1][place]]
    if apart:
        name = plain(old.names[apart[0]]) if old.names else str(apart[0])
        raise ValueError(
            f"before and after must have the same number in the places of missing ones, got others in column {name}; "
            "give after as rows, or make its state with like=before."
        )
    kinds = [state.density if isinstance(state.density, str) else "an object" for state in (old, new)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"before and after must have the same kind of density, got {kinds[0]} and {kinds[1]}.")
    if min(len(old.sums.counts), len(new.sums.counts)) < LEAST:
        raise ValueError(
            f"before and after must have at least {LEAST} blocks of rows, got {len(old.sums.counts)} and "
            f"{len(new.sums.counts)} blocks of {old.rows} and {new.rows} rows; use more rows or a smaller block."
        )
    if old.sums.counts[0] != new.sums.counts[0]:
        raise ValueError(
            f"before and after must have the same block, got {old.sums.counts[0]:g} and {new.sums.counts[0]:g} "
            "rows; make both states with one."
        )


def _scored(
    pair: Pair, before: Kept, after: Kept, resamples: int, seed: tuple[int, int], threads: int
) -> tuple[_Array, _Array]:
    """Changes and their covariance for fitted densities, for which all changes are means over rows."""
    old, new = pair.old, pair.new
    densities = Joint(old.density, old.loss, before.rows), Joint(new.density, new.loss, after.rows)
    under_old = densities[0].scores(after.rows)
    values = (
        np.stack([-before.losses, -before.scores, densities[0].influence(densities[1])], axis=1),
        np.stack([after.losses, after.scores, under_old - after.scores], axis=1),
    )
    divergence = float(under_old.mean() - after.scores.mean())
    changes = np.array([new.entropy - old.entropy, divergence])
    if not pair.marginals.adds:
        return changes, old.sums.covariance_of_means(values[0]) + new.sums.covariance_of_means(values[1])
    beside = pair.beside_redrawn(resamples, seed, threads)
    changes[1] += beside[0, 1]
    first, second = (
        np.column_stack([state.sums.counts, state.sums.of_rows(each)])
        for state, each in zip((old, new), values, strict=True)
    )
    total = np.zeros((resamples, 3))
    for sums in redrawn_pair((first, second), seed, resamples, threads):
        total += sums[:, 1:] / sums[:, :1]
    total[:, 1:] += beside[1:]
    return changes, covariance_of(total)


def _pooled(old: DataState, before: Kept, after: Kept) -> tuple[_Array, _Array]:
    """Return -ln p of the rows of each sample under one density of all rows, invariant under permutations."""
    rows = before.rows + after.rows
    order = np.lexsort([*rows.x.T, rows.residual, rows.inner])
    scores = Joint(old.density, old.loss, rows[order]).scores(rows)
    return scores[: len(before.losses)], scores[len(before.losses) :]
