"""Networks: layers of weights, the data that they see, and a squared error."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import _validate
from pyrometer.linear._systems import System

__all__ = ["Activation", "AnySystem", "Network"]

ACTIVATIONS = ("tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu", "gelu", "silu", "softplus", "elu")

# A double counts them exactly.
_MOST_PARAMETERS = 2**53

Activation: TypeAlias = str | Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
"""The name of an activation, or a function of arrays."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    r"""A fully connected network with squared error, the sum over outputs (5.1)-(5.3).

    .. math:: z^{(l)} = W^{(l)}x^{(l-1)} (+ b^{(l)}), \qquad x^{(l)} = \phi(z^{(l)}), \qquad
        E = \frac1m\sum_i \|y_i - z_i^{(L)}\|^2.

    The last layer is linear. The energy of layer l is that of its pre-activations,
    :math:`E_l = \frac1m\sum_i\|z_i^{(l)}\|^2`, (5.12).

    Parameters
    ----------
    X : array_like or data frame, shape (m, n_0)
        Inputs, one row per example; finite, real. float32 is sampled in float32.
    y : array_like, column or data frame, shape (m,) or (m, n_L), optional
        Targets, finite, real. Their mean square is part of the mean energy; without them it is that of the outputs.
    hidden : sequence of int
        Widths :math:`n_1, \dots, n_{L-1}` of the hidden layers, each at least 1; ``()`` for a linear model.
    outputs : int, optional
        Width :math:`n_L` of the last layer. Default: the columns of `y`.
    activation : str or callable
        "tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu" (slope 0.01), "gelu" (x times the normal distribution
        function), "silu", "softplus" or "elu". Or a function that takes an array and returns one of its shape, such as
        ``numpy.sin``; its energies are sampled, in Python.
    bias : bool
        Whether every layer has biases, random with the scale of their layer.

    Raises
    ------
    TypeError, ValueError
        If the data are not finite real numbers of matching shapes, or a width is below 1.

    See Also
    --------
    heat_engine : energy, entropy and temperature of every layer.

    Notes
    -----
    Arrays of float64 or float32 are not copied: leave them unchanged for as long as the network is used.

    Examples
    --------
    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> pm.Network(data.X, data.y, hidden=(256, 256), activation="relu")
    <Network: 442 rows, 10-256-256-1 relu, 68352 parameters>
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any] | None
    widths: tuple[int, ...]
    activation: Activation
    bias: bool
    names: tuple[str, ...] | None

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        hidden: Sequence[int] | int,
        outputs: int | None = None,
        activation: Activation = "tanh",
        bias: bool = False,
    ) -> None:
        if isinstance(activation, str) or not callable(activation):
            activation = _validate.choice("activation", activation, ACTIVATIONS)
        inputs, names = _validate.matrix("X", X)
        targets = None if y is None else _targets(y, len(inputs))
        if targets is not None:
            dtype = np.float32 if inputs.dtype == targets.dtype == np.float32 else np.float64
            inputs, targets = inputs.astype(dtype, copy=False), targets.astype(dtype, copy=False)
        elif outputs is None:
            raise ValueError("outputs must be given where there is no y, got neither; pass outputs=1 for one output.")
        if outputs is not None:
            outputs = _validate.count("outputs", outputs, minimum=1)
            if targets is not None and outputs != targets.shape[1]:
                raise ValueError(
                    f"outputs must be the columns of y, {targets.shape[1]}, got {outputs}; leave it out to take them."
                )
        last = outputs if outputs is not None else targets.shape[1]  # type: ignore[union-attr]
        fields = {
            "X": inputs,
            "y": targets,
            "widths": (inputs.shape[1], *_hidden(hidden), last),
            "activation": activation,
            "bias": _validate.flag("bias", bias),
            "names": names,
        }
        for name, value in fields.items():
            object.__setattr__(self, name, value)
        if self.parameters > _MOST_PARAMETERS:
            raise ValueError(
                f"a network must have at most {_MOST_PARAMETERS} parameters, got {self.parameters:.3g}; use narrower "
                "layers."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of systems: a network is a single one."""
        return ()

    @property
    def rows(self) -> int:
        """Number of rows m."""
        return len(self.X)

    @property
    def layers(self) -> int:
        """Number of layers of weights L."""
        return len(self.widths) - 1

    @property
    def layer_parameters(self) -> tuple[int, ...]:
        """Parameters of each layer, biases included."""
        return tuple((n + self.bias) * k for n, k in zip(self.widths[:-1], self.widths[1:], strict=True))

    @property
    def parameters(self) -> int:
        """Number of parameters N, biases included."""
        return sum(self.layer_parameters)

    @cached_property
    def norms(self) -> npt.NDArray[np.float64]:
        """Squared norms of the rows, shape (m,)."""
        with np.errstate(over="ignore"):
            norms: npt.NDArray[np.float64] = np.einsum("ij,ij->i", self.X, self.X, dtype=np.float64)
        return norms

    @cached_property
    def target_square(self) -> float:
        """Mean squared norm of the targets; 0 without them."""
        return 0.0 if self.y is None else float(np.einsum("ij,ij->", self.y, self.y, dtype=np.float64)) / self.rows

    def moves(self) -> bool:
        """Whether the mean energy of the last layer is known to be above 0 under every law."""
        if self.layers > 1 and self.activation in ("sigmoid", "softplus"):
            return True
        return bool(self.X.any()) and (self.layers == 1 or isinstance(self.activation, str))

    def __repr__(self) -> str:
        name = self.activation if isinstance(self.activation, str) else getattr(self.activation, "__name__", "callable")
        widths = "-".join(map(str, self.widths))
        biases = " with biases" if self.bias else ""
        return f"<Network: {self.rows} rows, {widths} {name}, {self.parameters} parameters{biases}>"


AnySystem: TypeAlias = System | Network


def _hidden(value: Any) -> tuple[int, ...]:
    try:
        widths = (operator.index(value),)
    except TypeError:
        if isinstance(value, str) or not hasattr(value, "__iter__"):
            raise TypeError(f"hidden must be a sequence of widths, got {value!r}; () has no hidden layer.") from None
        widths = tuple(value)
    return tuple(_validate.count(f"hidden[{place}]", width, minimum=1) for place, width in enumerate(widths))


def _targets(value: Any, rows: int) -> npt.NDArray[Any]:
    """Return targets as (m, n_L)."""
    targets, _ = _validate.matrix("y", value, vector=True)
    if len(targets) != rows:
        raise ValueError(f"y must have one row for each of the {rows} rows of X, got {len(targets)}.")
    return targets
