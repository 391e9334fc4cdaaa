"""The base of linear systems: their data, in memory, as moments or on disk, and their dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, restore, validate
from pyrometer.data import Moments, Scanned
from pyrometer.laws import Normal, Spread, spread
from pyrometer.linear import _mean_energy
from pyrometer.linear._light_rows import allow_for_raised_weights
from pyrometer.linear._penalties import L1, L2, Penalty, not_a_penalty
from pyrometer.linear._records import LINEAR
from pyrometer.losses import LOSSES
from pyrometer.results import Displayed, Minimum, Quantity, Sheet, described_by, finite
from pyrometer.thermodynamics import Evaluated, not_a_system

__all__ = ["LinearSystem", "require_linear", "without_rows"]

AnySystem = TypeVar("AnySystem", bound="LinearSystem")

# Minima are computed once for all laws. Systems are frozen, and compared by identity.
_minima: WeakKeyDictionary[LinearSystem, tuple[Minimum, Warning | None]] = WeakKeyDictionary()

_ABOUT = ("energy", "rows", "parameters", "intercept", "weighted", "shape", "names")


@dataclass(frozen=True, eq=False, repr=False, init=False)
class LinearSystem(Displayed):
    """A linear model of rows or their moments, an energy, perhaps a penalty and an intercept."""

    X: npt.NDArray[Any] | None
    y: npt.NDArray[Any] | None
    energy: str
    penalty: Penalty | None
    intercept: bool
    moments: Moments | None
    names: tuple[str, ...] | None
    scanned: Scanned | None
    weights: Array | None = None
    rescaled: bool = False
    """Whether only the ratios of the weights are those given: of extreme sizes, or of a stack with several totals."""

    def _describe(
        self,
        data: validate.Data | None,
        moments: Moments | None,
        *,
        energy: str,
        penalty: Penalty | None = None,
        intercept: bool,
        scanned: Scanned | None = None,
        rescaled: bool = False,
    ) -> None:
        if penalty is not None and not isinstance(penalty, (L1, L2)):
            raise not_a_penalty(penalty)
        fields = {
            "X": data.X if data else None,
            "y": data.y if data else None,
            "energy": energy,
            "penalty": penalty,
            "intercept": intercept,
            "moments": moments,
            "names": data.names if data else moments.names if moments else scanned.rows.names if scanned else None,
            "scanned": scanned,
            "weights": data.weights.values if data and data.weights else None,
            "rescaled": rescaled
            or (
                data is not None and data.weights is not None and (data.weights.exponent != 0 or not data.weights.equal)
            ),
        }
        vars(self).update(fields)
        if self.parameters == 0:
            raise ValueError("a system must have at least one parameter, got no features and intercept=False.")

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        restore(self, {"weights": self.weights})  # X and y may be the caller's own arrays

    @cached_property
    def second_moments(self) -> Moments:
        """The moments of a squared-error system; without their rows, too, they say what these hide."""
        if self.moments is None:
            raise TypeError(f"second moments are of squared error, got energy={self.energy!r}.")
        return self.moments if self.X is None else self.moments.compared(self.X, self.weights)

    def stacked_rows(self, *, by_columns: bool = False) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """Rows (systems, m, p) and (systems, m) of one dtype; X is C-contiguous, or, `by_columns`, as it is stored."""
        if self.scanned is not None:
            raise TypeError(
                f"the rows of this system are in {self.scanned.rows.source}, not in memory; this needs them in memory: "
                f"{type(self).__name__}(X, y)."
            )
        if self.X is None or self.y is None:
            raise TypeError("a system described by its moments has no rows; pass X and y.")
        if not by_columns and not self.X.flags.c_contiguous:
            object.__setattr__(self, "X", np.ascontiguousarray(self.X))
        systems = math.prod(self.shape)  # of no feature, -1 could be any number
        return self.X.reshape(systems, *self.X.shape[-2:]), self.y.reshape(systems, -1)

    def stacked_weights(self) -> Array | None:
        """Weights of the rows of `stacked_rows`, of mean 1 in each system; None if there are none."""
        return None if self.weights is None else of_mean_one(self.weights.reshape(-1, self.weights.shape[-1]))

    def blocks(
        self, *, by_columns: bool = False
    ) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], Array | None, float]]:
        """Rows and weights as of `stacked_rows` and `stacked_weights`, in blocks with their share of the total weight.

        Those on disk are valid one at a time.
        """
        if self.scanned is None:
            yield *self.stacked_rows(by_columns=by_columns), self.stacked_weights(), 1.0
            return
        for X, y, w in self.scanned.blocks():
            if w is None:
                yield X[None], y[None], None, len(y) / self.rows
            else:
                yield X[None], y[None], of_mean_one(w[None]), float(w.sum()) / self.known_moments().count

    def known_moments(self) -> Moments:
        """Return the moments as they were accumulated, whether or not the rows are in memory."""
        moments = self.moments if self.scanned is None else self.scanned.moments
        assert moments is not None
        return moments

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the stack of systems; ``()`` for a single one."""
        return self.known_moments().shape if self.X is None else self.X.shape[:-2]

    @property
    def rows(self) -> int:
        """Number of rows m of each system."""
        return self.known_moments().rows if self.X is None else int(self.X.shape[-2])

    @property
    def parameters(self) -> int:
        """Number of parameters n, the intercept included."""
        features = self.known_moments().mean.shape[-1] - 1 if self.X is None else self.X.shape[-1]
        return int(features) + self.intercept

    @property
    def weighted(self) -> bool:
        """Whether the rows have weights."""
        return self.known_moments().weighted if self.X is None else self.weights is not None

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the rows of one system; their number if they have none."""
        if self.X is None:
            return self.known_moments().count
        return self.rows if self.weights is None else float(self.weights.reshape(-1, self.rows)[0].sum())

    @property
    def penalised(self) -> int:
        """Number of parameters in the penalty, counted from the first."""
        if self.penalty is None:
            return 0
        return self.parameters - (self.intercept and not self.penalty.intercept)

    def freedom(self, rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Number of independent parameters where the columns have this rank, the constant one not counted."""
        return np.asarray(rank + self.intercept)

    # ---- the protocol `pyrometer.thermodynamics.System`

    @property
    def loss(self) -> str:
        """Name of the loss."""
        return self.energy

    @property
    def separable(self) -> bool:
        """True: results of a system do not depend on the others of a stack or batch."""
        return True

    def members(self, first: int, last: int) -> LinearSystem:
        """Systems `first` to `last` of the flattened stack, as a stack of one axis; the data are shared."""
        part = copy(self)
        fields: dict[str, Any] = {"moments": self.moments and self.moments.members(first, last)}
        if self.X is not None:
            X, y = self.stacked_rows()
            fields |= {"X": X[first:last], "y": y[first:last]}
        if self.weights is not None:
            fields["weights"] = self.weights.reshape(-1, self.weights.shape[-1])[first:last]
        for name, value in fields.items():
            object.__setattr__(part, name, value)
        return part

    def bind(self, law: Any) -> Spread:
        """Spread a law over the parameters."""
        return spread(law, self.parameters)

    def random_parameters(self, bound: Spread) -> int:
        """Number of random parameters."""
        return self.parameters if bound.all_random else int(bound.random.sum())

    def check_method(self, bound: Spread, method: str) -> str:
        """Return the method that runs."""
        del bound
        return _mean_energy.check_method(method)

    def mean_energies(
        self, bound: Spread, method: str, samples: int, rng: validate.RandomSource, threads: int, *, slope: bool
    ) -> Evaluated:
        """Mean energy and slope."""
        return _mean_energy.mean_energies(self, bound, method, samples, rng, threads, slope=slope)

    def draw_energies(self, bound: Spread, draws: range, key: tuple[int, int], threads: int) -> Array:
        """Energies of draws."""
        return _mean_energy.draw_energies(self, bound, draws, key, threads)

    def draw_parameters(self, bound: Spread, samples: int, key: tuple[int, int]) -> Array:
        """Parameters of draws."""
        return _mean_energy.draw_parameters(bound, samples, key)

    def energy_variances(self, bound: Spread) -> Array:
        """Variance of the energy."""
        return _mean_energy.variances(self, bound)

    def entropy_parts(self, bound: Spread, resolution: float, *, leading: bool) -> Array:
        """Entropy of each parameter."""
        return bound.entropies(resolution, leading=leading)

    def least_energy(self, threads: int) -> tuple[Minimum, Warning | None]:
        """Minimum energy, and a warning if there is one; computed once."""
        minimum = _minima.get(self)
        if minimum is None:
            lowest, warning = allow_for_raised_weights(self, *LINEAR[self.energy].minimum(self, threads))
            minimum = _minima[self] = self.with_names(lowest), warning
        return minimum

    def with_names(self, minimum: Minimum) -> Minimum:
        """Return a minimum with the names of the parameters, where the columns have names."""
        names = self.parameter_names
        return minimum if names is None else replace(minimum, names=names)

    @property
    def parameter_names(self) -> tuple[str, ...] | None:
        """Names of the parameters, "intercept" the last; None where the columns have no names."""
        return None if self.names is None else (*self.names, *(("intercept",) if self.intercept else ()))

    def cost(self, law: Any, method: str, samples: int) -> float:
        """Time for one system and one law in nanoseconds, by order of magnitude."""
        n, sampled = self.parameters, samples if method == "monte-carlo" else 0
        if self.moments is not None:
            return 10.0 + 2.0 * n + sampled * n * n / 20
        exact = 20.0 + 0.3 * n if isinstance(law, Normal) else 300.0 + 100.0 * n
        return self.rows * (exact + sampled * n / 10)

    def depends_on_parameters(self, which: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.bool_]:
        """Whether the energy depends on the parameters, or on those of `which` (n,), of the shape of the stack."""
        chosen = np.ones(self.parameters, dtype=bool) if which is None else which
        penalised = self.penalty is not None and self.penalty.lam > 0.0 and chosen[: self.penalised].any()
        if (self.intercept and chosen[-1]) or penalised:
            return np.ones(self.shape, dtype=bool)
        if self.X is not None:
            columns = self.X.any(axis=-2) & chosen[: self.X.shape[-1]]
            return np.asarray(columns.any(axis=-1))
        squares = self.known_moments().mean_squares() * chosen
        return np.asarray(squares.any(axis=-1))

    def to_dict(self) -> dict[str, Any]:
        """Return what describes the system, without its rows, as types that JSON has."""
        about = {name: getattr(self, name) for name in _ABOUT}
        penalty = None if self.penalty is None else {"kind": type(self.penalty).__name__, **vars(self.penalty)}
        described: dict[str, Any] = finite({"system": type(self).__name__, **about, "penalty": penalty})
        return described

    def _sheet(self) -> Sheet:
        stack = f", stack of shape {self.shape}" if self.shape else ""
        facts: dict[str | Quantity, Any] = {
            Quantity("rows", note="weighted" if self.weighted else ""): self.rows,
            Quantity("parameters", note="with intercept" if self.intercept else "without intercept"): self.parameters,
            "energy": f"{LOSSES[self.energy].title} ({self.energy})",
            "penalty": "" if self.penalty is None else repr(self.penalty),
            "columns": self.names,
        }
        return described_by(f"{type(self).__name__}{stack}", facts | self._more_facts())

    def _more_facts(self) -> dict[str | Quantity, Any]:
        return {}


def without_rows(system: AnySystem, minimum: Minimum) -> AnySystem:
    """Return a system of squared errors that keeps its moments only, with the minimum that its rows have given."""
    part = copy(system)
    for name in ("X", "y", "weights"):
        object.__setattr__(part, name, None)
    _minima[part] = minimum, None
    return part


def of_mean_one(weights: Array) -> Array:
    """Return weights (systems, m) divided by their means; O(1) units of roundoff each."""
    return np.ascontiguousarray(weights * (weights.shape[-1] / weights.sum(axis=-1, keepdims=True)))


def require_linear(system: Any) -> None:
    """Raise TypeError unless `system` is a linear system."""
    if not isinstance(system, LinearSystem):
        raise not_a_system("system", system, "a LinearRegression, a LogisticRegression or a SoftmaxRegression")
