"""Models that are a chain of dense layers with one activation between each two: energies by the exact engine."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import torch

from pyrometer.errors import SimulationWarning
from pyrometer.laws import NORMAL, UNIFORM, Constant, Normal, TruncatedNormal, Uniform
from pyrometer.models._labels import Kind
from pyrometer.models._memory import Memory
from pyrometer.models._pytorch._consumers import Operands
from pyrometer.models._pytorch._operations import Given, signature, tensors_in
from pyrometer.models._pytorch._pass import Drawn, Pass, all_tensors
from pyrometer.networks import ACTIVATIONS, ORTHOGONAL, Layers, Network, Orthogonal, heat_engine

__all__ = ["exact_energies"]


def _with(name: str, **options: Any) -> Callable[[Given], str | None]:
    """Return a function that gives the activation `name` to an operation with these options, and None to others."""

    def named(given: Given) -> str | None:
        return name if all(given.get(key) == value for key, value in options.items()) else None

    return named


def _elu(given: Given) -> str | None:
    alpha, scale, inner = (round(float(given[key]), 6) for key in ("alpha", "scale", "input_scale"))
    return {(1.0, 1.0, 1.0): "elu", (1.673263, 1.050701, 1.0): "selu"}.get((alpha, scale, inner))


_SAME = ("relu", "tanh", "sigmoid", "silu", "mish", "hardswish", "erf")
_ACTIVATIONS: dict[str, Callable[[Given], str | None]] = {
    **{name: _with(name) for name in _SAME},
    "gelu": _with("gelu", approximate="none"),
    "softplus": _with("softplus", beta=1, threshold=20),
    "elu": _elu,
    "leaky_relu": _with("leaky_relu", negative_slope=ACTIVATIONS["leaky_relu"].slopes[0]),
    "hardtanh": _with("hardtanh", min_val=-1, max_val=1),
}
"""Activations of `Network`, by the operation without a trailing underscore."""


class _Broken(BaseException):
    """Ends a forward pass that is not a chain; programs may handle exceptions."""


class _Chain(Pass):
    """Follows a forward pass as long as it is a chain."""

    def __init__(self, drawn: Drawn, inputs: Any, rows: int) -> None:
        super().__init__(drawn, inputs, rows)
        given = list(all_tensors(inputs))
        self.holds = len(given) == 1
        self._storage = given[0].untyped_storage()._cdata if self.holds else None
        self._of_dense = False
        self.products: list[Operands] = []
        self.activations: list[str] = []

    def observe(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        """Extend the chain, or end it at its outputs; it does not hold if a layer follows on anything else."""
        self._extend(func, given, out, site, operands)
        if not self.holds:
            raise _Broken

    def _extend(self, func: Any, given: Given, out: Any, site: int | None, operands: Operands | None) -> None:
        if site is not None:
            self.holds = self.holds and self._extends(operands, site)
            self._storage, self._of_dense = next(tensors_in(out)).untyped_storage()._cdata, True
            return
        if not isinstance(out, torch.Tensor) and next(tensors_in(out), None) is None:
            # The program goes on with a number of this draw.
            given_to = [tensor for value in given.values() for tensor in tensors_in(value)]
            self.holds = self.holds and not any(self.origins[tensor].activation for tensor in given_to)
        if not isinstance(out, torch.Tensor) or not self.origins[out].activation:
            return
        name = signature(func).name.rstrip("_")
        source = given.get("self", given.get("input"))
        activation = _ACTIVATIONS[name](given) if name in _ACTIVATIONS and self._of_dense else None
        if activation is not None and isinstance(source, torch.Tensor) and self._is_current(source):
            self.activations.append(activation)
            self._storage, self._of_dense = out.untyped_storage()._cdata, False
        elif signature(func).mutable or not self._is_current(out):
            self._storage, self._of_dense = None, False

    def _is_current(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a view of all that the last step of the chain has returned."""
        storage = tensor.untyped_storage()
        return bool(storage._cdata == self._storage and tensor.numel() * tensor.element_size() == storage.nbytes())

    def _extends(self, operands: Operands | None, site: int) -> bool:
        """Whether an operation is the next layer of the chain; add it if it is."""
        if operands is None or operands.weight.ndim != 2 or operands.input.ndim != 2:
            return False
        plain = self.sites[site].kind == "dense" and operands.factor == operands.bias_factor == 1.0
        shape = operands.input.shape[0], operands.weight.shape[1]
        if self.products:
            before = self.products[-1]
            width = before.input.shape[0], before.weight.shape[1]
            plain = plain and tuple(operands.input.shape) == width and operands.input.is_contiguous()
            self.activations += ["identity"] if self._of_dense else []
        if not plain or not self._is_current(operands.input) or min(shape) < 1:
            return False
        self.products.append(operands)
        return True


