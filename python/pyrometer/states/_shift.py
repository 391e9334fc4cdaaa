"""Temperatures of the second kind: the model stays, the data move (2.8)-(2.12).

Two samples of the same distribution differ by noise, so a quotient of differences without an error is meaningless.
Everything here comes with a standard error, and with one p-value for energy, entropy and divergence together.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from pyrometer.base import RandomSource, described, listed, number_of, plain, validate, warn_caller
from pyrometer.errors import DependenceWarning
from pyrometer.states._alike import require_one_kind
from pyrometer.states._as_state import as_state
from pyrometer.states._blocks import LEAST
from pyrometer.states._compare import compare
from pyrometer.states._data_state import DataState, checked_block
from pyrometer.states._densities import Density
from pyrometer.states._predictions import Model
from pyrometer.states._shift_result import LEVEL, Shift

__all__ = ["DataState", "Shift", "shift", "warn_of_dependence"]

_INFLATED = 1.25  # of a variance; 5 % of three quantities become 10 % at most


def shift(
    before: DataState | tuple[Any, Any] | Any,
    after: DataState | tuple[Any, Any] | Any,
    *,
    model: Model = None,
    energy: str | None = None,
    prediction: Any = None,
    weights: Any = None,
    block: int | Literal["auto"] = 1,
    density: Density = "gaussian",
    level: float = LEVEL,
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
    weights : str or tuple, optional
        As for `DataState`: the name of a column of both samples, or a pair of arrays or None, before and after. Of both
        samples in one unit: a row is exchanged together with its weight (Notes).
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
        If the rows of a sample are correlated in their order and blocks are single rows: nothing is corrected then.

    Notes
    -----
    The order of the samples matters: ``shift(after, before)`` has the same T, and changes of energy and entropy of the
    other sign, but another divergence, which is that of the new density from the old one, and with it another p-value.

    A model fits the rows that it was trained on better than others of the same distribution, by about n/m of its
    energy on both sides; where that matters, hold rows out for `before`.

    The statistic of the test is the squared length of (:math:`\Delta E, \Delta S`, KL) in units of their covariance
    over all permutations, the sample's own included. A divergence below what the other two lead to expect counts as
    that: samples that agree better than chance are no sign of a shift, and a sample compared with itself has p near 1.
    Only blocks of equally many rows are exchanged: where one sample is much the larger, only a part of its rows. For
    the statistic each sample has a thousandth of a row besides its own, the mean row of both together, so that a
    permutation without a density has a statistic, too: the p-value needs no density, only the standard errors do. They
    are nan, with a `reason`, where a resample has none.

    With a density other than "gaussian" entropies are cross-fitted (`DataState`) and new rows are scored under the old
    density. Then everything is a mean over rows, and errors are those of means over blocks. Where new rows lie beyond
    the old ones, the divergence rests on the old density's tails, and its error is too small. For the p-value one
    density is fitted to the rows of both samples together, whichever they came from; the statistic has the change of
    the mean :math:`-\ln p` under it in the place of :math:`\Delta S`, and the divergence of Gaussians. So permutations
    need no further fit, and the test keeps its level whatever the density.

    With weights the changes are those of weighted means (`DataState`), and so are those of each permutation, in which a
    row has its own weight. The p-value is then of the hypothesis that rows together with their weights are of one
    distribution, as when the weights of both samples were made by one rule; it depends on their ratios alone. Where the
    weights of one sample vary more, its means have a larger variance than permutations show; the statistics of the
    samples are divided by this excess, estimated by design effects. For samples that agree only when weighted, the
    level is approximate: with weights of one sample alone, those of normal distributions 0.7 deviations apart, the test
    at 5 % rejected 6.2 % of 400 pairs of 200 and 200 rows and of 500 and 50, and 0.8 % of 50 and 500; where the 50 had
    the effective size of 19, 10.8 %.

    Categories and other columns that are compared by counts have shares smoothed by one row that has the shares of both
    samples together, for the divergence: categories that only one sample has are no error. Their p-value is that of the
    permutations, whatever the counts; with weights, or blocks that share some variance, all values of a column that are
    in one block each are one value there. Where all such columns together have more than 32,768 values, those of the
    largest are counted together in 256 cells, as in `RefreshMonitor`.

    `Shift.columns` is computed when it is first read. Its p-values compare each row's statistic, in each permutation,
    with the largest of all rows (max-T) [1]_, as normal quantiles of chi-square distributions, so that no row hides
    another because its statistic has other tails. The statistic of counts is the likelihood ratio of their shares, of
    values of one row together, in units of its variance over permutations. That of numbers and residuals has ranks, so
    that an outlier in a column with heavy tails decides nothing: Wilcoxon's scores for the place and Savage's for the
    squares about the median, of the permuted blocks, in units of their covariance, as Lepage's test [2]_ (not in the
    paper); where numbers are missing, the likelihood ratio of their shares is added. That of the joint density is the
    divergence that it adds, and that of the energy the square of its change, both after a cube root, in units of their
    deviation over permutations. The test of all columns together has moments and divergences, not ranks: with heavy
    tails in many columns it may reject because of an outlier, and the first column is then another, or has no small
    p-value; beside many rare values it may not find the one column that has moved.

    The p-value of ``(joint)`` is that of one distribution, too, not of one dependence: where the deviation of a column
    has changed, the sample correlations with it add more to the divergence than they do in permutations. Among 120
    pairs of 200 and 200 rows of independent columns it was at most 0.05 in 42 % with one deviation tripled, and in 8 %
    with one mean moved by 1.5 deviations. The dependence is known to have changed only where no column has moved.

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
    >>> result = pm.shift((X[:200], y[:200]), (X[200:], y[200:]), model=trained, rng=0)
    >>> result.p_value > 0.05
    True
    >>> old = {"city": rng.choice(["Oslo", "Moss"], 100), "age": rng.choice([*range(20, 68), None], 100)}
    >>> new = {"city": rng.choice(["Oslo", "Bodo"], 50), "age": rng.choice([*range(22, 70), None], 50)}
    >>> import pyarrow as pa
    >>> result = pm.shift(pa.table(old), pa.table(new), rng=0)      # columns alone, without a model
    >>> result.verdict, result.moved
    ('shifted', ('city',))
    """
    count = validate.count("resamples", resamples, minimum=99)
    level = _level(level, count)
    workers = validate.threads(threads)
    predictions = _of_both("prediction", prediction)
    of_rows = _of_both("weights", weights)
    old, new = _states(before, after, model, energy, block, density, predictions, of_rows)
    _require_like(old, new)
    for state in (old, new):
        warn_of_dependence(state)
    return compare(old, new, level, count, validate.seed(rng), workers)


