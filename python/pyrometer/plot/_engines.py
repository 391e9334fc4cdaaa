"""The layers of networks and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, described, number_of
from pyrometer.plot._axes import NEGATIVE, axes, label, logarithmic, note_missing, panels, positive, signed, styles
from pyrometer.results import HeatEngine, ModelLayers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["compare", "layers"]

# More layers than this have no names on the axis, and smaller markers.
_NAMED = 12
_LISTED = 12  # names in a column of the legend
# Logarithmic axes have at least this factor to both sides: one power of ten is among them.
_DECADE = 5.0


class _Chain(NamedTuple):
    """What is drawn of a chain of layers."""

    title: str
    names: tuple[str, ...]
    per_unit: Array
    error: Array
    temperature: Array
    verdict: npt.NDArray[np.str_]
    gain: Array
    of_unit: bool
    """Whether energies are those of a unit; else of a layer."""


def layers(engine: HeatEngine | ModelLayers, *, ax: Axes | Sequence[Axes] | None = None) -> tuple[Axes, ...]:
    r"""Draw energy per unit, temperature and gain of every layer, on logarithmic axes.

    Parameters
    ----------
    engine : HeatEngine or ModelLayers
        Of one law: no batch.
    ax : Axes or three Axes, optional
        One Axes has the energies per unit alone. Default: a new figure.

    Returns
    -------
    tuple of Axes
        Energy per unit :math:`E_l/n_l` (5.12) with its standard error; temperature :math:`T_l = E_l/S_l` (5.15), the
        size of negative ones by open triangles, each verdict but "ok" written beside it; growth of the energy per unit
        from the layer before, with a line at 1.

    Raises
    ------
    TypeError, ValueError
        If `engine` is something else or a batch, or `ax` is not Axes.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 8], hidden=(256, 256), outputs=1, activation="relu")
    >>> energy, temperature, gain = pm.plot.layers(pm.heat_engine(network, pm.HeNormal()))
    >>> energy.get_yscale(), gain.get_xlabel()
    ('log', 'layer')
    """
    chain = _chain("engine", engine)
    drawn = panels(ax, 3)
    _energies(drawn[0], chain)
    drawn[0].set_title(label(chain.title, 70), fontsize="medium")
    if len(drawn) == 3:
        _temperatures(drawn[1], chain)
        _gains(drawn[2], chain)
    _name_layers(drawn[-1], chain.names)
    return drawn


def compare(engines: Mapping[str, HeatEngine | ModelLayers], *, ax: Axes | None = None) -> Axes:
    """Draw the energies per unit of the layers of several networks or models in one picture.

    Parameters
    ----------
    engines : mapping of str to HeatEngine or ModelLayers
        By the names of the legend; none a batch.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Energy per unit against the place of the layer, from 0 for the first to 1 for the last; logarithmic.

    Raises
    ------
    TypeError, ValueError
        If `engines` is no mapping, is empty, or has something else or a batch.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 8], hidden=(64, 64), outputs=1, activation="relu")
    >>> laws = {"He": pm.HeNormal(), "LeCun": pm.LecunNormal()}
    >>> ax = pm.plot.compare({name: pm.heat_engine(network, law) for name, law in laws.items()})
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['He', 'LeCun']
    """
    if not isinstance(engines, Mapping):
        raise TypeError(f"engines must be a mapping of names to results, got {described(engines)}; use {{'name': it}}.")
    if not engines:
        raise ValueError("engines must have at least one result, got none.")
    chains = {name: _chain(f"engines[{name!r:.60}]", engine) for name, engine in engines.items()}
    ax = axes(ax)
    for (name, chain), style in zip(chains.items(), styles(len(chains)), strict=True):
        place = np.linspace(0.0, 1.0, len(chain.names)) if len(chain.names) > 1 else np.array([1.0])
        size = 5.0 if len(chain.names) <= _NAMED else 2.5
        ax.plot(place, positive(chain.per_unit), **style._asdict(), markersize=size, label=label(name))
    ax.set(xlabel="place of the layer: 0 first, 1 last", ylabel=_of_unit(all(c.of_unit for c in chains.values())))
    _logarithmic(ax, np.concatenate([chain.per_unit for chain in chains.values()]))
    ax.legend(ncols=1 + (len(chains) - 1) // _LISTED, fontsize="small" if len(chains) > _LISTED else None)
    return ax


def _chain(name: str, engine: HeatEngine | ModelLayers) -> _Chain:
    if isinstance(engine, ModelLayers):
        error = engine.standard_error / np.where(engine.units > 0.0, engine.units, np.nan)
        gain = _growth(engine.energy_per_unit)
        title = f"{engine.model}, {number_of(engine.rows, 'row')}"
        kept = tuple(engine.name.tolist())
        return _Chain(
            title, kept, engine.energy_per_unit, error, engine.temperature, engine.verdict, gain, of_unit=True
        )
    if not isinstance(engine, HeatEngine):
        raise TypeError(
            f"{name} must be a HeatEngine or ModelLayers, got {described(engine)}; use pm.heat_engine or "
            "pm.models.measure."
        )
    each = engine.layers
    if each.energy.ndim != 1:
        raise ValueError(
            f"{name} must be of one law, got a batch of shape {each.energy.shape[:-1]}; make one engine for each law."
        )
    has_units = bool((each.units > 0.0).all())
    units = each.units if has_units else np.ones(len(each))
    title = f"{engine.network}, {engine.law}" if engine.network else "network"
    names = tuple(str(number + 1) for number in range(len(each)))
    with np.errstate(over="ignore"):
        per_unit, errors = each.energy / units, each.standard_error / units
    return _Chain(title, names, per_unit, errors, each.temperature, each.verdict, _growth(per_unit), of_unit=has_units)


def _growth(per_unit: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return per_unit[1:] / per_unit[:-1]


def _of_unit(of_unit: bool) -> str:
    return "energy per unit (loss)" if of_unit else "energy (loss)"


def _logarithmic(ax: Axes, values: npt.NDArray[np.float64]) -> None:
    """Make the vertical axis logarithmic, of at least a factor of 10."""
    sizes = positive(np.abs(values))
    note_missing(ax, sizes, values)
    shown = sizes[np.isfinite(sizes)]
    if not shown.size:
        ax.text(0.5, 0.5, "no finite value but 0", transform=ax.transAxes, ha="center")
        return
    logarithmic(ax.yaxis)
    middle = np.sqrt(shown.min()) * np.sqrt(shown.max())
    low, high = min(shown.min() / 2.0, middle / _DECADE), max(shown.max() * 2.0, middle * _DECADE)
    ax.set_ylim(low, high)
    # Powers of ten alone have labels, unless there may be one of them only.
    marked = "" if high > 100.0 * low else "25"
    ax.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in marked else "")
    if marked:
        ax.yaxis.set_major_formatter("{x:g}")


def _energies(ax: Axes, chain: _Chain) -> None:
    number = np.arange(1, len(chain.names) + 1)
    values = positive(chain.per_unit)
    size = 6.0 if len(number) <= _NAMED else 3.0
    error = np.where(np.isfinite(positive(chain.error)) & np.isfinite(values), chain.error, 0.0)
    ax.errorbar(number, values, error, color="black", marker="o", markersize=size, linewidth=1.0, capsize=2.0)
    ax.set_ylabel(_of_unit(chain.of_unit))
    _logarithmic(ax, chain.per_unit)
    ax.grid(visible=True, axis="y", alpha=0.3)


def _temperatures(ax: Axes, chain: _Chain) -> None:
    number = np.arange(1, len(chain.names) + 1)
    signed(ax, number, chain.temperature, markersize=6.0 if len(number) <= _NAMED else 3.0)
    ax.set_ylabel("temperature (loss/nat)")
    _logarithmic(ax, chain.temperature)
    if len(number) <= _NAMED:
        for place, T, verdict in zip(number, chain.temperature, chain.verdict.tolist(), strict=True):
            if verdict not in ("ok", "negative-entropy"):
                height = (place, abs(T)) if np.isfinite(T) and T != 0.0 else (place, 0.02)
                where = "data" if np.isfinite(T) and T != 0.0 else ax.get_xaxis_transform()
                ax.annotate(
                    verdict,
                    height,
                    xycoords=where,
                    xytext=(0, 6),
                    textcoords="offset points",
                    ha="center",
                    fontsize="x-small",
                )
    if ax.get_legend_handles_labels()[0]:
        ax.legend(fontsize="small")
    ax.grid(visible=True, axis="y", alpha=0.3)


def _gains(ax: Axes, chain: _Chain) -> None:
    number = np.arange(2, len(chain.names) + 1)
    ax.axhline(1.0, color="0.5", linewidth=1.0)
    ax.plot(number, positive(chain.gain), color=NEGATIVE.color, marker="s", markersize=4.0, linewidth=1.0)
    ax.set_ylabel("gain per unit")
    _logarithmic(ax, np.append(chain.gain, 1.0))
    ax.grid(visible=True, axis="y", alpha=0.3)


def _name_layers(ax: Axes, names: tuple[str, ...]) -> None:
    ax.set_xlabel("layer")
    ax.set_xlim(0.5, len(names) + 0.5)
    if len(names) <= _NAMED:
        short = [label(name if len(name) <= 14 else f"...{name[-11:]}") for name in names]
        turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if max(map(len, short), default=0) > 4 else {}
        ax.set_xticks(np.arange(1, len(names) + 1), short, **turned)
    else:
        ax.locator_params(axis="x", integer=True)
