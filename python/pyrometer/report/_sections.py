"""The sections of a report: what is shown of each result, with its picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pyrometer import plot
from pyrometer.base import RandomSource
from pyrometer.laws import Law
from pyrometer.results import HeatEngine, Minimum, ModelLayers, Table, Temperature
from pyrometer.states import Shift
from pyrometer.thermodynamics import System, temperature

__all__ = [
    "Section",
    "has_scale",
    "of_data",
    "of_layers",
    "of_limits",
    "of_minimum",
    "of_scales",
    "of_shift",
    "of_temperature",
]

_FACTORS = (0.01, 0.1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Section:
    """A part of the page: results as HTML, and a picture as SVG with its text alternative."""

    title: str
    name: str
    introduction: str
    results: tuple[str, ...] = ()
    picture: str = ""
    caption: str = ""


def drawn(draw: Callable[[], Any]) -> str:
    """Return a picture as SVG: text is text, and the same result gives the same bytes."""
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "pyrometer"}):
        axes = draw()
        figure = (axes if hasattr(axes, "figure") else axes[0]).figure
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def of_data(facts: Mapping[str, Any]) -> Section:
    """Return the section on the data."""
    rows = [{"what": name, "value": str(value)} for name, value in facts.items()]
    return Section("Data", "data", "", (Table.from_rows("", rows)._repr_html_(),))


def has_scale(law: Law) -> bool:
    """Return whether the law has scales that can be multiplied, and so temperatures across them."""
    try:
        plot.scaled(law, np.ones(1))
    except TypeError:
        return False
    return True


def of_temperature(result: Temperature, system: System, law: Law, rng: RandomSource) -> Section:
    """Return the temperature, with its picture across scales where the law has one."""
    words = "The loss that training removes, divided by the entropy of the initial parameters (2.7)."
    section = Section("Temperature", "temperature", words, (result._repr_html_(),))
    if not has_scale(law):
        return section
    caption = "Temperature against the scale of the law, with its pole, its limits and the marginal temperature."
    return replace(section, picture=drawn(lambda: plot.temperature(system, law, rng=rng)), caption=caption)


def of_scales(system: System, law: Law, rng: RandomSource) -> Section:
    """Return temperatures at multiples of the law's scale."""
    laws, name, unit = plot.scaled(law, np.array(_FACTORS))
    temperatures = temperature(system, laws, rng=rng)
    columns = {name: unit * np.array(_FACTORS)}
    columns |= {field: np.asarray(getattr(temperatures, field)) for field in ("value", "energy", "entropy", "verdict")}
    units = {"value": "loss/nat", "energy": "loss", "entropy": "nat"}
    return Section("Scales", "scales", "", (Table("Other scales of the law", columns, units)._repr_html_(),))


def of_limits(exact: Temperature, system: System, law: Law) -> Section | None:
    """Return the paper's limits for large scales beside the temperature; None where the system has none."""
    rows = []
    for method in ("refined", "asymptotic"):
        try:
            limit = temperature(system, law, method=method)
        except ValueError:
            return None
        ratio = float(limit.value) / float(exact.value) if exact.value else np.nan
        rows.append({"method": method, "value": float(limit.value), "ratio to exact": ratio})
    table = Table.from_rows("Limits", rows, units={"value": "loss/nat"})
    words = (
        '"asymptotic" is the limit of the paper, which converges like the reciprocal of the logarithm of the scale; '
        '"refined" keeps the whole entropy.'
    )
    return Section("Limits for large scales", "limits", words, (table._repr_html_(),))


def of_minimum(minimum: Minimum) -> Section:
    """Return the minimum with its certificate."""
    words = "The smallest loss of the model, with a bound of its distance from the true minimum."
    return Section("Minimum", "minimum", words, (minimum._repr_html_(),))


def of_layers(engine: HeatEngine | ModelLayers) -> Section:
    """Return the layers of a network or a model."""
    return Section(
        "Layers",
        "layers",
        "Every layer before training: its energy, the mean squared norm of its pre-activations, and its temperature.",
        (engine._repr_html_(),),
        drawn(lambda: plot.layers(engine)),
        "Energy per unit, temperature and growth of every layer.",
    )


def of_shift(result: Shift) -> Section:
    """Return a shift and the columns that have moved."""
    return Section(
        "Shift",
        "shift",
        "Whether the data before and after are of one distribution, and which columns have moved.",
        (result._repr_html_(),),
        drawn(lambda: plot.shift(result)),
        "Divergence of each column, with standard errors.",
    )
