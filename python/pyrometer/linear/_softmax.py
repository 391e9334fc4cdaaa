"""Softmax regression: a linear model of the log odds of any number of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ClassCodes, number_of, validate
from pyrometer.data import scanned
from pyrometer.laws import Spread, spread
from pyrometer.linear import _mean_energy
from pyrometer.linear._base import LinearSystem
from pyrometer.linear._softmax_energies import SOFTMAX
from pyrometer.results import Quantity

__all__ = ["SoftmaxRegression"]


class SoftmaxRegression(LinearSystem):
    r"""A linear model of the log odds of two or more classes, with softmax cross entropy for its energy.

    Not in the paper. With :math:`z_{ic} = \theta_c\cdot x_i`,

    .. math:: E = \frac1m\sum_i \Big[\ln\sum_{c=1}^C e^{z_{ic}} - z_{i,y_i}\Big]

    Parameters
    ----------
    X : array_like or data frame, shape (m, p) or (..., m, p)
        Features, one row per example; finite, real. Leading axes are a stack of systems.
    y : array_like or column, shape (m,) or (..., m)
        Labels of any kind: whole numbers, strings or bool, of at least two classes.
    intercept : bool
        Whether the model has a constant feature, with one parameter for each class.
    weights : array_like or column, shape (m,) or (..., m), optional
        Weights of the rows, as in `LinearRegression`.
    labels : sequence, optional
        The labels of the classes in order, which may name classes without rows. Default: those of `y`, sorted. The
        systems of a stack have the same classes.

    Attributes
    ----------
    labels : tuple
        The labels of the classes, in order.
    classes : int
        Number of classes C.

    Raises
    ------
    TypeError, ValueError
        If the features are not finite real numbers, `y` has fewer than two classes or others than `labels`, or the
        shapes do not match.

    Notes
    -----
    There are C n parameters, n = p plus 1 with an intercept, class by class: :math:`\theta_1` with its intercept last,
    then :math:`\theta_2`, and so on; ``parameters.reshape(C, n)``. All of them count in entropies, as programs store
    them, although adding one vector to all classes changes no energy: a minimum has many minimisers. The one returned
    has the sum 0 over the classes (over those that have rows, with an intercept), and 0 for columns that depend on
    others; ``parameter_error`` bounds its distance from the exact minimiser of sum 0.

    A law has 1 scale, n scales, the same for every class, or C n.

    Mean energies are exact for normal laws, also beside constants that are the same in every class. Where laws differ
    between classes, of which there are more than two, this takes about a millisecond for each row, class and law;
    "auto" then samples if there are more than 20 000 of them.
    For other laws energies of two classes are exact, as in `LogisticRegression`; those of more are sampled, by "auto"
    too, with a standard error.

    Two classes have the energies of `LogisticRegression`, with twice as many parameters. `X` of float64 or float32 is
    not copied: do not change it while the system is used. Labels are converted to numbers of the dtype of `X`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.SoftmaxRegression([[1.0], [2.0], [4.0], [3.0]], ["low", "high", "high", "mid"])
    >>> system
    SoftmaxRegression
      rows        4
      parameters  6    with intercept
      energy      softmax cross entropy (softmax)
      classes     high, low, mid
    >>> system.labels
    ('high', 'low', 'mid')
    >>> round(pm.mean_energy(system, pm.Normal(2.0)).value, 6)
    4.775976
    """

    labels: tuple[Any, ...]

    def __init__(self, X: Any, y: Any, *, intercept: bool = True, weights: Any = None, labels: Any = None) -> None:
        checked_labels = None if labels is None else validate.class_labels(labels)
        names: list[tuple[Any, ...]] = []

        def codes(target: Any, dtype: Any) -> Any:
            names.append(validate.labels_in(target) if checked_labels is None else checked_labels)
            return validate.encoded(target, names[0], dtype)

        data = validate.data(X, y, labels=codes, weights=weights, by_columns=True)
        validate.finite("X", data.X)
        object.__setattr__(self, "labels", names[0])
        self._describe(data, None, energy="softmax", intercept=validate.flag("intercept", intercept))

    @classmethod
    def scan(
        cls,
        source: Any,
        *,
        target: str,
        labels: Any,
        columns: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        intercept: bool = True,
        chunk_rows: int | None = None,
        standardize: bool = False,
        progress: bool = False,
        threads: int | None = None,
        weights: str | None = None,
        **csv: Any,
    ) -> SoftmaxRegression:
        """Describe a system of rows that need not fit into memory.

        The rows are read once, here, and stay in the source: each computation is a pass over them, for `minimum_energy`
        several. Those compute the Hessian of all (C - 1) n parameters, of which there should be at most some thousands.

        Parameters
        ----------
        source, target
            As in `Moments.scan`. The source must not change, and must be readable more than once.
        labels
            The labels of all classes, in order.
        columns, drop, intercept, chunk_rows, standardize, progress, threads, weights, **csv
            As in `Moments.scan`.

        Returns
        -------
        SoftmaxRegression
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
        >>> table = pa.table({"x": [1.0, 2.0, 4.0, 3.0], "y": ["low", "high", "high", "mid"]})
        >>> system = pm.SoftmaxRegression.scan(table, target="y", labels=("low", "mid", "high"))
        >>> round(pm.mean_energy(system, pm.Normal(2.0)).value, 6)
        4.775976
        """
        names = validate.class_labels(labels)
        rows = scanned(
            source,
            target=target,
            labels=ClassCodes(names),
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
        object.__setattr__(system, "labels", names)
        system._describe(None, None, energy="softmax", intercept=intercept, scanned=rows)
        return system

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return len(self.labels)

    @property
    def columns(self) -> int:
        """Number of parameters of each class, the intercept included."""
        return super().parameters

    @property
    def parameters(self) -> int:
        """Number of parameters C n, the intercepts included."""
        return self.classes * self.columns

    def named(self, y: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the labels of numbers of classes."""
        names = np.empty(self.classes, dtype=object)
        names[:] = self.labels
        return np.asarray(names[y.astype(np.int64)])

    def freedom(self, rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Number of independent parameters: one vector may be added to all classes."""
        return (self.classes - 1) * super().freedom(rank)

    def bind(self, law: Any) -> Spread:
        """Spread a law over the parameters: 1, n or C n scales."""
        segments = None if isinstance(law, type) else getattr(law, "segments", None)
        widths = [scales.shape[-1] if np.ndim(scales) else 1 for _, scales in segments or ()]
        if sum(widths) != self.columns:
            try:
                return spread(law, self.parameters)
            except ValueError as error:
                raise ValueError(
                    f"{error} {number_of(self.columns, 'scale is', 'scales are')} the same for each of the "
                    f"{self.classes} classes."
                ) from None
        one = spread(law, self.columns)
        runs = one.runs if len(one.runs) > 1 else ()
        return Spread(
            np.ascontiguousarray(np.tile(one.scales, self.classes)),
            runs * self.classes or ((one.runs[0][0], self.parameters),),
        )

    def check_method(self, bound: Spread, method: str) -> str:
        """Return the method that runs."""
        if method == "auto":
            return "exact" if SOFTMAX.is_closed(self, bound) else "monte-carlo"
        return _mean_energy.check_method(method)

    @property
    def parameter_names(self) -> tuple[str, ...] | None:
        """Names of the parameters, "label: column"; None where the columns have no names."""
        columns = super().parameter_names
        return columns and tuple(f"{label}: {column}" for label in self.labels for column in columns)

    def depends_on_parameters(self, which: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.bool_]:
        """Whether the energy depends on the parameters, or on those of `which` (C n,), of the shape of the stack."""
        chosen = np.ones(self.parameters, dtype=bool) if which is None else which
        return super().depends_on_parameters(np.asarray(chosen.reshape(self.classes, -1).any(axis=0)))

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Time for one system and one law in nanoseconds, by order of magnitude."""
        del law
        sampled = samples if method == "monte-carlo" else 0
        return self.rows * (20.0 + 0.3 * self.columns + sampled * self.classes * (5.0 + self.columns / 10))

    def _more_facts(self) -> dict[str | Quantity, Any]:
        return {"classes": tuple(map(str, self.labels))}
