"""The trace of a PyTorch program that draws parameters: one record for each operation that is supported.

An operation that is not in `OPERATIONS` makes what it writes unknown, unless all that it reads is constant; so does a
random operation. No operation is assumed to leave laws unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import torch

from pyrometer.laws import NORMAL, UNIFORM, Family, truncated_normal
from pyrometer.models._labels import FAR, Kind, Label
from pyrometer.models._memory import Memory
from pyrometer.models._pytorch._mode import Mode
from pyrometer.models._pytorch._operations import Given, bound, signature, tensors_in
from pyrometer.networks import ORTHOGONAL

__all__ = ["Trace", "relabel"]

_Operation: TypeAlias = Callable[[Memory, Given, Any], None]

_COMPUTED = Label(Kind.CONSTANT, centre=math.nan)


class Trace(Mode):
    """Labels every element that operations within this context write."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Memory()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        given = bound(func, args, kwargs or {})
        out = func(*args, **(kwargs or {}))
        relabel(self.memory, func, given, out)
        return out


def relabel(memory: Memory, func: Any, given: Given, out: Any) -> None:
    """Label what an operation has written."""
    name = signature(func).name
    if name in _OF_SHAPES:
        return
    operation = OPERATIONS.get(name)
    written = next(tensors_in(out), None)
    if written is not None and written.is_complex() and name not in _OF_COMPLEX:
        operation = None
    if operation is not None and "out" not in given:
        operation(memory, given, out)
    else:
        _unrecognised(memory, func, given, out)


def _unrecognised(memory: Memory, func: Any, given: Given, out: Any) -> None:
    """Give what an operation has written the label of a computed constant, or an unknown one."""
    name = signature(func).name
    inputs = [tensor for argument, value in given.items() if argument != "out" for tensor in tensors_in(value)]
    random = torch.Tag.nondeterministic_seeded in func.tags
    kinds = set().union(*(memory.kinds(tensor) for tensor in inputs)) if inputs else {Kind.CONSTANT}
    label = Label(Kind.UNKNOWN, reason=f"the operation {name}")
    if not random and kinds <= {Kind.CONSTANT}:
        label = _COMPUTED
    elif not random and kinds <= {Kind.CONSTANT, Kind.OUTSIDE}:
        label = Label(Kind.OUTSIDE)
    shared = {tensor.untyped_storage()._cdata for tensor in inputs}
    for written in signature(func).written:
        for tensor in tensors_in(given.get(written)):
            memory.fill(tensor, label)
    for tensor in tensors_in(out):
        if tensor.untyped_storage()._cdata not in shared:
            memory.fill(tensor, label)


# ---- What operations do to labels.


def _random(family: Family, place: Callable[[Given], tuple[float, float]]) -> _Operation:
    def operation(memory: Memory, given: Given, out: Any) -> None:
        scale, centre = place(given)
        if scale == 0.0:
            memory.fill(out, Label(Kind.CONSTANT, centre=centre))
        else:
            memory.fill(out, Label(Kind.RANDOM, memory.draw(out.numel()), family, abs(scale), centre))

    return operation


def _always(label: Label) -> _Operation:
    def operation(memory: Memory, given: Given, out: Any) -> None:
        del given
        memory.fill(out, label)

    return operation


def _full(memory: Memory, given: Given, out: Any) -> None:
    value = given["fill_value"]
    memory.fill(out, Label(Kind.CONSTANT, centre=float(value)) if isinstance(value, (int, float)) else _COMPUTED)


def _fill(memory: Memory, given: Given, out: Any) -> None:
    value = given["value"]
    if isinstance(value, torch.Tensor):
        single = memory.single(value)
        constant = single if single is not None and single.kind in (Kind.CONSTANT, Kind.OUTSIDE) else None
        memory.fill(out, constant or Label(Kind.UNKNOWN, reason="the operation fill_"))
    else:
        memory.fill(out, Label(Kind.CONSTANT, centre=float(value)))


def _copy(memory: Memory, given: Given, out: Any) -> None:
    source: Any = given["src"] if "src" in given else given["self"]
    memory.write(out, memory.read(source.expand(out.shape)))


