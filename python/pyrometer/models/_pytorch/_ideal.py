"""What outputs of call sites are compared with: nothing, or the outputs z* of a trained model (5.12)."""

from __future__ import annotations

from typing import TypeAlias

import torch

from pyrometer.models._pytorch._expected import Expected, square

__all__ = ["Against", "Ideal", "Kept"]


class Ideal:
    """Outputs are compared with 0."""

    recurrent = True
    """Whether products may be joined to recurrent layers."""

    def square(self, number: int, expected: Expected, out: torch.Tensor) -> Expected:
        """Return the sum of the squared differences of the outputs of a call site from their ideal values."""
        del number, out
        return expected


_Outputs: TypeAlias = dict[tuple[int, torch.Size], torch.Tensor]
"""Outputs by their call site and their shape, which a bias that is added to the product, or a crop, may change."""


class Kept(Ideal):
    """Keeps the outputs of every call site."""

    recurrent = False

    def __init__(self) -> None:
        self.outputs: _Outputs = {}

    def square(self, number: int, expected: Expected, out: torch.Tensor) -> Expected:
        """Keep the outputs, and return the sum of their squares."""
        del expected
        self.outputs[number, out.shape] = out.detach().clone()
        return Expected(square(out), averaged=False, centred=False)


class Against(Ideal):
    """Outputs are compared with those that were kept.

    Where z has mean zero, the mean of |z - z*|^2 is that of |z|^2 + |z*|^2 (not in the paper).
    """

    recurrent = False

    def __init__(self, outputs: _Outputs) -> None:
        self._outputs = outputs

    def square(self, number: int, expected: Expected, out: torch.Tensor) -> Expected:
        """Return the sum of squared differences, or its expectation."""
        ideal = self._outputs.get((number, out.shape))
        if ideal is None:
            raise ValueError(
                "trained must run the operations of the model, on the same inputs; got other outputs in operation "
                f"{number + 1} that uses a parameter."
            )
        if expected.averaged and expected.centred:
            return Expected(expected.value + square(ideal), averaged=True, centred=True)
        return Expected(square(out.double() - ideal.double()), averaged=False, centred=False)
