"""The result of a measurement, from its lines and the laws of the model's parameters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, listed
from pyrometer.models._built import Built, parameter_rows, with_named
from pyrometer.models._call_sites import CallSite, Measured
from pyrometer.models._labels import Kind, Runs
from pyrometer.models._parameters import Counter, text
from pyrometer.models._request import Request
from pyrometer.networks import efficiency, engine_type, regime
from pyrometer.results import ModelLayers
from pyrometer.thermodynamics import verdict, without_temperature

__all__ = ["assembled", "without_parameters"]


# Operations that multiply by weights; the others rescale or shift what these have made.
_WEIGHTED = {"dense", "convolution", "transposed convolution", "embedding", "recurrent", "other"}


def without_parameters(title: str) -> ValueError:
    """Return the error for a model of this name that has nothing to measure."""
    return ValueError(f"model must use a parameter in its forward pass, but {title} uses none.")


def assembled(
    title: str, lines: Sequence[Measured], built: Built, request: Request, *, rows: int, draws: int
) -> ModelLayers:
    """Return the result; lines are in the order of a forward pass, and their parameters are named as in `built`.

    Raises
    ------
    ValueError
        If there are no lines, or an energy is beyond the range of a double.
    """
    if not lines:
        raise without_parameters(title)
    if beyond := [line.site.name for line in lines if not np.isfinite(line.energy)]:
        raise ValueError(
            f"energies must be below 1.8e308, got an overflow in layers [{listed(beyond)}]; use laws or inputs of "
            "smaller scale."
        )
    runs = with_named(built)
    parameters = parameter_rows(built, runs)
    cell = float(np.log(request.resolution))
    each = [_counted(line.site, built, runs) for line in lines]
    sites = [line.site for line in lines]
    counts = np.array([count for count, _, _ in each], dtype=np.int64)
    entropy = np.array([nats for _, nats, _ in each], dtype=float) - counts * cell
    energy = np.array([line.energy for line in lines], dtype=float)
    units = np.array([site.units for site in sites], dtype=float)
    undefined = without_temperature(entropy, np.abs(entropy), counts)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        per_unit, log_energy = energy / units, np.log(energy)
        gain = per_unit / per_unit[:1] if per_unit[0] > 0.0 else np.full(len(lines), np.nan)
        temperature = energy / np.where(undefined, np.nan, entropy)
    weighted = np.array([site.kind in _WEIGHTED for site in sites], dtype=bool)
    work_efficiency, engine, of_layers = _together(*(each[weighted] for each in (energy, log_energy, units, counts)))
    used = {name for site in sites for name in site.parameters}
    total = sum(row["parameters"] for row in parameters)
    return ModelLayers(
        model=title,
        name=np.array([site.name for site in sites], dtype=np.str_),
        kind=np.array([site.kind for site in sites], dtype=np.str_),
        calls=np.array([site.calls for site in sites], dtype=np.int64),
        units=units,
        energy=energy,
        energy_per_unit=per_unit,
        gain=gain,
        standard_error=np.array([line.standard_error for line in lines], dtype=float),
        method=np.array([line.method for line in lines], dtype=np.str_),
        neglected=np.array([line.neglected for line in lines], dtype=float),
        parameters=counts,
        entropy=entropy,
        laws=np.array([law for _, _, law in each], dtype=np.str_),
        temperature=temperature,
        verdict=verdict(entropy, undefined, counts),
        total_parameters=total,
        total_entropy=float(np.nansum([row["entropy"] for row in parameters])) - total * cell,
        work_efficiency=work_efficiency,
        engine=engine,
        regime=of_layers,
        unused=tuple(name for name in built.runs if name not in used),
        entropy_unknown=tuple(row["name"] for row in parameters if np.isnan(row["entropy"])),
        mode=request.mode,
        seed=request.seed,
        draws=draws,
        rows=rows,
    )


def _counted(site: CallSite, built: Built, runs: dict[str, Runs]) -> tuple[int, float, str]:
    """Return N, S and the laws of the parameters of a call site, each random number counted once."""
    memory = built.memory
    labels, counter = [memory.law(label) for label in memory.labels], Counter(memory.sizes)
    parts = []
    for name in site.parameters:
        own = runs[built.shared.get(name, name)]
        ranges = _ranges([span for each, *span in site.parts if each == name]) or [[0, own.size]]
        parts.append([part for span in ranges for part in counter.laws(name, own.part(*span), labels)[0]])
    flat = [part for each in parts for part in each]
    count = sum(part.new for part in flat if part.label.kind is not Kind.CONSTANT)
    return count, float(sum(part.entropy for part in flat)), ", ".join(text(each) for each in parts)


def _ranges(spans: list[list[int]]) -> list[list[int]]:
    """Return ranges of elements in order, those that touch as one."""
    ranges: list[list[int]] = []
    for first, last in sorted(spans):
        if ranges and first <= ranges[-1][1]:
            ranges[-1][1] = max(ranges[-1][1], last)
        else:
            ranges.append([first, last])
    return ranges


def _together(energy: Array, log_energy: Array, units: Any, counts: npt.NDArray[np.int64]) -> tuple[float, int, str]:
    """Return work efficiency, type of the engine and regime of the layers with weights, and with units."""
    some = units > 0
    energy, log_energy, units, counts = energy[some], log_energy[some], units[some], counts[some]
    if not len(energy):
        return float("nan"), 1, "no layers"
    kind = engine_type(energy, log_energy, units, np.maximum(counts, 1))
    return float(efficiency(energy, log_energy)), int(kind), str(regime(energy, log_energy, units))
