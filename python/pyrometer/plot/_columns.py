"""The columns of a shift that have changed most, before and after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import described, frame_of, validate
from pyrometer.plot._axes import drawable, edges_of, label, panels, styles
from pyrometer.results import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["columns", "drawn"]

_PANELS, _BARS = 5, 12  # columns of a picture, and categories of a column
_NUMBERS = ("number", "residual")
_KINDS = (*_NUMBERS, "category", "discrete")


def drawn(table: Table, samples: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table whose columns `columns` draws."""
    held = [set(each) for each in samples.values()]
    return [row for row in table if row["kind"] in _KINDS and all(row["column"] in each for each in held)][:_PANELS]


def columns(
    table: Table,
    samples: Mapping[str, Any],
    *,
    weights: Mapping[str, Any] | None = None,
    ax: Axes | Sequence[Axes] | None = None,
) -> Axes | tuple[Axes, ...]:
    """Draw the columns of a shift whose change is clearest, in each sample.

    Parameters
    ----------
    table : Table
        `Shift.columns`.
    samples : mapping of str to mapping or data frame
        By the names of the legend, the values of the columns by their names; "(residual)" are those of the model.
        Missing values are None or nan.
    weights : mapping of str to array_like, optional
        By the names of samples, the weights of their rows; 1 for samples without.
    ax : Axes or sequence of Axes, optional
        Where to draw, one Axes for each column that is drawn. Default: a new figure.

    Returns
    -------
    Axes or tuple of Axes
        The first five columns of the table: densities of numbers in the same bins, shares of categories. Numbers of a
        size above 1e280 are not drawn.

    Raises
    ------
    TypeError, ValueError
        If an argument is of another kind, no column of the table is in every sample, or `ax` has another number of
        Axes.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> before, after = rng.normal(size=(100, 2)), rng.normal([0.0, 2.0], size=(100, 2))
    >>> result = pm.shift(before, after, model=None, rng=0)
    >>> names = ["column 0", "column 1"]
    >>> samples = {"before": dict(zip(names, before.T)), "after": dict(zip(names, after.T))}
    >>> [ax.get_ylabel() for ax in pm.plot.columns(result.columns, samples)]
    ['density', 'density']
    """
    if not isinstance(table, Table):
        raise TypeError(f"table must be a Table, got {described(table)}; use the columns of a shift.")
    samples = {
        name: _by_name(f"samples[{name!r:.60}]", sample)
        for name, sample in validate.mapping("samples", samples, "names to samples").items()
    }
    if not samples:
        raise ValueError("samples must be at least one, got none.")
    rows = drawn(table, samples)
    if not rows:
        names = ", ".join(row["column"] for row in table) or "none"
        raise ValueError(f"samples must have columns of the table, which are {names[:200]}.")
    axes = panels(ax, len(rows), shared=False)
    for each, row in zip(axes, rows, strict=True):
        values = {name: sample[row["column"]] for name, sample in samples.items()}
        heavy = {name: np.ones(len(each)) for name, each in values.items()} | dict(weights or {})
        (_densities if row["kind"] in _NUMBERS else _shares)(each, values, heavy)
        each.set_title(
            f"{label(row['column'])}: divergence {row['divergence']:.3g} nat, p = {row['p_value']:.3g}", fontsize=10
        )
    for each in axes:
        if each.get_legend_handles_labels()[0]:
            each.legend()
            break
    return axes if len(axes) > 1 else axes[0]


def _by_name(name: str, sample: Any) -> Mapping[str, Any]:
    """Return a mapping of the columns of a data frame, or the mapping that it is."""
    frame = frame_of(name, sample)
    if frame is None:
        return validate.mapping(name, sample, "names of columns to values")
    return {column: frame[column].to_list() for column in frame.columns}


def _densities(ax: Axes, samples: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Draw densities of the numbers that are not missing, have a weight and can be drawn."""
    numbers = {
        name: drawable(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
        for name, values in samples.items()
    }
    counted = {name: np.isfinite(values) & (np.asarray(weights[name]) > 0.0) for name, values in numbers.items()}
    weights = {name: np.asarray(weights[name])[rows] for name, rows in counted.items()}
    numbers = {name: values[counted[name]] for name, values in numbers.items()}
    least = min(map(len, numbers.values()))
    if least:
        edges = edges_of(np.concatenate(list(numbers.values())), min(100, 5 + math.isqrt(least)))
        for (name, values), style in zip(numbers.items(), styles(len(numbers)), strict=True):
            line: dict[str, Any] = {"color": style.color, "linestyle": style.linestyle, "label": label(name)}
            ax.hist(values, bins=edges, weights=weights[name], density=True, histtype="step", **line)
    ax.set_ylabel("density")


def _shares(ax: Axes, samples: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    """Draw shares of the categories that differ most."""
    shares: dict[str, dict[str, float]] = {}
    for name, values in samples.items():
        names, codes = np.unique(["missing" if value is None else str(value) for value in values], return_inverse=True)
        share = np.bincount(codes, weights[name]) / np.sum(weights[name])
        shares[name] = dict(zip(names.tolist(), share.tolist(), strict=True))
    every = sorted({category for share in shares.values() for category in share})
    spread = {c: np.ptp([share.get(c, 0.0) for share in shares.values()]) for c in every}
    every = sorted(every, key=lambda category: -spread[category])[:_BARS]
    width = 0.8 / len(shares)
    for k, ((name, share), style) in enumerate(zip(shares.items(), styles(len(shares)), strict=True)):
        place = np.arange(len(every)) + width * (k - 0.5 * (len(shares) - 1))
        hatch = "//" * k  # told apart without colour
        heights = [share.get(category, 0.0) for category in every]
        ax.bar(place, heights, width, label=label(name), facecolor="white", edgecolor=style.color, hatch=hatch)
    ax.set_xticks(np.arange(len(every)), [label(category, 20) for category in every])
    ax.set_ylabel("share")
