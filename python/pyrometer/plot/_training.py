"""The path of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyrometer.base import described
from pyrometer.plot._axes import counted, drawable, panels, positive, styles
from pyrometer.results import TrainingPath

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["path"]

_MOST = 12


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
        defined, logarithmic where all are positive; both against time, or the number of steps.

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
        drawn[0].plot(drawable(path.time), line, color=style.color, linestyle=style.linestyle)
    drawn[0].set_ylabel("E - E* (loss)")
    if np.isfinite(positive(above)).any():
        drawn[0].set_yscale("log")
    if len(drawn) == 2:
        for line, style in zip(T, styles(len(T)), strict=True):
            drawn[1].plot(drawable(path.time), line, color=style.color, linestyle=style.linestyle)
        drawn[1].set_ylabel("T = dE/dS (loss/nat)")
        defined = T[np.isfinite(T)]
        if defined.size and np.isfinite(positive(defined)).all():
            drawn[1].set_yscale("log")
    drawn[-1].set_xlabel("time (parameter²/loss)" if path.method == "gradient-flow" else "steps")
    if path.method != "gradient-flow":
        for ax_of in drawn:
            counted(ax_of)
    drawn[0].set_title(path.method.replace("-", " "), fontsize="medium")
    return drawn