def _of_both(name: str, value: Any) -> tuple[Any, Any]:
    """Return the argument of both samples: a column of both, or a pair of arrays."""
    if value is None or isinstance(value, str):
        return value, value
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(
            f"{name} must be the name of a column of X, or a pair of arrays, before and after, got {described(value)}."
        )
    return value[0], value[1]


def _states(
    before: Any,
    after: Any,
    model: Model,
    energy: str | None,
    block: int | Literal["auto"],
    density: Density,
    predictions: tuple[Any, Any],
    weights: tuple[Any, Any],
) -> tuple[DataState, DataState]:
    """Make the states of both samples; blocks of "auto" are those that both need, or those of a state that is given."""
    automatic = checked_block(block) is None
    if automatic and isinstance(after, DataState):
        block = after.block
    of_old, of_new = ({"prediction": predictions[k], "weights": weights[k]} for k in (0, 1))
    old = as_state("before", before, model, energy, block, density, **of_old)
    if automatic and isinstance(before, DataState):
        block = old.block
    new = as_state("after", after, model, energy, block, density, like=old, **of_new)
    if automatic and old.block != new.block:
        longer = max(old.block, new.block)
        memories = old.dependence, new.dependence
        old = as_state("before", before, model, energy, longer, density, **of_old)
        new = as_state("after", after, model, energy, longer, density, like=old, **of_new)
        old.of_dependence(memories[0])
        new.of_dependence(memories[1])
    elif automatic:
        for state, given in ((old, before), (new, after)):
            if state is not given:
                state.of_dependence(state.dependence)
    return old, new


def warn_of_dependence(state: DataState) -> None:
    """Give a warning if rows are dependent in a way that the test does not allow for."""
    memory = state.dependence
    inflation = memory.inflation(state.block, state.rows)
    if inflation > _INFLATED * memory.correction(state.block, state.rows, chosen=state.automatic):
        warn_caller(
            DependenceWarning(
                f"rows are serially dependent in their order ({memory.series} over {memory.time:.2g} rows): with "
                f"block={state.block} the test may report shifts that did not occur, because means vary by "
                f'{inflation:.3g} times the variance of its permutations; use block="auto", or shuffle rows whose '
                "order has no meaning."
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


def _require_same_columns(old: DataState, new: DataState) -> None:
    """Raise ValueError unless the fitted densities of two states are of the same columns."""
    with_density = [
        {state.columns.places[i] for i in np.flatnonzero(state.columns.has_density)} for state in (old, new)
    ]
    if apart := with_density[0] ^ with_density[1]:
        place = min(apart)
        names = ("before", "after") if place in with_density[0] else ("after", "before")
        raise ValueError(
            f"before and after must have a density in the same columns, got column {old.named(place)} with one in "
            f"{names[0]}, and contributing by counts in {names[1]}; drop the column, or use density='gaussian'"
            + (", or make the state of after with like=before." if names[0] == "after" else ".")
        )


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
    require_one_kind(old, new)
    fills = [state.columns.fill for state in (old, new)]
    apart = [place for place in fills[0] if place in fills[1] and fills[0][place] != fills[1][place]]
    if apart:
        raise ValueError(
            f"before and after must have missing values replaced by the same number, got different ones in column "
            f"{old.named(apart[0])}; give after as rows, or make its state with like=before."
        )
    kinds = [state.density if isinstance(state.density, str) else "an object" for state in (old, new)]
    if kinds[0] != kinds[1]:
        raise ValueError(f"before and after must have the same kind of density, got {kinds[0]} and {kinds[1]}.")
    if old.kept is not None:
        _require_same_columns(old, new)
    if min(len(old.sums.counts), len(new.sums.counts)) < LEAST:
        raise ValueError(
            f"before and after must have at least {LEAST} blocks of rows, got {len(old.sums.counts)} and "
            f"{len(new.sums.counts)} blocks of {old.rows} and {number_of(new.rows, 'row')}; use more rows or a smaller "
            "block."
        )
    if old.sums.sizes[0] != new.sums.sizes[0]:
        raise ValueError(
            f"before and after must have the same block, got {old.sums.sizes[0]:g} and {new.sums.sizes[0]:g} "
            "rows; make both states with one."
        )
