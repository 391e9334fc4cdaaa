"""What operations of PyTorch do to second moments: one record for each that is supported.

Operations that are not here make all that they write unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import torch

from pyrometer.models._pytorch._moments import (
    WIDE,
    Moments,
    added,
    constant,
    in_common,
    joined_signs,
    known,
    multiplied,
    narrowest,
    together,
    unknown,
)
from pyrometer.models._pytorch._moments import scaled as _scaled
from pyrometer.models._pytorch._operations import bound, signature
from pyrometer.models._pytorch._products import convolved, matrix_product
from pyrometer.models._pytorch._totals import carried, count_of, normalised, reshaped

__all__ = ["CONSTANTS", "DRAWS", "RULES", "Call"]

Rule: TypeAlias = Callable[["Call"], "list[Moments | None]"]


class Call:
    """A call of an operation: its arguments by name, and what is known of tensors."""

    def __init__(
        self, func: Any, args: Any, kwargs: dict[str, Any], moments: Callable[[Any], Moments], fresh: Iterator[int]
    ) -> None:
        self.func, self.fresh, self._moments = func, fresh, moments
        self.args, self.kwargs = args, kwargs
        self.name: str = signature(func).name
        self.draws = not DRAWS.isdisjoint((self.name, f"{self.name}.{signature(func).overload}"))
        self.given: dict[str, Any] = bound(func, args, kwargs)

    def of(self, name: str) -> Moments:
        """Moments of an argument, a tensor or a number."""
        value = self.given[name]
        return self._moments(value) if isinstance(value, torch.Tensor) else constant(value)

    def tensor(self, name: str) -> Any:
        """Return an argument as a tensor."""
        return torch.as_tensor(self.given[name])

    def each(self, name: str) -> list[Moments]:
        """Moments of a list of tensors."""
        return [self._moments(tensor) for tensor in self.given[name]]

    def on(self, square: Any, *rest: Any) -> Any:
        """Return what the operation does to other tensors in the place of its first arguments."""
        return self.func(square, *rest, *self.args[1 + len(rest) :], **self.kwargs)


# ---- Elements.


def _sum(call: Call) -> list[Moments | None]:
    """Sums and differences: the cross term is zero or not known, whatever its sign."""
    return [_added(call.of("self"), call.of("other"), float(call.given.get("alpha", 1)))]


def _added(first: Moments, second: Moments, alpha: float) -> Moments:
    moments = added(first, _scaled(second, alpha))
    if first.recipe is not None and first.recipe[0] == "mean square" and not second.random and known(second):
        # v + epsilon of a norm that is written out
        moments = replace(moments, recipe=("shifted", *first.recipe[1:-1], float(second.square.max()) ** 0.5))
    return moments


def _product(call: Call) -> list[Moments | None]:
    first, second = call.of("self"), call.of("other")
    for x, factor in ((first, second), (second, first)):
        if factor.recipe is not None and factor.recipe[0] == "reciprocal root" and factor.recipe[1] is x:
            ratio, count, axes, shape = factor.recipe[2:]
            return [normalised(x, ratio, count, axes, shape, x.units if len(shape) - 1 in axes else None)]
    recipe = ("square", first) if first is second and first.random else None
    moments = replace(multiplied(first, second), recipe=recipe)
    if second.width == 0 and call.tensor("self").shape == call.tensor("other").shape:
        moments = replace(moments, width=min(first.width, first.units))  # dropout of single elements
    return [moments]


def _quotient(call: Call) -> list[Moments | None]:
    divisor = call.of("other")
    if divisor.random or divisor.square is None or call.given.get("rounding_mode") is not None:
        return [None]
    return [multiplied(call.of("self"), replace(divisor, square=1.0 / divisor.square))]


def _negated(call: Call) -> list[Moments | None]:
    return [replace(call.of("self"), recipe=None)]


def _absolute(call: Call) -> list[Moments | None]:
    return [replace(call.of("self"), signs=None, independent=False, recipe=None)]


def _odd(call: Call) -> list[Moments | None]:
    """An odd function of each element, or a linear one of several: its sign is that of what it is applied to."""
    x = call.of("self")
    return [Moments(None, x.draws, x.signs, **narrowest([x]))]


def _rectified(slope: Callable[[Call], Moments | None]) -> Rule:
    """E phi(z)^2 = (1 + a^2) / 2 E z^2 of a law that is symmetric in sign, for phi with the slopes 1 and a."""

    def rule(call: Call) -> list[Moments | None]:
        x, a = call.of("self"), slope(call)
        if a is None:
            return [None]
        draws, width, spread = together((x, a)), x.width, x.spread + 3.0 / max(x.units, 1)
        if a.square is not None and not bool(a.square.any()):
            width = min(width, x.units)
        if x.signs is None or not known(x, a) or in_common(x, a):
            return [Moments(None, draws, units=x.units, width=width, spread=spread, neglected=x.neglected)]
        factor = multiplied(x, replace(a, square=0.5 * (1.0 + a.square)))
        return [replace(factor, signs=None, independent=False, width=width, spread=spread, draws=draws)]

    return rule


def _slope(call: Call) -> Moments:
    return constant(float(call.given["negative_slope"]))


def _nought(*names: str) -> Callable[[Call], Moments | None]:
    """Slope 0 of a relu that is written with thresholds, which must be 0."""

    def slope(call: Call) -> Moments | None:
        others = [call.given.get(name) for name in ("max",) if name in call.given]
        numbers = [call.given[name] for name in names]
        zero = all(not isinstance(number, torch.Tensor) and number == 0 for number in numbers)
        return constant(0.0) if zero and not any(each is not None for each in others) else None

    return slope


def _random_slope(call: Call) -> Moments | None:
    low, high = float(call.given["lower"]), float(call.given["upper"])
    if not call.given["training"]:
        return constant(0.5 * (low + high))
    square = torch.tensor((low * low + low * high + high * high) / 3.0, dtype=torch.float64)
    return Moments(square, frozenset({next(call.fresh)}))


def _power(call: Call) -> list[Moments | None]:
    x, exponent = call.of("self"), call.given["exponent"]
    recipe = ("square", x) if isinstance(exponent, (int, float)) and exponent == 2 else None
    return [replace(unknown([x]), recipe=recipe)]


def _mean(call: Call) -> list[Moments | None]:
    x, axes = call.of("self"), call.given.get("dim")
    (moments,) = _odd(call)
    if moments is None or x.recipe is None or x.recipe[0] != "square" or not axes or not call.given["keepdim"]:
        return [moments]
    shape = tuple(call.given["self"].shape)
    over = frozenset(axis % len(shape) for axis in axes)
    return [replace(moments, recipe=("mean square", x.recipe[1], over, shape, 0.0))]


def _root(call: Call) -> list[Moments | None]:
    x = call.of("self")
    if x.recipe is None or x.recipe[0] not in ("shifted", "mean square"):
        return [None]
    _, source, axes, shape, epsilon = x.recipe
    ratio = epsilon / call.given["self"].double()
    recipe = ("reciprocal root", source, ratio, count_of(axes, shape), axes, shape)
    return [replace(unknown([x]), recipe=recipe)]


# ---- Numbers that the operation draws.


def _drawn(square: Callable[[Call], float], *, symmetric: Callable[[Call], bool]) -> Rule:
    def rule(call: Call) -> list[Moments | None]:
        draws = frozenset({next(call.fresh)})
        signs = draws if symmetric(call) else None
        value = torch.tensor(float(square(call)), dtype=torch.float64)
        if torch.isnan(value):
            return [None]
        return [Moments(value, draws, signs, independent=signs is not None, width=WIDE if signs is not None else 0)]

    return rule


def _probability(call: Call) -> float:
    p = call.given.get("p")
    return p if isinstance(p, float) else float("nan")


def _dropped(call: Call) -> list[Moments | None]:
    """Dropout as one operation: E x^2 / (1 - p)."""
    x, p = call.of("input"), float(call.given["p"])
    if not call.given["train"] or p == 0.0:
        return [replace(x, recipe=None)]
    draws = frozenset({next(call.fresh)})
    keep = Moments(torch.tensor(1.0 / (1.0 - p) if p < 1.0 else 0.0, dtype=torch.float64), draws)
    return [replace(multiplied(x, keep), width=min(x.width, x.units))]


# ---- Places.


def _moved(zeros: Callable[[Call], bool] = lambda _: True, *, weights: bool = False) -> Rule:
    """An operation that puts elements elsewhere, copies them or adds zeros."""

    def rule(call: Call) -> list[Moments | None]:
        name = signature(call.func).arguments[0]
        x = call.of(name)
        if any(each.random for each in _others(call, name)) or not zeros(call):
            return [None]
        axes = carried(call.name, call.given, x.totals, call.given[name].shape)
        square = None if x.square is None or axes is None else call.on(x.square)
        parts = square if isinstance(square, (list, tuple)) else [square]
        if square is None:  # as many as there are results, at most
            parts = [None] * max(call.given[name].shape, default=1)
        return [
            replace(x, square=part, totals=axes or frozenset(), independent=x.independent and weights, recipe=None)
            for part in parts
        ]

    return rule


def _others(call: Call, name: str) -> Iterator[Moments]:
    for other, value in call.given.items():
        for each in value if isinstance(value, (list, tuple)) else [value]:
            if other != name and isinstance(each, torch.Tensor):
                yield call._moments(each)


def _reshaped(call: Call) -> list[Moments | None]:
    x = call.of("self")
    if "size" not in call.given:
        return [None]  # other types of the same bits
    if x.square is None:
        return [replace(x, recipe=None)]
    square = x.square.reshape(call.given["size"])
    return [replace(x, square=square, totals=reshaped(x.totals, x.square.shape, square.shape), recipe=None)]


def _copied(call: Call) -> list[Moments | None]:
    x = call.of("self")
    return [replace(x, recipe=x.recipe)]


def _overwritten(call: Call) -> list[Moments | None]:
    x = call.of("src")
    return [replace(x, independent=False, recipe=None)]


def _joined(call: Call) -> list[Moments | None]:
    parts = call.each("tensors")
    totals = frozenset[int]().union(*(part.totals for part in parts))
    draws, signs, narrow = together(parts), joined_signs(parts), narrowest(parts)
    axis = call.given["dim"] % call.given["tensors"][0].ndim if call.given["tensors"][0].ndim else 0
    if not known(*parts) or axis in totals or (totals and call.name != "cat"):
        return [Moments(None, draws, signs, **narrow)]
    return [Moments(call.on([part.square for part in parts]), draws, signs, totals, **narrow)]


def _looked_up(call: Call) -> list[Moments | None]:
    """Rows of a table, at places that are not random."""
    table, places = call.of("weight"), call.of("indices")
    if places.random or table.totals:
        return [None]
    square = None if table.square is None else table.square[call.given["indices"]]
    return [replace(table, square=square, independent=False, recipe=None)]


# ---- Products.


def _matrices(call: Call) -> list[Moments | None]:
    second = "mat2" if "mat2" in call.given else "vec" if "vec" in call.given else "tensor"
    return [matrix_product(*((call.of(name), call.given[name]) for name in ("self", second)))]


def _matrices_added(first: str, second: str) -> Rule:
    def rule(call: Call) -> list[Moments | None]:
        product = matrix_product(*((call.of(name), call.given[name]) for name in (first, second)))
        product = _scaled(product, float(call.given["alpha"]))
        beta = float(call.given["beta"])
        return [product if beta == 0.0 else added(product, _scaled(call.of("self"), beta))]

    return rule


def _convolution(call: Call) -> list[Moments | None]:
    moments = convolved(call.func, call.given, call.of("input"), call.of("weight"))
    if call.given["bias"] is not None:
        bias, places = call.of("bias"), [1] * (call.given["input"].ndim - 2)
        square = None if bias.square is None else bias.square.reshape(-1, *places)
        moments = added(moments, replace(bias, square=square))
    return [moments]


# ---- Norms.


def _affine(core: Moments, call: Call, shape: tuple[int, ...]) -> list[Moments | None]:
    for name, join in (("weight", multiplied), ("bias", added)):
        if call.given[name] is not None:
            factor = call.of(name)
            square = None if factor.square is None else factor.square.reshape(shape)
            core = join(core, replace(factor, square=square))
    return [core]


def _batch_norm(call: Call) -> list[Moments | None]:
    tensor, x = call.given["input"], call.of("input")
    channels = (1, -1, *([1] * (tensor.ndim - 2)))
    epsilon = float(call.given["epsilon" if "epsilon" in call.given else "eps"])  # as cuDNN has it
    training = call.given.get("training", call.given.get("train", "no_training" not in call.name))
    if training:
        axes = frozenset(range(tensor.ndim)) - {1}
        return _affine(_centred(x, tensor, axes, epsilon, None), call, channels)
    mean, variance = call.of("running_mean"), call.of("running_var")
    if mean.random or variance.random:
        return [None]
    x = added(x, replace(mean, square=mean.square.reshape(channels)))
    deviation = (call.given["running_var"].double() + epsilon).reshape(channels)
    return _affine(multiplied(x, Moments(1.0 / deviation)), call, channels)


def _layer_norm(call: Call) -> list[Moments | None]:
    tensor, shape = call.given["input"], tuple(call.given["normalized_shape"])
    axes = frozenset(range(tensor.ndim - len(shape), tensor.ndim))
    x = call.of("input")
    return _affine(_centred(x, tensor, axes, float(call.given["eps"]), x.units), call, shape)


def _group_norm(call: Call) -> list[Moments | None]:
    tensor, groups = call.given["input"], int(call.given["group"])
    split = tensor.reshape(tensor.shape[0], groups, -1)
    x = call.of("input")
    core = _centred(x, split, frozenset({2}), float(call.given["eps"]), x.units // groups)
    if core.square is not None:
        # Sums over a group are sums over all channels, where groups have several.
        axes = frozenset(range(2 if groups == tensor.shape[1] else 1, tensor.ndim))
        core = replace(
            core, square=core.square[:1, :1, :1].reshape((1,) * tensor.ndim).expand(tensor.shape), totals=axes
        )
    return _affine(core, call, (1, -1, *([1] * (tensor.ndim - 2))))


def _centred(x: Moments, tensor: Any, over: frozenset[int], epsilon: float, units: int | None) -> Moments:
    """Moments after a norm that subtracts the mean over some axes."""
    ratio = epsilon / (tensor.double().var(tuple(over), correction=0) + epsilon)
    return normalised(x, ratio, count_of(over, tensor.shape) - 1, over, tuple(tensor.shape), units)


_ZERO = _rectified(_nought())

_SAME = ("detach", "alias", "clone", "contiguous", "lift", "_to_copy", "positive")

RULES: dict[str, Rule] = {
    **dict.fromkeys(("add", "add_", "sub", "sub_"), _sum),
    **dict.fromkeys(("mul", "mul_"), _product),
    **dict.fromkeys(("div", "div_"), _quotient),
    **dict.fromkeys(("neg", "neg_"), _negated),
    **dict.fromkeys(("abs", "abs_"), _absolute),
    **dict.fromkeys(
        (
            *(
                "tanh",
                "tanh_",
                "sin",
                "sin_",
                "sinh",
                "asinh",
                "atan",
                "erf",
                "sgn",
                "sign",
                "hardshrink",
                "softshrink",
            ),
            *("sum", "cumsum", "avg_pool2d", "_adaptive_avg_pool2d", "avg_pool3d", "_adaptive_avg_pool3d"),
            *("upsample_linear1d", "upsample_bilinear2d", "upsample_bicubic2d", "upsample_trilinear3d"),
        ),
        _odd,
    ),
    "mean": _mean,
    "pow": _power,
    "rsqrt": _root,
    **dict.fromkeys(("relu", "relu_"), _ZERO),
    **dict.fromkeys(("clamp_min", "clamp_min_"), _rectified(_nought("min"))),
    **dict.fromkeys(("clamp", "clamp_"), _rectified(_nought("min"))),
    **dict.fromkeys(("threshold", "threshold_"), _rectified(_nought("threshold", "value"))),
    **dict.fromkeys(("leaky_relu", "leaky_relu_"), _rectified(_slope)),
    "_prelu_kernel": _rectified(lambda call: call.of("weight")),
    **dict.fromkeys(("rrelu_with_noise", "rrelu_with_noise_"), _rectified(_random_slope)),
    **dict.fromkeys(("bernoulli_", "bernoulli"), _drawn(_probability, symmetric=lambda _: False)),
    **dict.fromkeys(("randn", "randn_like"), _drawn(lambda _: 1.0, symmetric=lambda _: True)),
    **dict.fromkeys(("rand", "rand_like"), _drawn(lambda _: 1.0 / 3.0, symmetric=lambda _: False)),
    "normal_": _drawn(
        lambda call: call.given["mean"] ** 2 + call.given["std"] ** 2, symmetric=lambda call: call.given["mean"] == 0.0
    ),
    "native_dropout": _dropped,
    **dict.fromkeys(_SAME, _copied),
    "copy_": _overwritten,
    **dict.fromkeys(("view", "_unsafe_view", "_reshape_alias", "reshape"), _reshaped),
    **dict.fromkeys(
        (
            "permute",
            "transpose",
            "t",
            "squeeze",
            "unsqueeze",
            "expand",
            "select",
            "slice",
            "split",
            "split_with_sizes",
            "unbind",
        ),
        _moved(weights=True),
    ),
    **dict.fromkeys(
        (
            "repeat",
            "flip",
            "roll",
            "index_select",
            "gather",
            "pixel_shuffle",
            "pixel_unshuffle",
            "channel_shuffle",
            "tril",
            "triu",
            "reflection_pad1d",
            "reflection_pad2d",
            "reflection_pad3d",
            "replication_pad1d",
            "replication_pad2d",
            "replication_pad3d",
            "upsample_nearest1d",
            "upsample_nearest2d",
            "upsample_nearest3d",
            "constant_pad_nd",
            "im2col",
        ),
        _moved(lambda call: call.given.get("value", 0) == 0),
    ),
    **dict.fromkeys(("cat", "stack"), _joined),
    "embedding": _looked_up,
    **dict.fromkeys(("mm", "bmm", "mv", "dot"), _matrices),
    "addmm": _matrices_added("mat1", "mat2"),
    "addmv": _matrices_added("mat", "vec"),
    "baddbmm": _matrices_added("batch1", "batch2"),
    "convolution": _convolution,
    **dict.fromkeys(
        ("native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "cudnn_batch_norm"),
        _batch_norm,
    ),
    "native_layer_norm": _layer_norm,
    "native_group_norm": _group_norm,
}
"""What each supported operation does to second moments."""

CONSTANTS = frozenset(
    {
        *("zeros", "zeros_like", "new_zeros", "ones", "ones_like", "new_ones", "full", "full_like", "new_full"),
        *("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "arange", "linspace", "eye"),
        *("zero_", "scalar_tensor"),
    }
)
"""Operations whose results do not depend on the numbers in their arguments."""

DRAWS = frozenset({"bernoulli_.float", "normal_", "uniform_", "randn", "randn_like", "rand", "rand_like"})
"""Operations whose results are random numbers that do not depend on those in their arguments."""
