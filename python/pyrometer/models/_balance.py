"""Scales of the initial parameters of a model at which all layers have one energy per unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pyrometer.base import described, validate
from pyrometer.models._balanced import Balance
from pyrometer.models._frameworks import checked_init, framework_of
from pyrometer.models._request import Request

__all__ = ["balance"]


def balance(
    model: Any,
    inputs: Any,
    *,
    target: float = 1.0,
    draws: int = 16,
    rtol: float | None = 0.03,
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
        Draws at least, 2 or more, of which up to 16 advance together, in memory at the same time; as many fresh ones
        afterwards.
    rtol : float, optional
        Draw until the relative standard error of every sampled energy is below it, at most 64 times `draws`; None: no
        more than `draws`.
    skip : str or sequence of str
        Patterns of names of layers or parameters that are not to be rescaled, ``"head*"``.
    mode : {"train", "eval"}
        How dropout and batch normalisation behave.
    laws, init
        As in `measure`.
    seed : int
        Seed of PyTorch's, NumPy's and Python's generators, whose states are restored.
    device : str or torch.device, optional
        As in `measure`.

    Returns
    -------
    Balance
        Factors of the layers, the energies that they achieve, and why layers were left as they are: a parameter that
        several operations use has no factor that is right for all, nor have outputs that are used before their
        bias is added to them, nor layers whose bias, or a weight that a forward pass changes, is a function of
        parameters that is not proportional to them.

    Raises
    ------
    TypeError, ValueError
        As `measure`; if a pattern of `skip` matches nothing.

    Notes
    -----
    A forward pass of each draw, before and after. Energies vary more from draw to draw the narrower and deeper a model
    without norms is, and errors fall as the root of the number of draws: the first 16 are enough for a ResNet-18 or a
    VGG of 64 channels; a transformer block of width 8 takes about 100, VGGs and U-Nets of 6 to 16 channels 300 to 700,
    several seconds. Norms are not rescaled. A layer is exact at finite width where its energy has a
    closed form: for these every energy is that of the target within rounding.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> model = lambda: torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.ReLU(), torch.nn.Linear(32, 1))
    >>> result = pm.models.balance(model, data.X)
    >>> result.factors.round(4).tolist(), result.achieved.round(9).tolist()
    ([1.6514, 2.3764], [1.0, 1.0])
    >>> module = result.apply(model())
    """
    framework = framework_of(model)
    if framework.name != "PyTorch":
        raise TypeError(
            f"model must be a torch.nn.Module or a class or function that builds one, got a model of {framework.name}, "
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
        rtol=None if rtol is None else validate.single("rtol", rtol, minimum=0.0, exclusive=True),
        laws=laws,
        init=checked_init(init),
        trained=None,
        rows=1,
        resolution=1.0,
        seed=validate.count("seed", seed, minimum=0),
        device=device,
        progress=False,
    )
    from pyrometer.models._pytorch._balance import balanced

    return balanced(model, request, validate.single("target", target, minimum=0.0, exclusive=True), list(patterns))
