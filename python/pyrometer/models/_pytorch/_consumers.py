"""Operations of PyTorch that multiply inputs by weights: one record each, with the expectation over the weights.

For weights of mean zero that are independent of the input and uncorrelated within each sum, the expected sum of the
squared outputs is sum sigma^2 x^2 + the mean square of the bias (theory: not in the paper).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import torch

from pyrometer.models._pytorch._operations import Given, signature

__all__ = ["CONSUMERS", "Consumer", "Operands", "apart"]

_IsWeight: TypeAlias = Callable[[Any], bool]
_Variance: TypeAlias = "float | torch.Tensor"


@dataclass(frozen=True)
class Operands:
    """Input, weight and bias of a product, as views such that the weight is on the right, and factors of both terms.

    The input of an embedding is its indices.
    """

    input: torch.Tensor
    weight: torch.Tensor
    bias: torch.Tensor | None = None
    factor: float = 1.0
    bias_factor: float = 1.0


@dataclass(frozen=True)
class Consumer:
    """An operation that consumes a weight.

    Attributes
    ----------
    kind : str
        As in `CallSite`.
    operands : callable
        From the arguments, and a function that says whether a tensor is a weight: the operands, None if there is no
        weight to multiply by.
    square : callable
        From operands, arguments and E w^2 (a number, or a tensor of the shape of the weight): the expected sum of the
        squared outputs without bias.
    centred : bool
        Whether `square` holds for weights of mean zero only.
    """

    kind: str
    operands: Callable[[Given, _IsWeight], Operands | None]
    square: Callable[[Operands, Given, _Variance], float]
    centred: bool = True


def _product(left: str, right: str, bias: str = "") -> Callable[[Given, _IsWeight], Operands | None]:
    """Return the operands of a product of matrices, or of stacks of them, with the weight on either side."""

    def operands(given: Given, is_weight: _IsWeight) -> Operands | None:
        a, b = given[left], given[right]
        scales = float(given.get("alpha", 1.0)), float(given.get("beta", 1.0))
        added = given[bias] if bias and scales[1] else None
        if is_weight(b):
            return Operands(a.unsqueeze(0) if a.ndim == 1 else a, b.unsqueeze(1) if b.ndim == 1 else b, added, *scales)
        if is_weight(a):
            a, b = a.unsqueeze(0) if a.ndim == 1 else a, b.unsqueeze(1) if b.ndim == 1 else b
            return Operands(b.transpose(-1, -2), a.transpose(-1, -2), added, *scales)
        return None

    return operands


def _of_product(operands: Operands, given: Given, variance: _Variance) -> float:
    del given
    square = operands.input.double().square().sum(dim=-2)
    if isinstance(variance, torch.Tensor):
        return float((square * variance.sum(dim=-1)).sum())
    return float(square.sum()) * variance * float(operands.weight.shape[-1])


def _convolved(given: Given, is_weight: _IsWeight) -> Operands | None:
    return Operands(given["input"], given["weight"], given["bias"]) if is_weight(given["weight"]) else None


def _of_convolution(operands: Operands, given: Given, variance: _Variance) -> float:
    x, w = operands.input.to(torch.float64, copy=True).square_(), operands.weight
    x = x if x.ndim == w.ndim else x.unsqueeze(0)
    if isinstance(variance, torch.Tensor):
        names = ("stride", "padding", "dilation", "transposed", "output_padding", "groups")
        return float(torch.ops.aten.convolution(x, variance, None, *(given[name] for name in names)).sum())
    square = x.sum(dim=(0, 1))
    for axis, cover in enumerate(_covers(x.shape[2:], w.shape[2:], given)):
        shape = [1] * square.ndim
        shape[axis] = -1
        square = square * cover.to(square).reshape(shape)
    outputs = w.shape[1] if given["transposed"] else w.shape[0] // given["groups"]
    return float(square.sum()) * variance * float(outputs)


def _covers(sizes: Any, kernel: Any, given: Given) -> Iterator[torch.Tensor]:
    """For each axis, how many outputs each place of the input enters."""
    names = ("stride", "padding", "dilation", "output_padding")
    for axis, (size, width) in enumerate(zip(sizes, kernel, strict=True)):
        options = (given[name][axis if len(given[name]) > 1 else 0] for name in names)
        yield _cover(size, width, *options, transposed=given["transposed"])


@lru_cache(maxsize=1024)
def _cover(
    size: int, width: int, stride: int, padding: int, dilation: int, extra: int, *, transposed: bool
) -> torch.Tensor:
    place, tap = torch.arange(size).unsqueeze(1), dilation * torch.arange(width).unsqueeze(0)
    if transposed:
        length = (size - 1) * stride - 2 * padding + dilation * (width - 1) + extra + 1
        output = place * stride + tap - padding
        return ((output >= 0) & (output < length)).sum(dim=1)
    length = (size + 2 * padding - dilation * (width - 1) - 1) // stride + 1
    moved = place + padding - tap
    return ((moved >= 0) & (moved % stride == 0) & (moved < length * stride)).sum(dim=1)


def _embedded(given: Given, is_weight: _IsWeight) -> Operands | None:
    return Operands(given["indices"], given["weight"]) if is_weight(given["weight"]) else None


def _of_embedding(operands: Operands, given: Given, variance: _Variance) -> float:
    del given
    if isinstance(variance, torch.Tensor):
        return float(variance.sum(dim=1)[operands.input.reshape(-1)].sum())
    return float(operands.input.numel() * operands.weight.shape[1]) * variance


CONSUMERS: dict[str, Consumer] = {
    "mm": Consumer("dense", _product("self", "mat2"), _of_product),
    "addmm": Consumer("dense", _product("mat1", "mat2", "self"), _of_product),
    "bmm": Consumer("dense", _product("self", "mat2"), _of_product),
    "baddbmm": Consumer("dense", _product("batch1", "batch2", "self"), _of_product),
    "mv": Consumer("dense", _product("self", "vec"), _of_product),
    "addmv": Consumer("dense", _product("mat", "vec", "self"), _of_product),
    "dot": Consumer("dense", _product("self", "tensor"), _of_product),
    "convolution": Consumer("convolution", _convolved, _of_convolution),
    "embedding": Consumer("embedding", _embedded, _of_embedding, centred=False),
}
"""By the name of the operation; matmul, linear and einsum are made of these."""


def apart(func: Any, given: Given) -> torch.Tensor:
    """Compute the sum of a product and of what an operation adds to it by two operations."""
    names = [name for name in signature(func).arguments if name not in ("alpha", "beta")]
    if "bias" in names:
        bias = given["bias"].reshape(-1, *[1] * (given["weight"].ndim - 2))
        product: torch.Tensor = func(*(None if name == "bias" else given[name] for name in names))
        return product + bias
    product = func(*(given[name] for name in names), alpha=given["alpha"], beta=0)
    return torch.add(product, given["self"], alpha=given["beta"])
