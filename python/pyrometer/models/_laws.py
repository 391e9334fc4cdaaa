"""The laws of all parameters of a model, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pyrometer.base import validate
from pyrometer.models._built import parameter_rows
from pyrometer.models._frameworks import checked_init, framework_of
from pyrometer.results import Table

__all__ = ["laws", "table_of"]


def laws(
    model: Any,
    *,
    laws: Mapping[str, Any] | None = None,
    init: Callable[[Any], Any] | None = None,
    seed: int = 0,
) -> Table:
    r"""Laws of the initial parameters of a model of PyTorch, Keras, scikit-learn or ONNX; not in the paper.

    Every element of every parameter of a PyTorch model has the law by which the program that builds it draws it:
    ``uniform_``, ``normal_``, arithmetic with numbers, copies, slices, truncation by rejection, orthogonal matrices.
    Nothing is estimated from values, except where the table says "guessed".

    Parameters
    ----------
    model : callable, torch.nn.Module, keras.Model, MLPClassifier, MLPRegressor, str, path or onnx.ModelProto
        A class or function that builds the model without arguments, ``lambda: MyModel(width=64)``, best; on the meta
        device it needs no memory. Or an instance whose layers have their default laws: it is drawn again layer by
        layer, by ``reset_parameters``, and refused if a parameter is left out or its values do not fit. A Keras model
        that is built, or a function that builds one, on any backend; a fitted network of scikit-learn; an ONNX file or
        model.
    laws : mapping of str to law, optional
        Laws by patterns of names, ``{"*.weight": pm.Normal(0.02)}``, which replace those that are traced; the first
        pattern that matches. ONNX needs them, since its files have values alone.
    init : callable, optional
        Called with the model after it is built, under trace; for PyTorch.
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
    About three times the time of building the model, which is built twice: numbers from outside of PyTorch that differ
    are guessed from 4,096 values on, if a normal or a uniform law alone fits them, and laws whose scale or constant is
    such a number, ``fill_(random.gauss(0, 1))`` or ``normal_(std=scale.item())``, are unknown.
    ``torch.nn.init.trunc_normal_`` and ``orthogonal_`` do nothing on the meta device; their parameters are refused
    there. The entropy sums over independent elements, as in (3.2).

    Keras: laws are read from the initializers of layers. An initializer object that several layers share, or
    initializers of one integer seed, make the same numbers at each call, which count once. Custom initializers are
    unknown, or guessed from 4,096 values on. Names are paths with points, ``"dense.kernel"``.

    scikit-learn: weights and biases of a layer are uniform in :math:`\pm\sqrt{6/(n_{l-1} + n_l)}`, with 2 for 6 for the
    logistic activation; names are ``"coefs_[0]"``, ``"intercepts_[0]"``.

    ONNX: parameters are the tensors of several real numbers in the file, but for statistics of batch normalisation,
    scales of ``Resize`` and first states of 0 of recurrent layers. Single numbers are parameters where an operation has
    one: weights and biases of products, convolutions, recurrent layers and norms other than ``InstanceNormalization``,
    slopes of ``PRelu``, and the first tensor with an axis that is added to a product. Other numbers and first states
    are parameters only if their name, or a pattern that does not end in a wildcard, is in `laws`: ``"gain"`` or
    ``"*.gain"``, not ``"*"``. Parameters that no pattern names are constants where all values are equal, such as biases
    of 0, a single number if it is 0, 0.25 or 1; else their law is unknown. What the exporter joined is one in the file:
    that of PyTorch leaves out biases of 0, multiplies weights by constants, and keeps one tensor for all of equal
    values, such as the scales of 1 of all norms of one width, which then have one draw. ``torch.onnx.export(model,
    inputs, optimize=False)`` keeps the parameters of the model. Tables of constants, such as those of positions, are
    parameters for the pattern ``"*"``. Weights that are stored as integers are refused.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> table = pm.models.laws(lambda: torch.nn.Linear(64, 256))
    >>> str(table["law"][0]), int(table["parameters"].sum()), round(float(table["entropy"].sum()), 6)
    ('Uniform(0.25)', 16640, -23067.938169)
    """
    seed = validate.count("seed", seed, minimum=0)
    built = framework_of(model).build(model, laws, checked_init(init), seed)
    return table_of(type(built.module).__name__, parameter_rows(built), seed)


def table_of(model: str, rows: list[dict[str, Any]], seed: int) -> Table:
    """Return the table of the rows of parameters, with totals."""
    return Table.from_rows(
        f"Laws of the parameters of {model}",
        rows,
        units={"entropy": "nat"} if rows else {},
        metadata={
            "parameters": sum(row["parameters"] for row in rows),
            "entropy": float(np.nansum([row["entropy"] for row in rows])),
            "entropy_unknown": [row["name"] for row in rows if np.isnan(row["entropy"])],
            "seed": seed,
        },
    )
