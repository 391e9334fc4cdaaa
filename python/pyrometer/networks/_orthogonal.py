"""Orthogonal layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, cast, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import BatchShape, validate
from pyrometer.laws import Family
from pyrometer.results import Described

__all__ = ["ORTHOGONAL", "Orthogonal"]

ORTHOGONAL = Family("orthogonal", 1.0, np.nan, lambda s: np.full_like(s, np.nan), np.nan, np.nan, -2.0)
"""Entries of variance 1 of matrices with orthonormal rows or columns: they are dependent, and have no entropy."""


@dataclass(frozen=True, eq=False, repr=False)
class Orthogonal(Described, Generic[BatchShape]):
    r"""Weights uniform on the matrices with orthonormal rows or columns, times a gain; not in the paper.

    :math:`W^\top W = g^2` for a layer that is not narrower than the one before, :math:`WW^\top = g^2` else, as in
    ``torch.nn.init.orthogonal_`` and Keras' ``Orthogonal``. Entries have mean 0 and variance
    :math:`g^2/\max(n_{l-1}, n_l)`.

    Parameters
    ----------
    gain : float or array_like
        The factor g, finite and > 0; an array is a batch of laws.

    See Also
    --------
    Layers : gives biases a law; an orthogonal law is of weights alone.

    Notes
    -----
    Energies that follow from second moments are exact: those of all layers for "relu", "leaky_relu" and "identity", and
    that of a first layer. Others are sampled, from the QR decomposition of a normal matrix with a positive diagonal of
    R, which takes :math:`4pk^2` operations for each draw of a layer of widths :math:`p \ge k`. There is no density in
    all :math:`n_{l-1}n_l` dimensions: the entropy, and so T, is undefined.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 16], hidden=(16, 16), outputs=16, activation="identity")
    >>> engine = pm.heat_engine(network, pm.Orthogonal())
    >>> engine.layers.energy.round(9).tolist(), engine.verdict
    ([16.0, 16.0, 16.0], 'undefined')
    """

    gain: npt.NDArray[np.float64]

    @overload
    def __init__(self: Orthogonal[tuple[()]], gain: float = 1.0) -> None: ...
    @overload
    def __init__(self: Orthogonal[tuple[int, ...]], gain: npt.ArrayLike) -> None: ...
    def __init__(self, gain: npt.ArrayLike = 1.0) -> None:
        why = "weights that start at 0 are pm.Constant(0.0)."
        object.__setattr__(self, "gain", validate.positive("gain", gain, why))

    @property
    def batch_shape(self) -> BatchShape:
        """Shape of the batch of laws; ``()`` for a single one."""
        return cast("BatchShape", self.gain.shape)
