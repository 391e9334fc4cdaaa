"""Scales of the initial parameters of a model at which all layers have one energy per unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, described, validate
from pyrometer.models._frameworks import checked_init, framework_of
from pyrometer.models._request import Request
from pyrometer.results import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Balance", "balance"]

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
        from pyrometer.models._torch_balance import apply

        return apply(model, self)

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


def balance(
    model: Any,
    inputs: Any,
    *,
    target: float = 1.0,
    draws: int = 16,
    skip: str | Sequence[str] = (),
    mode: str = "train",
    laws: Mapping[str, Any] | None = None,
    init: Callable[[Any], Any] | None = None,
    seed: int = 0,
    device: Any = None,
) -> Balance:
    r"""Rescale the initial parameters of a PyTorch model so that all layers have one energy per unit; not in the paper.

    The energy per unit of a layer, :math:`E_l/n_l = \sigma_l^2\langle q_{l-1}\rangle + \sigma_b^2` for a dense one, is
    the mean square of its outputs. Weights and biases of each layer are multiplied by :math:`\sqrt{e/(E_l/n_l)}`, with
    e the target and :math:`E_l` the energy after earlier layers have been rescaled: in closed form where `measure` has
    one, else the mean over draws that advance together, layer by layer.

    Parameters
    ----------
    model : callable or torch.nn.Module
        As in `measure`.
    inputs : array, tensor, tuple or dict
        As in `measure`.
    target : float
        Energy per unit e > 0.
    draws : int
        Draws that advance together, at least 2, all in memory at the same time; as many fresh ones afterwards.
    skip : str or sequence of str
        Patterns of names of layers or parameters that are not to be rescaled, ``"head*"``.
    mode : {"train", "eval"}
        How dropout and batch normalisation behave.
    laws, init, device
        As in `measure`.
    seed : int
        Seed of PyTorch's, NumPy's and Python's generators, whose states are restored.

    Returns
    -------
    Balance
        Factors of the layers, the energies that they achieve, and why layers were left as they are: a parameter that
        several operations use has no factor that is right for all.

    Raises
    ------
    TypeError, ValueError
        As `measure`; if a pattern of `skip` matches nothing.

    Notes
    -----
    A forward pass of each draw, before and after. Norms are not rescaled. A layer is exact at finite width where its
    energy has a closed form: for these every energy is that of the target within rounding.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> model = lambda: torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    >>> found = pm.models.balance(model, data.X)
    >>> found.factors.round(4).tolist(), found.achieved.round(9).tolist()
    ([1.6514, 1.3725], [1.0, 1.0])
    >>> module = found.apply(model())
    """
    framework = framework_of(model)
    if framework.name != "PyTorch":
        raise TypeError(
            f"model must be a torch.nn.Module or a function that builds one, got a model of {framework.name}, "
            f"{described(model)}."
        )
    patterns: Any = [skip] if isinstance(skip, str) else skip
    if not isinstance(patterns, Sequence) or not all(isinstance(each, str) for each in patterns):
        raise TypeError(f'skip must be a pattern of names or several, such as ["head*"], got {described(skip)}.')
    request = Request(
        inputs=inputs,
        y=None,
        mode=validate.choice("mode", mode, ("train", "eval")),
        method="auto",
        draws=validate.count("draws", draws, minimum=2),
        rtol=None,
        laws=laws,
        init=checked_init(init),
        trained=None,
        rows=1,
        resolution=1.0,
        seed=validate.count("seed", seed, minimum=0),
        device=device,
        progress=False,
    )
    from pyrometer.models._torch_balance import balanced

    return balanced(model, request, validate.single("target", target, minimum=0.0, exclusive=True), list(patterns))
