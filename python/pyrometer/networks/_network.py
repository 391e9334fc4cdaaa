"""Fully connected networks with their data and squared error."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import described, mean_squares_about, require_normal, validate
from pyrometer.networks import _layer_energies, _sampled_callable, _variance
from pyrometer.networks._activations import ACTIVATIONS, ActivationRecord
from pyrometer.networks._layer_spread import LayerSpread, layers
from pyrometer.results import Estimate, shaped
from pyrometer.thermodynamics import Evaluated

__all__ = ["Activation", "Network"]

# Integers up to this are exact as doubles.
_MOST_PARAMETERS = 2**53

_Array: TypeAlias = npt.NDArray[np.float64]

Activation: TypeAlias = str | Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
"""The name of an activation, or a function of arrays."""


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    r"""A fully connected network with squared error, summed over outputs (5.1)-(5.3).

    .. math:: z^{(l)} = W^{(l)}x^{(l-1)} (+ b^{(l)}), \qquad x^{(l)} = \phi(z^{(l)}), \qquad
        E = \frac1m\sum_i \|y_i - z_i^{(L)}\|^2.

    The last layer is linear. The energy of layer l is the mean squared norm of its pre-activations,
    :math:`E_l = \frac1m\sum_i\|z_i^{(l)}\|^2`, (5.12).

    Parameters
    ----------
    X : array_like or data frame, shape (m, n_0)
        Inputs, one row per example; finite, real. float32 is sampled in float32.
    y : array_like, column or data frame, shape (m,) or (m, n_L), optional
        Targets, finite, real. Without them the energy is the mean squared norm of the outputs.
    hidden : sequence of int
        Widths :math:`n_1, \dots, n_{L-1}` of the hidden layers, each at least 1; ``()`` for a linear model.
    outputs : int, optional
        Width :math:`n_L` of the last layer. Default: the columns of `y`.
    activation : str or callable
        "tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu" (slope 0.01), "gelu" (x times the normal distribution
        function), "silu", "softplus", "elu", "selu", "mish", "hardswish" or "hardtanh", as PyTorch defines them. Or a
        function that takes an array and returns one of its shape, such as ``numpy.sin``; its energies are sampled, in
        Python.
    bias : bool
        Whether layers have biases, drawn with the scale of their layer.

    Raises
    ------
    TypeError, ValueError
        If the data are not finite real numbers of matching shapes, or a width is below 1.

    See Also
    --------
    heat_engine : energy, entropy and temperature of every layer.

    Notes
    -----
    Arrays of float64 or float32 are not copied; do not modify them while the network is in use.

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
            activation = validate.choice("activation", activation, tuple(ACTIVATIONS))
        inputs, names = validate.matrix("X", X)
        validate.aligned("X", X, "y", y)
        targets = None if y is None else _targets(y, len(inputs))
        if targets is not None:
            dtype = np.float32 if inputs.dtype == targets.dtype == np.float32 else np.float64
            inputs, targets = inputs.astype(dtype, copy=False), targets.astype(dtype, copy=False)
        elif outputs is None:
            raise ValueError("outputs must be given if y is not, got neither; pass outputs=1 for one output.")
        if outputs is not None:
            outputs = validate.count("outputs", outputs, minimum=1)
            if targets is not None and outputs != targets.shape[1]:
                raise ValueError(
                    f"outputs must be {targets.shape[1]}, the number of columns of y, got {outputs}; it may be omitted."
                )
        last = outputs if outputs is not None else targets.shape[1]  # type: ignore[union-attr]
        fields = {
            "X": inputs,
            "y": targets,
            "widths": (inputs.shape[1], *_hidden(hidden), last),
            "activation": activation,
            "bias": validate.flag("bias", bias),
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

    @property
    def record(self) -> ActivationRecord | None:
        """Constants of the activation; None for a callable."""
        return ACTIVATIONS[self.activation] if isinstance(self.activation, str) else None

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

    # ---- the protocol of a system: see `pyrometer.thermodynamics.System`

    @property
    def loss(self) -> str:
        """Name of the loss, as tables show it."""
        return "network"

    @property
    def separable(self) -> bool:
        """False: the last bits of results depend on the batch."""
        return False

    def members(self, first: int, last: int) -> Network:
        """Return itself: a network is a single system."""
        del first, last
        return self

    def bind(self, law: Any) -> LayerSpread:
        """Broadcast a law over the layers."""
        return layers(law, self)

    def random_parameters(self, bound: LayerSpread) -> int:
        """Number of random parameters."""
        return int(bound.random_parameters.sum())

    def check_method(self, bound: LayerSpread, method: str) -> str:
        """Return the method used."""
        return _layer_energies.require(self, bound, method)

    def mean_energies(
        self, bound: LayerSpread, method: str, samples: int, rng: validate.RandomSource, threads: int, *, slope: bool
    ) -> Evaluated:
        """Mean energy and its derivative: those of the last layer, plus the targets."""
        layered = _layer_energies.energies(self, bound, method, samples, rng, threads)
        undefined = np.full_like(layered.energy, np.nan)
        slopes = _layer_energies.Slopes(undefined, undefined)
        if slope:
            slopes = _layer_energies.slopes(self, bound, layered, threads)
        return self.last_layer(bound, layered, slopes)

    def last_layer(
        self, bound: LayerSpread, layered: _layer_energies.Layered, slopes: _layer_energies.Slopes
    ) -> Evaluated:
        """Energy and derivative of the network as one system, from those of its layers."""
        last = (part[..., -1] for part in (*slopes, layered.dominated))
        return Evaluated(self.estimate(bound, layered), *last)

    def estimate(self, bound: LayerSpread, layered: _layer_energies.Layered) -> Estimate:
        """Energy of the last layer plus the mean square of the targets, which limits neglect."""
        energy, target = layered.energy[..., -1], 0.0
        if layered.method not in ("refined", "asymptotic"):
            target = self.target_square
            if layered.centred is not None and self.y is not None:
                # |y - z|^2 of outputs of mean c is that of outputs of mean 0 and targets y - c.
                energy, target = layered.centred, mean_squares_about(self.y, bound.bias[..., -1])
        # All units of a draw can be inactive: its energy is 0 then at any scale.
        sampled = layered.method == "monte-carlo" and self.record is not None and self.record.rectifies
        certain = _layer_energies.positive(self, bound)[..., -1]
        require_normal(energy + target, certain & (not sampled) & (layered.centred is None or self.y is None))
        return Estimate(
            value=shaped(energy + target),
            standard_error=shaped(layered.standard_error[..., -1]),
            error_bound=shaped(layered.error_bound[..., -1]),
            method=layered.method,
            samples=layered.samples,
        )

    def draw_energies(self, bound: LayerSpread, draws: range, key: tuple[int, int], threads: int) -> _Array:
        """Energies of a range of draws."""
        return _layer_energies.spectrum(self, bound, draws, key, threads)

    def draw_parameters(self, bound: LayerSpread, samples: int, key: tuple[int, int]) -> _Array:
        """Parameters of the first draws."""
        return _sampled_callable.parameters(self, bound, key, samples)

    def energy_variances(self, bound: LayerSpread) -> _Array:
        """Variance of the energy."""
        variance = _variance.variance(self, bound)
        random, _ = bound.centred()
        require_normal(variance, _layer_energies.positive(self, random)[..., -1], "variance")
        return variance

    def entropy_parts(self, bound: LayerSpread, resolution: float, *, leading: bool) -> _Array:
        """Entropy of each layer."""
        return bound.entropies(resolution, leading=leading)

    def least_energy(self, threads: int) -> None:
        """None: the trained energy must be given by the user."""

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Approximate time for one law, in nanoseconds."""
        drawn = method == "monte-carlo" or (method == "auto" and not _layer_energies.exists(self, self.bind(law)))
        sampled = samples if drawn else 0
        return 1e6 + 1e4 * self.rows + sampled * min(self.rows, 100) * self.parameters / 20

    def __repr__(self) -> str:
        name = self.activation if isinstance(self.activation, str) else getattr(self.activation, "__name__", "callable")
        widths = "-".join(map(str, self.widths))
        biases = " with biases" if self.bias else ""
        return f"<Network: {self.rows} rows, {widths} {name}, {self.parameters} parameters{biases}>"


def _hidden(value: Any) -> tuple[int, ...]:
    try:
        widths = (operator.index(value),)
    except TypeError:
        if isinstance(value, (str, type)) or not hasattr(value, "__iter__"):
            raise TypeError(
                f"hidden must be a sequence of widths, got {described(value)}; () has no hidden layer."
            ) from None
        widths = tuple(value)
    return tuple(validate.count(f"hidden[{place}]", width, minimum=1) for place, width in enumerate(widths))


def _targets(value: Any, rows: int) -> npt.NDArray[Any]:
    """Return targets as (m, n_L)."""
    targets, _ = validate.matrix("y", value, vector=True)
    if len(targets) != rows:
        raise ValueError(f"y must have one row for each of the {rows} rows of X, got {len(targets)}.")
    return targets
