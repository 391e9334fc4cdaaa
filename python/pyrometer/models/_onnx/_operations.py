"""The operations of ONNX that are supported, as functions of PyTorch: one record each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from pyrometer.models._onnx._shapes import SHAPES
from pyrometer.models._onnx._windows import WINDOWS

__all__ = ["OPERATIONS"]

_Attributes: TypeAlias = dict[str, Any]
_Operation: TypeAlias = Callable[..., Any]


def _plain(function: Callable[..., Any]) -> _Operation:
    """Return an operation without attributes."""
    return lambda _, *inputs: function(*inputs)


def _divide(_: _Attributes, a: Any, b: Any) -> Any:
    return torch.div(a, b) if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


def _remainder(attributes: _Attributes, a: Any, b: Any) -> Any:
    """Return the remainder with the sign of the divisor; with `fmod` with that of the dividend, as of C."""
    return torch.fmod(a, b) if attributes.get("fmod", 0) else torch.remainder(a, b)


def _power(_: _Attributes, a: Any, b: Any) -> Any:
    return torch.pow(a, b).to(a.dtype)


def _several(function: Callable[[Any, Any], Any]) -> _Operation:
    """Return an operation of any number of inputs, in order."""

    def operation(_: _Attributes, first: Any, *others: Any) -> Any:
        for other in others:
            first = function(first, other)
        return first

    return operation


def _clip(_: _Attributes, x: Any, low: Any = None, high: Any = None) -> Any:
    return x if low is None and high is None else torch.clamp(x, low, high)


def _gemm(attributes: _Attributes, a: Any, b: Any, c: Any = None) -> Any:
    """Return alpha A B + beta C, A and B transposed if asked."""
    alpha, beta = attributes.get("alpha", 1.0), attributes.get("beta", 1.0)
    a = a.T if attributes.get("transA", 0) else a
    if alpha == beta == 1.0 and attributes.get("transB", 0) and (c is None or c.ndim == 1):
        return functional.linear(a, b, c)
    b = b.T if attributes.get("transB", 0) else b
    if c is None:
        c, beta = a.new_zeros(1), 0.0
    return torch.addmm(c, a, b, alpha=alpha, beta=beta)


def _einsum(attributes: _Attributes, *inputs: Any) -> Any:
    return torch.einsum(attributes["equation"], *inputs)


def _batch_norm(attributes: _Attributes, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    epsilon = attributes.get("epsilon", 1e-5)
    if attributes["training"]:
        return functional.batch_norm(x, None, None, scale, bias, training=True, eps=epsilon)
    return functional.batch_norm(x, mean, variance, scale, bias, eps=epsilon)


def _layer_norm(attributes: _Attributes, x: Any, scale: Any, bias: Any = None) -> Any:
    shape = x.shape[attributes.get("axis", -1) :]
    offset = None if bias is None else bias.expand(shape)
    return functional.layer_norm(x, shape, scale.expand(shape), offset, attributes.get("epsilon", 1e-5))


def _rms_norm(attributes: _Attributes, x: Any, scale: Any) -> Any:
    shape = x.shape[attributes.get("axis", -1) :]
    return functional.rms_norm(x, shape, scale.expand(shape), attributes.get("epsilon", 1e-5))


def _instance_norm(attributes: _Attributes, x: Any, scale: Any, bias: Any) -> Any:
    return functional.instance_norm(x, weight=scale, bias=bias, eps=attributes.get("epsilon", 1e-5))


def _group_norm(attributes: _Attributes, x: Any, scale: Any, bias: Any) -> Any:
    """Return the norm; scales and offsets are of channels, or, before version 21, of groups."""
    groups, channels = attributes["num_groups"], x.shape[1]
    if len(scale) != channels:
        scale, bias = (each.reshape(groups, 1).expand(groups, channels // groups).reshape(-1) for each in (scale, bias))
    return functional.group_norm(x, groups, scale, bias, attributes.get("epsilon", 1e-5))


def _dropout(attributes: _Attributes, x: Any, ratio: Any = None, training: Any = None) -> Any:
    del training
    return functional.dropout(x, 0.5 if ratio is None else float(ratio), training=attributes["training"])


def _over_axis(function: Callable[..., Any]) -> _Operation:
    return lambda attributes, x: function(x, dim=attributes.get("axis", -1))


def _reduced(function: Callable[..., Any], alone: Callable[[Any], Any] = lambda x: x) -> _Operation:
    """Return a reduction over axes, all of them by default; axes are an attribute or an input; and that over none."""

    def operation(attributes: _Attributes, x: Any, axes: Any = None) -> Any:
        reduced_axes = attributes.get("axes", []) if axes is None else axes.tolist()
        if not reduced_axes and attributes.get("noop_with_empty_axes", 0):
            return alone(x)
        return function(x, dim=tuple(reduced_axes) or tuple(range(x.ndim)), keepdim=bool(attributes.get("keepdims", 1)))

    return operation


def _activation(function: Callable[..., Any], **defaults: float) -> _Operation:
    """Return an activation whose attributes are arguments of the function, in the order of the defaults."""

    def operation(attributes: _Attributes, x: Any) -> Any:
        return function(x, *(attributes.get(name, value) for name, value in defaults.items()))

    return operation


def _gelu(attributes: _Attributes, x: Any) -> Any:
    return functional.gelu(x, approximate=attributes.get("approximate", "none"))


def _selu(x: Any, alpha: float, gamma: float) -> Any:
    return gamma * torch.where(x > 0.0, x, alpha * torch.expm1(x))


def _hard_sigmoid(x: Any, alpha: float, beta: float) -> Any:
    return torch.clamp(alpha * x + beta, 0.0, 1.0)


def _parametric(_: _Attributes, x: Any, slope: Any) -> Any:
    return torch.ops.aten._prelu_kernel(x, slope)  # one operation, whose output is the layer's


OPERATIONS: dict[str, _Operation] = {
    "Add": _plain(torch.add),
    "Sub": _plain(torch.sub),
    "Mul": _plain(torch.mul),
    "Div": _divide,
    "Mod": _remainder,
    "Pow": _power,
    "Neg": _plain(torch.neg),
    "Abs": _plain(torch.abs),
    "Sqrt": _plain(torch.sqrt),
    "Reciprocal": _plain(torch.reciprocal),
    "Exp": _plain(torch.exp),
    "Log": _plain(torch.log),
    "Sin": _plain(torch.sin),
    "Cos": _plain(torch.cos),
    "Erf": _plain(torch.erf),
    "Min": _several(torch.minimum),
    "Max": _several(torch.maximum),
    "Sum": _several(torch.add),
    "Clip": _clip,
    "Equal": _plain(torch.eq),
    "Less": _plain(torch.lt),
    "LessOrEqual": _plain(torch.le),
    "Greater": _plain(torch.gt),
    "GreaterOrEqual": _plain(torch.ge),
    "And": _plain(torch.logical_and),
    "Or": _plain(torch.logical_or),
    "Not": _plain(torch.logical_not),
    "IsNaN": _plain(torch.isnan),
    "Where": _plain(torch.where),
    "Relu": _plain(functional.relu),
    "Sigmoid": _plain(torch.sigmoid),
    "Tanh": _plain(torch.tanh),
    "Softplus": _plain(functional.softplus),
    "Softsign": _plain(functional.softsign),
    "Mish": _plain(functional.mish),
    "HardSwish": _plain(functional.hardswish),
    "LeakyRelu": _activation(functional.leaky_relu, alpha=0.01),
    "Elu": _activation(functional.elu, alpha=1.0),
    "Celu": _activation(functional.celu, alpha=1.0),
    "Selu": _activation(_selu, alpha=1.67326319217681884765625, gamma=1.05070102214813232421875),
    "HardSigmoid": _activation(_hard_sigmoid, alpha=0.2, beta=0.5),
    "PRelu": _parametric,
    "Gelu": _gelu,
    "Softmax": _over_axis(torch.softmax),
    "LogSoftmax": _over_axis(torch.log_softmax),
    "ReduceMean": _reduced(torch.mean),
    "ReduceSum": _reduced(torch.sum),
    "ReduceMax": _reduced(torch.amax),
    "ReduceMin": _reduced(torch.amin),
    "ReduceL2": _reduced(torch.linalg.vector_norm, torch.abs),
    "MatMul": _plain(torch.matmul),
    "Gemm": _gemm,
    "Einsum": _einsum,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "InstanceNormalization": _instance_norm,
    "GroupNormalization": _group_norm,
    "Dropout": _dropout,
    **SHAPES,
    **WINDOWS,
}
"""Functions of the attributes of a node, with "training" whether the model trains, and of its inputs."""
