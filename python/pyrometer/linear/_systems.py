"""Linear systems: a model, its data and its energy, frozen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from pyrometer.base import described, validate
from pyrometer.data import Moments, scanned
from pyrometer.linear._base import LinearSystem
from pyrometer.linear._penalties import L1, L2, Penalty
from pyrometer.linear._softmax import SoftmaxRegression
from pyrometer.losses import ABSOLUTE, LOGISTIC, LOSSES, SOFTMAX, SQUARED, Loss, loss_named

__all__ = ["L1", "L2", "SYSTEMS", "LinearRegression", "LogisticRegression", "Penalty", "System", "system_of"]


class LinearRegression(LinearSystem):
    r"""A linear model of a real target.

    The energy is the mean squared error (2.16) or the mean absolute error (2.17),

    .. math:: E = \frac1m\sum_i (y_i - \theta\cdot x_i)^2
        \quad\text{or}\quad E = \frac1m\sum_i |y_i - \theta\cdot x_i|.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p) or (..., m, p)
        Features, one row per example; finite, real. Leading axes are a stack of systems.
    y : array_like or column, shape (m,) or (..., m)
        Targets, finite, real.
    energy : {"mse", "mae"}
        The loss.
    penalty : L1 or L2, optional
        Added to the energy of every state, the trained one included. For "mse" only.
    intercept : bool
        Whether the model has a constant feature. Its parameter is the last, random like the others and counted in n.
    weights : array_like or column, shape (m,) or (..., m), optional
        Weights of the rows, finite, >= 0, of a positive sum; only their ratios matter. Every mean over rows is then
        :math:`\sum_i w_i u_i/\sum_i w_i`; whole numbers act as repetitions of the rows. Not in the paper.

    Raises
    ------
    TypeError, ValueError
        If the data are not finite real numbers of matching shapes, or the options do not go together.

    Notes
    -----
    For "mse" the second moments of the rows are computed once, at construction. Arrays and data frames of float64 or
    float32, by rows or by columns, are not copied: do not change them while the system is used. Rows that are stored by
    columns (Fortran order) are copied once by a computation that needs them by rows: minima and Monte Carlo.

    Rows of weight 0 are left out, and may hold any values: `X` and `y` of the system, then copies, have the row of the
    greatest weight in their places, which shares its weight with them. The minimum of "mae" copies weighted rows twice,
    as float64.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], penalty=pm.L2(0.1))
    LinearRegression
      rows        3
      parameters  2    with intercept
      energy      squared error (mse)
      penalty     L2(lam=0.1, intercept=True)
    >>> pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], weights=[2.0, 1.0, 0.5]).weighted
    True
    """

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        energy: str = "mse",
        penalty: Penalty | None = None,
        intercept: bool = True,
        weights: Any = None,
    ) -> None:
        energy = _loss(energy, penalty)
        intercept = validate.flag("intercept", intercept)
        data = validate.data(X, y, weights=weights, by_columns=True)
        if LOSSES[energy].moments:
            moments = Moments._of(data, intercept=intercept, threads=0)
        else:
            validate.finite("X", data.X)
            validate.finite("y", data.y, columns=False)
            moments = None
        self._describe(data, moments, energy=energy, penalty=penalty, intercept=intercept)

    @classmethod
    def from_moments(cls, moments: Moments, *, penalty: Penalty | None = None) -> LinearRegression:
        """Describe a system by its second moments alone (squared error only)."""
        if not isinstance(moments, Moments):
            raise TypeError(f"moments must be a Moments, got {described(moments)}; make one with Moments.of(X, y).")
        system = cls.__new__(cls)
        system._describe(None, moments.copy(), energy="mse", penalty=penalty, intercept=moments.intercept)
        return system

    @classmethod
    def scan(
        cls,
        source: Any,
        *,
        target: str,
        energy: str = "mse",
        penalty: Penalty | None = None,
        columns: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        intercept: bool = True,
        chunk_rows: int | None = None,
        standardize: bool = False,
        progress: bool = False,
        threads: int | None = None,
        weights: str | None = None,
        **csv: Any,
    ) -> LinearRegression:
        """Describe a system of rows that need not fit into memory.

        The rows are read once, here. For "mse" only their moments are kept. For "mae" the rows stay in the source, and
        each computation is a pass over them, for `minimum_energy` several.

        Parameters
        ----------
        source, target
            As in `Moments.scan`. For "mae" the source must not change, and must be readable more than once.
        energy, penalty
            As in the class.
        columns, drop, intercept, chunk_rows, standardize, progress, threads, weights, **csv
            As in `Moments.scan`.

        Returns
        -------
        LinearRegression
            A system without `X` and `y`.

        Raises
        ------
        TypeError, ValueError
            As in `Moments.scan` and the class; if the source can be read only once; later, if it has changed.

        Notes
        -----
        Energies equal those of the rows in memory up to rounding, with the same draws for the same seed. Monte Carlo of
        "mae" takes time O(m n samples).

        Examples
        --------
        >>> import pyarrow as pa
        >>> import pyrometer as pm
        >>> table = pa.table({"x": [0.0, 1.0, 2.0, 3.0], "y": [0.0, 1.0, 2.0, 7.0]})
        >>> system = pm.LinearRegression.scan(table, target="y", energy="mae")
        >>> minimum = pm.minimum_energy(system)        # y = x, but for the last row
        >>> round(minimum.value, 12), minimum.attained
        (1.0, True)
        """
        energy = _loss(energy, penalty)
        options: dict[str, Any] = {
            "columns": columns,
            "drop": drop,
            "chunk_rows": chunk_rows,
            "weights": weights,
            **csv,
        }
        how: dict[str, Any] = {"intercept": intercept, "standardize": standardize}
        how |= {"progress": progress, "threads": threads}
        if LOSSES[energy].moments:
            moments, unit = Moments._scan(source, target=target, options=options, **how)
            system = cls.__new__(cls)
            system._describe(
                None, moments, energy="mse", penalty=penalty, intercept=moments.intercept, rescaled=unit != 0
            )
            return system
        system, rows = cls.__new__(cls), scanned(source, target=target, **how, **options)
        system._describe(None, None, energy=energy, intercept=intercept, scanned=rows)
        return system


def _loss(energy: str, penalty: Penalty | None) -> str:
    """Check the loss of a linear model, and that it can have the penalty; before any row is read."""
    loss = loss_named(energy, (SQUARED, ABSOLUTE))
    _require_penalties(loss, penalty)
    return loss.name


def _require_penalties(loss: Loss, penalty: Penalty | None) -> None:
    if not loss.penalties and penalty is not None:
        raise ValueError(f"penalty is for energy='mse', got {penalty!r} with energy={loss.name!r}; leave it out.")


class LogisticRegression(LinearSystem):
    r"""A linear model of the log odds of a binary target, with cross entropy for its energy (4.1).

    .. math:: E = \frac1m\sum_i \left[\ln(1 + e^{-\theta\cdot x_i}) + (1 - y_i)\,\theta\cdot x_i\right]

    Parameters
    ----------
    X : array_like or data frame, shape (m, p) or (..., m, p)
        Features, one row per example; finite, real. Leading axes are a stack of systems.
    y : array_like or column, shape (m,) or (..., m)
        Labels, 0 or 1 (numbers or bool), or the two of `labels`.
    labels : tuple, optional
        The two labels of `y`, the negative (0) first: ``("benign", "malignant")``.
    intercept : bool
        Whether the model has a constant feature. Its parameter is the last, random like the others and counted in n.
    weights : array_like or column, shape (m,) or (..., m), optional
        Weights of the rows, as of `LinearRegression`. Not in the paper.

    Attributes
    ----------
    labels : tuple or None
        The two labels, the negative first; None if they were not given.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite real numbers, `y` has other labels, or the shapes do not match.

    Notes
    -----
    `X` of float64 or float32, an array or a data frame, is not copied: do not change it while the system is used. If it
    is stored by columns (Fortran order), minima and Monte Carlo copy it once. Labels are converted to the dtype of `X`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.LogisticRegression([[1.0], [2.0], [4.0]], ["no", "yes", "no"], labels=("no", "yes"))
    LogisticRegression
      rows        3
      parameters  2    with intercept
      energy      cross entropy (ce)
    """

    labels: tuple[Any, Any] | None = None

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        labels: tuple[Any, Any] | None = None,
        intercept: bool = True,
        weights: Any = None,
    ) -> None:
        pair = None if labels is None else validate.label_pair(labels)
        data = validate.data(X, y, labels=pair, weights=weights, by_columns=True)
        validate.finite("X", data.X)
        self._describe(data, None, energy="ce", intercept=validate.flag("intercept", intercept))
        object.__setattr__(self, "labels", pair)

    @classmethod
    def scan(
        cls,
        source: Any,
        *,
        target: str,
        labels: tuple[Any, Any] | None = None,
        columns: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        intercept: bool = True,
        chunk_rows: int | None = None,
        standardize: bool = False,
        progress: bool = False,
        threads: int | None = None,
        weights: str | None = None,
        **csv: Any,
    ) -> LogisticRegression:
        """Describe a system of rows that need not fit into memory.

        The rows are read once, here, and stay in the source: each computation is a pass over them, for `minimum_energy`
        several.

        Parameters
        ----------
        source, target
            As in `Moments.scan`. The source must not change, and must be readable more than once.
        labels
            As in the class.
        columns, drop, intercept, chunk_rows, standardize, progress, threads, weights, **csv
            As in `Moments.scan`.

        Returns
        -------
        LogisticRegression
            A system without `X` and `y`.

        Raises
        ------
        TypeError, ValueError
            As in `Moments.scan`; if the target has other labels; if the source can be read only once; later, if it has
            changed.

        Examples
        --------
        >>> import pyarrow as pa
        >>> import pyrometer as pm
        >>> table = pa.table({"x": [1.0, 2.0, 4.0], "y": ["no", "yes", "no"]})
        >>> system = pm.LogisticRegression.scan(table, target="y", labels=("no", "yes"))
        >>> same = pm.LogisticRegression([[1.0], [2.0], [4.0]], [0, 1, 0])
        >>> bool(abs(pm.mean_energy(system, pm.Normal(2.0)).value - pm.mean_energy(same, pm.Normal(2.0)).value) < 1e-14)
        True
        """
        pair = None if labels is None else validate.label_pair(labels)
        rows = scanned(
            source,
            target=target,
            labels=pair or True,
            columns=columns,
            drop=drop,
            chunk_rows=chunk_rows,
            intercept=intercept,
            progress=progress,
            threads=threads,
            standardize=standardize,
            weights=weights,
            **csv,
        )
        system = cls.__new__(cls)
        system._describe(None, None, energy="ce", intercept=intercept, scanned=rows)
        object.__setattr__(system, "labels", pair)
        return system


System: TypeAlias = LinearRegression | LogisticRegression | SoftmaxRegression

SYSTEMS: dict[str, type[LinearRegression | LogisticRegression | SoftmaxRegression]] = {
    SQUARED.name: LinearRegression,
    ABSOLUTE.name: LinearRegression,
    LOGISTIC.name: LogisticRegression,
    SOFTMAX.name: SoftmaxRegression,
}
"""The class of the systems of each loss."""


def system_of(
    energy: str,
    X: Any,
    y: Any,
    *,
    intercept: bool = True,
    penalty: Penalty | None = None,
    weights: Any = None,
    labels: Any = None,
) -> System:
    """Describe the linear system of a loss; `labels` are those of classes, in order."""
    loss = loss_named(energy)
    _require_penalties(loss, penalty)
    options: dict[str, Any] = {"labels": labels} if loss.classes else {}
    if not loss.categorical:
        options = {"energy": loss.name, "penalty": penalty}
    return SYSTEMS[loss.name](X, y, intercept=intercept, weights=weights, **options)