def exact_energies(drawn: Drawn, inputs: Any, rows: int, call: Callable[[Any], Any]) -> list[float] | None:
    """Return the energies of a chain that `Network` computes exactly; None for any other model."""
    chain = _Chain(drawn, inputs, rows)
    try:
        chain.run(call)
    except _Broken:
        return None
    products = chain.products
    if not chain.holds or not products or len(chain.activations) < len(products) - 1:
        return None
    law = _law(products, drawn.memory)
    if law is None:
        return None
    X = products[0].input.detach().double().cpu().numpy()
    widths = [product.weight.shape[1] for product in products]
    activations = chain.activations[: len(widths) - 1]
    network = Network(X, hidden=widths[:-1], outputs=widths[-1], activation=activations or "relu", bias=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", SimulationWarning)
            layers = heat_engine(network, law, method="exact").layers
    except (ValueError, SimulationWarning):
        return None
    if layers.standard_error.any():
        return None
    return [float(energy) * len(X) / site.rows for energy, site in zip(layers.energy, chain.sites, strict=True)]


def _law(products: list[Operands], memory: Memory) -> Layers[tuple[()]] | None:
    """Return the laws of weights and biases that are whole draws of mean zero, each used once; None for others."""
    weights = [_of(product.weight, memory) for product in products]
    biases = [(-1, Constant(0.0)) if each.bias is None else _of(each.bias, memory) for each in products]
    labels = [each for each in (*weights, *biases) if each is not None]
    draws = [draw for draw, _ in labels if draw >= 0]
    if len(labels) < 2 * len(products) or len(set(draws)) < len(draws):
        return None
    if any(isinstance(each[1], Constant) and float(each[1].value) != 0.0 for each in weights if each is not None):
        return None
    return Layers([each[1] for each in weights if each], biases=[each[1] for each in biases if each])


def _of(tensor: torch.Tensor, memory: Memory) -> tuple[int, Any] | None:
    """Return the draw and the law of a tensor whose numbers are all those of one draw, or one constant."""
    uniform = memory.uniform(tensor)
    if uniform is None:
        return None
    label, first, last = memory.law(uniform[0]), *uniform[1:]
    if label.kind is Kind.CONSTANT and not math.isnan(label.centre):
        return -1, Constant(label.centre)
    family = label.family
    if label.kind is not Kind.RANDOM or family is None or label.centre != 0.0 or 0 in tensor.stride():
        return None
    if (first, last) != (0, memory.sizes[label.draw]) or tensor.numel() != last:
        return None
    if family.name == "truncated normal" and family.bound is not None:
        return label.draw, TruncatedNormal(label.scale, bound=family.bound)
    if family is ORTHOGONAL and memory.dimensions.get(label.draw) != max(tensor.shape):
        return None
    made = _LAWS.get(family)
    return None if made is None else (label.draw, made(label.scale))


_LAWS = {NORMAL: Normal, UNIFORM: Uniform, ORTHOGONAL: Orthogonal}
