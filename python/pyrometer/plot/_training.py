"""The path of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import Array, described
from pyrometer.plot._axes import Style, counted, drawable, logarithmic, panels, positive, styles
from pyrometer.results import TrainingPath

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

__all__ = ["path"]

_MOST = 12
# Temperatures of both signs of which one has this many times the size of another have an axis that is linear near 0: up
# to the smallest, or this share of the largest.
_FAR, _LINEAR = 1e3, 1e-12
# Ratio of the last to the first time after 0 from which the axis is logarithmic.
_DECADES = 1e3
# Largest time, and smallest inverse, of such an axis: ticks some decades beyond it are still doubles.
_FARTHEST = 1e100


def path(path: TrainingPath, *, ax: Axes | Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    r"""Draw energy and temperature along the path of training; not in the paper.

    Parameters
    ----------
    path : TrainingPath
        As of `pyrometer.training_path`; of a batch the first 12.
    ax : Axes or two Axes, optional
        One Axes has the energy alone. Default: a new figure.

    Returns
    -------
    tuple of Axes
        The energy above the minimum :math:`E - E^*`, logarithmic, and the temperature :math:`dE/dS`, where it is
        defined (-T where all are negative), logarithmic where all have one sign or some are far larger; both against
        time, or the number of steps, logarithmic where the last is at least 1000 times the first after 0, the middle
        one is below a tenth of it, and all are within 1e±100.

    Raises
    ------
    TypeError, ValueError
        If `path` is something else, or `ax` is not Axes.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> energy, temperature = pm.plot.path(pm.training_path(system, pm.Normal(1.0), [0.0, 0.1, 1.0]))
    >>> energy.get_ylabel(), temperature.get_xlabel()
    ('E - E* (loss)', 'time (parameter²/loss)')
    """
    if not isinstance(path, TrainingPath):
        raise TypeError(
            f"path must be a TrainingPath, got {described(path)}; use pm.training_path(system, law, times)."
        )
    drawn = panels(ax, 2, 2.2)
    times = path.time.shape[-1]
    # The system's stack comes first, and E* has its shape alone.
    least = np.asarray(path.minimum_energy, dtype=np.float64)
    least = least.reshape(least.shape + (1,) * (path.energy.ndim - least.ndim))
    with np.errstate(over="ignore", invalid="ignore"):
        above = (path.energy - least).reshape(-1, times)[:_MOST]
    T = drawable(path.temperature.reshape(-1, times)[:_MOST])
    for line, style in zip(positive(above), styles(len(above)), strict=True):
        _line(drawn[0], path, line, style)
    drawn[0].set_ylabel("E - E* (loss)")
    if np.isfinite(positive(above)).any():
        logarithmic(drawn[0].yaxis)
    if len(drawn) == 2:
        _temperatures(drawn[1], path, T)
    drawn[-1].set_xlabel("time (parameter²/loss)" if path.method == "gradient-flow" else "steps")
    for ax_of in drawn:
        if _spans_decades(path.time):
            ax_of.set_xscale("log", nonpositive="mask")
        elif path.method != "gradient-flow":
            counted(ax_of)
    drawn[0].set_title(path.method.replace("-", " "), fontsize="medium")
    return drawn


def _temperatures(ax: Axes, path: TrainingPath, T: npt.NDArray[np.float64]) -> None:
    """Draw temperatures, or their sizes where all are negative: both on a logarithmic axis."""
    with np.errstate(invalid="ignore"):
        negative = bool((T < 0.0).any()) and not (T >= 0.0).any()
    for line, style in zip(-T if negative else T, styles(len(T)), strict=True):
        _line(ax, path, line, style)
    ax.set_ylabel("-T = -dE/dS (loss/nat)" if negative else "T = dE/dS (loss/nat)")
    sizes = np.abs(T[np.isfinite(T) & (T != 0.0)])
    if not sizes.size:
        return
    if negative or np.isfinite(positive(T[np.isfinite(T)])).all():
        logarithmic(ax.yaxis)
    elif sizes.max() > _FAR * sizes.min():
        ax.set_yscale("symlog", linthresh=max(sizes.min(), _LINEAR * sizes.max()))
        locator: Any = ax.yaxis.get_major_locator()
        locator.set_params(numticks=7)


def _line(ax: Axes, path: TrainingPath, values: npt.NDArray[np.float64], style: Style) -> None:
    """Draw one member of a batch; a single number has a marker, since it makes no line."""
    marker = "o" if np.isfinite(values).sum() == 1 else None
    ax.plot(drawable(path.time), values, color=style.color, linestyle=style.linestyle, marker=marker)


def _spans_decades(time: Array) -> bool:
    """Whether most times would stand at the left end of a linear axis; 0 has no place on a logarithmic one."""
    after = positive(np.asarray(time, dtype=np.float64))
    after = after[np.isfinite(after)]
    if len(after) < 3 or after.min() < 1.0 / _FARTHEST or after.max() > _FARTHEST:
        return False
    return bool(after.max() >= _DECADES * after.min() and np.median(after) < 0.1 * after.max())
