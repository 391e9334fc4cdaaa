r"""Appendices B to D: entropy of a collapsed distribution, Boltzmann weights, and moving observers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, validate
from pyrometer.laws import Independent, Law, spread
from pyrometer.results import Floats, Quantity, Record, Shown, shaped
from pyrometer.thermodynamics._temperature import without_temperature

__all__ = ["Collapse", "boltzmann", "collapse", "lorentz"]

_CONVENTIONS = ("planck-einstein", "ott-arzelies", "landsberg")


def boltzmann(
    energy: npt.ArrayLike, temperature: npt.ArrayLike, *, metric: npt.ArrayLike = 1.0
) -> npt.NDArray[np.float64]:
    r"""Boltzmann weights of states with a metric (2.33), (C.20).

    .. math:: p_i = \frac{g_i\,e^{-E_i/T}}{\sum_j g_j\,e^{-E_j/T}}

    Parameters
    ----------
    energy : array_like, shape (..., k)
        Energies :math:`E_i` of the states along the last axis; not nan, not -inf. A state of energy inf has probability
        0.
    temperature : array_like, shape (...)
        T in units of the energy (k = 1); not 0. Negative for population inversion, inf for weights proportional to the
        metric. Broadcasts with the leading axes of `energy`.
    metric : array_like, shape (..., k)
        Degeneracies :math:`g_i` of the states, finite and >= 0; broadcasts with `energy`.

    Returns
    -------
    ndarray, shape (..., k)
        Probabilities; their sum along the last axis is 1.

    Raises
    ------
    TypeError, ValueError
        If a value is out of range, shapes do not broadcast, or no state of positive metric has a finite energy.

    Notes
    -----
    Exponents are differences from the largest one, so that no energy overflows.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.boltzmann([0.0, 1.0], 1.0).round(4).tolist()
    [0.7311, 0.2689]
    >>> pm.boltzmann([1e300, 1.1e300], 1.0, metric=[1.0, 2.0]).tolist()
    [1.0, 0.0]
    """
    E = np.asarray(validate.numeric("energy", energy), dtype=np.float64)
    T = np.asarray(validate.numeric("temperature", temperature), dtype=np.float64)
    g = np.asarray(validate.numeric("metric", metric), dtype=np.float64)
    if E.ndim == 0 or E.shape[-1] == 0:
        raise ValueError(f"energy must have shape (..., states) with at least one state, got shape {E.shape}.")
    if np.isnan(E).any() or np.isneginf(E).any():
        raise ValueError("energy must be finite or inf, got nan or -inf.")
    if np.isnan(T).any() or (T == 0.0).any():
        raise ValueError(
            "temperature must not be 0 or nan, got one; the limit at 0 has all weight on the lowest states."
        )
    if not (np.isfinite(g).all() and (g >= 0.0).all()):
        raise ValueError("metric must be finite and >= 0, got a value that is not.")
    try:
        E, T, g = np.broadcast_arrays(E, T[..., None], g)
    except ValueError:
        raise ValueError(
            f"temperature {T.shape} and metric {g.shape} must broadcast with energy {E.shape}, whose last axis is the "
            "states."
        ) from None
    possible = np.isfinite(E) & (g > 0.0)
    if not possible.any(axis=-1).all():
        raise ValueError("energy must be finite for some state of positive metric, got none.")
    # Differences from the most probable energy have one sign. Where one overflows, that of the halves does not.
    low = np.where(possible, E, np.inf).min(axis=-1, keepdims=True)
    high = np.where(possible, E, -np.inf).max(axis=-1, keepdims=True)
    own, least = np.where(possible, E, low), np.where(T > 0.0, low, high)
    with np.errstate(over="ignore", under="ignore", divide="ignore"):
        above = own - least
        far = ~np.isfinite(above)
        factor = np.where(far, 2.0, 1.0)
        above = np.where(far, 0.5 * own - 0.5 * least, above) / T * factor
        exponent = np.where(possible, np.log(np.where(possible, g, 1.0)) - above, -np.inf)
        weights: npt.NDArray[np.float64] = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
        weights /= weights.sum(axis=-1, keepdims=True)
    return weights


def lorentz(temperature: npt.ArrayLike, beta: npt.ArrayLike, *, convention: str) -> Floats:
    r"""Temperature that a moving observer assigns (Appendix D), by one of three conventions.

    Parameters
    ----------
    temperature : float or array_like
        Temperature at rest :math:`T_0`, finite.
    beta : float or array_like
        Speed relative to that of light, ``-1 < beta < 1``; broadcasts.
    convention : {"planck-einstein", "ott-arzelies", "landsberg"}
        :math:`T_0/\gamma`, :math:`\gamma T_0` or :math:`T_0`, with :math:`\gamma = 1/\sqrt{1-\beta^2}`. Physics has not
        settled on one, so there is no default.

    Returns
    -------
    float or ndarray
        In the unit of `temperature`.

    Raises
    ------
    TypeError, ValueError
        If a value is out of range or the convention is not one of these.

    Examples
    --------
    >>> import pyrometer as pm
    >>> [round(pm.lorentz(1.0, 0.6, convention=name), 12) for name in ("planck-einstein", "ott-arzelies", "landsberg")]
    [0.8, 1.25, 1.0]
    """
    validate.choice("convention", convention, _CONVENTIONS)
    T = np.asarray(validate.numeric("temperature", temperature), dtype=np.float64)
    speed = np.asarray(validate.numeric("beta", beta), dtype=np.float64)
    if not np.isfinite(T).all():
        raise ValueError("temperature must be finite, got nan or inf.")
    if not (np.abs(speed) < 1.0).all():
        raise ValueError(f"beta must be above -1 and below 1, got {described(beta)}.")
    shrinking = np.sqrt((1.0 - speed) * (1.0 + speed))
    factor = {"planck-einstein": shrinking, "ott-arzelies": 1.0 / shrinking, "landsberg": np.ones_like(shrinking)}
    with np.errstate(over="ignore"):
        moving: npt.NDArray[np.float64] = np.asarray(T * factor[convention])
    _require_finite(moving)
    return shaped(moving)


_RECORD = Record(
    lines={
        "change": Quantity("change of S", "nat", note="counted in cells (B.6): the two below"),
        "real": Quantity("of the law", "nat", note="S after - S before"),
        "collapse": Quantity("of the cells", "nat", note="k ln(resolution)"),
        "entropy_before": Quantity("S before", "nat"),
        "entropy_after": Quantity("S after", "nat"),
        "temperature": Quantity("T", "loss/nat", note="energy over entropy released (2.28)"),
        "temperature_law": Quantity("T of the law", "loss/nat", note="(B.10)"),
        "temperature_cells": Quantity("T of the cells", "loss/nat", note="(B.9)"),
    },
    sentences=lambda result: (
        ["T requires the energy that is released: pass energy_change=."]
        if np.any(result.collapse) and np.isnan(result.temperature_cells).all()
        else []
    ),
    over="real",
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Collapse(Shown, record=_RECORD):
    r"""A distribution collapsed to a single cell in some dimensions (Appendix B).

    Attributes
    ----------
    entropy_before, entropy_after : float or ndarray
        Differential entropies of all parameters, and of those that are not collapsed, (B.2) and (B.4), in nats.
    real : float or ndarray
        The change of the differential entropy, ``entropy_after - entropy_before``.
    collapse : float or ndarray
        The contribution of the cells, :math:`k \ln\varepsilon` for k collapsed parameters.
    change : float or ndarray
        Change of the entropy counted in cells of size :math:`\varepsilon`, their sum (B.6).
    temperature : float or ndarray
        Energy released per entropy released, of both subsystems together (2.28); nan without `energy_change`. Every
        temperature is nan where its entropy is 0 within rounding.
    temperature_cells : float or ndarray
        Temperature of the first subsystem, the cells: :math:`T_I = f\Delta E / (-k\ln\varepsilon)` (B.9), which goes to
        0 with :math:`\varepsilon`.
    temperature_law : float or ndarray
        Temperature of the second subsystem, the law: :math:`T_{II} = (1-f)\Delta E / (S_n - S_{n-k})` (B.10).

    Examples
    --------
    >>> import pyrometer as pm
    >>> trained = pm.collapse(pm.Normal(5.0), 10, resolution=1e-3, parameters=10, energy_change=100.0)
    >>> round(trained.temperature, 4), trained.temperature_cells, round(trained.temperature_law, 4)
    (1.0064, 0.0, 3.3021)
    """

    entropy_before: Floats
    entropy_after: Floats
    real: Floats
    collapse: Floats
    change: Floats
    temperature: Floats
    temperature_cells: Floats
    temperature_law: Floats


def collapse(
    law: Law,
    collapsed: int | npt.ArrayLike,
    *,
    resolution: float,
    parameters: int | None = None,
    energy_change: float | None = None,
    fraction: float = 0.0,
) -> Collapse:
    r"""Change of entropy when some parameters collapse to cells of size :math:`\varepsilon` (Appendix B).

    .. math:: \Delta S = (S_{n-k} - S_n) + k\ln\varepsilon

    Parameters
    ----------
    law : Normal, Uniform, TruncatedNormal, Mixed or Independent
        Law of the n parameters before the collapse; a batch gives arrays.
    collapsed : int or array_like of bool, shape (n,)
        Number of parameters that collapse, counted from the first, or a mask of them.
    resolution : float
        :math:`\varepsilon`, above 0 and below 1.
    parameters : int, optional
        n. Default: the size of `collapsed` or of the law.
    energy_change : float, optional
        Total energy :math:`\Delta E` released, finite. Without it the temperatures are nan.
    fraction : float
        Share f of that energy assigned to the cells, from 0 to 1.

    Returns
    -------
    Collapse
        Entropies, the two contributions to the change, and the temperatures of the two subsystems.

    Raises
    ------
    TypeError, ValueError
        If a value is out of range or the shapes do not match.

    Examples
    --------
    >>> import pyrometer as pm
    >>> plane = pm.collapse(pm.Uniform([2.0, 3.0]), [False, True], resolution=0.01)     # a rectangle becomes a line
    >>> round(plane.entropy_before, 4), round(plane.entropy_after, 4), round(plane.change, 4)
    (1.7918, 0.6931, -5.7038)
    """
    size = validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    if size >= 1.0:
        raise ValueError(f"resolution must be below 1, got {size}.")
    share = validate.single("fraction", fraction, minimum=0.0)
    if share > 1.0:
        raise ValueError(f"fraction must be at most 1, got {share}.")
    released = np.nan if energy_change is None else validate.single("energy_change", energy_change)
    collapsed_mask, counts = _groups(law, collapsed, parameters)
    bound = spread(law, collapsed_mask.size)
    if not bound.random.all():
        raise ValueError(f"law must make every parameter random, got constants in {law!r:.200}; leave them out.")
    parts = bound.entropies(1.0, leading=False) * counts
    before, after = parts.sum(axis=-1), np.asarray(parts[..., ~collapsed_mask].sum(axis=-1))
    count = float(counts[collapsed_mask].sum())
    cells = count * np.log(size)
    leaving = parts[..., collapsed_mask]
    real = np.asarray(0.0 - leaving.sum(axis=-1))  # after - before, without what stays
    magnitudes = np.abs(leaving).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        undefined = without_temperature(real + cells, magnitudes - cells, count)
        together = np.where(undefined, np.nan, released / -(real + cells))
        of_law = np.where(without_temperature(real, magnitudes, count), np.nan, (1.0 - share) * released / -real)
        of_cells = np.full_like(real, np.nan if cells == 0.0 else share * released / -cells)
    _require_finite(together, of_law, of_cells)
    return Collapse(
        entropy_before=shaped(np.asarray(before)),
        entropy_after=shaped(after),
        real=shaped(real),
        collapse=shaped(np.full_like(real, cells)),
        change=shaped(real + cells),
        temperature=shaped(together),
        temperature_cells=shaped(of_cells),
        temperature_law=shaped(of_law),
    )


def _require_finite(*temperatures: npt.NDArray[np.float64]) -> None:
    """Raise ValueError for a temperature that overflowed."""
    if any(np.isinf(T).any() for T in temperatures):
        raise ValueError("the temperature must be below 1.8e308, got an overflow; express energies in a larger unit.")


def _groups(law: Any, collapsed: Any, parameters: int | None) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Return a mask of collapsed parameters, and how many parameters each entry represents."""
    try:
        sizes = np.asarray(collapsed)
    except ValueError:  # lists of different lengths
        sizes = np.empty(0)
    if sizes.dtype == np.bool_ and sizes.ndim == 1 and sizes.size:
        if parameters is not None and parameters != sizes.size:
            raise ValueError(f"parameters must be {sizes.size}, the length of collapsed, got {parameters}.")
        return sizes, np.ones(sizes.size)
    count = validate.count("collapsed", collapsed, minimum=0)
    segments = () if isinstance(law, type) else getattr(law, "segments", ())
    shapes = [np.shape(scales) for _, scales in segments]
    described = sum(shape[-1] if shape else 1 for shape in shapes) or 1
    total = described if parameters is None else validate.count("parameters", parameters, minimum=1)
    if count > total:
        raise ValueError(
            f"collapsed must be at most {total}, the number of parameters, got {count}; pass parameters= for more."
        )
    if described == 1 and not isinstance(law, Independent):
        return np.array([True, False]), np.array([count, total - count], dtype=np.float64)
    spread(law, total)
    return np.arange(total) < count, np.ones(total)