def _affine(a: float, b: float) -> Callable[[Label], Label]:
    def new(label: Label) -> Label:
        if math.isnan(b) and label.kind is Kind.RANDOM:
            return Label(Kind.UNKNOWN, reason="arithmetic of several tensors")
        if label.kind is Kind.CONSTANT:
            return Label(Kind.CONSTANT, centre=a * label.centre + b)
        if label.kind is Kind.RANDOM and a == 0.0:
            return Label(Kind.CONSTANT, centre=b)
        if label.kind is Kind.RANDOM:
            changed = replace(label, scale=abs(a) * label.scale, centre=a * label.centre + b, reason="")
            return replace(changed, negative=label.negative != (a < 0.0))
        return label if label.kind in (Kind.UNKNOWN, Kind.OUTSIDE) else Label(Kind.UNKNOWN, reason="arithmetic")

    return new


def _linear(sign: float, *, product: bool, inverse: bool = False) -> _Operation:
    """Return the operation self * other, self / other or self + sign * alpha * other, in place or not."""

    def operation(memory: Memory, given: Given, out: Any) -> None:
        first, other = given["self"], given["other"]
        number = _number(memory, other)
        if number is None and not inverse and isinstance(first, torch.Tensor):
            left = _number(memory, first)  # 0.02 * x
            if left is not None and out.shape == other.shape and (product or sign > 0):
                first, number = other, left
        if _with_signs(memory, first, other) and product and not inverse:
            number = 1.0
            single = memory.single(first)
            assert single is not None
            memory.dimensions[single.draw] = max(first.shape)
        rounded = given.get("rounding_mode") is not None
        if number is None or rounded or (inverse and number == 0.0) or out.shape != first.shape:
            memory.fill(out, Label(Kind.UNKNOWN, reason="arithmetic of several tensors"))
            return
        if product:
            a, b = (1.0 / number if inverse else number), 0.0
        else:
            a, b = 1.0, sign * float(given.get("alpha", 1)) * number
        memory.change(first, out, _affine(a, b))

    return operation


def _subtracted(memory: Memory, given: Given, out: Any) -> None:
    """Label other - alpha * self, for a number `other`."""
    number = _number(memory, given["other"])
    new = _affine(-float(given.get("alpha", 1)), math.nan if number is None else number)
    memory.change(given["self"], out, new)


def _negated(memory: Memory, given: Given, out: Any) -> None:
    memory.change(given["self"], out, _affine(-1.0, 0.0))


def _number(memory: Memory, value: Any) -> float | None:
    """Return a Python number, or the one value that all elements of a tensor are known to have."""
    if isinstance(value, (int, float)):
        return float(value)
    label = memory.single(value) if isinstance(value, torch.Tensor) else None
    if label is not None and label.kind is Kind.CONSTANT and not math.isnan(label.centre):
        return label.centre
    if isinstance(value, torch.Tensor) and value.ndim == 0 and value.device.type == "cpu" and not memory.holds(value):
        return float(value)  # a Python number that PyTorch has wrapped
    return None


def _with_signs(memory: Memory, first: Any, other: Any) -> bool:
    """Whether a product is of an orthogonal matrix and the signs of its triangle's diagonal."""
    if not isinstance(other, torch.Tensor) or not isinstance(first, torch.Tensor):
        return False
    left, right = memory.single(first), memory.single(other)
    return (
        left is not None
        and right is not None
        and left.family is ORTHOGONAL
        and right.kind is Kind.TRIANGLE
        and left.draw == right.draw
    )


def _erfinv(memory: Memory, given: Given, out: Any) -> None:
    """Label sqrt(2) erfinv(u) of uniform u in (-a, a): a normal law truncated at sqrt(2) erfinv(a)."""

    def new(label: Label) -> Label:
        if label.kind is not Kind.RANDOM or label.family != UNIFORM or label.centre != 0.0 or label.scale > 2.0:
            return Label(Kind.UNKNOWN, reason="the operation erfinv")
        bound = math.sqrt(2.0) * float(torch.special.erfinv(torch.tensor(0.5 * label.scale, dtype=torch.float64)))
        family = NORMAL if bound > FAR else truncated_normal(bound)
        return replace(label, family=family, scale=math.sqrt(0.5))

    memory.change(given["self"], out, new)


