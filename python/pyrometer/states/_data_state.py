"""Rows under a fixed model, summarised: their energy, and the entropy of their joint density (2.8)-(2.12)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, Coded, RandomSource, described, plain, validate
from pyrometer.results import Displayed, Quantity, Sheet, described_by, finite
from pyrometer.states._block_sums import BlockSums, covariance_of
from pyrometer.states._blocks import LEAST, boundaries
from pyrometer.states._columns import Columns, described_columns, with_counts
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._degenerate import dependence, lack_of_spread
from pyrometer.states._densities import Density, checked_density, cross_fitted
from pyrometer.states._dependence import INDEPENDENT, Dependence
from pyrometer.states._marginals import Marginals
from pyrometer.states._predictions import NO_LOSS, Model, Predicted, predicted
from pyrometer.states._resampled import redrawn
from pyrometer.states._row_statistics import dependence_of, discrete_entropy, gaussian_scores
from pyrometer.states._row_sums import FAR, Coordinates, coordinates
from pyrometer.states._rows import Rows

__all__ = ["HEADER", "DataState", "Kept", "checked_block", "too_many"]

_MOST_TOGETHER = 256  # coordinates, whose products fill half a gigabyte
_FEWEST = 1.75  # blocks for each coordinate: with fewer, resamples have no joint density
_LEAST_ALONE = 20  # blocks that the moments of single columns need
_STAND_INS = (
    "Numbers that stand for missing ones, the means of the rows to compare with, are more than "
    f"{FAR:g} deviations from the others: columns that are missing in the same rows depend on each other then."
)
HEADER = ("rows", "features", "loss", "energy", "entropy", "discrete_entropy")


class DataState(Displayed):
    r"""Rows under a fixed model: their energy, and the entropy of the joint density p(x, y) = p(y | x) p(x) (2.12).

    The features have the density that `density` names. Given the features the target has the distribution that belongs
    to the loss: for squared error Gaussian, about the prediction plus a linear function of the features; for
    absolute error Laplace about the prediction; for cross entropy the distribution of labels that the model predicts.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p)
        Features, finite numbers; in a data frame also categories (strings, booleans, any values that can be compared)
        and missing values. Columns of numbers must not be linear functions of others. No columns at all (p = 0) are a
        stream of targets alone.
    y : array_like or column, shape (m,), optional
        Targets; finite; for cross entropy the labels of the model where it has them, else 0 or 1, or the numbers of
        its classes from 0. None without a model: then there is no energy.
    model : LinearRegression, LogisticRegression, SoftmaxRegression, callable, fitted estimator or None
        A system stands for its trained model, with the parameters of `minimum_energy`. A callable takes X and returns
        predictions (m,), for cross entropy probabilities of the label 1, for softmax of all classes (m, C). An
        estimator has scikit-learn's ``predict`` or, for labels, ``predict_proba`` and ``classes_``. X is passed as it
        is, so that a pipeline encodes categories and fills in missing values.
    energy : {"mse", "mae", "ce", "softmax"}, optional
        The loss of a callable model or of predictions. A system has its own; that of an estimator is "mse", or "ce"
        or "softmax" for two or more classes, by default.
    block : int or "auto"
        Number of consecutive rows that are resampled together: 1 for independent rows; for serially dependent rows more
        than their correlation time. "auto" chooses it from the rows, in the order in which they are: 1 where they show
        no dependence, else six times the reach of their dependence (Notes); and the p-values of `shift` and
        `RefreshMonitor` then take into account what adjacent blocks still share. Blocks that are given may be groups.
    density : {"gaussian", "kernel", "mixture"}, estimator or callable
        Density of the features. "gaussian" has the moments of the rows. "kernel" is SciPy's `gaussian_kde`, "mixture"
        scikit-learn's `GaussianMixture` of 1, 2, 4 or 8 components, both with the extra ``pyrometer[density]``. Any
        object with ``fit(X)`` and ``score_samples(X)`` is copied and fitted. A callable that takes X and returns
        log densities (m,) is used as it is; it should have been fitted to other rows.
    prediction : str or array_like, optional
        Predictions in the place of a model: a column of the frame X, which is no feature then, or an array.
    weights : str or array_like, shape (m,), optional
        How many rows each row stands for (Notes): finite, >= 0, not all 0. A column of the frame X, which is no feature
        then, or an array. Only with the density "gaussian". Not in the paper.
    like : DataState, optional
        Rows that these will be compared with, of the same columns. What stands for missing numbers, and which columns
        are counted, is then as there; `shift` does so for rows. Of a column of numbers that are all missing there, only
        missing values are counted here, also of categories.

    Attributes
    ----------
    rows : int
        Number of rows m, those of weight 0 left out.
    energy : float
        Mean loss of the model on these rows.
    entropy : float
        Differential entropy of the joint density in nats (2.10). For Gaussian densities it is that of the sample
        moments, whose bias is about -d(d + 3)/4m with d features and residuals. For others it is the mean of
        :math:`-\ln p` over the rows by five-fold cross-fitting over blocks. What contributes by counts adds the
        entropy of its shares.
    discrete_entropy : float
        Entropy :math:`-\sum_i p_i \ln p_i` in nats (2.8) of the density at the rows, normalised over them (A.1); from 0
        to :math:`\ln m`. Where the rows are a grid of cells of size :math:`\Delta` it is the differential entropy less
        :math:`\ln \Delta` (2.25); over a sample, ``exp(discrete_entropy)`` is the effective number of rows among which
        the density distributes its weight.
    loss : str
        "mse", "mae", "ce", "softmax", or "none" without a model.
    density : str, estimator or callable
        As given.
    names : tuple of str or None
        Names of the features, where X is a data frame.
    block : int
        Rows of the least blocks; what "auto" has chosen.
    correlation_time : float
        Integrated autocorrelation time :math:`1 + 2 \sum_k \rho_k` of the rows, in their order: the largest among
        losses, scores, features and residuals, each fitted by an autoregression; 1 where none shows a dependence, and
        for batches of a `RefreshMonitor`, which are not asked. Not in the paper.
    total_weight : float
        Sum of the weights; `rows` where there are none.
    reason : str
        Why `energy` or `entropy` is nan, only possible for batches of a `RefreshMonitor`; "" where both are numbers.

    Raises
    ------
    TypeError, ValueError
        If the rows are not finite numbers of matching shapes, have no density, or an energy beyond the range of a
        double, or the model or the density does not accept them. If a column of many texts, or of some that hardly
        repeat, looks like numbers or dates, unless its type is one of categories or `like` has it.
    ImportError
        If the density needs a library that is not installed.

    Notes
    -----
    Categories contribute by their counts, as if they were independent of the other columns, and so do columns of
    numbers without a density: constant ones, and those of two values of which fewer than 16 blocks have one, or which
    are linear functions of others. Where numbers are missing, the share of missing ones is counted, and the joint
    density has the mean of the others in their place, corrected for the column's own entropy. That is a share of the
    entropy of numbers, so that its changes depend on the unit of the column; p-values do not. With `like`, and in
    `shift` for the rows after, it is the mean of the rows to compare with, so that blocks can be exchanged. What a
    column has by itself is that of its numbers alone, whatever stands for missing ones, but the joint density depends
    on it: covariances are smaller by the share of missing numbers; and where the means of two samples differ, what
    stands for missing numbers of the second lies apart from the others, so that columns that depend on each other seem
    to do so less, and columns that are missing in the same rows more. With 20 blocks or more,
    but fewer than 1.75 for each coordinate, or with more than 256 coordinates, columns are taken as independent; so are
    features and residuals then (all this is not in the paper).

    With "gaussian" the rows are not kept: only sums over some thousand blocks at most, from which `shift` resamples.
    Where the other features explain all but a share s of a column's variance, these sums leave `entropy` an error of
    up to :math:`4\cdot10^{-15}/s` nats; rows with s below :math:`10^{-12}` are refused.
    Other densities keep them, and cost five fits, and two or three more in `shift`; a kernel density :math:`m^2`
    exponentials for each pass over the rows besides.

    With weights :math:`w_i` every mean over rows is :math:`\sum_i w_i u_i / \sum_i w_i`, and whole numbers act as
    repetitions: energy, entropies, divergences and means are those of rows that occur so often. Only their ratios
    matter, but for two things that count rows, whose unit is then a weight of 1, or the mean weight where that is less:
    the row that smooths shares of categories in divergences, and :math:`\ln m` in `discrete_entropy`. Standard errors
    and p-values are no repetition's: a row is drawn, and exchanged, together with its weight, as one of m.

    With autocorrelations :math:`\rho_k` the variance of a mean over b rows is less than that of independent blocks
    suggests, by the factor :math:`1 - c/b` where b is large, with the reach
    :math:`c = 2 \sum_k k \rho_k / (1 + 2 \sum_k \rho_k)`; :math:`c = 2 \phi / (1 - \phi^2)` for an autoregression
    of the first order. "auto" makes b = 6 c. Not in the paper.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 1))
    >>> state = pm.DataState(x, 2.0 * x[:, 0] + rng.normal(size=1000), model=lambda X: 2.0 * X[:, 0], energy="mse")
    >>> bool(abs(state.energy - 1.0) < 0.1), bool(abs(state.entropy - np.log(2 * np.pi * np.e)) < 0.1)
    (True, True)
    """

    __slots__ = (
        *("_columns", "_kept", "_sums", "automatic", "block", "density", "dependence", "discrete_entropy", "energy"),
        *("entropy", "features", "loss", "names", "reason", "rows"),
    )

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        model: Model = None,
        energy: str | None = None,
        block: int | Literal["auto"] = 1,
        density: Density = "gaussian",
        prediction: Any = None,
        weights: Any = None,
        like: DataState | None = None,
    ) -> None:
        if y is not None and model is None and prediction is None:
            raise ValueError("model must be given with y, or prediction=; leave y out for the entropy of X alone.")
        if like is not None and not isinstance(like, DataState):
            raise TypeError(f"like must be a DataState or None, got {described(like)}.")
        data = predicted(X, y, model, energy, None if like is None else like.features, prediction, weights)
        self._summarise(data, checked_block(block), checked_density(density), like)
        self._require_numbers()

    def _summarise(
        self,
        data: Predicted,
        block: int | None,
        density: Density,
        like: DataState | None = None,
        lead: int | None = None,
    ) -> None:
        """Set every attribute from rows and their predictions; energy or entropy is nan where `reason` says why.

        A block of None is chosen. A batch of a monitor has a `lead`, the rows that complete the block before it; its
        sums are those that its reference has.
        """
        self.loss, self.names, self.density = data.loss, data.names, density
        self.rows, self.features = len(data.x), data.columns
        self.discrete_entropy, self._kept = np.nan, None
        self.dependence = dependence_of(data, block or 1) if lead is None else INDEPENDENT
        self.automatic, self.block = block is None, self.dependence.block if block is None else block
        begins = boundaries(self.rows, self.block, min(lead or 0, self.rows))
        if like is not None and None not in (like.names, self.names) and like.names != self.names:
            like = None  # the caller refuses it
        known_as, centre = (None, None) if like is None else (like.columns, like.sums.centre)
        self._columns, data, values = described_columns(data, begins, known_as, centre)
        if known_as is not None and density != "gaussian":  # fitted to the columns of the other sample
            self._columns = known_as.like(self._columns)
        at = coordinates(data)
        joint = CONDITIONALS[self.loss].joint
        of_numbers = int(self._columns.has_density.sum())
        alone = density == "gaussian" and too_many(len(begins), of_numbers + joint)
        self._columns = replace(self._columns, alone=alone)
        # The sums of a batch have the form of those that they are pooled with.
        squares = at.z.shape[1] > _MOST_TOGETHER if like is None else like.sums.squares
        self._sums = BlockSums.of(at, begins, self.loss, squares=squares, weights=data.weights)
        self.reason = self._diagnose(data, at)
        if self.reason:
            return
        conditional = CONDITIONALS[self.loss]
        if density == "gaussian":
            scores = gaussian_scores(at.z[:, self._varying], self._columns.alone, data.weights)
            scores = scores + conditional.beside_features(at.losses, data.weights)
        else:
            self._kept = self._cross_fit(data, at, self.block)
            self.entropy = float(self._kept.scores.mean()) + self._beside()
            scores = conditional.observed(self._kept.scores, at.losses, at.inner)
        if not self._columns.fill:
            of_values = self._of_values(values, data.weights)
            self.discrete_entropy = discrete_entropy(scores + of_values, data.weights)

    def _diagnose(self, data: Predicted, at: Coordinates) -> str:
        """Set energy and entropy, nan where the rows have none, and return every reason; "" if they have both.

        Columns of two numbers that depend on others contribute by their counts from here on.
        """
        self.energy, self.entropy = self._sums.energy_and_entropy(self.joint)
        keep = self._columns.has_density
        places = np.array(self._columns.places, dtype=np.intp)
        alone = self._columns.alone
        reasons = [lack_of_spread(at.x, at.target, at.residual, self.loss, keep, alone=alone)]
        while not reasons[0] and np.isnan(self.entropy):
            kept = places[keep]
            z = at.z if data.weights is None else at.z * np.sqrt(data.weights)[:, None]
            last, why = dependence(z[:, self.joint], len(kept), kept, self.names)
            place = int(kept[last]) if last < len(kept) else None
            counted = None if place is None else self._columns.of(place)
            if place is None or counted is None or counted.kind != "value":
                reasons.append(f"{why} {_STAND_INS}" if self._columns.present else why)
                break
            self._columns = with_counts(self._columns, place)
            keep = self._columns.has_density
            self.entropy = self._sums.energy_and_entropy(self.joint)[1]
        if reasons[0]:
            self.entropy = np.nan
        self.entropy += self._beside()
        if self._columns.present and np.isnan(self.entropy) and not any(reasons):
            reasons.append(
                "X must have numbers within 80 powers of ten of those that stand for missing ones, the means of the "
                "rows to compare with, got others; drop the column."
            )
        if np.isnan(self.energy):
            reasons.append(
                "energy must be within the range of a double, from 2.2e-308 to 1.8e308; rescale y and the model."
            )
        if infinite_loss := CONDITIONALS[self.loss].impossible(data):
            self.energy = np.nan
            reasons.append(infinite_loss)
        if self.loss == NO_LOSS:
            self.energy = np.nan
        return " ".join(filter(None, reasons))

    def _beside(self, resampled: Callable[[Array], Array] | None = None) -> Any:
        """Return what the entropy has beside that of the joint density: a number, or one for each resample.

        `resampled` sums columns of blocks over the resamples.
        """
        sums, columns = [self._sums], [self._columns]
        marginals = Marginals.of(sums, columns, self._columns.by_counts, alone=self._columns.alone)
        marginals = marginals.with_present(sums, columns)
        if not marginals.adds:
            return 0.0
        table = marginals.tables[0]
        if resampled is None:
            return float(marginals.entropy(table.sum(axis=0)[None])[0])
        return marginals.entropy(resampled(table))

    def _of_values(self, values: tuple[Coded, ...], weights: Array | None) -> Array | float:
        """Return -ln of the share of each row's values, for the columns that contribute by counts."""
        scores: Array | float = 0.0
        for of in values:
            if of.place in self._columns.by_counts:
                shares = np.bincount(of.codes, weights, minlength=len(of.values)) / self.total_weight
                scores = scores - np.log(shares[of.codes])
        return scores

    def _cross_fit(self, data: Predicted, at: Coordinates, block: int) -> Kept:
        """Return the rows with -ln p of each under a density that was fitted to other rows."""
        if data.weights is not None:
            raise ValueError(
                f"weights must be None for density={self.density!r}, which is fitted to rows; use density='gaussian', "
                "or repeat the rows where weights are whole numbers."
            )
        if len(self._sums.counts) < LEAST:
            raise ValueError(
                f"X must have at least {LEAST} blocks of rows for this density, got {len(self._sums.counts)}."
            )
        if self._sums.units.any():
            raise ValueError(
                "X and y must have magnitudes from 1e-60 to 1e60 for this density, got others; rescale them, or use "
                "density='gaussian'."
            )
        if self._columns.fill:
            raise ValueError("X must have no missing numbers for this density; drop them, or use density='gaussian'.")
        keep = self._columns.has_density
        rows = Rows(data.x if keep.all() else data.x[:, keep], at.residual, at.inner)
        return Kept(rows, at.losses, cross_fitted(self.density, self.loss, rows, block))

    def _require_numbers(self) -> None:
        if self.reason:
            raise ValueError(self.reason)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        values: dict[str, Any] = {"reason": "", "_columns": Columns(tuple(range(state[1]["features"])))}
        values |= {"automatic": False, "dependence": INDEPENDENT} | state[1]
        if not isinstance(values["_sums"], BlockSums):  # of 0.1.0
            centre = values.pop("_centre")
            units = np.zeros(2 + len(centre), dtype=np.int64)
            values["_sums"] = BlockSums(values.pop("_counts"), values["_sums"], centre, units, values["loss"])
        values.setdefault("block", int(values["_sums"].counts[0]))
        for name, value in values.items():
            setattr(self, name, value)

    def _sheet(self) -> Sheet:
        modelled = self.loss != NO_LOSS
        facts: dict[str | Quantity, Any] = {
            "rows": self.rows,
            "features": self.features,
            Quantity("E", "loss", note=f"{self.loss} of the model"): self.energy if modelled else None,
            Quantity("S", "nat", note=f"{self.density} density"): self.entropy,
            Quantity("weight", note="of all rows"): self.total_weight if self._sums.rows is not None else None,
            Quantity("block", note="rows, resampled together"): self.block if self.block > 1 else None,
            "columns": self.names,
            "reason": self.reason,
        }
        return described_by("DataState", facts)

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the state as types that JSON has; nan is None."""
        weighted = {} if self._sums.rows is None else {"total_weight": self.total_weight}
        about: dict[str, Any] = finite({**self.header(), **weighted, "density": self.density})
        return about

    @property
    def total_weight(self) -> float:
        """Sum of the weights of the rows; their number where they have none."""
        return float(self._sums.counts.sum())

    @property
    def correlation_time(self) -> float:
        """Integrated autocorrelation time of the rows, in their order; 1 where they show no dependence."""
        return self.dependence.time

    def named(self, place: int) -> str:
        """Return the name of a column for messages; its place where it has none."""
        return plain(self.names[place]) if self.names else str(place)

    @property
    def sums(self) -> BlockSums:
        """The sums over blocks of rows from which everything but a fitted density's scores is computed."""
        return self._sums

    @property
    def columns(self) -> Columns:
        """The columns of X by kind, with the counts of those that are counted."""
        return self._columns

    @property
    def _varying(self) -> npt.NDArray[np.bool_] | slice:
        """The coordinates that have a density."""
        features = self._columns.has_density
        return slice(None) if features.all() else self._with_residual(features)

    @property
    def joint(self) -> npt.NDArray[np.bool_]:
        """Whether each coordinate of the sums belongs to the joint density, the residual included."""
        return self._with_residual(self._columns.has_density & (not self._columns.alone))

    def _with_residual(self, features: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        return np.append(features, np.ones(len(self._sums.centre) - len(features), dtype=bool))

    @property
    def kept(self) -> Kept | None:
        """The rows, where the density is not "gaussian"."""
        return self._kept

    @property
    def law(self) -> str:
        """The core's name for the density of y given X."""
        return CONDITIONALS[self.loss].law

    def of_dependence(self, memory: Dependence) -> DataState:
        """Return itself, as one whose blocks were chosen for this memory of its rows."""
        self.automatic, self.dependence = True, memory
        return self

    def header(self) -> dict[str, Any]:
        """Return what describes the state besides its arrays."""
        fields = {name: getattr(self, name) for name in (*HEADER, "names", "reason")}
        return fields | ({"columns": self._columns.header()} if self._columns.counted or self._columns.fill else {})

    def arrays(self) -> dict[str, Array]:
        """Return the arrays by the names that files have for them."""
        return self._sums.arrays() | self._columns.arrays()

    @classmethod
    def restored(cls, header: dict[str, Any], sums: BlockSums, columns: Columns | None = None) -> DataState:
        """Return the Gaussian state of a header, its sums and columns, all checked by the caller."""
        state = cls.__new__(cls)
        for name in HEADER:
            setattr(state, name, header[name])
        state.density, state._kept, state._sums = "gaussian", None, sums
        state.names, state.reason = header.get("names"), header.get("reason", "")
        alone = too_many(len(sums.counts), len(sums.centre))
        state._columns = columns or Columns(tuple(range(state.features)), alone=alone)
        state.automatic, state.dependence, state.block = False, INDEPENDENT, int(sums.sizes[0])
        return state

    @classmethod
    def of_sums(cls, like: DataState, columns: Columns, sums: BlockSums, of: DataState | None) -> DataState:
        """Return the Gaussian state of other rows of the same columns, from their sums over blocks.

        Energy and entropy are those of the state `of` if one is given.
        """
        header = like.header() | {"rows": int(sums.sizes.sum()), "discrete_entropy": np.nan, "reason": ""}
        state = cls.restored(header, sums, columns)
        state.automatic, state.dependence = like.automatic, like.dependence
        state.block = like.block
        if of is not None:
            state.energy, state.entropy, state.discrete_entropy = of.energy, of.entropy, of.discrete_entropy
            state.reason = of.reason
            return state
        state.energy, state.entropy = state.numbers()
        return state

    def numbers(self) -> tuple[float, float]:
        """Energy and entropy as the sums and counts give them."""
        energy, entropy = self._sums.energy_and_entropy(self.joint)
        return (np.nan if self.loss == NO_LOSS else energy), entropy + self._beside()

    def covariance(self, resamples: int, random: RandomSource, threads: int = 0, unit: int | None = None) -> Array:
        """Covariance (2, 2) of energy and entropy over samples of rows, by resampling blocks.

        Energies are in units of 2^unit, by default of the state's own. It is nan in the row and column of the entropy
        where a resample has no density, and everywhere with too few blocks.
        """
        if self._kept is not None:
            losses = np.ldexp(self._kept.losses, -(self._sums.unit if unit is None else unit))
            each = np.stack([losses, self._kept.scores], axis=1)
            if not self._columns.counted:
                return self._sums.covariance_of_means(each)
            seed = validate.seed(random)
            drawn = redrawn(np.column_stack([self._sums.counts, self._sums.of_rows(each)]), seed, resamples, threads)
            means = drawn[:, 1:] / drawn[:, :1]
            means[:, 1] += self._beside(lambda columns: redrawn(columns, seed, resamples, threads))
            return covariance_of(means)
        beside = self._beside if self._columns.counted or self._columns.alone else None
        return self._sums.covariance(resamples, validate.seed(random), threads, unit, self.joint, beside)


@dataclass(frozen=True)
class Kept:
    """Rows with their losses, and -ln p of each under a density fitted to others."""

    rows: Rows
    losses: Array
    scores: Array


def too_many(blocks: int, coordinates: int) -> bool:
    """Whether coordinates have too few rows, or are too many, for a covariance of all of them."""
    return coordinates > _MOST_TOGETHER or _LEAST_ALONE <= blocks < _FEWEST * coordinates


def checked_block(block: Any) -> int | None:
    """Return a number of rows, or None for "auto"."""
    if isinstance(block, str):
        if block != "auto":
            raise ValueError(f'block must be a number of rows or "auto", got {described(block)}.')
        return None
    return validate.count("block", block, minimum=1)
