"""The result of a balance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, plain
from pyrometer.results import Record, Shown, Table, with_error

__all__ = ["Balance"]


def _rescaled(balance: Any) -> Iterator[Table]:
    columns: dict[str, Any] = {"layer": balance.name, "factor": balance.factors, "achieved": balance.achieved}
    for name, errors in (("factor", balance.errors), ("achieved", balance.achieved_errors)):
        if (errors > 0.0).any():
            pairs = zip(columns[name].tolist(), errors.tolist(), strict=True)
            columns[name] = np.array([with_error(*pair) for pair in pairs], dtype=np.str_)
    yield Table("", columns | {"method": balance.method}, {"achieved": "loss"})


# Relative standard error of the energies for which the number of draws is stated.
_ENOUGH = 0.03


def _reached(balance: Any) -> Iterator[str]:
    """Yield how near the energies are to the target, and how many draws would reduce their errors."""
    if not len(balance.factors):
        return
    away = 100.0 * float(np.max(np.abs(balance.achieved / balance.target - 1.0)))
    error = float(np.max(balance.achieved_errors / balance.achieved))
    errors = f", with standard errors up to {100.0 * error:.2g} %" if error else ""
    yield f"energies per unit of the rescaled model are within {away:.2g} % of the target{errors}."
    if error > _ENOUGH:
        draws = math.ceil(balance.draws * (error / _ENOUGH) ** 2)
        yield f"narrow layers vary from draw to draw: for {100.0 * _ENOUGH:.0f} % use about draws={draws}."


def _not_rescaled(balance: Any) -> Iterator[str]:
    yield from _reached(balance)
    yield "multiply the parameters of a model that is initialised in the same way: balance.apply(model)."
    for name, why in balance.skipped.items():
        yield f"not rescaled: {plain(name) or '(model)'}: {why}"


def _about(balance: Any) -> str:
    sampled = f", {balance.draws} draws, seed {balance.seed}" if balance.draws else ""
    return f"{plain(balance.model)} at energy {balance.target:g} per unit, mode {balance.mode!r}{sampled}"


_HIDDEN = (
    *("model", "name", "parameters", "factors", "errors", "method", "achieved", "achieved_errors", "skipped", "laws"),
    *("target", "mode", "seed", "draws"),
)
_RECORD = Record(
    elsewhere=frozenset(_HIDDEN),
    heading=_about,
    tables=_rescaled,
    sentences=_not_rescaled,
    over="factors",
    axes=1,
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Balance(Shown, record=_RECORD):
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
        Standard errors of the factors; 0 in closed form.
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
        Seed, and draws of the model that gave the factors; 0 if nothing was sampled.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> result = pm.models.balance(lambda: torch.nn.Linear(10, 32), data.X, target=4.0)
    >>> result.parameters, result.method.tolist(), result.achieved.round(9).tolist()
    ((('weight', 'bias'),), ['closed form'], [4.0])
    """

    model: str
    name: npt.NDArray[np.str_]
    parameters: tuple[tuple[str, ...], ...]
    factors: Array
    errors: Array
    method: npt.NDArray[np.str_]
    achieved: Array
    achieved_errors: Array
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
