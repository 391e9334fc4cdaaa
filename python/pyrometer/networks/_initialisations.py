"""Laws of the layers of a network, whose scales depend on fan-in and fan-out.

Names and variances are those of Keras; the normal laws are not truncated, unlike those of Keras. A network also accepts
`Normal` and `Uniform`, with one scale for each layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, validate
from pyrometer.laws import NORMAL, UNIFORM, WHY_SCALE, Family, Normal, Uniform, logarithms

if TYPE_CHECKING:
    from pyrometer.networks._network import Network

__all__ = [
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "LayerLaw",
    "LecunNormal",
    "LecunUniform",
    "TorchLinear",
]

_Array: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Scaled(ByValue):
    """Variance ``gain^2 _variance / fan``, the fan being the fan-in or the mean of fan-in and fan-out."""

    gain: _Array
    _variance: ClassVar[float]
    _average: ClassVar[bool] = False
    _family: ClassVar[Family] = NORMAL

    def __init__(self, gain: npt.ArrayLike = 1.0) -> None:
        object.__setattr__(self, "gain", validate.positive("gain", gain, WHY_SCALE))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws; ``()`` for a single one."""
        return self.gain.shape

    def _width(self) -> _Array:
        """Return the scale of a layer with fan 1: a standard deviation, or the length of an interval."""
        with np.errstate(over="ignore"):  # `layers` raises for an overflow
            width: _Array = self.gain * np.sqrt(self._variance * self._family.precision)
        return width


class LecunNormal(_Scaled):
    r"""Normal layers of variance :math:`g^2/n_{l-1}`: the scaling :math:`\sigma_l = \sigma/\sqrt{n_{l-1}}` of (5.32).

    Biases, if any, have the scale of their layer: the zero biases of Keras would have no differential entropy.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0, which is :math:`\sigma` of (5.32). An array is a batch of laws.

    Examples
    --------
    >>> import pyrometer as pm
    >>> pm.LecunNormal([1.0, 10.0, 100.0]).batch_shape
    (3,)
    """

    _variance = 1.0


class HeNormal(_Scaled):
    r"""Normal layers of variance :math:`2g^2/n_{l-1}`, which preserves the energy of units of ReLU networks.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 64], hidden=(256, 256), outputs=10, activation="relu")
    >>> round(pm.mean_energy(network, pm.HeNormal()).value, 12)        # 2 n_L for inputs of mean square 1
    20.0
    """

    _variance = 2.0


class GlorotNormal(_Scaled):
    r"""Normal layers of variance :math:`2g^2/(n_{l-1} + n_l)`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 16], hidden=(), outputs=16)
    >>> round(pm.mean_energy(network, pm.GlorotNormal()).value, 12)
    16.0
    """

    _variance = 1.0
    _average = True


class LecunUniform(_Scaled):
    r"""Uniform layers of variance :math:`g^2/n_{l-1}`: :math:`U[-\sqrt3, \sqrt3]\,g/\sqrt{n_{l-1}}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 12], hidden=(), outputs=1)      # intervals of length 1
    >>> abs(pm.entropy(network, pm.LecunUniform())) < 1e-12
    True
    """

    _variance = 1.0
    _family = UNIFORM


class HeUniform(_Scaled):
    r"""Uniform layers of variance :math:`2g^2/n_{l-1}`: :math:`U[-\sqrt6, \sqrt6]\,g/\sqrt{n_{l-1}}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 24], hidden=(), outputs=1)      # intervals of length 1
    >>> abs(pm.entropy(network, pm.HeUniform())) < 1e-12
    True
    """

    _variance = 2.0
    _family = UNIFORM


class GlorotUniform(_Scaled):
    r"""Uniform layers of variance :math:`2g^2/(n_{l-1} + n_l)`: :math:`U[-\sqrt6, \sqrt6]\,g/\sqrt{n_{l-1} + n_l}`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws. Biases as in `LecunNormal`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 12], hidden=(), outputs=12)     # intervals of length 1
    >>> abs(pm.entropy(network, pm.GlorotUniform())) < 1e-12
    True
    """

    _variance = 1.0
    _average = True
    _family = UNIFORM


class TorchLinear(_Scaled):
    r"""PyTorch's default for linear layers: weights and biases in :math:`U[-1, 1]/\sqrt{n_{l-1}}`.

    The variance is :math:`1/(3n_{l-1})`; the entropy is negative for a fan-in above 4.

    Attributes
    ----------
    gain : ndarray, shape ()
        Always 1.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 4], hidden=(), outputs=3, bias=True)
    >>> pm.entropy(network, pm.TorchLinear())
    0.0
    """

    _variance = 1.0 / 3.0
    _family = UNIFORM

    def __init__(self) -> None:
        super().__init__(1.0)