def _clamp(memory: Memory, given: Given, out: Any) -> None:
    """Keep the label of numbers whose law is within the bounds."""
    low, high = (given.get(name) for name in ("min", "max"))

    def new(label: Label) -> Label:
        if label.kind is Kind.CONSTANT and not math.isnan(label.centre):
            value = label.centre if low is None else max(label.centre, float(low))
            return Label(Kind.CONSTANT, centre=value if high is None else min(value, float(high)))
        reach = _reach(label)
        if reach is None:
            return Label(Kind.UNKNOWN, reason="the operation clamp")
        slack = 1e-6 * reach
        inside = (low is None or label.centre - reach >= float(low) - slack) and (
            high is None or label.centre + reach <= float(high) + slack
        )
        return label if inside else Label(Kind.UNKNOWN, reason="the operation clamp")

    memory.change(given["self"], out, new)


def _reach(label: Label) -> float | None:
    """Return how far a random number is from its centre at most; for a normal law beyond any chance."""
    if label.kind is not Kind.RANDOM or label.family is None:
        return None
    if label.family == UNIFORM:
        return 0.5 * label.scale
    bound = label.family.bound
    return min(bound, FAR) * label.scale if bound is not None and bound > 0.0 else None


def _compare(side: int) -> _Operation:
    def operation(memory: Memory, given: Given, out: Any) -> None:
        single, bound = memory.single(given["self"]), given["other"]
        if single is None or single.kind is not Kind.RANDOM or isinstance(bound, torch.Tensor):
            memory.fill(out, Label(Kind.UNKNOWN, reason="a comparison"))
            return
        place = (float(bound) - single.centre) / single.scale
        bounds = (place, math.inf) if side < 0 else (-math.inf, place)
        memory.fill(out, Label(Kind.MASK, single.draw, single.family, single.scale, single.centre, bounds=bounds))

    return operation


def _either(memory: Memory, given: Given, out: Any) -> None:
    first, second = memory.single(given["self"]), memory.single(given["other"])
    if first is None or second is None or {first.kind, second.kind} != {Kind.MASK} or first.draw != second.draw:
        memory.fill(out, Label(Kind.UNKNOWN, reason="a comparison"))
        return
    low, high = max(first.bounds[0], second.bounds[0]), min(first.bounds[1], second.bounds[1])
    memory.fill(out, Label(Kind.MASK, first.draw, first.family, first.scale, first.centre, bounds=(low, high)))


def _any(memory: Memory, given: Given, out: Any) -> None:
    """Note that a draw is tested for elements outside of bounds: a program that goes on has none."""
    memory.fill(out, Label(Kind.UNKNOWN, reason="a comparison"))
    mask = memory.single(given["self"])
    if mask is not None and mask.kind is Kind.MASK:
        memory.truncated[mask.draw] = mask.bounds


def _where(memory: Memory, given: Given, out: Any) -> None:
    """Label rejection sampling: elements outside of bounds are drawn again from the same law."""
    mask = memory.single(given["condition"])
    fresh, kept = (
        (memory.single(given[name]) if isinstance(given[name], torch.Tensor) else None) for name in ("self", "other")
    )
    same = (
        mask is not None
        and fresh is not None
        and kept is not None
        and mask.kind is Kind.MASK
        and fresh.kind is kept.kind is Kind.RANDOM
        and kept.draw == mask.draw
        and (fresh.family, fresh.scale, fresh.centre) == (kept.family, kept.scale, kept.centre)
    )
    if same and given["other"].shape == out.shape:
        memory.write(out, memory.read(given["other"]))
    else:
        memory.fill(out, Label(Kind.UNKNOWN, reason="the operation where"))


def _qr(memory: Memory, given: Given, out: Any) -> None:
    matrix, (q, r) = given["A"], out
    single = memory.single(matrix)
    if single is None or single.family != NORMAL or single.centre != 0.0 or given["mode"] != "reduced":
        for tensor in (q, r):
            memory.fill(tensor, Label(Kind.UNKNOWN, reason="the operation linalg_qr"))
        return
    draw = memory.draw(q.numel())
    memory.fill(q, Label(Kind.RANDOM, draw, ORTHOGONAL, 1.0))
    memory.fill(r, Label(Kind.TRIANGLE, draw))


def _of_triangle(memory: Memory, given: Given, out: Any) -> None:
    single = memory.single(given["self"])
    if single is not None and single.kind in (Kind.TRIANGLE, Kind.CONSTANT, Kind.OUTSIDE):
        memory.fill(out, _COMPUTED if single.kind is Kind.CONSTANT else single)
    else:
        memory.fill(out, Label(Kind.UNKNOWN, reason="arithmetic"))


