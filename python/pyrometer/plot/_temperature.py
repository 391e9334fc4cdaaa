"""The temperature against the scale of the law."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, RandomSource, described, number_of, validate
from pyrometer.networks import Network
from pyrometer.plot._axes import NEGATIVE, POSITIVE, STYLES, axes, label, logarithmic, note_missing, positive
from pyrometer.thermodynamics import System, bind
from pyrometer.thermodynamics import temperature as temperature_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["scaled", "temperature"]

# Arguments of laws that are their scales, and how an array of factors multiplies them.
_SCALES = {"scale": "standard deviation σ", "length": "length L", "gain": "gain"}
_POINTS, _LEAST, _MOST = 241, -3.0, 5.0
_SHADES = {"near-pole": ("0.75", "///"), "negative-entropy": ("0.92", "")}


def temperature(
    system: System,
    law: Any,
    *,
    factors: npt.ArrayLike | None = None,
    method: str = "auto",
    rng: RandomSource = 0,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the temperature against the scale of the law, with its pole, its limits and the marginal temperature.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        A single system.
    law : Normal, Uniform, TruncatedNormal, Mixed, or a law of layers with a gain
        A single law, whose scales are multiplied.
    factors : array_like, shape (k,), optional
        By which, > 0, increasing, at least two. Default: 241 from 1e-3 to 1e5.
    method : str
        Method of the solid line, as of `pyrometer.temperature`.
    rng : int, SeedSequence, Generator or None
        Source of randomness of energies that have no formula.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Double logarithmic, with the size of T where it is negative, as an open dashed line; shaded where the verdict is
        "negative-entropy", hatched where it is "near-pole"; a vertical line at the pole, where the entropy is 0; the
        "refined" and "asymptotic" limits where the system has them and they are positive; the marginal temperature
        :math:`dE/dS`, which has no pole. Only `method` "auto" and "exact" are drawn with limits.

    Raises
    ------
    TypeError, ValueError
        If the law has no scale that can be multiplied, or is a batch, or an argument is out of range.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> ax = pm.plot.temperature(system, pm.Normal(1.0))
    >>> ax.get_xscale(), ax.get_xlabel()
    ('log', 'standard deviation σ')
    """
    x = _factors(factors)
    laws, name, unit = scaled(law, x)
    if tuple(getattr(system, "shape", ())) != ():
        raise ValueError(f"system must be a single one, got a stack of shape {system.shape}.")
    bind(system, law)  # an error names the shape of this law, not of those that are drawn
    hot = temperature_of(system, laws, method=method, rng=rng)
    T = np.asarray(hot.value, dtype=np.float64)
    at = x * unit
    ax = axes(ax)
    ax.set(xlabel=name, ylabel="temperature (loss/nat)")
    logarithmic(ax.xaxis)
    _regions(ax, at, np.asarray(hot.verdict))
    ax.plot(at, positive(T), color="black", linewidth=2.0, label=f"T, {hot.method}")
    if (T < 0.0).any():
        ax.plot(at, positive(-T), color=NEGATIVE.color, linestyle="--", linewidth=2.0, label="-T, T < 0")
    _marginal(ax, at, hot)
    if method in ("auto", "exact"):
        _limits(ax, system, laws, at)
    note_missing(ax, positive(np.abs(T)), T)
    if any(np.isfinite(np.asarray(line.get_ydata(), dtype=np.float64)).any() for line in ax.get_lines()):
        logarithmic(ax.yaxis)
    pole = _pole(x, np.asarray(hot.entropy, dtype=np.float64), hot.parameters)
    if pole is not None:
        ax.axvline(pole * unit, color="0.3", linestyle=":", linewidth=1.2, label="pole: S = 0")
    ax.set_xlim(at[0], at[-1])
    ax.set_title(label(_title(system), 70), fontsize="medium")
    ax.legend(fontsize="small")
    return ax


def _title(system: Any) -> str:
    if isinstance(system, Network):
        return f"Network {system.architecture}, {number_of(system.rows, 'row')}"
    size = f"{number_of(system.rows, 'row')}, {number_of(system.parameters, 'parameter')}"
    return f"{type(system).__name__}, {system.energy}, {size}"