LayerLaw: TypeAlias = (
    Normal | Uniform | LecunNormal | HeNormal | GlorotNormal | LecunUniform | HeUniform | GlorotUniform | TorchLinear
)


@dataclass(frozen=True)
class LayerSpread:
    """A law broadcast over the layers of a network, each array of shape (..., L).

    ``weight`` and ``bias`` are standard deviations or lengths of intervals, according to `family`; 0 means no bias.
    ``leading`` is the scale in the leading term of the entropy: with the scaling (5.32) it is sigma, not sigma_l.
    """

    weight: _Array
    bias: _Array
    leading: _Array
    family: Family

    @property
    def uniform(self) -> bool:
        """Whether the core draws uniform numbers; ValueError for a family that it does not have."""
        if self.family is not NORMAL and self.family is not UNIFORM:
            raise ValueError(f"law must be normal or uniform for a network, got {self.family.name}.")
        return self.family is UNIFORM

    @property
    def batch_shape(self) -> tuple[int, ...]:
        """Shape of the batch of laws."""
        return self.weight.shape[:-1]

    def variances(self) -> tuple[_Array, _Array]:
        """Variances of the weights and of the biases of each layer."""
        divisor = self.family.precision
        with np.errstate(over="ignore"):
            return self.weight**2 / divisor, self.bias**2 / divisor

    def flat(self) -> tuple[_Array, _Array]:
        """Weights and biases as (laws, L), C-contiguous."""
        layers = self.weight.shape[-1]
        return tuple(np.ascontiguousarray(a.reshape(-1, layers)) for a in (self.weight, self.bias))  # type: ignore[return-value]

    def normal(self) -> LayerSpread:
        """Return the normal law of the same variances."""
        if self.family is NORMAL:
            return self
        ratio = self.family.ratio
        return LayerSpread(self.weight / ratio, self.bias / ratio, self.leading, NORMAL)

    def times(self, factor: _Array) -> LayerSpread:
        """All scales multiplied by each of k factors, shape (k, ..., L)."""
        factors = factor.reshape(-1, *(1,) * self.weight.ndim)
        return LayerSpread(factors * self.weight, factors * self.bias, factors * self.leading, self.family)

    def selected(self, which: npt.NDArray[np.bool_]) -> LayerSpread:
        """The selected laws of the batch, shape (k, L)."""
        return LayerSpread(self.weight[which], self.bias[which], self.leading[which], self.family)

    def entropies(self, counts: _Array, resolution: float, *, leading: bool) -> _Array:
        """Entropy of each layer in nats, given its number of parameters; with `leading` only its leading term."""
        result = logarithms(self.leading if leading else self.weight, resolution)
        if not leading:
            result = result + self.family.entropy
        return counts * result


def layers(law: Any, network: Network) -> LayerSpread:
    """Broadcast `law` over the layers of `network`; TypeError or ValueError if it does not match."""
    count = len(network.widths) - 1
    segments: Any = getattr(law, "segments", ())
    if isinstance(law, _Scaled):
        fan_in, fan_out = np.array(network.widths[:-1], float), np.array(network.widths[1:], float)
        fan = 0.5 * (fan_in + fan_out) if law._average else fan_in
        width = law._width()[..., None]
        scale, leading, family = width / np.sqrt(fan), np.broadcast_to(width, (*law.batch_shape, count)), law._family
    elif len(segments) == 1:
        ((family, given),) = segments
        if given.ndim and given.shape[-1] not in (1, count):
            raise ValueError(
                f"law must have 1 or {count} scales on its last axis, one for each layer of the network, got shape "
                f"{given.shape}; a batch of laws goes on leading axes, e.g. scale[:, None]."
            )
        scale = leading = np.ascontiguousarray(np.broadcast_to(given, (*given.shape[:-1], count)))
    else:
        what = f"a {type(law).__name__} law, which is for linear systems" if segments else repr(law)
        raise TypeError(
            "law must be Normal, Uniform, LecunNormal, GlorotNormal, HeNormal, LecunUniform, GlorotUniform, HeUniform "
            f"or TorchLinear for a network, got {what}."
        )
    scale = np.ascontiguousarray(scale)
    if not (np.isfinite(scale) & (scale > 0.0)).all():
        layer = int(np.argwhere(~(np.isfinite(scale) & (scale > 0.0)))[0][-1]) + 1
        raise ValueError(
            f"law must give every layer a finite scale > 0, got an overflow or underflow for layer {layer}; change the "
            "gain."
        )
    return LayerSpread(scale, scale if network.bias else np.zeros_like(scale), np.ascontiguousarray(leading), family)
