"""What is known of the second moments of a tensor over the laws of a model's parameters; not in the paper.

A product with independent zero-mean weights of its own has E z^2 = sum var(w) E x^2, whatever the law of x. A law that
is symmetric in sign halves under relu. Both follow from which draws a tensor depends on, and from those whose change of
sign changes that of the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch

__all__ = [
    "ANYTHING",
    "WIDE",
    "Draws",
    "Moments",
    "added",
    "constant",
    "contracted_signs",
    "in_common",
    "joined_signs",
    "known",
    "meets",
    "multiplied",
    "narrowest",
    "scaled",
    "together",
    "unknown",
]

Draws: TypeAlias = frozenset[int]

ANYTHING = -1
"""The number of a draw in the place of all draws: the tensor may depend on any."""

WIDE = 2**31
"""More units than any layer has."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of a tensor's elements over all draws, and the symmetry of their joint law.

    Attributes
    ----------
    square : torch.Tensor, optional
        E x^2 of every element, float64; None if it is not known. Along the axes in `totals` only sums are known, of
        which these are any parts: the sum over all these axes together is right, single values need not be.
    draws : frozenset of int
        All draws on which the tensor depends; none for a constant.
    signs : frozenset of int, optional
        Draws, with laws symmetric about 0, such that changing the sign of all of them changes the sign of the tensor
        and nothing else; None if there are none. The empty set belongs to zeros.
    totals : frozenset of int
        Axes along which only sums are known.
    independent : bool
        Whether elements at different places in memory are uncorrelated, with zero means: weights.
    units : int
        Outputs of the last product with weights.
    width : int
        Fewest units that a relu or dropout has had on the way, all of which may be zero in a draw; 0 for a mask.
    spread : float
        About the variance over draws of the logarithm of its mean square, since the last norm.
    neglected : float
        About the largest relative error of the second moments: the shares epsilon / (v + epsilon) of norms are those of
        one draw.
    recipe : tuple, optional
        How the tensor was computed from another one, for norms that are written out.
    """

    square: Any
    draws: Draws = frozenset()
    signs: Draws | None = None
    totals: frozenset[int] = frozenset()
    independent: bool = False
    units: int = WIDE
    width: int = WIDE
    spread: float = 0.0
    neglected: float = 0.0
    recipe: tuple[Any, ...] | None = None

    @property
    def random(self) -> bool:
        """Whether the tensor depends on any draw."""
        return bool(self.draws)


def constant(values: Any) -> Moments:
    """Return the moments of a tensor, or number, that is not random."""
    values = torch.as_tensor(values).detach()
    if not (values.dtype.is_floating_point or values.dtype in _WHOLE):
        return Moments(None)
    values = values.double()
    return Moments(values * values, signs=None if bool(values.any()) else frozenset())


_WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def unknown(sources: Sequence[Moments]) -> Moments:
    """Return the moments of something that was computed from `sources` in a way that has no rule."""
    return Moments(None, together(sources), **narrowest(sources))


def narrowest(sources: Sequence[Moments]) -> dict[str, Any]:
    """Fewest units of several tensors, and fewest that a relu has had; the largest spread and error of any."""
    fewest = {name: min((getattr(each, name) for each in sources), default=WIDE) for name in ("units", "width")}
    largest = {name: max((getattr(each, name) for each in sources), default=0.0) for name in ("spread", "neglected")}
    return {**fewest, **largest}


def together(sources: Sequence[Moments]) -> Draws:
    """All draws on which any of several tensors depends."""
    return frozenset[int]().union(*(each.draws for each in sources))


def known(*sources: Moments) -> bool:
    """Whether all second moments, or their totals, are known."""
    return all(each.square is not None for each in sources)


def meets(first: Draws, second: Draws) -> bool:
    """Whether two sets of draws may have a draw in common."""
    return bool(first & second) or (ANYTHING in first and bool(second)) or (ANYTHING in second and bool(first))


def in_common(first: Moments, second: Moments) -> bool:
    """Whether two tensors may depend on a common draw."""
    return meets(first.draws, second.draws)


def joined_signs(parts: Sequence[Moments]) -> Draws | None:
    """Return draws whose signs change those of all parts at once.

    That is the union of theirs, if no part depends on a draw in it that is not among its own.
    """
    signs = frozenset[int]()
    for part in parts:
        if part.signs is None:
            return None
        signs |= part.signs
    if any(meets(part.draws, signs - (part.signs or frozenset())) for part in parts):
        return None
    return signs


def _uncorrelated(first: Moments, second: Moments) -> bool:
    """Whether E x y = 0: signs of some draws change x and leave y as it is, or the reverse."""
    return (first.signs is not None and not meets(first.signs, second.draws)) or (
        second.signs is not None and not meets(second.signs, first.draws)
    )


def added(first: Moments, second: Moments) -> Moments:
    """Moments of a sum: E (x + y)^2 = E x^2 + E y^2 where the cross term vanishes."""
    draws = together((first, second))
    square, axes = None, frozenset[int]()
    if known(first, second) and _uncorrelated(first, second):
        axes = _common_axes(first, second)
        square = first.square + second.square
    narrow = narrowest((first, second))
    if first.units < WIDE and second.units < WIDE:
        narrow["width"] = max(first.width, second.width)  # both terms must be zero
    return Moments(square, draws, joined_signs((first, second)), axes, **narrow)


def _common_axes(first: Moments, second: Moments) -> frozenset[int]:
    """Axes of totals after broadcasting: sums over more axes are known where sums over fewer are."""
    rank = max(first.square.ndim, second.square.ndim)
    return frozenset(axis + rank - each.square.ndim for each in (first, second) for axis in each.totals)


def contracted_signs(first: Moments, second: Moments) -> Draws | None:
    """Draws whose signs change that of a product, of elements or of matrices."""
    pairs = ((first, second), (second, first))
    for each, other in pairs if first.independent else reversed(pairs):
        if each.signs is not None and not meets(each.signs, other.draws):
            return each.signs
    return None


def multiplied(first: Moments, second: Moments) -> Moments:
    """Moments of a product of elements: E x^2 y^2 = E x^2 E y^2 where x and y are independent."""
    square, axes = None, frozenset[int]()
    if known(first, second) and not in_common(first, second):
        axes = _common_axes(first, second)
        if not axes or (_even(second, first) and _even(first, second)):
            square = first.square * second.square
    return Moments(
        square,
        together((first, second)),
        contracted_signs(first, second),
        axes if square is not None else frozenset(),
        independent=_scaled(first, second) or _scaled(second, first),
        **narrowest((first, second)),
    )


def _scaled(weights: Moments, factor: Moments) -> bool:
    """Whether a product is of independent weights and constants."""
    if not weights.independent or factor.random or factor.square is None or weights.square is None:
        return False
    shape = weights.square.shape
    return bool(np.broadcast_shapes(shape, factor.square.shape) == shape)


def _even(factor: Moments, other: Moments) -> bool:
    """Whether a factor is the same along the axes of the other's totals."""
    square = factor.square
    for axis in other.totals:
        place = axis - other.square.ndim + square.ndim
        if place >= 0 and square.shape[place] > 1 and not torch.equal(square.amin(place), square.amax(place)):
            return False
    return True


def scaled(x: Moments, factor: float) -> Moments:
    """Moments of a multiple."""
    return replace(x, square=None if x.square is None else x.square * factor**2, recipe=None)
