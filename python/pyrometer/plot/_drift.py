"""Temperature of data that change continuously."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, number_of
from pyrometer.plot._axes import NEGATIVE, POSITIVE, drawable, panels
from pyrometer.states import Drift

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["drift"]

# The view reaches so many times beyond the temperatures of verdict "ok", whatever the intervals.
_BEYOND = 1.5


def drift(result: Drift, *, ax: Axes | Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    r"""Draw temperature, energy and entropy of a series of states against time (2.11), (A.2).

    Parameters
    ----------
    result : Drift
        As of `pyrometer.drift`.
    ax : Axes or three Axes, optional
        One Axes has the temperature alone. Default: a new figure.

    Returns
    -------
    tuple of Axes
        The smoothed energy; the smoothed entropy; the temperature :math:`(dE/dt)/(dS/dt)` with its confidence interval
        of 95 % at each time, cut off at the ends of the axis. Times at which the temperature is undefined, because the
        slope of the entropy is within two standard errors of 0, are shaded in each.

    Raises
    ------
    TypeError, ValueError
        If `result` is something else, or `ax` is not Axes.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng, states = np.random.default_rng(0), []
    >>> for t in range(6):
    ...     x = rng.normal(size=(400, 1))
    ...     y = x[:, 0] + (1.0 + 0.3 * t) * rng.normal(size=400)
    ...     states.append(pm.DataState(x, y, model=lambda X: X[:, 0], energy="mse"))
    >>> result = pm.drift(np.arange(6.0), states, bandwidth=2.0, rng=0)
    >>> [ax.get_ylabel() for ax in pm.plot.drift(result)]
    ['energy (loss)', 'entropy (nat)', 'T (loss/nat)']
    """
    if not isinstance(result, Drift):
        raise TypeError(f"result must be a Drift, got {described(result)}; use pm.drift(time, states, bandwidth=...).")
    drawn = panels(ax, 3, 1.7)
    time = drawable(np.asarray(result.time, dtype=np.float64))
    for ax_of, name, unit in zip(drawn[:-1], ("energy", "entropy"), ("loss", "nat"), strict=False):
        ax_of.plot(time, drawable(getattr(result, name)), color="black", marker=".", linewidth=1.0)
        ax_of.set_ylabel(f"{name} ({unit})")
    _temperature(drawn[-1], time, result)
    middle = (time[1:] + time[:-1]) / 2.0
    edges = np.concatenate([time[:1], middle, time[-1:]])
    for place in np.flatnonzero(result.verdict != "ok"):
        for ax_of in drawn:
            ax_of.axvspan(edges[place], edges[place + 1], color="0.9", linewidth=0.0, zorder=0)
    defined = int((result.verdict == "ok").sum())
    shaded = "; shaded: undefined" if defined < len(time) else ""
    drawn[0].set_title(f"T is defined at {defined} of {number_of(len(time), 'time')}{shaded}", fontsize="medium")
    drawn[-1].set_xlabel("time")
    return drawn


def _temperature(ax: Axes, time: npt.NDArray[np.float64], result: Drift) -> None:
    value = drawable(result.temperature)
    ax.axhline(0.0, color="0.5", linewidth=0.8)
    if np.isfinite(value).any():
        defined = np.isfinite(value) & ~np.isnan(result.temperature_low)
        ends = np.array([result.temperature_low, result.temperature_high])[:, defined]
        ends = np.append(ends[np.isfinite(ends)], [0.0])
        low, high = min(0.0, float(np.nanmin(value))), max(0.0, float(np.nanmax(value)))
        reach, margin = (_BEYOND - 1.0) * (high - low), 0.05 * (high - low)
        bottom = max(min(low, float(ends.min())) - margin, low - reach)
        top = min(max(high, float(ends.max())) + margin, high + reach)
        ax.fill_between(
            time,
            np.clip(result.temperature_low, bottom, top),
            np.clip(result.temperature_high, bottom, top),
            where=defined,
            facecolor=POSITIVE.color,
            alpha=0.25,
            edgecolor="none",
            label="95 % interval at each time",
        )
        ax.plot(time, value, color=POSITIVE.color, marker=POSITIVE.marker, markersize=4.0, linewidth=1.2, label="T")
        ax.set_ylim(bottom, top)
        ax.legend(fontsize="x-small")
    else:
        ax.text(0.5, 0.5, "no temperature is defined", transform=ax.transAxes, ha="center", color=NEGATIVE.color)
    ax.set_ylabel("T (loss/nat)")
