"""Energies of random parameters, and residuals of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyrometer.base import RandomSource, described, validate
from pyrometer.laws import Law
from pyrometer.networks import LayerLaw, Network
from pyrometer.plot._axes import LARGEST, STYLES, axes, edges_of, label, styles
from pyrometer.thermodynamics import System, mean_energy, minimum_energy, sample_energies

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["residuals", "spectrum"]

# Energies that differ by more than this factor have a logarithmic axis.
_WIDE = 1e3


def spectrum(
    system: System,
    law: Law | LayerLaw,
    *,
    samples: int = 10_000,
    rng: RandomSource = 0,
    threads: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    r"""Draw the distribution of the energies of random parameters, with :math:`\langle E\rangle` and :math:`E^*`.

    Parameters
    ----------
    system : LinearRegression, LogisticRegression, SoftmaxRegression or Network
        A single system.
    law : law
        A single law of its parameters.
    samples : int
        Draws, at least 2.
    rng : int, SeedSequence, Generator or None
        Source of randomness.
    threads : int, optional
        Threads of the core.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        A histogram of the energies as a density, a solid line at their mean (2.2) and a dashed one at the minimum,
        where the system has one. Logarithmic where energies differ by more than a factor of 1000.

    Raises
    ------
    TypeError, ValueError
        As `sample_energies`; if the system is a stack or the law a batch.
    ImportError
        If matplotlib is not installed.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> ax = pm.plot.spectrum(system, pm.Normal(1.0), samples=1000)
    >>> ax.get_xlabel()
    'common logarithm of the energy (loss)'
    """
    energies = sample_energies(system, law, samples=samples, rng=rng, threads=threads)
    if energies.ndim != 1:
        raise ValueError(
            f"system and law must be single ones, got energies of shape {energies.shape}; draw them one by one."
        )
    mean = float(mean_energy(system, law, rng=rng, threads=threads))
    least = None if isinstance(system, Network) else float(minimum_energy(system, threads=threads))
    ax = axes(ax)
    wide = bool(energies.min() > 0.0 and energies.max() / energies.min() > _WIDE)
    values = np.log10(energies) if wide else energies
    ax.hist(
        values,
        bins=edges_of(values, min(100, max(5, samples // 50))),
        density=True,
        color="0.75",
        edgecolor="0.5",
        linewidth=0.3,
        label=f"{samples} draws",
    )
    place = math.log10 if wide else float
    ax.axvline(place(mean), color=STYLES[2].color, label=f"⟨E⟩ = {mean:.6g}")
    if least is not None and (least > 0.0 or not wide):
        ax.axvline(place(least), color=STYLES[1].color, linestyle="--", label=f"E* = {least:.6g}")
    ax.set(
        xlabel="common logarithm of the energy (loss)" if wide else "energy (loss)",
        ylabel="density, per factor of 10" if wide else "density",
    )
    ax.set_title("Energies of random parameters", fontsize="medium")
    ax.legend()
    return ax


def residuals(residuals: Mapping[str, npt.ArrayLike], *, target: str = "target", ax: Axes | None = None) -> Axes:
    """Draw the distributions of residuals, such as those before and after a shift.

    Parameters
    ----------
    residuals : mapping of str to array_like
        Targets less predictions, finite, by the names of the legend.
    target : str
        Name of the target, with its unit if it has one.
    ax : Axes, optional
        Where to draw. Default: a new figure.

    Returns
    -------
    Axes
        Histograms of the same bins, as densities.

    Raises
    ------
    TypeError, ValueError
        If `residuals` is no mapping, is empty, or has no finite numbers.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> ax = pm.plot.residuals({"before": [-1.0, 0.0, 1.0], "after": [0.0, 2.0, 3.0]}, target="price")
    >>> ax.get_xlabel()
    'price minus its prediction'
    """
    if not isinstance(residuals, Mapping):
        raise TypeError(f"residuals must be a mapping of names to numbers, got {described(residuals)}.")
    arrays = {
        name: np.asarray(validate.numeric(f"residuals[{name!r:.60}]", each), dtype=np.float64).reshape(-1)
        for name, each in residuals.items()
    }
    if not arrays or not all(each.size and np.isfinite(each).all() for each in arrays.values()):
        raise ValueError("residuals must have finite numbers in each entry, got nan, inf or none.")
    largest = max(float(np.abs(each).max()) for each in arrays.values())
    if largest >= LARGEST:
        raise ValueError(f"residuals must be below 1e280 in size, got {largest:.3g}; divide them by a unit.")
    ax = axes(ax)
    bins = min(100, 5 + math.isqrt(min(map(len, arrays.values()))))
    edges = edges_of(np.concatenate(list(arrays.values())), bins)
    for (name, values), style in zip(arrays.items(), styles(len(arrays)), strict=True):
        ax.hist(
            values,
            bins=edges,
            density=True,
            histtype="step",
            color=style.color,
            linestyle=style.linestyle,
            label=label(name),
        )
    ax.set(xlabel=f"{label(target)} minus its prediction", ylabel="density")
    ax.set_title("Residuals", fontsize="medium")
    ax.legend()
    return ax
