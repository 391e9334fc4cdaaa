"""Fully connected networks with their data, and squared error or cross entropy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, mean_squares_about, plain, require_finite, require_normal, validate
from pyrometer.losses import LOSSES, loss_named
from pyrometer.networks import _arguments, _layer_energies, _sampled_callable, _variance
from pyrometer.networks._activations import ACTIVATIONS, Activation, ActivationRecord
from pyrometer.networks._layer_spread import LayerSpread, layers
from pyrometer.networks._losses import NETWORK_LOSSES
from pyrometer.results import Displayed, Estimate, Quantity, Sheet, described_by, finite, shaped
from pyrometer.thermodynamics import Evaluated

__all__ = ["Network"]

# Integers up to this are exact as doubles.
# Equal widths in a row that are written one by one.
_WRITTEN = 3
_MOST_PARAMETERS = 2**53


@dataclass(frozen=True, eq=False, repr=False)
class Network(Displayed):
    r"""A fully connected network with squared error, summed over outputs (5.1)-(5.3), or with cross entropy.

    .. math:: z^{(l)} = W^{(l)}x^{(l-1)} (+ b^{(l)}), \qquad x^{(l)} = \phi(z^{(l)}), \qquad
        E = \frac1m\sum_i \|y_i - z_i^{(L)}\|^2.

    The last layer is linear. The energy of layer l is the mean squared norm of its pre-activations,
    :math:`E_l = \frac1m\sum_i\|z_i^{(l)}\|^2`, (5.12).

    Parameters
    ----------
    X : array_like or data frame, shape (m, n_0)
        Inputs, one row per example; finite, real. float32 is sampled in float32.
    y : array_like, column or data frame, shape (m,) or (m, n_L), optional
        Targets, finite, real. Without them the energy is the mean squared norm of the outputs. For cross entropy
        labels, shape (m,).
    hidden : sequence of int
        Widths :math:`n_1, \dots, n_{L-1}` of the hidden layers, each at least 1; ``()`` for a linear model.
    outputs : int, optional
        Width :math:`n_L` of the last layer. Default: the columns of `y`; 1 for two labels, else their number.
    activation : str or callable
        "tanh", "sigmoid", "relu", "identity", "erf", "leaky_relu" (slope 0.01), "gelu" (x times the normal distribution
        function), "silu", "softplus", "elu", "selu", "mish", "hardswish" or "hardtanh", as PyTorch defines them. Or a
        function that takes an array and returns one of its shape, such as ``numpy.sin``; its energies are sampled, in
        Python. Or a sequence of these, one for each hidden layer.
    bias : bool
        Whether layers have biases, drawn with the scale of their layer.
    energy : {"mse", "ce"}
        Squared error, or cross entropy (not in the paper): `y` has labels of any kind, of two or more classes in sorted
        order, and the outputs are their logits. One output is the log odds of the second of two labels,

        .. math:: E = \frac1m\sum_i\left[\ln(1 + e^{z_i}) - y_iz_i\right],

        and the default for two labels. C outputs are the logits of C classes,
        :math:`E = \frac1m\sum_i[\ln\sum_ce^{z_{ic}} - z_{iy_i}]`; with more outputs than labels, the last classes
        have no rows.

    Raises
    ------
    TypeError, ValueError
        If the data are not finite real numbers of matching shapes, a width is below 1, there is another number of
        activations than of hidden layers, or labels and outputs do not match.

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
    Network, 10-256-256-1 relu
      rows          442
      parameters  68352    without biases
      energy      squared error (mse)

    Labels, with activations of each hidden layer:

    >>> data = pm.datasets.breast_cancer(standardize=True)
    >>> network = pm.Network(data.X, data.y, hidden=(8, 8), activation=["relu", "tanh"], energy="ce")
    >>> network
    Network, 30-8-8-1 relu,tanh
      rows        569
      parameters  312    without biases
      energy      cross entropy (ce)
      classes     0.0, 1.0
    >>> round(float(pm.mean_energy(network, pm.LecunNormal()).value), 6)
    0.717665
    """

    X: npt.NDArray[Any]
    y: npt.NDArray[Any] | None
    widths: tuple[int, ...]
    activation: Activation | tuple[Activation, ...]
    bias: bool
    names: tuple[str, ...] | None
    energy: str = "mse"
    classes: tuple[Any, ...] | None = None
    """Labels of the classes that have rows, in the order of their numbers in `y`; None for squared error."""

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        hidden: Sequence[int] | int,
        outputs: int | None = None,
        activation: Activation | Sequence[Activation] = "tanh",
        bias: bool = False,
        energy: str = "mse",
    ) -> None:
        widths = _arguments.hidden(hidden)
        activation = _arguments.activation(activation, len(widths))
        energy = loss_named(energy, tuple(LOSSES[name] for name in NETWORK_LOSSES)).name
        inputs, names = validate.matrix("X", X)
        validate.aligned("X", X, "y", y)
        if outputs is not None:
            outputs = validate.count("outputs", outputs, minimum=1)
        inputs, targets, classes, last = NETWORK_LOSSES[energy].data(inputs, y, outputs)
        fields = {
            "X": inputs,
            "y": targets,
            "widths": (inputs.shape[1], *widths, last),
            "activation": activation,
            "bias": validate.flag("bias", bias),
            "names": names,
            "energy": energy,
            "classes": classes,
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
    def activations(self) -> tuple[Activation, ...]:
        """The activation of each hidden layer."""
        return self.activation if isinstance(self.activation, tuple) else (self.activation,) * (self.layers - 1)

    @property
    def records(self) -> tuple[ActivationRecord | None, ...]:
        """Constants of the activation of each hidden layer; None for a callable."""
        if isinstance(self.activation, str):
            return (ACTIVATIONS[self.activation],) * (self.layers - 1)
        return tuple([ACTIVATIONS[phi] if isinstance(phi, str) else None for phi in self.activations])

    @property
    def named(self) -> str | None:
        """Names of the activations with commas between them, one name if they are equal; None if one is a callable."""
        if isinstance(self.activation, tuple):
            return ",".join(map(str, self.activation)) if all(isinstance(phi, str) for phi in self.activation) else None
        return self.activation if isinstance(self.activation, str) else None

    @cached_property
    def norms(self) -> npt.NDArray[np.float64]:
        """Squared norms of the rows, shape (m,), read-only."""
        with np.errstate(over="ignore"):
            norms: npt.NDArray[np.float64] = np.einsum("ij,ij->i", self.X, self.X, dtype=np.float64)
        norms.flags.writeable = False
        return norms

    @cached_property
    def target_square(self) -> float:
        """Mean squared norm of the targets; 0 without them, and for cross entropy."""
        if self.y is None or not NETWORK_LOSSES[self.energy].squared:
            return 0.0
        return float(np.einsum("ij,ij->", self.y, self.y, dtype=np.float64)) / self.rows

    # ---- the protocol of a system: see `pyrometer.thermodynamics.System`

    @property
    def loss(self) -> str:
        """Name of the loss, as tables show it."""
        return NETWORK_LOSSES[self.energy].title

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
        return NETWORK_LOSSES[self.energy].require(self, bound, method)

    def mean_energies(
        self, bound: LayerSpread, method: str, samples: int, rng: validate.RandomSource, threads: int, *, slope: bool
    ) -> Evaluated:
        """Mean energy and its derivative: those of the last layer, plus the targets, or the mean cross entropy."""
        return NETWORK_LOSSES[self.energy].evaluate(self, bound, method, samples, rng, threads, slope=slope)

    def last_layer(
        self,
        bound: LayerSpread,
        layered: _layer_energies.Layered,
        slopes: _layer_energies.Slopes,
        *,
        unbounded: bool = False,
    ) -> Evaluated:
        """Energy and derivative of the network as one system, from those of its layers."""
        last = (part[..., -1] for part in (*slopes, layered.tails))
        return Evaluated(self.estimate(bound, layered, unbounded=unbounded), *last)

    def estimate(self, bound: LayerSpread, layered: _layer_energies.Layered, *, unbounded: bool = False) -> Estimate:
        """Energy of the last layer plus the mean square of the targets, which limits neglect.

        With `unbounded` nan where it overflows, and 0 where it underflows.
        """
        energy, target = layered.energy[..., -1], np.zeros(())
        if layered.method not in ("refined", "asymptotic"):
            target = np.asarray(self.target_square)
            if layered.centred is not None and self.y is not None:
                # |y - z|^2 of outputs of mean c is that of outputs of mean 0 and targets y - c.
                energy, target = layered.centred, mean_squares_about(self.y, bound.bias[..., -1])
        if unbounded:
            energy = np.where(np.isfinite(energy), energy, np.nan)
        else:
            require_finite(np.asarray(energy + target))
        # All units of a draw can be inactive: its energy is 0 then at any scale.
        rectifies = any(record is not None and record.rectifies for record in self.records)
        sampled = layered.method == "monte-carlo" and rectifies
        if not (unbounded or sampled) and (layered.centred is None or self.y is None):
            require_normal(energy + target, lambda: _layer_energies.positive(self, bound)[..., -1])
        return Estimate(
            value=shaped(energy + target),
            standard_error=shaped(layered.standard_error[..., -1]),
            error_bound=shaped(layered.error_bound[..., -1]),
            method=layered.method,
            samples=layered.samples,
        )

    def draw_energies(self, bound: LayerSpread, draws: range, key: tuple[int, int], threads: int) -> Array:
        """Energies of a range of draws."""
        return NETWORK_LOSSES[self.energy].draws(self, bound, draws, key, threads)

    def draw_parameters(self, bound: LayerSpread, samples: int, key: tuple[int, int]) -> Array:
        """Parameters of the first draws."""
        return _sampled_callable.parameters(self, bound, key, samples)

    def energy_variances(self, bound: LayerSpread) -> Array:
        """Variance of the energy."""
        variance = _variance.variance(self, bound)
        require_normal(variance, lambda: _layer_energies.positive(self, bound.centred[0])[..., -1], "variance")
        return variance

    def entropy_parts(self, bound: LayerSpread, resolution: float, *, leading: bool) -> Array:
        """Entropy of each layer."""
        return bound.entropies(resolution, leading=leading)

    def least_energy(self, threads: int) -> None:
        """None: the trained energy must be given by the user."""

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Approximate time for one law, in nanoseconds."""
        bound = self.bind(law)
        exact = NETWORK_LOSSES[self.energy].exists(self, bound)
        drawn = method == "monte-carlo" or (method == "auto" and not exact)
        sampled = samples if drawn else 0
        return 1e6 + 1e4 * self.rows + sampled * min(self.rows, 100) * self.parameters / 20

    def to_dict(self) -> dict[str, Any]:
        """Return what describes the network, without its rows, as types that JSON has."""
        about = {name: getattr(self, name) for name in ("energy", "rows", "widths", "parameters", "bias", "names")}
        phis = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        described: dict[str, Any] = finite({"system": type(self).__name__, **about, "activation": phis})
        return described | {"classes": finite(self.classes)}

    @property
    def architecture(self) -> str:
        """Widths and activations as text, such as "10-256-256-1 relu"; from four on equal widths are "(49x64)"."""
        phis = self.activation if isinstance(self.activation, tuple) else (self.activation,)
        name = ",".join(phi if isinstance(phi, str) else getattr(phi, "__name__", "callable") for phi in phis)
        runs = [(width, len(list(run))) for width, run in groupby(self.widths)]
        widths = [f"({n}x{width})" if n > _WRITTEN else "-".join([str(width)] * n) for width, n in runs]
        return f"{'-'.join(widths)} {plain(name)}"

    def _sheet(self) -> Sheet:
        facts: dict[str | Quantity, Any] = {
            "rows": self.rows,
            Quantity("parameters", note="with biases" if self.bias else "without biases"): self.parameters,
            "energy": f"{LOSSES[self.energy].title} ({self.energy})",
            "columns": self.names,
            "classes": None if self.classes is None else tuple(map(str, self.classes)),
        }
        return described_by(f"Network, {self.architecture}", facts)