def _cat(memory: Memory, given: Given, out: Any) -> None:
    """Join labels along an axis, by writing each part to its place."""
    first, axis = 0, given["dim"]
    for tensor in given["tensors"]:
        runs = memory.read(tensor)
        if tensor.shape == (0,):
            continue
        memory.write(out.narrow(axis, first, tensor.shape[axis]), runs)
        first += tensor.shape[axis]


def _stack(memory: Memory, given: Given, out: Any) -> None:
    for place, tensor in enumerate(given["tensors"]):
        memory.write(out.select(given["dim"], place), memory.read(tensor))


def _normal(memory: Memory, given: Given, out: Any) -> None:
    """Label ``torch.normal``, which also takes tensors of means and deviations."""
    if isinstance(given["mean"], torch.Tensor) or isinstance(given["std"], torch.Tensor):
        memory.fill(out, Label(Kind.UNKNOWN, reason="normal numbers of several means or deviations"))
    else:
        _random(NORMAL, _mean_and_deviation)(memory, given, out)


def _scalar(memory: Memory, given: Given, _: Any) -> None:
    """Note that the program goes on with a random number; whether a draw has elements out of bounds is no number."""
    if given["self"].is_floating_point() and memory.kinds(given["self"]) & {Kind.RANDOM, Kind.UNKNOWN}:
        memory.numbers = True


def _interval(given: Given) -> tuple[float, float]:
    return given["to"] - given["from"], 0.5 * (given["to"] + given["from"])


def _mean_and_deviation(given: Given) -> tuple[float, float]:
    return given["std"], given["mean"]


_EMPTY = _always(Label(Kind.UNDRAWN))
_NOUGHT = _always(Label(Kind.CONSTANT, centre=0.0))
_ONE = _always(Label(Kind.CONSTANT, centre=1.0))
_MULTIPLY, _DIVIDE = _linear(1.0, product=True), _linear(1.0, product=True, inverse=True)
_ADD, _SUBTRACT = _linear(1.0, product=False), _linear(-1.0, product=False)

# Operations that change shapes and strides, not numbers. Views need no record: they share their storage's labels.
_OF_SHAPES = {
    *("t_", "transpose_", "squeeze_", "unsqueeze_", "as_strided_", "swapdims_", "swapaxes_", "set_", "resize_"),
    *("detach", "detach_", "alias", "requires_grad_", "record_stream"),
}

# Operations that do the same to complex numbers, whose laws are not known.
_OF_COMPLEX = {"empty", "empty_like", "zeros", "zeros_like", "zero_", "copy_", "clone", "cat", "stack"}

OPERATIONS: dict[str, _Operation] = {
    "uniform_": _random(UNIFORM, _interval),
    "normal_": _random(NORMAL, _mean_and_deviation),
    "normal": _normal,
    **dict.fromkeys(("rand", "rand_like"), _random(UNIFORM, lambda _: (1.0, 0.5))),
    **dict.fromkeys(("randn", "randn_like"), _random(NORMAL, lambda _: (1.0, 0.0))),
    **dict.fromkeys(
        ("empty", "empty_like", "empty_strided", "empty_permuted", "new_empty", "new_empty_strided"), _EMPTY
    ),
    **dict.fromkeys(("zeros", "zeros_like", "new_zeros"), _NOUGHT),
    **dict.fromkeys(("ones", "ones_like", "new_ones"), _ONE),
    **dict.fromkeys(("full", "full_like", "new_full"), _full),
    "zero_": _NOUGHT,
    "fill_": _fill,
    **dict.fromkeys(("copy_", "clone", "_to_copy", "lift_fresh"), _copy),
    **dict.fromkeys(("mul", "mul_"), _MULTIPLY),
    **dict.fromkeys(("div", "div_"), _DIVIDE),
    **dict.fromkeys(("add", "add_"), _ADD),
    **dict.fromkeys(("sub", "sub_"), _SUBTRACT),
    "rsub": _subtracted,
    **dict.fromkeys(("neg", "neg_"), _negated),
    "erfinv_": _erfinv,
    "clamp_": _clamp,
    "lt": _compare(-1),
    "gt": _compare(1),
    **dict.fromkeys(("bitwise_or", "logical_or"), _either),
    "any": _any,
    "_local_scalar_dense": _scalar,
    "where": _where,
    "linalg_qr": _qr,
    **dict.fromkeys(("diagonal_copy", "sign"), _of_triangle),
    "cat": _cat,
    "stack": _stack,
}
"""What each supported operation does to labels."""
