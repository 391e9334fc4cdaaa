"""Energies, entropies and temperatures of the layers of a model of another framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pyrometer.base import validate
from pyrometer.models._frameworks import checked_init, framework_of
from pyrometer.models._request import Request
from pyrometer.results import ModelLayers

__all__ = ["measure"]


def measure(
    model: Any,
    inputs: Any,
    y: Any = None,
    *,
    mode: str = "train",
    method: str = "auto",
    draws: int = 32,
    rtol: float | None = None,
    laws: Mapping[str, Any] | None = None,
    init: Callable[[Any], Any] | None = None,
    trained: Any = None,
    rows: int | None = None,
    resolution: float = 1.0,
    seed: int = 0,
    device: Any = None,
    progress: bool | None = None,
) -> ModelLayers:
    r"""Energies, entropies and temperatures of the layers of a model; not in the paper.

    A layer is an operation that consumes a parameter, whatever the model is made of: matrix products, convolutions,
    embeddings, norms, plain parameters; a parameter that is added to a product with another is its bias. (5.12) and
    (5.23) are applied to its outputs:

    .. math:: E_l = \frac1m\sum_i\langle\|z_i^{(l)}\|^2\rangle, \qquad T_l = \frac{E_l}{S_l}.

    Parameters
    ----------
    model : callable, torch.nn.Module, keras.Model, MLPClassifier, MLPRegressor, str, path or onnx.ModelProto
        A class or function that builds the model without arguments, ``lambda: MyModel(width=64)``, or an instance whose
        layers have their default laws; see `laws`. A Keras model needs its PyTorch backend; its variables are restored.
        ONNX needs `laws`.
    inputs : array_like, torch.Tensor, tuple or dict
        Inputs of the model, finite; a tuple is passed as positional arguments, a dict by name. Arrays of floating-point
        numbers are converted to the dtype of the parameters; tensors stay as they are.
    y : array_like, optional
        Targets of an estimator of scikit-learn that is not fitted, whose number of outputs they determine.
    mode : {"train", "eval"}
        How dropout and batch normalisation behave.
    method : {"auto", "monte-carlo"}
        "auto": an exact energy of each layer where there is one, draws for the others. "monte-carlo": draws for all.
    draws : int
        Models that are drawn, at least 2, for energies without a closed form.
    rtol : float, optional
        Draw until the relative standard error of every sampled energy is below it, at most 64 times `draws`.
    laws : mapping of str to law, optional
        Laws by patterns of names of parameters, as in `laws`.
    init : callable, optional
        Called with each model after it is built.
    trained : torch.nn.Module, optional
        The trained model, whose outputs z* are subtracted: (5.12) with z* other than 0.
    rows : int, optional
        Number of rows m. Default: the length of the first axis of all inputs.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised (2.28).
    seed : int
        Seed of PyTorch's, NumPy's and Python's generators, whose states are restored.
    device : str or torch.device, optional
        Where the model runs. Default: that of the first tensor among the inputs, else that of the model.
    progress : bool
        Whether a bar is shown on an interactive standard error.

    Returns
    -------
    ModelLayers
        Arrays over the layers, and totals of the model.

    Raises
    ------
    TypeError
        If `model` is of no supported framework, or inputs are not numbers.
    ValueError
        If the laws are not known (see `laws`), the model is not drawn anew at each call or runs other operations,
        inputs differ in their rows, or outputs overflow.

    Warns
    -----
    SimulationWarning
        If the relative standard error of an energy is above 10 %, which draws with heavy tails underestimate; if `rtol`
        is not met.

    Notes
    -----
    Methods are "exact" for a chain of dense layers that `Network` supports; "closed form" where second moments suffice:
    dense layers, convolutions, embeddings, concatenation, residual sums that end in such a layer, the relu family,
    dropout and norms; else "monte-carlo". Behind a norm the mean square is :math:`v/(v+\epsilon)`, taken from one draw
    where :math:`\epsilon/(v+\epsilon)` is below 1e-4 and varies little enough: `neglected` of the result has the size
    of the relative error, at most 1e-3. The other closed forms are right within rounding.

    A draw costs a forward pass, and a build where builds differ in more than parameters whose laws are traced. Models
    that keep results of a call for the next have no closed forms. Sums are in double precision. Where the weights of an
    operation have mean zero and are independent of its input, their mean over the layer's own weights,
    :math:`\sum\sigma^2x^2 + \langle b^2\rangle`, replaces the square of the output: first layers have no error.

    Networks of scikit-learn are measured by the engine of `Network`, exactly where it can. Layers of an ONNX model are
    those of its graph; batch normalisation and dropout follow `mode`. Recurrent layers are one layer, whose energy is
    summed over the steps; a cell that the program of a PyTorch model calls itself is one layer for each call. An einsum
    of more than two operands is computed in pairs, by default from the left, and the output of a layer is that of the
    pair with the weight: write the weight last to have that of all. Models run in their own dtype: ``torch.autocast``
    acts where a model enters it itself, not around this call.

    Examples
    --------
    >>> import pyrometer as pm
    >>> import torch
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> model = lambda: torch.nn.Sequential(torch.nn.Linear(10, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
    >>> layers = pm.models.measure(model, data.X)
    >>> layers.kind.tolist(), layers.parameters.tolist(), round(float(layers.energy_per_unit[0]), 6)
    (['dense', 'dense'], [352, 33], 0.366667)
    """
    return framework_of(model).measure(
        model,
        Request(
            inputs=inputs,
            y=y,
            mode=validate.choice("mode", mode, ("train", "eval")),
            method=validate.choice("method", method, ("auto", "monte-carlo")),
            draws=validate.count("draws", draws, minimum=2),
            rtol=None if rtol is None else validate.single("rtol", rtol, minimum=0.0, exclusive=True),
            laws=laws,
            init=checked_init(init),
            trained=trained,
            rows=None if rows is None else validate.count("rows", rows, minimum=1),
            resolution=validate.single("resolution", resolution, minimum=0.0, exclusive=True),
            seed=validate.count("seed", seed, minimum=0),
            device=device,
            progress=progress is not None and validate.flag("progress", progress),
        ),
    )
