"""Plots of results with matplotlib, which is imported when a plot is drawn."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import atomic_write, plain
from pyrometer.laws import Law
from pyrometer.linear import System
from pyrometer.results import LayerTemperatures
from pyrometer.thermodynamics import mean_energy, minimum_energy, sample_energies

__all__ = ["save_layers", "save_residuals", "save_spectrum"]


@contextmanager
def _figure(path: str) -> Iterator[Any]:
    """Yield a figure, which is written atomically at the end."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'pyrometer[plot]'.", name="matplotlib") from error
    # Not through pyplot: no window, and no change of its global state.
    figure = Figure(layout="constrained")
    known = figure.canvas.get_supported_filetypes()
    kind = os.path.splitext(path)[1].lower().lstrip(".")
    if kind not in known:
        raise ValueError(f"--plot must end in one of {', '.join('.' + word for word in known)}, got {path!r}.")
    yield figure
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def _label(name: str) -> str:
    """Return a name as the text of a label, with dollar signs escaped, which would begin a formula."""
    return plain(name).replace("$", r"\$")


def save_spectrum(path: str, system: System, law: Law, *, samples: int, rng: int, threads: int | None) -> None:
    """Plot the histogram of the energies of random parameters, with <E> and E*."""
    with _figure(path) as figure:
        energies = sample_energies(system, law, samples=samples, rng=rng, threads=threads)
        mean, minimum = float(mean_energy(system, law).value), float(minimum_energy(system).value)
        axes = figure.add_subplot()
        axes.hist(energies, bins=min(100, max(5, samples // 50)), density=True, color="0.7", label=f"{samples} draws")
        axes.axvline(mean, color="C3", label=f"⟨E⟩ = {mean:.6g}")
        axes.axvline(minimum, color="C0", linestyle="--", label=f"E* = {minimum:.6g}")
        axes.set(xlabel="energy (loss)", ylabel="density", title="Energies of random parameters")
        axes.legend()


def save_residuals(path: str, residuals: Mapping[str, npt.NDArray[np.float64]], target: str) -> None:
    """Plot the histograms of the residuals of each sample of rows."""
    with _figure(path) as figure:
        axes = figure.add_subplot()
        bins = min(100, 5 + math.isqrt(min(map(len, residuals.values()))))
        edges = np.histogram_bin_edges(np.concatenate(list(residuals.values())), bins)
        for name, values in residuals.items():
            axes.hist(values, bins=edges, density=True, histtype="step", label=_label(name))
        axes.set(xlabel=f"{_label(target)} minus its prediction", ylabel="density", title="Residuals")
        axes.legend()


def save_layers(path: str, layers: LayerTemperatures) -> None:
    """Plot energy and temperature of every layer."""
    with _figure(path) as figure:
        number = np.arange(1, len(layers.energy) + 1)
        for axes, values, what in zip(
            figure.subplots(2, 1, sharex=True),
            (layers.energy, layers.temperature),
            ("E (loss)", "T (loss/nat)"),
            strict=True,
        ):
            axes.bar(number, values, color="0.7")
            axes.set(ylabel=what)
        axes.set(xlabel="layer", xticks=number)
        figure.suptitle("Layers")
