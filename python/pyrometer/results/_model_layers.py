"""The layers of a model of another framework, as a frozen result and as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, validate
from pyrometer.results import _sheet
from pyrometer.results._model_text import MODEL, heading
from pyrometer.results._shown import Shown, drawn
from pyrometer.results._table import Table

__all__ = ["ModelLayers"]

_UNITS = {"energy": "loss", "standard_error": "loss", "entropy": "nat", "temperature": "loss/nat"}

_COLUMNS = (
    *(
        "name",
        "energy_per_unit",
        "gain",
        "temperature",
        "verdict",
        "kind",
        "method",
        "energy",
        "standard_error",
        "neglected",
    ),
    *("units", "calls", "parameters", "entropy", "laws"),
)
_TOTALS = (
    *("total_parameters", "total_entropy", "work_efficiency", "engine", "regime", "unused", "entropy_unknown"),
    *("mode", "seed", "draws", "rows"),
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ModelLayers(Shown, record=MODEL):
    r"""The layers of a model of another framework as subsystems; not in the paper, whose networks are fully connected.

    A layer is an operation that consumes a parameter, in the order of a forward pass: one for each place where a shared
    parameter is used. Arrays have one entry for each layer.

    Attributes
    ----------
    model : str
        Class of the model.
    name : ndarray of str, shape (L,)
        Path of the module; of parameters of the model itself their name. A number in parentheses counts later calls of
        the same module.
    kind : ndarray of str, shape (L,)
        What the operation is: "dense", "convolution", "transposed convolution", "embedding", "norm", "recurrent",
        "scale", "shift" or "other".
    calls : ndarray of int, shape (L,)
        Operations that a layer sums up: the steps of a recurrent layer, else 1.
    units : ndarray, shape (L,)
        Outputs for one row, over channels and places; a mean where rows differ.
    energy : ndarray, shape (L,)
        Mean over the rows of the squared norm of the outputs, :math:`E_l` (5.12), in units of the loss.
    energy_per_unit : ndarray, shape (L,)
        :math:`E_l/n_l`.
    gain : ndarray, shape (L,)
        Energy per unit divided by that of the first layer: the cumulative gain. nan if that is 0.
    standard_error : ndarray, shape (L,)
        Standard error of the energy; 0 where it was not sampled, nan after a single draw.
    method : ndarray of str, shape (L,)
        "exact", "closed form" or "monte-carlo".
    neglected : ndarray, shape (L,)
        About the largest relative error of closed forms behind norms, which take the mean of :math:`v/(v+\epsilon)`
        from one draw: the largest :math:`\epsilon/(v+\epsilon)` of that draw times three standard deviations of v,
        whose logarithm is taken as normal; an estimate, not a proof, and at most 1e-3. 0 where there is no norm and
        nothing but rounding is neglected.
    parameters : ndarray of int, shape (L,)
        Random parameters that the layer uses; constants are not counted.
    entropy : ndarray, shape (L,)
        Their entropy :math:`S_l` in nats, minus ``N ln(resolution)``; nan where it is unknown.
    laws : ndarray of str, shape (L,)
        Their laws, with commas between the parameters.
    temperature : ndarray, shape (L,)
        :math:`T_l = E_l/S_l`, in units of the loss per nat; nan where the verdict is "undefined".
    verdict : ndarray of str, shape (L,)
        Verdict on each temperature, as in `Temperature`.
    total_parameters : int
        Random parameters N of the model, each counted once.
    total_entropy : float
        Their entropy in nats, each counted once; those of `entropy_unknown` are left out.
    work_efficiency : float
        :math:`\eta = E_L/\sum_l E_l` (5.23) over the layers with weights: without norms, scales and shifts.
    engine : int
        Type of the engine, 1 or 2, as in `HeatEngine`, over the same layers.
    regime : str
        How the energy of a unit changes over the same layers, as in `HeatEngine`.
    unused : tuple of str
        Parameters that no operation uses.
    entropy_unknown : tuple of str
        Parameters without an entropy: name their law.
    mode : str
        "train" or "eval": how dropout and batch normalisation behaved.
    seed, draws, rows : int
        Seed; draws of the model, 0 if nothing was sampled; rows of the inputs.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> layers = pm.models.measure(lambda: torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU()), [[1.0] * 64])
    >>> layers.total_parameters, round(layers.total_entropy, 6), layers.method.tolist()
    (16640, -23067.938169, ['exact'])
    """

    model: str
    name: npt.NDArray[np.str_]
    kind: npt.NDArray[np.str_]
    calls: npt.NDArray[np.int64]
    units: Array
    energy: Array
    energy_per_unit: Array
    gain: Array
    standard_error: Array
    method: npt.NDArray[np.str_]
    neglected: Array
    parameters: npt.NDArray[np.int64]
    entropy: Array
    laws: npt.NDArray[np.str_]
    temperature: Array
    verdict: npt.NDArray[np.str_]
    total_parameters: int
    total_entropy: float
    work_efficiency: float
    engine: int
    regime: str
    unused: tuple[str, ...]
    entropy_unknown: tuple[str, ...]
    mode: str
    seed: int
    draws: int
    rows: int

    def __len__(self) -> int:
        return len(self.name)

    def to_table(self) -> Table:
        """Return the layers as a table, energy per unit and cumulative gain first."""
        columns: dict[str, Any] = {name: getattr(self, name) for name in _COLUMNS}
        metadata = {name: getattr(self, name) for name in _TOTALS}
        return Table(f"Layers of {self.model}", columns, _UNITS, metadata)

    def to_text(self, *, width: int | None = None, max_rows: int = 60) -> str:
        """Return the layers as plain text, with totals below.

        Parameters
        ----------
        width : int, optional
            At least 40: columns that do not fit are left out, from the last, and named. Default: no limit.
        max_rows : int
            At least 2: of more layers the first and the last are shown.

        Returns
        -------
        str
            Lines without trailing newline; numbers with four significant digits, names shortened from the front.
        """
        if width is not None:
            width = validate.count("width", width, minimum=40)
        return _sheet.as_text(self._sheet(), width, validate.count("max_rows", max_rows, minimum=2))

    def _heading(self, values: Mapping[str, Any]) -> str:
        del values
        return heading(self)

    def plot(self, ax: Any = None) -> Any:
        """Draw the layers by `pyrometer.plot.layers`.

        Parameters
        ----------
        ax : Axes or three Axes, optional
            As there.

        Returns
        -------
        tuple of Axes
            As there.
        """
        return drawn("layers", self, ax)
