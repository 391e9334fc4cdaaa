"""Pictures; they need matplotlib, which is imported when one is drawn."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

from pyrometer import _validate
from pyrometer._files import atomic_write
from pyrometer._validate import RandomSource
from pyrometer.energy import mean_energy, sample_energies
from pyrometer.laws import Law
from pyrometer.minimum import minimum_energy
from pyrometer.systems import System

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["save_spectrum", "spectrum"]


def spectrum(
    axes: Axes, system: System, law: Law, *, samples: int = 10_000, rng: RandomSource = None, threads: int | None = None
) -> None:
    """Draw the energy spectrum: how often random parameters have which energy, with the mean and the minimum energy.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        Where to draw.
    system : LinearRegression
        One system.
    law : Normal, Uniform or Mixed
        One law.
    samples, rng, threads
        As in `sample_energies`.

    Raises
    ------
    ValueError
        If `system` is a stack or `law` a batch.
    """
    energies = sample_energies(system, law, samples=samples, rng=rng, threads=threads)
    if energies.ndim != 1:
        raise ValueError(f"spectrum draws one system under one law, got shape {energies.shape[:-1]}; choose one.")
    mean, minimum = mean_energy(system, law).value, minimum_energy(system).value
    axes.hist(energies, bins="fd" if samples > 100 else 10, density=True, color="0.7", label=f"{samples} draws")
    axes.axvline(mean, color="C3", label=f"⟨E⟩ = {mean:.6g}")
    axes.axvline(minimum, color="C0", linestyle="--", label=f"E* = {minimum:.6g}")
    axes.set(xlabel="energy (loss)", ylabel="density", title="Energies of random parameters")
    axes.legend()


def save_spectrum(
    path: str | os.PathLike[str],
    system: System,
    law: Law,
    *,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> None:
    """Draw `spectrum` into a file, replaced whole or not at all; the suffix says its kind.

    Parameters
    ----------
    path : str or path
        ``.png``, ``.pdf``, ``.svg`` or what else matplotlib knows.
    system, law, samples, rng, threads
        As in `spectrum`.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the suffix is not known.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'pyrometer[plot]'.", name="matplotlib") from error
    name = _validate.as_path(path)
    figure = Figure(layout="constrained")
    known = figure.canvas.get_supported_filetypes()
    kind = os.path.splitext(name)[1].lower().lstrip(".")
    if kind not in known:
        raise ValueError(f"path of a plot must end in one of {', '.join('.' + word for word in known)}, got {name!r}.")
    spectrum(figure.add_subplot(), system, law, samples=samples, rng=rng, threads=threads)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    with atomic_write(name) as file:
        file.write(buffer.getvalue())
