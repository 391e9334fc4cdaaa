"""Laws of layers one by one, and of weights and biases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, cast, overload

import numpy as np

from pyrometer.base import BatchShape
from pyrometer.laws import LAYER_CALLS, Constant, Independent, Normal, TruncatedNormal, Uniform, not_a_law
from pyrometer.networks._initialisations import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Scaled,
    TorchLinear,
)
from pyrometer.networks._orthogonal import Orthogonal
from pyrometer.results import Described
from pyrometer.thermodynamics import Single

__all__ = ["LayerLaw", "Layers"]

_CALLS = {name: call for name, call in LAYER_CALLS.items() if name != "Layers"}
_BIAS_CALLS = {name: call for name, call in _CALLS.items() if name != "Orthogonal"}


@dataclass(frozen=True, eq=False, repr=False)
class Layers(Described, Generic[BatchShape]):
    r"""Laws of the weights of each layer, and of the biases; not in the paper.

    Parameters
    ----------
    weights : law, or sequence of laws
        One law for all layers, or one for each in a list: `Normal`, `Uniform`, `TruncatedNormal`, the laws scaled by
        fan-in and fan-out, `TorchLinear`, `Orthogonal`, or ``Constant(0.0)`` for weights that start at 0. In a list, a
        law has a single scale, in a batch on its last axis: ``scale[:, None]``.
    biases : law, or sequence of laws
        Likewise for the biases, of any of these laws but `Orthogonal`; fan-in and fan-out are those of their layer.
        `Constant` gives all biases of a layer its value. Default: biases that start at 0. A network without biases
        takes no others.

    Raises
    ------
    TypeError, ValueError
        If a law is of another kind, or the batches of laws do not broadcast.

    See Also
    --------
    heat_engine : temperatures of the layers, some of which may not be random.

    Notes
    -----
    Parameters that are constant have no entropy, and are not counted in N: entropies and temperatures are those of the
    others. A layer without random parameters has no temperature.

    Initialisations of other libraries, for a `Network` with ``bias=True``:

    - Keras' ``Dense``: ``pm.Layers(pm.GlorotUniform())``; with ``kernel_initializer="he_normal"``
      ``pm.Layers(pm.HeNormal(truncated=True))``. Biases start at 0.
    - PyTorch's ``Linear``: ``pm.TorchLinear()``, weights and biases in :math:`U[-1, 1]/\sqrt{n_{l-1}}`.
    - Flax's ``Dense``: ``pm.Layers(pm.LecunNormal(truncated=True))``.
    - neural-tangents' ``Dense(n, W_std, b_std)``: ``pm.Layers(pm.LecunNormal(W_std), biases=pm.Normal(b_std))``.
    - A readout that starts at 0, as in maximal-update parametrisation:
      ``pm.Layers([pm.LecunNormal(), pm.LecunNormal(), pm.Constant(0.0)])``.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 64], hidden=(32, 32), outputs=4, activation="relu", bias=True)
    >>> law = pm.Layers([pm.HeNormal(), pm.HeNormal(), pm.Normal(0.01)], biases=pm.Normal(0.1))
    >>> pm.heat_engine(network, law).layers.energy.round(6).tolist()
    [64.32, 64.64, 0.052928]
    >>> round(pm.mean_energy(network, pm.Layers(pm.HeNormal())).value, 9)      # zero biases
    8.0
    """

    weights: Any
    biases: Any

    @overload
    def __init__(self: Layers[tuple[()]], weights: Single | Sequence[Single], biases: _OneLaw = ...) -> None: ...
    @overload
    def __init__(self: Layers[tuple[int, ...]], weights: Any, biases: Any = ...) -> None: ...
    def __init__(self, weights: Any, biases: Any = Constant()) -> None:  # noqa: B008 (frozen)
        object.__setattr__(self, "weights", _checked("weights", weights, _CALLS))
        object.__setattr__(self, "biases", _checked("biases", biases, _BIAS_CALLS))
        shapes = [law.batch_shape for given in (self.weights, self.biases) for law in _each(given)]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError:
            raise ValueError(
                f"weights and biases must have batches that broadcast, got batch shapes {shapes}."
            ) from None

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        laws = (*_each(self.weights), *_each(self.biases))
        return cast("BatchShape", np.broadcast_shapes(*(law.batch_shape for law in laws)))


_OneLaw: TypeAlias = Single | Sequence[Single]


def _each(given: Any) -> tuple[Any, ...]:
    return given if isinstance(given, tuple) else (given,)


def _checked(name: str, given: Any, calls: dict[str, str]) -> Any:
    """Return a law, or a tuple of laws for a sequence of them."""
    if not isinstance(given, Sequence) or isinstance(given, (str, bytes)):
        return _law(name, given, calls)
    if not len(given):
        raise ValueError(f"{name} must have one law for each layer, got none.")
    laws = tuple(_law(f"{name}[{k}]", law, calls) for k, law in enumerate(given))
    for k, law in enumerate(laws):
        for _, scale in getattr(law, "segments", ()):
            if scale.ndim and scale.shape[-1] != 1:
                raise ValueError(
                    f"{name}[{k}] must have a single scale, as the law of one layer, got shape {scale.shape}; a batch "
                    "of laws goes on leading axes, e.g. scale[:, None]."
                )
    return laws


def _law(name: str, law: Any, calls: dict[str, str]) -> Any:
    if isinstance(law, Layers):
        raise TypeError(f"{name} must be laws of one kind of parameters, got Layers; pass its weights or its biases.")
    if isinstance(law, Orthogonal) and "Orthogonal" not in calls:
        raise TypeError(
            f"{name} must be laws of biases, got Orthogonal, a law of matrices; use such as pm.Normal(0.1)."
        )
    is_law = isinstance(law, (Scaled, Orthogonal)) or (
        not isinstance(law, type) and len(getattr(law, "segments", ())) == 1
    )
    if isinstance(law, Independent) or not is_law:
        raise not_a_law(name, law, calls)
    return law


LayerLaw: TypeAlias = (
    Normal
    | Uniform
    | TruncatedNormal
    | Constant
    | LecunNormal
    | HeNormal
    | GlorotNormal
    | LecunUniform
    | HeUniform
    | GlorotUniform
    | TorchLinear
    | Orthogonal
    | Layers
)
