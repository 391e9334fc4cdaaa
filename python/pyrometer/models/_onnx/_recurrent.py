"""Recurrent operations of ONNX, as modules whose products with inputs and with states are joined."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import torch
from torch.nn import functional

from pyrometer.base import listed

__all__ = ["RECURRENT", "Recurrent"]

_Function: TypeAlias = Callable[[Any], Any]

_FUNCTIONS: dict[str, _Function] = {
    "Tanh": torch.tanh,
    "Sigmoid": torch.sigmoid,
    "Relu": torch.relu,
    "Softsign": functional.softsign,
    "Softplus": functional.softplus,
}


class Recurrent(torch.nn.Module):
    """A node of a recurrent operation.

    Attributes
    ----------
    recurrent_layer : bool
        That a pass may join its products.
    """

    recurrent_layer = True

    def __init__(self, operation: str, attributes: dict[str, Any]) -> None:
        super().__init__()
        self._cell, functions = RECURRENT[operation]
        self._operation, self._attributes = operation, attributes
        self._directions = _DIRECTIONS[attributes.get("direction", "forward")]
        names = attributes.get("activations", list(functions) * len(self._directions))
        unknown = [name for name in names if name not in _FUNCTIONS]
        refused = [name for name in ("clip", "input_forget", "activation_alpha") if attributes.get(name)]
        if unknown or refused:
            raise ValueError(
                f"{operation} must have activations of [{listed(list(_FUNCTIONS))}] and neither clip, input_forget nor "
                f"activation_alpha, got [{listed([*unknown, *refused])}]; export the model without them."
            )
        self._functions = [_FUNCTIONS[name] for name in names]
        self.reverse: Any = _Reverse() if len(self._directions) > 1 else None

    def forward(
        self, x: Any, weight: Any, recurrence: Any, bias: Any = None, lengths: Any = None, *states: Any
    ) -> tuple[Any, ...]:
        """Return the outputs of all steps and the last states, as ONNX orders their axes."""
        batch_first = bool(self._attributes.get("layout", 0))
        states, peepholes = (*states[:2], None, None)[:2], states[2:]
        if batch_first:
            x, states = x.transpose(0, 1), tuple(each if each is None else each.transpose(0, 1) for each in states)
        if lengths is not None and bool((lengths != len(x)).any()):
            raise ValueError(f"{self._operation} must have sequences of one length, {len(x)}; leave out sequence_lens")
        if any(each is not None for each in peepholes):
            raise ValueError(f"{self._operation} must have no peepholes; export the model without them")
        # Initial states of zeros are not parameters, though exporters keep them as tensors of the file.
        states = tuple(None if state is None or not bool(state.any()) else state for state in states)
        width, each = recurrence.shape[-1], len(self._functions) // len(self._directions)
        nought = x.new_zeros((x.shape[1], width))
        outputs, last = [], []
        for k, backward in enumerate(self._directions):
            biases = (None, None) if bias is None else tuple(bias[k].chunk(2))
            first = [nought if state is None else state[k] for state in states]
            functions = self._functions[k * each : (k + 1) * each]
            run = self._scan if k == 0 or self.reverse is None else partial(self.reverse, self._scan)
            made, state = run(x, (weight[k], recurrence[k]), biases, first, functions, backward=backward)
            outputs.append(made)
            last.append(state)
        y = torch.stack(outputs, 1)
        held = [torch.stack(parts) for parts in zip(*last, strict=True)]
        if batch_first:
            return (y.permute(2, 0, 1, 3), *(each.transpose(0, 1) for each in held))
        return (y, *held)

    def _scan(
        self, x: Any, weights: Any, biases: Any, state: list[Any], functions: list[_Function], *, backward: bool
    ) -> tuple[Any, list[Any]]:
        """Run the cell over the steps; returns the outputs in the order of the steps, and the last state."""
        steps = list(functional.linear(x, weights[0], biases[0]).unbind(0))
        outputs = []
        before = bool(self._attributes.get("linear_before_reset", 0))
        for step in reversed(steps) if backward else steps:
            state = self._cell(step, weights[1], biases[1], state, functions, before)
            outputs.append(state[0])
        return torch.stack(outputs[::-1] if backward else outputs), state[: 2 if self._operation == "LSTM" else 1]


class _Reverse(torch.nn.Module):
    """The second of two directions, a layer with a name of its own."""

    recurrent_layer = True

    def forward(self, scan: Callable[..., Any], *given: Any, **options: Any) -> Any:
        """Return what the scan makes of its arguments."""
        return scan(*given, **options)


def _plain(inputs: Any, weight: Any, bias: Any, state: list[Any], functions: list[_Function], _: bool) -> list[Any]:
    return [functions[0](inputs + functional.linear(state[0], weight, bias))]


def _lstm(inputs: Any, weight: Any, bias: Any, state: list[Any], functions: list[_Function], _: bool) -> list[Any]:
    f, g, h = functions
    enter, leave, forget, new = (inputs + functional.linear(state[0], weight, bias)).chunk(4, -1)
    cell = f(forget) * state[1] + f(enter) * g(new)
    return [f(leave) * h(cell), cell]


def _gru(inputs: Any, weight: Any, bias: Any, state: list[Any], functions: list[_Function], before: bool) -> list[Any]:
    (f, g), width, old = functions, weight.shape[-1], state[0]
    if before:  # the reset gate acts on the product
        update, reset, new = inputs.chunk(3, -1)
        kept = functional.linear(old, weight, bias).chunk(3, -1)
        update, reset = f(kept[0] + update), f(kept[1] + reset)
        new = g(new + reset * kept[2])
    else:
        biases = (None, None) if bias is None else (bias[: 2 * width], bias[2 * width :])
        gates = inputs[:, : 2 * width] + functional.linear(old, weight[: 2 * width], biases[0])
        update, reset = f(gates).chunk(2, -1)
        new = g(inputs[:, 2 * width :] + functional.linear(reset * old, weight[2 * width :], biases[1]))
    return [(1.0 - update) * new + update * old]


_DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}

RECURRENT: dict[str, tuple[Callable[..., list[Any]], tuple[str, ...]]] = {
    "RNN": (_plain, ("Tanh",)),
    "LSTM": (_lstm, ("Sigmoid", "Tanh", "Tanh")),
    "GRU": (_gru, ("Sigmoid", "Tanh")),
}
"""One step of each, and its functions."""
