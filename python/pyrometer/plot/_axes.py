"""Axes, styles and labels that all pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, plain
from pyrometer.plot._decades import decades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LARGEST",
    "NEGATIVE",
    "POSITIVE",
    "STYLES",
    "Style",
    "axes",
    "counted",
    "drawable",
    "edges_of",
    "label",
    "logarithmic",
    "panels",
    "positive",
    "signed",
    "styles",
    "note_missing",
]

_NAME = 28
# Larger numbers, and smaller inverses, are not drawn.
LARGEST = 1e280
# Ranges of a histogram that are narrower have densities beyond what can be drawn.
_NARROWEST = 1e-270


class Style(NamedTuple):
    """How a line is drawn."""

    color: str
    linestyle: str
    marker: str


# Colours of Okabe and Ito, dark to light, which the colour-blind tell apart.
STYLES = (
    Style("#000000", "-", "o"),
    Style("#0072B2", "--", "s"),
    Style("#D55E00", "-.", "^"),
    Style("#009E73", ":", "D"),
    Style("#CC79A7", (0, (5, 1)), "v"),  # type: ignore[arg-type]
    Style("#E69F00", (0, (3, 1, 1, 1)), "x"),  # type: ignore[arg-type]
)
POSITIVE, NEGATIVE = STYLES[1], STYLES[2]


def styles(count: int) -> list[Style]:
    """Return styles for so many lines, 36 different ones: the markers of six colours move on when these repeat."""
    kinds = len(STYLES)
    return [STYLES[k % kinds]._replace(marker=STYLES[(k + k // kinds) % kinds].marker) for k in range(count)]


def axes(ax: Axes | None) -> Axes:
    """Return the Axes, by default of a new figure; TypeError for another object."""
    if ax is None:
        _, made = _pyplot().subplots(layout="constrained")
        ax = made
    return cast("Axes", _checked(ax))


def panels(
    ax: Axes | Sequence[Axes] | None, count: int, height: float = 1.9, *, shared: bool = True
) -> tuple[Axes, ...]:
    """Return Axes one below the other, whose horizontal axes may be shared; of a single one given that alone."""
    if ax is None:
        size = (6.4, height * count + 1.0)
        _, made = _pyplot().subplots(count, 1, sharex=shared, layout="constrained", figsize=size, squeeze=False)
        return tuple(made[:, 0])
    if not isinstance(ax, (np.ndarray, Sequence)):
        return (_checked(ax),)
    axes = tuple(np.asarray(ax, dtype=object).reshape(-1))
    if len(axes) != count:
        raise ValueError(f"ax must be one Axes or {count}, got {len(axes)}; plt.subplots({count}, 1)[1] makes them.")
    return tuple(map(_checked, axes))


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError(
            "pyrometer.plot needs matplotlib: pip install 'pyrometer[plot]'.", name="matplotlib"
        ) from error
    return plt


def _checked(ax: Any) -> Any:
    if not (hasattr(ax, "plot") and hasattr(ax, "set_xlabel")):
        raise TypeError(f"ax must be matplotlib Axes, got {described(ax)}; plt.subplots()[1] makes one.")
    return ax


def counted(ax: Axes) -> None:
    """Put the ticks of a horizontal axis of counts at whole numbers."""
    from matplotlib.ticker import MaxNLocator

    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def logarithmic(axis: Any) -> None:
    """Make an axis, such as `ax.yaxis`, logarithmic, with ticks within the range of doubles."""
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_locator(decades()())
    axis.set_minor_locator(decades()(subs="auto"))


def label(name: object, most: int = _NAME) -> str:
    """Return a name as the text of a label, printable, with dollar signs escaped, which would begin a formula."""
    return plain(str(name), most).replace("$", r"\$")


def drawable(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return numbers with nan for those that are not finite, or beyond 1e280, for which matplotlib cannot make axes."""
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(values) < LARGEST, values, np.nan)


def positive(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what a logarithmic axis can show: numbers from 1e-280 to 1e280, and nan for the others."""
    with np.errstate(invalid="ignore"):
        return np.where((values > 1.0 / LARGEST) & (values < LARGEST), values, np.nan)


def note_missing(ax: Axes, drawn: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> None:
    """Write how many numbers, of those that are not nan or 0, are out of the range of the axis."""
    missing = int((np.isnan(drawn) & ~np.isnan(values) & (values != 0.0)).sum())
    if missing:
        ax.text(0.01, 0.97, f"{missing} beyond 1e±280 not drawn", transform=ax.transAxes, va="top", fontsize="x-small")


def signed(ax: Axes, x: npt.NDArray[Any], y: npt.NDArray[Any], **options: Any) -> None:
    """Draw numbers on a logarithmic axis: positive ones filled, the sizes of negative ones open, nan not at all."""
    size = positive(np.abs(y))
    for mask, style, fill, name in (
        (y > 0.0, POSITIVE, "full", "positive"),
        (y < 0.0, NEGATIVE, "none", "negative: size"),
    ):
        if np.isfinite(size[mask]).any():
            ax.plot(
                x[mask],
                size[mask],
                linestyle="none",
                marker=style.marker,
                color=style.color,
                fillstyle=fill,
                label=name,
                **options,
            )


def edges_of(values: npt.NDArray[np.float64], bins: int) -> list[float]:
    """Return edges of bins; values that are equal but for rounding are in the middle of bins of a wider range."""
    low, high = float(values.min()), float(values.max())
    size = max(abs(low), abs(high))
    if high - low < max(8.0 * bins * np.spacing(size), _NARROWEST):
        margin = max(1e-3 * size or 0.5, _NARROWEST)
        low, high = low - margin, high + margin
    edges: list[float] = np.linspace(low, high, bins + 1).tolist()
    return edges
