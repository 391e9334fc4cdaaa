"""The result of a balance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue
from pyrometer.results import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Balance"]

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Balance(ByValue):
    """Factors of the initial parameters of layers at which all have one energy per unit; not in the paper.

    Arrays have one entry for each layer that is rescaled, in the order of a forward pass.

    Attributes
    ----------
    model : str
        Class of the model.
    name : ndarray of str, shape (L,)
        Path of the module.
    parameters : tuple of tuple of str
        Parameters of each layer that its factor multiplies: weights and biases.
    factors : ndarray, shape (L,)
        By which they are multiplied.
    errors : ndarray, shape (L,)
        Standard errors of the factors, given those before; 0 in closed form.
    method : ndarray of str, shape (L,)
        "closed form" or "monte-carlo".
    achieved : ndarray, shape (L,)
        Energies per unit of the rescaled model, on fresh draws where they are sampled.
    achieved_errors : ndarray, shape (L,)
        Their standard errors; 0 in closed form.
    skipped : dict of str to str
        Other products with weights, and why they are not rescaled.
    laws : Table
        Laws of the rescaled parameters, as from `pyrometer.models.laws`.
    target : float
        Energy per unit that was asked for.
    mode : str
        "train" or "eval".
    seed, draws : int
        Seed, and draws of the model; 0 if nothing was sampled.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> found = pm.models.balance(lambda: torch.nn.Linear(10, 32), data.X, target=4.0)
    >>> found.parameters, found.method.tolist(), found.achieved.round(9).tolist()
    ((('weight', 'bias'),), ['closed form'], [4.0])
    """

    model: str
    name: npt.NDArray[np.str_]
    parameters: tuple[tuple[str, ...], ...]
    factors: _Array
    errors: _Array
    method: npt.NDArray[np.str_]
    achieved: _Array
    achieved_errors: _Array
    skipped: Mapping[str, str]
    laws: Table
    target: float
    mode: str
    seed: int
    draws: int

    def __len__(self) -> int:
        return len(self.name)

    def apply(self, model: Any) -> Any:
        """Multiply the parameters of a model by their factors, in place.

        Parameters
        ----------
        model : torch.nn.Module
            Initialised as the model that was balanced; once only, since factors multiply.

        Returns
        -------
        torch.nn.Module
            The model.

        Raises
        ------
        TypeError
            If `model` is not a module.
        ValueError
            If it lacks a parameter that has a factor.
        """
        from pyrometer.models._pytorch._apply import multiplied

        return multiplied(model, self.model, self.parameters, self.factors.tolist())

    def to_table(self) -> Table:
        """Return the layers as a table."""
        columns: dict[str, Any] = {
            name: getattr(self, name) for name in ("name", "factors", "errors", "method", "achieved", "achieved_errors")
        }
        columns["parameters"] = np.array([", ".join(each) for each in self.parameters], dtype=np.str_)
        metadata = {name: getattr(self, name) for name in ("target", "mode", "seed", "draws")}
        metadata["skipped"] = dict(self.skipped)
        return Table(f"Balance of {self.model}", columns, {}, metadata)

    def to_frame(self) -> pd.DataFrame:
        """Return the layers as a pandas DataFrame, one row a layer."""
        return self.to_table().to_pandas()

    def __repr__(self) -> str:
        lines = [str(self.to_table())]
        lines += [f"not rescaled: {name or '(model)'}: {why}" for name, why in self.skipped.items()]
        return "\n".join(lines)
