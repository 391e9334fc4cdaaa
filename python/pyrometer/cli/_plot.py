"""Plots of results with matplotlib, which is imported when a plot is drawn."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import atomic_write, plain
from pyrometer.laws import Law
from pyrometer.linear import System
from pyrometer.results import LayerTemperatures, Table
from pyrometer.thermodynamics import mean_energy, minimum_energy, sample_energies

if TYPE_CHECKING:
    from pyrometer.states import RefreshMonitor

__all__ = ["save_columns", "save_layers", "save_monitor", "save_spectrum"]

_PANELS, _BARS = 5, 12  # columns of a picture, and categories of a column


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


def save_columns(path: str, columns: Table, samples: Sequence[tuple[str, Mapping[str, Any], Any]]) -> None:
    """Plot the columns whose change is clearest, before and after; `samples` are names, columns and residuals."""
    rows = [row for row in columns if row["kind"] in ("number", "category", "discrete", "residual")][:_PANELS]
    rows = [row for row in rows if row["kind"] != "residual" or samples[0][2] is not None]
    with _figure(path) as figure:
        figure.set_size_inches(6.4, 1.0 + 2.2 * max(len(rows), 1))
        for axes, row in zip(np.ravel(figure.subplots(max(len(rows), 1), 1)), rows, strict=False):
            name = row["column"]
            values = [each[2] if row["kind"] == "residual" else each[1][name] for each in samples]
            labels = [f"{when}: {_label(each[0])}" for when, each in zip(("before", "after"), samples, strict=True)]
            (_histograms if row["kind"] in ("number", "residual") else _shares)(axes, values, labels)
            axes.set_title(
                f"{_label(name)}: divergence {row['divergence']:.3g} nat, p = {row['p_value']:.3g}", fontsize=10
            )
        if rows:
            figure.axes[0].legend()


def _histograms(axes: Any, values: Sequence[Any], labels: Sequence[str]) -> None:
    """Draw densities of numbers without missing ones."""
    numbers = [np.array([np.nan if x is None else x for x in each], dtype=np.float64) for each in values]
    numbers = [each[np.isfinite(each)] for each in numbers]
    if not all(map(len, numbers)):
        return
    edges = np.histogram_bin_edges(np.concatenate(numbers), min(100, 5 + math.isqrt(min(map(len, numbers)))))
    for each, label in zip(numbers, labels, strict=True):
        axes.hist(each, bins=edges, density=True, histtype="step", label=label)
    axes.set_ylabel("density")


def _shares(axes: Any, values: Sequence[Any], labels: Sequence[str]) -> None:
    """Draw shares of the categories that differ most."""
    shares: list[dict[str, float]] = [{} for _ in values]
    for each, share in zip(values, shares, strict=True):
        found, counts = np.unique(["missing" if x is None else str(x) for x in each], return_counts=True)
        share |= dict(zip(found.tolist(), (counts / len(each)).tolist(), strict=True))
    every = sorted({name for share in shares for name in share})
    every.sort(key=lambda name: -abs(shares[1].get(name, 0.0) - shares[0].get(name, 0.0)))
    shown = every[:_BARS]
    for k, (share, label) in enumerate(zip(shares, labels, strict=True)):
        axes.bar(np.arange(len(shown)) + 0.4 * (k - 0.5), [share.get(x, 0.0) for x in shown], 0.4, label=label)
    axes.set_xticks(np.arange(len(shown)), [_label(name[:20]) for name in shown])
    axes.set_ylabel("share")


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


def save_monitor(path: str, monitor: RefreshMonitor, loss: str) -> None:
    """Plot energy, entropy and divergence, both temperatures and p-values of the batches, alarms and the change."""
    readings, event = monitor.readings, monitor.event
    number = np.arange(monitor.batches - len(readings) + 1, monitor.batches + 1)
    series = {name: np.array([getattr(each, name) for each in readings], dtype=float) for name in _SERIES}
    panels = [
        (f"E ({_label(loss)})", {"energy": "energy"}),
        ("nat", {"entropy": "entropy", "divergence": "divergence from the reference"}),
        (f"T ({_label(loss)}/nat)", {"temperature": "trained on the batch", "neighbour": "between neighbours"}),
        ("p", {"p_value": "batch", "pooled": "pool"}),
    ]
    panels = [(unit, names) for unit, names in panels if np.isfinite([series[name] for name in names]).any()]
    with _figure(path) as figure:
        figure.set_size_inches(7.0, 1.0 + 1.9 * max(len(panels), 1))
        for axes, (unit, names) in zip(
            np.ravel(figure.subplots(max(len(panels), 1), 1, sharex=True)), panels, strict=False
        ):
            for k, (name, label) in enumerate(names.items()):
                axes.plot(number, series[name], marker=".", color=f"C{k}", label=label, linewidth=1.0)
            for at in number[[reading.alarm for reading in readings]] if len(readings) else ():
                axes.axvline(at, color="C3", linewidth=0.8, alpha=0.5)
            if event is not None:
                axes.axvspan(event.earliest - 0.5, event.latest + 0.5, color="C3", alpha=0.15)
            if unit == "p":
                axes.axhline(monitor.level, color="0.5", linestyle="--", label="level of an alarm")
                axes.set_yscale("log")
            axes.set_ylabel(unit)
            axes.legend(fontsize=8, loc="upper left")
        figure.axes[-1].set_xlabel("batch")
        change = (
            "no change"
            if event is None
            else f"change since batch {event.began} (95 %: {event.earliest} to {event.latest})"
        )
        figure.suptitle(f"{monitor.batches} batches: {change}")


_SERIES = ("energy", "entropy", "divergence", "temperature", "neighbour", "p_value", "pooled")
