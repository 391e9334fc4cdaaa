"""The page: sections in a template, written atomically."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pyrometer._installation import config
from pyrometer._version import __version__
from pyrometer.base import RandomSource, atomic_write, described, listed, validate
from pyrometer.laws import LINEAR_CALLS, Law, not_a_law
from pyrometer.linear import LinearRegression, LogisticRegression, SoftmaxRegression, System
from pyrometer.report import _sections as sections
from pyrometer.results import HeatEngine, ModelLayers, Temperature, verdict_sentences
from pyrometer.states import Shift
from pyrometer.thermodynamics import minimum_energy, temperature

__all__ = ["html"]


def html(
    path: str | os.PathLike[str],
    system: System | None = None,
    law: Law | None = None,
    *,
    layers: HeatEngine | ModelLayers | None = None,
    shift: Shift | None = None,
    title: str = "pyrometer",
    facts: Mapping[str, Any] | None = None,
    command: str = "",
    rng: RandomSource = 0,
) -> None:
    """Write a report as one HTML file, with pictures as SVG; it requests nothing from a network.

    Parameters
    ----------
    path : str or path
        The file; an existing one is replaced when the report is complete.
    system : LinearRegression, LogisticRegression or SoftmaxRegression, optional
        A single system: the report has its temperature under `law`, across scales and beside the limits, and its
        minimum with the certificate.
    law : Normal, Uniform, TruncatedNormal, Mixed, Constant or Independent
        A single law of the parameters of `system`; given if and only if `system` is.
    layers : HeatEngine or ModelLayers, optional
        Of `heat_engine` or `models.measure`, of one law.
    shift : Shift, optional
        Of `pyrometer.shift`.
    title : str
        Heading of the page.
    facts : mapping of str to object, optional
        Lines of the section on the data, such as their source and units.
    command : str
        How to make the report again: a command line, or lines of Python.
    rng : int, SeedSequence, Generator or None
        Source of randomness of energies that have no formula.

    Raises
    ------
    TypeError, ValueError
        If nothing is given to report on, `law` is missing or superfluous, or an argument is something else, a stack or
        a batch.
    ImportError
        If matplotlib or Jinja2 is missing: ``pip install 'pyrometer[report]'``.
    OSError
        If the file cannot be written.

    Notes
    -----
    Not in the paper. Takes about a second, for the pictures.

    Examples
    --------
    >>> import matplotlib, pathlib, tempfile
    >>> matplotlib.use("agg")
    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> system = pm.LinearRegression(data.X, data.y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "report.html")
    ...     pm.report.html(path, system, pm.Normal(10.0), title="Diabetes")
    ...     "<h1>Diabetes</h1>" in path.read_text("utf-8")
    True
    """
    path = validate.as_path(path)
    _check(system, law, layers, shift)
    _imported("matplotlib", "matplotlib")
    jinja2 = _imported("jinja2", "Jinja2")
    sentences: list[str] = []
    parts = list(_parts(system, law, layers, shift, facts or {}, sentences, rng))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string((Path(__file__).parent / "page.html.j2").read_text("utf-8"))
    page = template.render(
        title=str(title),
        sentences=sentences,
        sections=parts,
        command=command,
        installation={name: ", ".join(v) if isinstance(v, list) else v for name, v in config().items()},
        version=__version__,
    )
    with atomic_write(path) as file:
        file.write(page.encode("utf-8", "backslashreplace"))  # names of files that are not UTF-8


def _check(system: Any, law: Any, layers: Any, shift: Any) -> None:
    if system is None and layers is None and shift is None:
        raise ValueError("a report must have a system with its law, layers or a shift, got none; pass one of them.")
    if system is not None and not isinstance(system, (LinearRegression, LogisticRegression, SoftmaxRegression)):
        raise TypeError(
            f"system must be a LinearRegression, LogisticRegression or SoftmaxRegression, got {described(system)}; the "
            "layers of a network are layers=pm.heat_engine(network, law)."
        )
    if (system is None) != (law is None):
        raise ValueError(f"system and law must be given together, got {'law' if system is None else 'system'} alone.")
    if law is not None and not isinstance(law, Law):
        raise TypeError(not_a_law(law, LINEAR_CALLS))
    if system is not None and system.shape != ():
        raise ValueError(f"system must be a single one, got a stack of shape {system.shape}.")
    if law is not None and law.batch_shape != ():
        raise ValueError(f"law must be a single one, got a batch of shape {law.batch_shape}.")
    for name, value, kinds in (("layers", layers, (HeatEngine, ModelLayers)), ("shift", shift, (Shift,))):
        if value is not None and not isinstance(value, kinds):
            raise TypeError(f"{name} must be a {listed([k.__name__ for k in kinds], str)}, got {described(value)}.")


def _imported(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"pyrometer.report needs {package}: pip install 'pyrometer[report]'.", name=module) from error


def _parts(
    system: Any,
    law: Any,
    layers: Any,
    shift: Any,
    facts: Mapping[str, Any],
    sentences: list[str],
    rng: RandomSource,
) -> Iterator[sections.Section]:
    """Yield the sections; what their verdicts mean is appended to `sentences`."""
    if facts:
        yield sections.of_data(facts)
    if system is not None:
        result: Temperature = temperature(system, law, rng=rng)
        sentences.append(f"Temperature {result.value:.6g} loss/nat at the law {law}.")
        sentences += verdict_sentences(result)
        yield sections.of_temperature(result, system, law, rng)
        if sections.has_scale(law):
            yield sections.of_scales(system, law, rng)
        limits = sections.of_limits(result, system, law)
        if limits is not None:
            yield limits
        yield sections.of_minimum(minimum_energy(system))
    if layers is not None:
        sentences.append(f"Layers: regime {layers.regime}, work efficiency {layers.work_efficiency:.3g}.")
        yield sections.of_layers(layers)
    if shift is not None:
        sentences.append(f"Shift: {shift.verdict}, p = {shift.p_value:.3g} at the level {shift.level:g}.")
        yield sections.of_shift(shift)
