"""The frozen results. Each carries its uncertainty and its method.

Array fields have the shape of the stack of systems followed by that of the batch of laws; where this is ``()`` they are
``float`` (or ``str``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeAlias, overload

import numpy as np
import numpy.typing as npt

from pyrometer.base import Number, Word, restore
from pyrometer.results import _records as records
from pyrometer.results._shown import OneNumber, Shown, drawn

__all__ = ["Estimate", "Floats", "HeatEngine", "LayerTemperatures", "Minimum", "Strings", "Temperature"]

Floats: TypeAlias = float | npt.NDArray[np.float64]
"""A float, or an array of them for a batch."""
Strings: TypeAlias = str | npt.NDArray[np.str_]
"""A string, or an array of them for a batch."""


@overload
def shaped(array: npt.NDArray[np.float64]) -> Floats: ...
@overload
def shaped(array: npt.NDArray[np.str_]) -> Strings: ...
@overload
def shaped(array: npt.NDArray[np.bool_]) -> bool | npt.NDArray[np.bool_]: ...
@overload
def shaped(array: npt.NDArray[np.int64]) -> int | npt.NDArray[np.int64]: ...
def shaped(array: npt.NDArray[Any]) -> Any:
    """Return a Python scalar for an array of shape (), else a contiguous array."""
    return array.item() if array.ndim == 0 else np.ascontiguousarray(array)


class _Answer(Shown):
    """A result whose unpickling fills in the fields which pickles of earlier versions lack."""

    _DEFAULTS: ClassVar[dict[str, tuple[str, float]]] = {}
    """Fields added since: the field whose shape they have, and their value."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, (like, value) in self._DEFAULTS.items():
            if name not in state:
                state[name] = shaped(np.full(np.shape(state[like]), value))
        self.__dict__.update(state)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Estimate(OneNumber, Generic[Number], record=records.ESTIMATE):
    """A mean energy with its uncertainty.

    Attributes
    ----------
    value : float or ndarray
        The mean energy, in units of the loss.
    standard_error : float or ndarray
        0 for a closed form; the standard error of the mean for Monte Carlo.
    error_bound : float or ndarray
        Bound of the error of an exact value beyond rounding, in units of the loss: of a truncated series or a
        quadrature, or from additions and subtractions of moments; 0 if there is none.
    method : str
        The method used: "exact", "refined", "asymptotic", "mean-field", "corrected-mean-field" or "monte-carlo";
        "scalar-chain" for "exact" where some energies of a batch were simulated, those with a standard error > 0.
    samples : int
        Draws used; 0 for a closed form.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> energy = pm.mean_energy(system, pm.Normal(2.0))
    >>> round(energy.value, 6), energy.standard_error, energy.method
    (36.666667, 0.0, 'exact')
    """

    value: Number
    standard_error: Number
    error_bound: Number
    method: str
    samples: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Minimum(_Answer, OneNumber, Generic[Number, Word], record=records.MINIMUM):
    """The minimum energy over all parameters, with its certificate.

    Attributes
    ----------
    value : float or ndarray
        The minimum energy E*, in units of the loss.
    parameters : ndarray
        A minimiser, shape ``(..., n)``, the intercept last. If it is not unique, one of them; for least squares and
        ridge the one of least norm (see `minimum_energy`). If the infimum is not attained, one iterate.
    gap : float or ndarray
        Certified bound: the energy of `parameters` exceeds the infimum by at most this, in units of the loss. Columns
        that are linearly dependent within rounding (see `rank`) are treated as exactly dependent, unless they are so
        only within the rounding of a few rows in memory, huge ones such as fill values, or of far larger weights: then
        the gap includes what the others may gain. Least squares from rows include what other parameters of the same
        size change by that rounding.
    attained : bool or ndarray of bool
        False where no parameters attain the infimum. Rows that a single column separates, at a threshold or because
        one class alone has other values than 0 in it, are always found. Whether labels are separated by a combination
        of columns that are dependent but for a relative distance below about 1e-9 may be undecided where rows times
        squared number of parameters exceed 1e7, or where only the rounding of columns separates some of the rows (a
        column that is the rounded sum of others of smaller size, wide overlapping bumps): then True, with a gap at
        least as large as the value. Rows in memory that rounding leaves undecided are solved with decimals as they were
        written (see `minimum_energy`), of which `value`, `gap` and `attained` then are.
    method : str or ndarray of str
        "covariance" (from second moments), "refined" (from second moments, then from residuals of the rows in twice
        the working precision), "orthogonal" (QR of the rows, where the moments are not accurate enough),
        "coordinate-descent" (lasso), "simplex" (absolute error) or "newton" (cross entropy).
    rank : int or ndarray of int
        Number of linearly independent columns of the data, without the constant feature; for the lasso, of the columns
        of the active set.
    condition : float or ndarray
        Estimated condition number of the same columns, centred and scaled; inf if they are dependent. nan for
        "simplex" and "newton", which do not compute it.
    digits : float or ndarray
        Expected correct decimal digits of `value`, 0 to 16. For those of `parameters` see `parameter_error`. Of least
        squares from rows ("orthogonal") whose columns are dependent within rounding, those that all units and orders
        of rows and columns have in common, where they leave the rank as it is.
    parameter_error : ndarray
        Upper bound of the distance of each parameter from that of the exact minimiser, shape ``(..., n)``, in the units
        of `parameters`; inf if no bound is known: where the minimiser may not be unique, where rounding leaves the
        active set of a lasso undecided, and for absolute error of out-of-core rows. Of softmax regression the exact
        minimiser is that whose parameters have the sum 0 over the classes.
    names : tuple of str or None
        Names of the parameters, the last axis of `parameters`, "intercept" that of the constant feature; of softmax
        regression after the label of the class, such as "setosa: width". None where the columns have no names.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> minimum = pm.minimum_energy(system)  # the line 9/14 x + 1/2
    >>> round(minimum.value, 6), minimum.parameters.round(6).tolist()
    (0.02381, [0.642857, 0.5])
    """

    _DEFAULTS: ClassVar[dict[str, tuple[str, float]]] = {"parameter_error": ("parameters", np.inf)}

    value: Number
    parameters: npt.NDArray[np.float64]
    gap: Number
    attained: bool | npt.NDArray[np.bool_]
    method: Word
    rank: int | npt.NDArray[np.int64]
    condition: Number
    digits: Number
    parameter_error: npt.NDArray[np.float64]
    names: tuple[str, ...] | None = field(default=None, compare=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        restore(self, vars(self).copy())

    def _names(self, name: str) -> tuple[str, ...] | None:
        return self.names if name in ("parameters", "parameter_error") else None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Temperature(_Answer, OneNumber, Generic[Number, Word], record=records.TEMPERATURE):
    """A temperature, its three ingredients, and a verdict on it.

    ``value == (energy - minimum_energy) / entropy`` holds for every method.

    Attributes
    ----------
    value : float or ndarray
        T, in units of the loss per nat; nan where `verdict` is "undefined".
    standard_error : float or ndarray
        The standard error of `energy` divided by ``abs(entropy)``; 0 for closed forms.
    energy : float or ndarray
        Mean energy of the random state. For "refined" and "asymptotic" its leading term for wide laws.
    minimum_energy : float or ndarray
        Energy of the trained state; 0 for "refined" and "asymptotic", which neglect it, and for networks unless given.
    entropy : float or ndarray
        Entropy of the random state in nats, minus ``n ln(resolution)``; for "asymptotic" its leading term.
    parameters : int
        Number of random parameters n, the intercept included: those that the entropy is of.
    marginal : float or ndarray
        dE/dS along the scale of the law, (dE/d ln scale) / n. Not in the paper: it has no pole and is independent of
        the unit of the parameters. nan where it was simulated and the draws do not determine it.
    marginal_error : float or ndarray
        Its standard error where it was simulated, else a bound on its error; 0 where only rounding is left.
    verdict : str or ndarray of str
        "ok"; "near-pole" where ``abs(entropy) / parameters < 0.1``; "negative-entropy" where the entropy, and so
        T, is negative; "undefined" where the entropy is 0, no parameter is random, or the law has no density
        (orthogonal weights, whose entropy and marginal temperature are nan).
    method : str
        The method used, as in `Estimate`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> system = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0])
    >>> hot = pm.temperature(system, pm.Normal(10.0))
    >>> hot.value == (hot.energy - hot.minimum_energy) / hot.entropy
    True
    >>> hot.verdict, pm.temperature(system, pm.Normal(0.1)).verdict
    ('ok', 'negative-entropy')
    """

    _DEFAULTS: ClassVar[dict[str, tuple[str, float]]] = {"marginal_error": ("marginal", np.nan)}

    value: Number
    standard_error: Number
    energy: Number
    minimum_energy: Number
    entropy: Number
    parameters: int
    marginal: Number
    marginal_error: Number
    verdict: Word
    method: str


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LayerTemperatures(_Answer, record=records.LAYERS):
    r"""The layers of a network as subsystems; arrays have the shape of the law's batch followed by the L layers.

    ``layers[l]`` is one layer, with scalars (for a batch, arrays of its shape); ``len`` and iteration are supported.

    Attributes
    ----------
    energy : ndarray, shape (..., L)
        Mean squared norm of the pre-activations, :math:`E_l` (5.12), in units of the loss; inf or 0 beyond the range
        of doubles.
    log_energy : ndarray, shape (..., L)
        :math:`\ln E_l`, also beyond it: from -inf, where the energy is exactly 0, to any finite value.
    standard_error : ndarray, shape (..., L)
        Standard error of the energy; 0 where it was not sampled.
    error_bound : ndarray, shape (..., L)
        Bound of the quadrature error of an exact energy; 0 if there is none beyond rounding.
    parameters : ndarray of int, shape (L,)
        Random parameters of each layer, biases included; constants are not counted.
    entropy : ndarray, shape (..., L)
        Entropy :math:`S_l` of these parameters in nats; 0 if there are none, nan for orthogonal weights.
    temperature : ndarray, shape (..., L)
        :math:`T_l = E_l/S_l`, in units of the loss per nat; nan where the verdict is "undefined", and where the energy
        is inf.
    gain : ndarray, shape (..., L - 1)
        Growth :math:`g_l = E_{l+1}/E_l` from each layer to the next; nan where the energy of a layer is 0, and
        inf beyond the range of doubles.
    marginal : ndarray, shape (..., L)
        Derivative of the energy along the common logarithm of all scales, per parameter of the layer. Not in
        the paper. nan where it was simulated and the draws do not determine it, and where the layer has no random
        parameters or no entropy, or where it or the energy is beyond the range of doubles.
    marginal_error : ndarray, shape (..., L)
        Its standard error; 0 where it was not simulated.
    verdict : ndarray of str, shape (..., L)
        Verdict on each temperature, as in `Temperature`.
    units : ndarray, shape (L,)
        Units of each layer, :math:`n_l`; nan in results of versions that did not keep them.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 8], hidden=(8, 8), outputs=8, activation="relu")
    >>> layers = pm.heat_engine(network, pm.Normal(1.0)).layers
    >>> layers.gain                                             # sigma^2 n / 2
    array([4., 4.])
    >>> layers[1].energy, [layer.parameters for layer in layers]
    (256.0, [64, 64, 64])
    """

    _DEFAULTS: ClassVar[dict[str, tuple[str, float]]] = {
        "marginal_error": ("marginal", np.nan),
        "log_energy": ("energy", np.nan),
        "units": ("parameters", np.nan),
    }

    energy: npt.NDArray[np.float64]
    log_energy: npt.NDArray[np.float64]
    standard_error: npt.NDArray[np.float64]
    error_bound: npt.NDArray[np.float64]
    parameters: npt.NDArray[np.int64]
    entropy: npt.NDArray[np.float64]
    temperature: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float64]
    marginal: npt.NDArray[np.float64]
    marginal_error: npt.NDArray[np.float64]
    verdict: npt.NDArray[np.str_]
    units: npt.NDArray[np.float64]

    def _fields(self) -> dict[str, Any]:
        """Return the fields, the gain with nan for the last layer."""
        values = super()._fields()
        if np.ndim(self.energy):
            last = np.full_like(self.energy[..., :1], np.nan)
            values |= {"gain": np.append(self.gain, last, axis=-1)} if np.ndim(self.parameters) else {}
        return values

    def __len__(self) -> int:
        return len(self.parameters)

    def __iter__(self) -> Iterator[LayerTemperatures]:
        return (self[layer] for layer in range(len(self)))

    def __getitem__(self, layer: int) -> LayerTemperatures:
        """Return one layer; the gain of the last one is nan."""
        gain = np.full(self.energy.shape, np.nan)
        gain[..., :-1] = self.gain
        columns = vars(self) | {"gain": gain}
        return LayerTemperatures(**{name: shaped(np.asarray(array[..., layer])) for name, array in columns.items()})


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class HeatEngine(Shown, Generic[Number, Word], record=records.ENGINE):
    r"""A network as a heat engine: a chain of layers that transfer energy.

    :math:`T = E_L/S = \eta\,\sum_l T_lS_l/\sum_l S_l` holds for every law and method (5.24).

    Attributes
    ----------
    layers : LayerTemperatures
        Energy, entropy, temperature and growth of each layer.
    work_efficiency : float or ndarray
        :math:`\eta = E_L/\sum_l E_l` (5.23), between 0 and 1; nan where all energies are 0.
    engine : int or ndarray of int
        2, the second type, if each layer has more than 10 times the energy of the one before (5.29), so that
        :math:`\eta > 0.9`, in total, per unit and per parameter (5.22). Else 1, the first type (5.26). A single layer
        is of the second type.
    regime : str or ndarray of str
        How the energy of a unit, :math:`E_l/n_l`, changes over the layers at the scale of the law: "even" if it neither
        grows nor falls by a factor of 10 or more between any two layers; "exploding" if it grows by that from the first
        layer to the last and never falls by it, "vanishing" if it falls and never grows, else "uneven"; "single layer"
        for one layer.
    temperature : float or ndarray
        :math:`T = E_L/S`, without targets and trained energy (5.5), in units of the loss per nat; nan if S is 0 or nan,
        or the energy is beyond the range of doubles (`layers.log_energy` has it).
    standard_error : float or ndarray
        Standard error of `temperature`; 0 where nothing was sampled.
    entropy : float or ndarray
        :math:`S = \sum_l S_l` in nats.
    parameters : int
        Number of random parameters N.
    verdict : str or ndarray of str
        As in `Temperature`, and "mixed-signs" where some layers have negative and others positive entropy.
    total : Temperature
        The temperature with the targets and the trained energy: that of `pyrometer.temperature`; nan, with its energy,
        where the energy of the last layer is inf.
    method : str
        The method used, as in `Estimate`.
    network, law : str
        What the engine was made of, as text.

    Examples
    --------
    >>> import pyrometer as pm
    >>> network = pm.Network([[1.0] * 8], hidden=(8, 8), outputs=8, activation="relu")
    >>> engine = pm.heat_engine(network, pm.Normal(10.0))
    >>> engine.engine, engine.regime, round(engine.work_efficiency, 4)
    (2, 'exploding', 0.9975)
    """

    layers: LayerTemperatures
    work_efficiency: Number
    engine: int | npt.NDArray[np.int64]
    regime: Word
    temperature: Number
    standard_error: Number
    entropy: Number
    parameters: int
    verdict: Word
    total: Temperature[Number, Word]
    method: str
    network: str = field(default="", compare=False)
    law: str = field(default="", compare=False)

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
