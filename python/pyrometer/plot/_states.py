"""Data that move: shifts, monitors, mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import described, validate
from pyrometer.plot._axes import NEGATIVE, POSITIVE, STYLES, axes, counted, drawable, label, panels, positive
from pyrometer.states import Mixture, RefreshMonitor, Shift

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["mixture", "monitor", "shift"]

# Most columns of a shift that are drawn.
_COLUMNS = 20


def shift(result: Shift, *, ax: Axes | None = None) -> Axes:
    """Draw which columns have moved, or, without columns, the changes in units of their standard errors.

    Parameters
    ----------
    result : Shift
        As of `pyrometer.shift`.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        A bar for each of the 20 columns that have changed most clearly, with the divergence of the column in nats and
        its standard error; open where its p-value is above the level. Without columns a bar for the change of the
        energy, of the entropy and the divergence, each over its standard error, with lines at two of them.

    Raises
    ------
    TypeError
        If `result` is something else, or `ax` is not Axes.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> x, y = np.random.default_rng(0).normal(size=(2, 300, 2)), np.random.default_rng(1).normal(size=(2, 300))
    >>> result = pm.shift((x[0], y[0]), (x[1], y[1] + 1.0), model=lambda X: X[:, 1], energy="mse", rng=0)
    >>> pm.plot.shift(result).get_title()
    'shifted: p = 0.001 at the level 0.05'
    """
    if not isinstance(result, Shift):
        raise TypeError(f"result must be a Shift, got {described(result)}; use pm.shift(before, after, model=...).")
    ax = axes(ax)
    if len(result.columns):
        _columns(ax, result.columns, result.level)
    else:
        _changes(ax, result)
    ax.set_title(f"{result.verdict}: p = {result.p_value:.3g} at the level {result.level:g}", fontsize="medium")
    return ax


def _columns(ax: Axes, columns: Any, level: float) -> None:
    names = columns["column"].tolist()[:_COLUMNS]
    values = np.nan_to_num(columns["divergence"][:_COLUMNS])
    errors = np.nan_to_num(columns["standard_error"][:_COLUMNS], posinf=0.0)
    moved = columns["p_value"][:_COLUMNS] <= level
    place = np.arange(len(names))
    for mask, filled, name in ((moved, True, f"p at most {level:g}"), (~moved, False, f"p above {level:g}")):
        if mask.any():
            ax.barh(
                place[mask],
                values[mask],
                xerr=errors[mask],
                height=0.7,
                capsize=2.0,
                edgecolor=POSITIVE.color,
                facecolor=POSITIVE.color if filled else "none",
                ecolor="0.4",
                label=name,
            )
    more = f" ({len(columns) - len(names)} more columns)" if len(columns) > len(names) else ""
    ax.set_yticks(place, [label(name) for name in names])
    ax.invert_yaxis()
    ax.set_xlabel(f"divergence (nat){more}")
    ax.legend(fontsize="small")


def _changes(ax: Axes, result: Shift) -> None:
    names = ("energy", "entropy", "divergence")
    changes = np.array([result.energy_change, result.entropy_change, result.divergence])
    errors = np.array([result.energy_change_error, result.entropy_change_error, result.divergence_error])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        quotients = drawable(np.where(errors > 0.0, changes / errors, np.nan))
    ax.barh(names, np.nan_to_num(quotients), height=0.6, color=POSITIVE.color)
    for edge in (-2.0, 2.0):
        ax.axvline(edge, color="0.4", linestyle="--", linewidth=1.0)
    for place, (quotient, change, error) in enumerate(zip(quotients, changes, errors, strict=True)):
        text = f"{change:.3g} ± {error:.2g}" if np.isfinite(quotient) else "no standard error"
        ax.annotate(
            text,
            (0.0, place),
            xytext=(6, -3),
            textcoords="offset points",
            fontsize="small",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    ax.invert_yaxis()
    ax.set_xlabel("change / its standard error")


def monitor(monitor: RefreshMonitor, *, ax: Axes | Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    """Draw the series of a monitor, as the figures of Appendix A, and its tests.

    Parameters
    ----------
    monitor : RefreshMonitor
        With at least one reading.
    ax : Axes or four Axes, optional
        One Axes has the p-values alone. Default: a new figure.

    Returns
    -------
    tuple of Axes
        Against the number of the batch: its energy, with that of the reference; its entropy likewise, and its
        divergence from the reference; the temperatures of the first and second kind; the p-values of the batch and of
        pools, with the level of alarms. Batches with an alarm have a vertical line in each; where a change has been
        found, the batches among which it began are shaded.

    Raises
    ------
    TypeError, ValueError
        If `monitor` is something else or has no reading, or `ax` is not Axes.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(4, 200, 1))
    >>> watched = pm.RefreshMonitor((x[0], x[0, :, 0] + rng.normal(size=200)), lambda X: X[:, 0], energy="mse", rng=0)
    >>> for batch in x[1:]:
    ...     result = watched.update(batch, batch[:, 0] + rng.normal(size=200))
    >>> [ax.get_ylabel() for ax in pm.plot.monitor(watched)]
    ['energy (loss)', 'entropy (nat)', 'T (loss/nat)', 'p-value']
    """
    if not isinstance(monitor, RefreshMonitor):
        raise TypeError(f"monitor must be a RefreshMonitor, got {described(monitor)}.")
    readings = monitor.readings
    if not readings:
        raise ValueError("monitor must have at least one reading, got none; pass batches to monitor.update(X, y).")
    drawn = panels(ax, 4, 1.5)
    batch = np.arange(monitor.batches - len(readings) + 1, monitor.batches + 1)
    series = {
        name: drawable(np.array([getattr(reading, name) for reading in readings], dtype=np.float64))
        for name in ("energy", "entropy", "divergence", "temperature", "neighbour", "p_value", "pooled")
    }
    if len(drawn) == 4:
        for ax_of, name, unit in ((drawn[0], "energy", "loss"), (drawn[1], "entropy", "nat")):
            ax_of.plot(batch, series[name], color="black", marker=".", linewidth=1.0, label=name)
            level = getattr(monitor.reference, name)
            ax_of.axhline(level, color="0.5", linestyle="--", linewidth=1.0, label="reference")
            ax_of.set_ylabel(f"{name} ({unit})")
            ax_of.legend(handles=ax_of.get_lines()[1:2], fontsize="x-small")
        if np.isfinite(series["divergence"]).any():
            _divergence(drawn[1], batch, series["divergence"])
        _temperatures(drawn[2], batch, series)
    _tests(drawn[-1], batch, series, monitor.level)
    event = monitor.event
    for ax_of in drawn:
        counted(ax_of)
        if event is not None:
            ax_of.axvspan(event.earliest - 0.5, event.latest + 0.5, color="0.85", zorder=0)
        for number, reading in zip(batch.tolist(), readings, strict=True):
            if reading.alarm:
                ax_of.axvline(number, color=NEGATIVE.color, linewidth=1.0, alpha=0.6)
    drawn[-1].set_xlabel("batch (vertical lines: alarms" + ("; shaded: where the change began)" if event else ")"))
    return drawn


def _divergence(ax: Axes, batch: Any, divergence: Any) -> None:
    other = ax.twinx()
    other.plot(
        batch, divergence, color=POSITIVE.color, marker=POSITIVE.marker, markersize=3.0, linewidth=0.8, linestyle="--"
    )
    other.set_ylabel("divergence (nat)", color=POSITIVE.color)


def _temperatures(ax: Axes, batch: Any, series: dict[str, Any]) -> None:
    kinds = (("temperature", POSITIVE, "first kind"), ("neighbour", NEGATIVE, "second kind, from the batch before"))
    for name, style, said in kinds:
        if np.isfinite(series[name]).any():
            ax.plot(
                batch,
                series[name],
                color=style.color,
                marker=style.marker,
                markersize=4.0,
                linewidth=0.8,
                linestyle=style.linestyle,
                label=said,
            )
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="x-small")
    else:
        ax.text(0.5, 0.5, "no temperature is defined", transform=ax.transAxes, ha="center", fontsize="small")
    ax.set_ylabel("T (loss/nat)")


def _tests(ax: Axes, batch: Any, series: dict[str, Any], level: float) -> None:
    for name, style, said in (("p_value", STYLES[0], "batch"), ("pooled", STYLES[1], "pool of batches")):
        if np.isfinite(positive(series[name])).any():
            ax.plot(
                batch,
                positive(series[name]),
                color=style.color,
                marker=style.marker,
                markersize=4.0,
                linewidth=0.8,
                linestyle=style.linestyle,
                label=said,
            )
    ax.axhline(level, color=NEGATIVE.color, linestyle=":", label=f"level {level:.2g}")
    ax.set(yscale="log", ylabel="p-value", ylim=(None, 1.5))
    ax.legend(fontsize="x-small")


def mixture(mixture: Mixture, *, names: Sequence[str] = ("a", "b"), ax: Axes | None = None) -> Axes:
    """Draw the temperatures of two systems and of their pooled rows, with their limits for large scales (3.47)-(3.52).

    Parameters
    ----------
    mixture : Mixture
        As of `pyrometer.mix`, of single systems and one law.
    names : sequence of two str
        Names of the two systems.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Exact temperatures filled, limits open, with the range between the two systems shaded; the title has the pooling
        loss and its p-value.

    Raises
    ------
    TypeError, ValueError
        If `mixture` is something else or a batch, or `names` are not two.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> old = pm.LinearRegression([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.1, 1.9, 3.0])
    >>> new = pm.LinearRegression([[0.0], [2.0], [4.0], [6.0]], [3.0, 2.1, 0.9, 0.0])
    >>> ax = pm.plot.mixture(pm.mix(old, new, pm.Normal(10.0)), names=("old", "new"))
    >>> [text.get_text() for text in ax.get_xticklabels()]
    ['old', 'both', 'new']
    """
    if not isinstance(mixture, Mixture):
        raise TypeError(f"mixture must be a Mixture, got {described(mixture)}; use pm.mix(a, b, law).")
    if np.ndim(mixture.heat_a):
        raise ValueError(f"mixture must be of one law, got a batch of shape {np.shape(mixture.heat_a)}.")
    names = validate.sequence("names", names, "two names")
    if len(names) != 2:
        raise ValueError(f"names must be those of the two systems, got {names!r:.60}.")
    ax = axes(ax)
    place = np.arange(3)
    exact = drawable(np.array([mixture.temperature_a, mixture.temperature_mixed, mixture.temperature_b]))
    limit = drawable(np.array([mixture.limit_a, mixture.limit_mixed, mixture.limit_b], dtype=np.float64))
    ax.plot(place, exact, color="black", marker="o", linestyle="none", markersize=8.0, label="exact")
    ax.plot(
        place,
        limit,
        color=POSITIVE.color,
        marker="s",
        linestyle="none",
        markersize=8.0,
        fillstyle="none",
        label="limit of large scales",
    )
    if np.isfinite(exact[[0, 2]]).all():
        ax.axhspan(float(exact[[0, 2]].min()), float(exact[[0, 2]].max()), color="0.85", zorder=0)
    ax.set_xticks(place, [label(names[0]), "both", label(names[1])])
    ax.set_xlim(-0.5, 2.5)
    tested = f", p = {mixture.p_value:.3g} ({mixture.test})" if mixture.test != "none" else ", no test"
    ax.set_title(f"pooling loss {mixture.pooling_loss:.4g}{tested}", fontsize="medium")
    ax.set_ylabel("temperature (loss/nat)")
    ax.legend(fontsize="small")
    return ax
