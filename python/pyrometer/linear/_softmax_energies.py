"""Mean softmax cross entropies: exact for normal laws, and for every law of two classes; else by draws.

Constant parameters that are the same in every class add one number to all logits of a row, which changes no energy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import require_finite
from pyrometer.laws import NORMAL, Spread
from pyrometer.linear._closed_form import Array, Closed, contract
from pyrometer.linear._draws import draw_parameters, mean_and_error
from pyrometer.linear._row_losses import CROSS_ENTROPY, over_rows
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    from pyrometer.linear._softmax import SoftmaxRegression

__all__ = ["SOFTMAX"]

# Parameters of draws at a time, 8 bytes each.
_NUMBERS = 1 << 22
_LEAST = 1e-140  # of sampled mean energies, as in the core
# Scales that differ between classes take a millisecond for each row, class and law: "auto" samples more than these.
_FEW = 20_000


def _without_constants(system: SoftmaxRegression, parameters: Spread) -> Spread:
    """The law with scales of 0 in the place of constants that every class has, for more than two classes."""
    constants = parameters.constants
    if constants is None or system.classes == 2:
        return parameters
    values = constants.reshape(-1, system.classes, system.columns)
    if not (values == values[:, :1]).all():
        return parameters
    runs = tuple((family if family.random else NORMAL, count) for family, count in parameters.runs)
    return Spread(np.where(parameters.random, parameters.scales, 0.0), runs)


def _has_formula(system: SoftmaxRegression, parameters: Spread) -> bool:
    """Whether there is an exact mean energy."""
    return parameters.all_normal or system.classes == 2


def _is_fast(system: SoftmaxRegression, parameters: Spread) -> bool:
    """Whether the exact mean energy takes seconds at most."""
    different = math.prod(system.shape) * int(np.count_nonzero(~_alike(system, parameters)))
    return system.classes == 2 or system.rows * system.classes * different <= _FEW


def _by_class(system: SoftmaxRegression, parameters: Spread) -> Array:
    """Scales (laws, classes, n)."""
    return np.ascontiguousarray(parameters.scales.reshape(-1, system.classes, system.columns))


def _alike(system: SoftmaxRegression, parameters: Spread) -> npt.NDArray[np.bool_]:
    """Return which laws are normal and the same for all classes, (laws,)."""
    scales = _by_class(system, parameters)
    alike: npt.NDArray[np.bool_] = (scales == scales[:, :1]).all(axis=(1, 2)) & parameters.all_normal
    return alike


def _by_formula(
    system: SoftmaxRegression,
    parameters: Spread,
    of_alike: Callable[[Spread], Closed],
    of_different: Callable[[Spread], Closed],
) -> Closed:
    """Apply one formula to laws that are the same for all classes, the other to the rest of the batch."""
    alike = _alike(system, parameters)
    if alike.all() or not alike.any():
        return (of_alike if alike.any() else of_different)(parameters)
    scales = parameters.scales.reshape(len(alike), -1)
    result = Closed(*np.empty((4, *system.shape, len(alike))))
    for laws, of in ((alike, of_alike), (~alike, of_different)):
        for whole, part in zip(result, of(Spread(scales[laws], parameters.runs)), strict=True):
            whole[..., laws] = part
    return Closed(*(whole.reshape(system.shape + parameters.batch_shape) for whole in result))


class _Softmax:
    """Mean energies and draws of softmax regression, as `MeanEnergies` of the records."""

    def is_closed(self, system: Any, parameters: Spread) -> bool:
        """Whether there is a formula that takes seconds at most."""
        parameters = _without_constants(system, parameters)
        return _has_formula(system, parameters) and _is_fast(system, parameters)

    def exact(self, system: Any, parameters: Spread, threads: int, *, slope: bool) -> Closed:
        """E ln sum_c exp(s_i Z_c) for each row; of two classes, the cross entropy of the difference of their logits."""
        parameters = _without_constants(system, parameters)
        _require_formula(system, parameters)

        def of_different(laws: Spread) -> Closed:
            if system.classes == 2:
                return CROSS_ENTROPY.exact(_difference(system), laws, threads, slope=slope)
            return _of_different(system, laws, False, threads, slope=slope)

        def of_alike(laws: Spread) -> Closed:
            return _of_alike(system, laws, "softmax", threads, slope=slope)

        return _by_formula(system, parameters, of_alike, of_different)

    def limit(self, system: Any, parameters: Spread, threads: int) -> Closed:
        """Mean of the largest logit: m_C times the mean of s_i where the classes are alike."""
        parameters = _without_constants(system, parameters)
        _require_formula(system, parameters)

        def of_different(laws: Spread) -> Closed:
            if system.classes == 2:
                return CROSS_ENTROPY.limit(_difference(system), laws, threads)
            return _homogeneous(_of_different(system, laws, True, threads, slope=False).value)

        def of_alike(laws: Spread) -> Closed:
            norms = _of_alike(system, laws, "norm", threads, slope=False)
            return _homogeneous(_core.mean_maximum(system.classes) * norms.value)

        return _by_formula(system, parameters, of_alike, of_different)

    def componentwise(self, system: Any, parameters: Spread, threads: int) -> Array:
        """Sum of the one-parameter limits, half of E|theta| |x|; too large when more than one scale grows."""
        (means,) = over_rows(
            system, lambda X, _, w: (_core.mean_abs(X if w is None else X * w[..., None].astype(X.dtype), threads),)
        )
        if system.intercept:
            means = np.concatenate([means, np.ones((len(means), 1))], axis=1)
        means = np.tile(means, (1, system.classes))
        return 0.5 * contract(means.reshape(*system.shape, -1), parameters.random * parameters.mean_abs())

    def sample(
        self, system: Any, parameters: Spread, draws: range, seed: tuple[int, int], threads: int
    ) -> tuple[Array, Array]:
        """Monte Carlo mean and standard error, shape (systems, laws)."""
        value, error = mean_and_error(self.energies(system, parameters, draws, seed, threads))
        if (value < _LEAST).any():  # the core computes losses of rows below e^-350 as that
            raise ValueError(
                f"the energies must be above {_LEAST:.0e} for their variance not to underflow, got a mean of "
                f"{value.min():.6g}; {LOSSES[system.energy].too_small}."
            )
        return value, error

    def energies(self, system: Any, parameters: Spread, draws: range, seed: tuple[int, int], threads: int) -> Array:
        """Energies of draws, shape (systems, laws, draws)."""
        laws = int(np.prod(parameters.batch_shape, dtype=np.int64))
        step = max(1, _NUMBERS // (laws * parameters.parameters))
        parts = []
        for first in range(draws.start, draws.stop, step):
            count = min(step, draws.stop - first)
            drawn = draw_parameters(parameters, count, seed, first).reshape(-1, parameters.parameters)
            energies = _energies(system, drawn, threads)
            parts.append(energies.reshape(len(energies), laws, count))
        energies = np.concatenate(parts, axis=-1)
        require_finite(energies)
        return energies


SOFTMAX = _Softmax()


def _of_alike(system: Any, parameters: Spread, loss: str, threads: int, *, slope: bool) -> Closed:
    """Means over rows for one normal law of all classes."""
    scale = np.ascontiguousarray(_by_class(system, parameters)[:, 0])

    def of_rows(X: Any, y: Any, w: Array | None) -> tuple[Array, ...]:
        value, derivative = _core.normal_rows(X, y, system.intercept, loss, scale, slope, threads, w, system.classes)
        return value, _or_nan(derivative, value)

    return _closed(system, parameters, over_rows(system, of_rows))


def _of_different(system: Any, parameters: Spread, limit: bool, threads: int, *, slope: bool) -> Closed:
    """Means over rows for normal laws that differ between classes, or their limits."""
    scale = np.ascontiguousarray(parameters.scales.reshape(-1, parameters.parameters))

    def of_rows(X: Any, y: Any, w: Array | None) -> tuple[Array, ...]:
        del y
        value, derivative = _core.class_rows(X, system.intercept, system.classes, scale, limit, slope, threads, w)
        return value, _or_nan(derivative, value)

    return _closed(system, parameters, over_rows(system, of_rows))


def _closed(system: Any, parameters: Spread, parts: tuple[Array, ...]) -> Closed:
    value, derivative = (part.reshape(system.shape + parameters.batch_shape) for part in parts)
    return Closed(value, derivative, np.zeros_like(value), np.zeros_like(value))


def _homogeneous(value: Array) -> Closed:
    """Of an energy that is proportional to the scales, which is its own derivative."""
    return Closed(value, value, np.zeros_like(value), np.zeros_like(value))


def _energies(system: Any, drawn: Array, threads: int) -> Array:
    """Energies (systems, k) of parameters (k, C n)."""

    def of_rows(X: Any, y: Any, w: Array | None) -> tuple[Array]:
        return (_core.softmax_energies(X, y, system.classes, system.intercept, drawn, threads, w),)

    return over_rows(system, of_rows)[0]


@dataclass(frozen=True)
class _Difference:
    """The logistic regression of the difference of the logits of two classes, with 2n features and no intercept."""

    system: Any
    shape: tuple[int, ...]
    intercept: bool = False

    def blocks(self, *, by_columns: bool) -> Iterator[tuple[Any, Any, Array | None, float]]:
        del by_columns
        for X, y, w, share in self.system.blocks():
            columns = [X, np.ones_like(X[..., :1])] if self.system.intercept else [X]
            half = np.concatenate(columns, axis=-1)
            yield np.concatenate([-half, half], axis=-1), y, w, share


def _difference(system: Any) -> Any:
    return _Difference(system, system.shape)


def _require_formula(system: Any, parameters: Spread) -> None:
    if not _has_formula(system, parameters):
        given = " + ".join(dict.fromkeys(family.name for family, _ in parameters.runs))
        raise ValueError(
            f"the mean softmax cross entropy of {system.classes} classes has a formula, and a limit, for normal laws "
            f"only, got {given}; use method='monte-carlo', or 'auto', which samples."
        )


def _or_nan(derivative: Array | None, value: Array) -> Array:
    return np.full(value.shape, np.nan) if derivative is None else derivative
