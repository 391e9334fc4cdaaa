"""The laws of all parameters of a model, as a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyrometer.base import described, library_of, listed, validate
from pyrometer.models._labels import Kind, Label, Runs
from pyrometer.models._parameters import Counter, Drawn, text
from pyrometer.results import Table

if TYPE_CHECKING:
    from pyrometer.models._torch_build import Built

__all__ = ["laws"]


def laws(
    model: Any,
    *,
    laws: Mapping[str, Any] | None = None,
    init: Callable[[Any], Any] | None = None,
    seed: int = 0,
) -> Table:
    r"""Laws of the initial parameters of a PyTorch model, traced while it is built; not in the paper.

    Every element of every parameter has the law by which the program draws it: ``uniform_``, ``normal_``, arithmetic
    with numbers, copies, slices, truncation by rejection, orthogonal matrices. Nothing is estimated from values, except
    where the table says "guessed".

    Parameters
    ----------
    model : callable or torch.nn.Module
        A function without arguments that builds the model, ``lambda: MyModel()``, best; on the meta device it needs no
        memory. Or an instance whose layers have their default laws: it is drawn again layer by layer, by
        ``reset_parameters``, and refused if a parameter is left out or its values do not fit.
    laws : mapping of str to law, optional
        Laws by patterns of names, ``{"*.weight": pm.Normal(0.02)}``, which replace those that are traced; the first
        pattern that matches.
    init : callable, optional
        Called with the model after it is built, under trace.
    seed : int
        Seed of PyTorch's, NumPy's and Python's generators during the build, whose states are restored.

    Returns
    -------
    Table
        A row for each parameter: "name", "shape", "law" (with the number of elements of each, if there are several),
        "scale" as in the law (nan for several), "parameters" and "entropy" in nats of the random elements that no
        earlier row has, and "shared_with", the earlier parameter of which it is the same tensor or a copy. Constants
        are not counted. The entropy is nan where a law is unknown or has no density (orthogonal). The metadata has the
        totals "parameters" and "entropy", and "entropy_unknown", the names without an entropy, which the total leaves
        out.

    Raises
    ------
    TypeError
        If `model` is neither a function that returns a module nor a module.
    ValueError
        If an instance cannot be drawn again or has other values than its layers' laws; if parameters are not
        initialised; if a pattern matches no parameter.

    Notes
    -----
    About twice the time of building the model, and for a model with numbers from outside of PyTorch a second build:
    numbers that differ between builds are guessed from 4,096 values on, if a normal or a uniform law alone fits them.
    ``torch.nn.init.trunc_normal_`` and ``orthogonal_`` do nothing on the meta device; their parameters are refused
    there. The entropy sums over independent elements, as in (3.2).

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> table = pm.models.laws(lambda: torch.nn.Linear(64, 256))
    >>> str(table["law"][0]), int(table["parameters"].sum()), round(float(table["entropy"].sum()), 6)
    ('Uniform(0.25)', 16640, -23067.938169)
    """
    built = _build(model, laws, init, seed := validate.count("seed", seed, minimum=0))
    runs, labels = _with_named(built)
    counter, rows = Counter(built.memory.sizes), []
    for name, shape in built.shapes.items():
        same = built.shared.get(name, "")
        parts, copied = counter.laws(name, runs[same or name], labels)
        if same:
            parts = [Drawn(part.label, part.size, 0) for part in parts]
        rows.append(_row(name, shape, parts, same or copied))
    unknown = [row["name"] for row in rows if np.isnan(row["entropy"])]
    return Table.from_rows(
        f"Laws of the parameters of {type(built.module).__name__}",
        rows,
        units={"entropy": "nat"},
        metadata={
            "parameters": sum(row["parameters"] for row in rows),
            "entropy": float(np.nansum([row["entropy"] for row in rows])),
            "entropy_unknown": unknown,
            "seed": seed,
        },
    )


def _build(model: Any, laws: Any, init: Callable[[Any], Any] | None, seed: int) -> Built:
    """Build a model under trace, by the framework that it is of."""
    library = library_of(model)
    if not callable(model) or isinstance(model, type) or library not in (None, "PyTorch"):
        raise TypeError(
            f"model must be a torch.nn.Module or a function that builds one, got {described(model)}; pass "
            "lambda: MyModel()."
        )
    if init is not None and not callable(init):
        raise TypeError(f"init must be a function of the model, got {described(init)}.")
    try:
        from pyrometer.models._torch_build import build
    except ImportError as error:
        raise ImportError("models.laws needs PyTorch: pip install torch.", name="torch") from error
    return build(model, laws, init, seed)


def _with_named(built: Built) -> tuple[dict[str, Runs], list[Label]]:
    """Return runs and labels with the laws that the user names, and bounds of truncated draws."""
    memory, runs = built.memory, dict(built.runs)
    for name, law in built.named.items():
        ((family, scale),) = law.segments
        own, size = built.shared.get(name, name), math.prod(built.shapes[name])
        if family.random:
            label = Label(Kind.RANDOM, memory.draw(size), family, float(scale.reshape(())))
        else:
            label = Label(Kind.CONSTANT, centre=float(scale.reshape(())))
        runs[own] = Runs.whole(size, memory.number(label))
    undrawn = memory.number(Label(Kind.UNDRAWN))
    left = [name for name, of in runs.items() if undrawn in of.labels]
    if left:
        raise ValueError(
            f"parameters [{listed(left)}] are not drawn. trunc_normal_ and orthogonal_ do nothing on the meta device: "
            f'build on the CPU, or name their laws, laws={{"{left[0]}": pm.Normal(0.02)}}.'
        )
    return runs, [memory.law(label) for label in memory.labels]


def _row(name: str, shape: tuple[int, ...], parts: list[Drawn], shared: str) -> dict[str, Any]:
    random = [part for part in parts if part.label.kind is not Kind.CONSTANT]
    scales = {part.label.scale for part in parts if part.label.kind is Kind.RANDOM}
    return {
        "name": name,
        "shape": "x".join(map(str, shape)) or "()",
        "law": text(parts),
        "scale": scales.pop() if len(scales) == 1 else np.nan,
        "parameters": sum(part.new for part in random),
        "entropy": float(sum(part.entropy for part in parts)),
        "shared_with": shared,
    }
