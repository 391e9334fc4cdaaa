"""The picture of a temperature; it needs matplotlib, which is imported when one is drawn."""

from __future__ import annotations

import io
import os

from pyrometer._files import atomic_write
from pyrometer.energy import mean_energy, sample_energies
from pyrometer.laws import Law
from pyrometer.minimum import minimum_energy
from pyrometer.systems import System

__all__ = ["save_spectrum"]


def save_spectrum(path: str, system: System, law: Law, *, samples: int, rng: int, threads: int | None) -> None:
    """Draw the energy spectrum into a file: how often random parameters have which energy, with <E> and E*."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("--plot needs matplotlib: pip install 'pyrometer[plot]'.", name="matplotlib") from error
    # A figure of its own: no window, no state that others see.
    figure = Figure(layout="constrained")
    known = figure.canvas.get_supported_filetypes()
    kind = os.path.splitext(path)[1].lower().lstrip(".")
    if kind not in known:
        raise ValueError(f"--plot must end in one of {', '.join('.' + word for word in known)}, got {path!r}.")
    energies = sample_energies(system, law, samples=samples, rng=rng, threads=threads)
    mean, minimum = float(mean_energy(system, law).value), float(minimum_energy(system).value)
    axes = figure.add_subplot()
    axes.hist(energies, bins=min(100, max(5, samples // 50)), density=True, color="0.7", label=f"{samples} draws")
    axes.axvline(mean, color="C3", label=f"⟨E⟩ = {mean:.6g}")
    axes.axvline(minimum, color="C0", linestyle="--", label=f"E* = {minimum:.6g}")
    axes.set(xlabel="energy (loss)", ylabel="density", title="Energies of random parameters")
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind)
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