def _factors(given: npt.ArrayLike | None) -> Array:
    if given is None:
        return np.logspace(_LEAST, _MOST, _POINTS)
    x = np.asarray(validate.numeric("factors", given), dtype=np.float64)
    if x.ndim != 1 or len(x) < 2 or not (np.isfinite(x).all() and (x > 0.0).all() and (np.diff(x) > 0.0).all()):
        raise ValueError("factors must be at least two increasing numbers > 0; use such as np.logspace(-3, 5, 200).")
    return x


def scaled(law: Any, factors: Array) -> tuple[Any, str, float]:
    """Return the batch of laws with multiplied scales, the label of the first scale, and that scale."""
    parameters = dict(vars(law)) if hasattr(law, "batch_shape") and hasattr(law, "__dataclass_fields__") else {}
    scales = [name for name in parameters if name in _SCALES]
    if not scales:
        raise TypeError(
            f"law must have a scale, length or gain to multiply, got {described(law)}; use such as pm.Normal(1.0) or "
            "pm.HeNormal()."
        )
    if law.batch_shape != ():
        raise ValueError(
            f"law must be a single one, got a batch of shape {law.batch_shape}; pass one law and factors=."
        )
    for name in scales:
        # Scales have the parameters on their last axis, gains have none.
        each = np.asarray(parameters[name], dtype=np.float64)
        with np.errstate(over="ignore"):
            made = each * (factors if name == "gain" else factors[:, None])
        if not np.isfinite(positive(made)).all():
            raise ValueError(
                f"law and factors must give scales from 1e-280 to 1e280, got {made.min():.3g} to {made.max():.3g}; use "
                "other units."
            )
        parameters[name] = made
    first = float(np.asarray(getattr(law, scales[0])).reshape(-1)[0])
    several = "first " if np.size(getattr(law, scales[0])) > 1 else ""
    return type(law)(**parameters), several + _SCALES[scales[0]], first


def _regions(ax: Axes, at: Array, verdict: npt.NDArray[np.str_]) -> None:
    edges = np.sqrt(at[1:]) * np.sqrt(at[:-1])
    edges = np.concatenate([at[:1], edges, at[-1:]])
    for name, (color, hatch) in _SHADES.items():
        inside = np.flatnonzero(verdict == name)
        # Runs of neighbouring points are one region.
        for number, run in enumerate(np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)):
            if len(run):
                ax.axvspan(
                    edges[run[0]],
                    edges[run[-1] + 1],
                    facecolor=color,
                    hatch=hatch,
                    edgecolor="0.6",
                    linewidth=0.0,
                    zorder=0,
                    label=name if number == 0 else None,
                )


def _marginal(ax: Axes, at: Array, hot: Any) -> None:
    marginal = np.asarray(hot.marginal, dtype=np.float64)
    if (marginal > 0.0).any():
        ax.plot(
            at,
            positive(marginal),
            color=STYLES[3].color,
            linestyle="-.",
            label="marginal, dE/dS",
        )


def _limits(ax: Axes, system: Any, laws: Any, at: Array) -> None:
    for method, style in (("refined", POSITIVE), ("asymptotic", STYLES[4])):
        try:
            limit = np.asarray(temperature_of(system, laws, method=method).value, dtype=np.float64)
        except (TypeError, ValueError):
            continue  # this system or law has no such limit
        if (limit > 0.0).any():
            ax.plot(
                at,
                positive(limit),
                color=style.color,
                linestyle=style.linestyle,
                linewidth=1.2,
                label=f"limit, {method}",
            )


def _pole(x: Array, entropy: Array, parameters: int) -> float | None:
    """Return the factor at which the entropy, which is linear in its logarithm, is 0; None outside the factors."""
    if parameters == 0 or not np.isfinite(entropy).all():
        return None
    log_pole = np.log(x[0]) - entropy[0] / parameters
    return float(np.exp(log_pole)) if np.log(x[0]) < log_pole < np.log(x[-1]) else None
