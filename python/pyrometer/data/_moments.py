"""Second moments of data, which determine every squared-error energy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import Archive, Array, Weights, plain, quoted, validate
from pyrometer.data import _accuracy
from pyrometer.data._accumulate import accumulated
from pyrometer.data._averages import Averages
from pyrometer.data._moments_state import HEADER, MOST_ROWS, described, loaded, rescaled, sound
from pyrometer.data._moments_state import State as _State  # the name in pickles of version 0.1.0
from pyrometer.data._pass import compared, state_of
from pyrometer.data._standardised import standardised
from pyrometer.errors import MomentsFileError
from pyrometer.results import Displayed, Quantity, Sheet, described_by, finite

__all__ = ["Moments"]

_ARCHIVE = Archive("pyrometer-moments", 4, "Moments.save", MomentsFileError)


class Moments(Displayed, Averages):
    r"""Count, means and centred second moments of the features and the target.

    Moments are additive: those of disjoint sets of rows can be added and subtracted. Create them with :meth:`of`, add
    rows with :meth:`update`, combine them with ``+`` and ``-``, and store them with :meth:`save`.

    Bounds of the rounding errors are carried through all of these, so that results computed from moments state how many
    digits are correct.

    Parameters
    ----------
    count : int or float
        Number of rows m, 1 to 2\ :sup:`53`; of weighted rows the sum of their weights W > 0.
    mean : array_like, shape (..., p + 1)
        Means of the p features, then of the target; finite. Leading axes are a stack of data sets of m rows each.
    scatter : array_like, shape (..., p + 1, p + 1)
        Sums over rows of products of deviations from `mean`, :math:`\sum_i (z_i - \bar z)(z_i - \bar z)^T`; finite,
        symmetric and positive semi-definite. Divided by `count` they are the population covariances. Of weighted rows
        the weighted means and sums.
    intercept : bool
        Whether models of these data have an intercept. The constant feature has no column here.
    names : tuple of str, optional
        Names of the features.
    target : str, optional
        Name of the target.
    rows : int, optional
        Number of rows, if `count` is the sum of their weights.

    Attributes
    ----------
    count : int or float
        Number of rows m of each data set; the sum of their weights W if they have any: an int where all weights are
        whole numbers, else a float.
    mean, scatter : ndarray of float64, read-only
        As above.
    intercept : bool
        As above.
    names, target : tuple of str, str, or None
        As above; None if the data had no names.
    rows : int
        Number of rows of each data set; where weighted rows were subtracted, of those added less those subtracted.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    ``+``, ``-`` and :meth:`update` use double-double arithmetic: ``(a + b) - b`` equals `a` within :math:`10^{-31}` of
    the larger of the two. The rounding errors of the pass over the rows remain: rows of large values that are
    subtracted again leave errors of :math:`10^{-16}` of their squares. Error bounds are kept with the moments. They
    lower `Minimum.digits` and raise `Minimum.gap` and `Estimate.error_bound`; a PrecisionWarning is given where fewer
    than 9 digits are left. Moments accumulated from the remaining rows, with :meth:`of` or :meth:`scan`, have none of
    these errors.

    Rows that are far larger than others, such as fill values of 1e13 in several columns, or have 1e10 times the weight
    of others, hide by rounding whether the columns are independent in the others. That is seen while rows are read,
    also where these are too few to tell until others are added, and kept through sums, differences and files: minima of
    such moments have 0 certain digits, and a PrecisionWarning says so. Sizes of given moments are unknown.

    Moments given by `mean` and `scatter`, or read from a file of version 0.1.0, are assumed to have the errors of one
    pass over their rows, and means rounded to doubles.

    Examples
    --------
    >>> import pyrometer as pm
    >>> X, y = [[1.0, 0.0], [2.0, 1.0], [3.0, 5.0]], [1.0, 0.0, 2.0]
    >>> moments = pm.Moments.of(X, y)
    >>> moments.mean
    array([2., 2., 1.])
    >>> moments.scatter
    array([[ 2.,  5.,  1.],
           [ 5., 14.,  4.],
           [ 1.,  4.,  2.]])
    >>> whole = moments.copy().update([[4.0, 2.0]], [1.0])
    >>> whole.count, (whole - moments).mean
    (4, array([4., 2., 1.]))
    """

    __slots__ = ()

    def __init__(
        self,
        count: float,
        mean: npt.ArrayLike,
        scatter: npt.ArrayLike,
        *,
        intercept: bool,
        names: tuple[str, ...] | None = None,
        target: str | None = None,
        rows: int | None = None,
    ) -> None:
        self._assign(sound(described(count, mean, scatter, intercept, names, target, rows)))

    @classmethod
    def of(cls, X: Any, y: Any, *, intercept: bool = True, threads: int | None = None, weights: Any = None) -> Moments:
        """Accumulate the moments of rows in one pass over memory.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p) or (..., m, p)
            Features, one row per example; finite, real. Leading axes are a stack of data sets. float64 and
            float32, by rows or by columns (Fortran order, as in most data frames), are read as they are; other dtypes
            and layouts are copied.
        y : array_like or column, shape (m,) or (..., m)
            Targets, finite, real.
        intercept : bool
            Whether models of these data have an intercept.
        threads : int, optional
            At least 1; changes the speed, not the bits of the result. Default: all that OpenMP offers.
        weights : array_like or column, shape (m,) or (..., m), optional
            Weights of the rows, finite, >= 0, of a positive sum, which must be the same in every data set of a stack.
            Whole numbers act as repetitions of the rows. Rows of weight 0 are left out, and may hold any values.

        Returns
        -------
        Moments
            Moments of all rows, in double precision.

        Raises
        ------
        TypeError
            If `X` or `y` is not numeric.
        ValueError
            If shapes or pandas indexes do not match, if a value is not finite, or an integer that no double equals (the
            message gives row and column), or if squares overflow or underflow.

        Notes
        -----
        Rows are centred before they are multiplied, so that a variance has about 14 correct digits however large the
        mean is relative to it. Time: :math:`m (p + 1)^2` flops, or one read of the data if that takes longer; weights
        cost 10 ns a row, and 1 ns more for each column beyond ten. Memory: at most a quarter of the data's.

        References
        ----------
        .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Algorithms for computing the sample variance: analysis and
           recommendations", The American Statistician 37 (1983), 242-247.

        Examples
        --------
        >>> import pyrometer as pm
        >>> pm.Moments.of([[1.0], [2.0]], [3.0, 5.0])
        Moments
          rows       2
          features   1
          intercept  yes
        >>> pm.Moments.of([[1.0], [2.0]], [3.0, 5.0], weights=[1.0, 0.5]).mean.round(3).tolist()
        [1.333, 3.667]
        """
        data = validate.data(X, y, weights=weights, by_columns=True)
        intercept, threads = validate.flag("intercept", intercept), validate.threads(threads)
        return cls._of(data, intercept=intercept, threads=threads, alone=True)._in_units_of(data.weights)

    @classmethod
    def _of(cls, data: validate.Data, *, intercept: bool, threads: int, alone: bool = False) -> Moments:
        """Return the moments of data: see `state_of`."""
        return cls._new(state_of(data, intercept=intercept, threads=threads, alone=alone))

    def _in_units_of(self, weights: Weights | None) -> Moments:
        """Return moments of weights as they were given, in place of those that were multiplied by a power of two.

        ValueError if they cannot be merged with others: of a stack with several totals, or of extreme sizes.
        """
        if weights is None:
            return self
        if not weights.equal:
            raise ValueError(
                "weights must have the same sum in every data set of a stack, because moments have one count, got "
                "different sums; divide each by its sum (weights / weights.sum(axis=-1, keepdims=True))."
            )
        return self.scaled(weights.exponent) if weights.exponent else self

    def compared(self, X: npt.NDArray[Any], weights: Array | None) -> Moments:
        """Return the same moments, which say where the largest of their rows X (..., m, p) hide others, as of `of`."""
        return self._new(compared(self._state(), X, weights))

    def with_rows(self, rows: int) -> Moments:
        """Return the moments of weighted rows with another number of them: those of weight 0 may have been left out."""
        return self._new(self._state()._replace(rows=rows))

    def scaled(self, exponent: int) -> Moments:
        """Return the moments of rows with 2**exponent times their weights; ValueError where these leave their range."""
        return self._new(rescaled(self._state()._replace(accuracy=self._accuracy), exponent))

    @classmethod
    def scan(
        cls,
        source: Any,
        *,
        target: str,
        columns: Sequence[str] | None = None,
        drop: Sequence[str] = (),
        intercept: bool = True,
        chunk_rows: int | None = None,
        standardize: bool = False,
        progress: bool = False,
        threads: int | None = None,
        weights: str | None = None,
        **csv: Any,
    ) -> Moments:
        r"""Accumulate the moments of rows out of core, chunk by chunk.

        Parameters
        ----------
        source : path, list of paths, Dataset, or stream
            A file of CSV with a header, Parquet or Arrow IPC; a folder (but for names that begin with "." or "_") or a
            glob pattern of such files, each read once, in order of their names; a list of them; a pyarrow Dataset
            (partition keys are columns); or any object with ``__arrow_c_stream__``, such as a polars or pandas frame.
        target : str
            Column of the target.
        columns : sequence of str, optional
            Columns of the features, in this order. Default: all of the first file but the target.
        drop : sequence of str
            Columns to exclude from the features.
        intercept : bool
            Whether models of these data have an intercept.
        chunk_rows : int, optional
            Rows in a chunk, at least 1. Default: about a million numbers. The chunks, and with them the last bits of
            the result, depend on this and on the files, not on threads or row groups.
        standardize : bool
            Whether to return the moments of standardised features (`standardized`).
        progress : bool
            Whether to show a progress bar on standard error.
        threads : int, optional
            At least 1; changes the speed, not the bits of the result. With 1, columns are decoded sequentially.
            Default: all.
        weights : str, optional
            Column of the weights of the rows, as of :meth:`of`. It is not a feature.
        **csv
            Options of CSV, as of `interop.read_data`: `sep`, `decimal`, `thousands`, `encoding`, `comment`, `skip`.

        Returns
        -------
        Moments
            Moments of all rows, equal to those of :meth:`of` up to rounding.

        Raises
        ------
        ValueError
            Before reading, if a column does not exist, has no name, is not numeric, or has missing values according to
            the file's metadata.
        ScanError
            If a value is missing, not finite, or has more digits than doubles (as of `interop.read_data`), or a file is
            damaged. The message gives file, column and row; ``finished`` has the moments of the files before. A
            subclass of ValueError.
        ScanInterrupt
            On Ctrl-C, also while waiting for a pipe. A subclass of KeyboardInterrupt, with the same ``finished``.
        OSError
            If a file cannot be opened.

        Warns
        -----
        ConstantColumnWarning
            If a column is constant; before reading, if the statistics of a Parquet file say so.
        IndexColumnWarning
            If the index of a data frame, in a file or a stream, is left out.

        Notes
        -----
        One thread decodes while the core accumulates; three chunks are in memory at a time. Rows are float32 if all
        columns are, else float64.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pyrometer as pm
        >>> folder = tempfile.TemporaryDirectory()
        >>> for day, row in (("monday", "1,2"), ("tuesday", "3,5")):
        ...     _ = pathlib.Path(folder.name, f"{day}.csv").write_text(f"size,price\n{row}\n")
        >>> moments = pm.Moments.scan(folder.name, target="price")
        >>> moments.rows, moments.names, moments.mean.tolist()
        (2, ('size',), [2.0, 3.5])
        >>> folder.cleanup()
        """
        options = {"columns": columns, "drop": drop, "chunk_rows": chunk_rows, "weights": weights, **csv}
        made, unit = cls._scan(
            source,
            target=target,
            intercept=intercept,
            standardize=standardize,
            progress=progress,
            threads=threads,
            options=options,
        )
        return made.scaled(unit) if unit else made

    @classmethod
    def _scan(
        cls,
        source: Any,
        *,
        target: str,
        intercept: bool,
        standardize: bool,
        progress: bool,
        threads: int | None,
        options: dict[str, Any],
    ) -> tuple[Moments, int]:
        """Accumulate rows out of core, of weights divided by the power of two whose exponent is returned."""
        from pyrometer.data.readers import open_rows

        standardize = validate.flag("standardize", standardize)
        moments, unit = accumulated(
            open_rows(source, target=target, **options),
            partial(cls._of, alone=True),
            intercept=validate.flag("intercept", intercept),
            progress=validate.flag("progress", progress),
            threads=validate.threads(threads),
        )
        return (moments.standardized() if standardize else moments), unit

    @classmethod
    def _new(cls, state: _State) -> Moments:
        """Return moments of a valid state."""
        moments = cls.__new__(cls)
        moments._assign(state)
        return moments

    def _assign(self, state: _State) -> None:
        # Read-only, so that copies can share them: `update` replaces the arrays.
        self.count, self.mean, self.scatter, self.intercept, self.names, self.target = state[:6]
        accuracy, self._scatter_low, self._rows, self._weight = state[6:]
        if accuracy is None:  # a pickle of version 0.1.0
            accuracy = _accuracy.of_doubles(self.count, self.mean, self.scatter)
        elif accuracy.shape[-2] == _accuracy.SAVED:  # pickles of earlier versions
            accuracy = _accuracy.with_sizes(self.count, self.scatter, accuracy)
        self._errors = accuracy
        self._lost = False  # until computed
        for array in (self.mean, self.scatter, self._errors, self._scatter_low):
            if array is not None:
                array.setflags(write=False)

    def _state(self) -> _State:
        fields = (self.count, self.mean, self.scatter, self.intercept, self.names, self.target)
        return _State(*fields, self._errors, self._scatter_low, self._rows, self._weight)

    def update(self, X: Any, y: Any, *, threads: int | None = None, weights: Any = None) -> Moments:
        """Add rows in place, and return the moments themselves.

        Parameters
        ----------
        X, y, threads, weights
            As for :meth:`of`, with the same features, target and stack as before. Names must agree where both sides
            have them.

        Returns
        -------
        Moments
            The same object.

        Raises
        ------
        TypeError, ValueError
            As :meth:`of`, and if columns, names or stacks differ. The moments are unchanged then.

        Examples
        --------
        >>> import pyrometer as pm
        >>> moments = pm.Moments.of([[1.0], [2.0]], [3.0, 5.0])
        >>> moments.update([[6.0]], [1.0]).mean
        array([3., 3.])
        """
        data = validate.data(X, y, weights=weights, by_columns=True)
        shape = (*data.X.shape[:-2], data.X.shape[-1] + 1)
        names, target = self._agree("X and y", shape, data.names, data.target)
        added = self._of(data, intercept=self.intercept, threads=validate.threads(threads), alone=True)
        added = added._in_units_of(data.weights)
        self._assign(self._merged(added, 1)._replace(names=names, target=target))
        return self

    def __add__(self, other: object) -> Moments:
        """Return the moments of the union of both sets of rows."""
        return self._combined(other, 1) if isinstance(other, Moments) else NotImplemented

    def __sub__(self, other: object) -> Moments:
        """Return the moments without the rows of `other`, which must be a subset."""
        return self._combined(other, -1) if isinstance(other, Moments) else NotImplemented

    def _combined(self, other: Moments, sign: int) -> Moments:
        names, target = self._agree("both moments", other.mean.shape, other.names, other.target)
        if self.intercept != other.intercept:
            raise ValueError(f"both moments must agree on intercept, got {self.intercept} and {other.intercept}.")
        if sign < 0 and other.count >= self.count:
            remedy = "a smaller sum of weights" if self.weighted or other.weighted else "fewer rows"
            raise ValueError(f"a - b needs {remedy} in b than in a, got {other.count} in b and {self.count} in a.")
        return self._new(self._merged(other, sign)._replace(names=names, target=target))

    def _agree(
        self, what: str, shape: tuple[int, ...], names: tuple[str, ...] | None, target: str | None
    ) -> tuple[tuple[str, ...] | None, str | None]:
        """Return the common names; ValueError unless columns, stacks and, where both are given, names agree."""
        if shape[-1] != self.mean.shape[-1]:
            raise ValueError(f"{what} must have the same features, got {shape[-1] - 1} for {self.mean.shape[-1] - 1}.")
        if shape[:-1] != self.shape:
            raise ValueError(f"{what} must have the same stack of data sets, got shape {shape[:-1]} for {self.shape}.")
        if names is not None and self.names is not None and names != self.names:
            j = next(j for j, (new, old) in enumerate(zip(names, self.names, strict=True)) if new != old)
            raise ValueError(
                f"{what} must have the same feature names, got {quoted(names[j])} for {quoted(self.names[j])} in "
                f"column {j}."
            )
        if target is not None and self.target is not None and target != self.target:
            raise ValueError(f"{what} must have the same target, got {quoted(target)} for {quoted(self.target)}.")
        return (self.names if names is None else names), (self.target if target is None else target)

    def _merged(self, other: Moments, sign: int) -> _State:
        weight = self._exact_count() + sign * other._exact_count()
        integral = isinstance(self.count, int) and isinstance(other.count, int)
        count = int(weight) if integral else float(weight)
        if integral and count > MOST_ROWS:
            raise ValueError(f"both moments must have at most 2**53 rows together, got {count}.")
        weighted = self.weighted or other.weighted
        states = self._core_state(), other._core_state()
        exact = integral or (all(part.count == part._exact_count() for part in (self, other)) and count == weight)
        mean, scatter, low, accuracy = _core.merge_moments(*states, sign, count, count == 1 and not weighted, exact)
        # Of weighted rows it is unknown how many are left.
        rows = max(1, self.rows + sign * other.rows) if weighted else None
        names = self.intercept, self.names, self.target
        exact_weight = None if integral or isinstance(weight, int) else weight
        return _State(count, mean, scatter, *names, accuracy, low, rows, exact_weight)

    def _core_state(self) -> tuple[float, Array, Array, Array | None, Array]:
        return self.count, self.mean, self.scatter, self._scatter_low, _accuracy.of_part(self._accuracy)

    def standardized(self) -> Moments:
        """Return the moments of the same rows with standardised features.

        Each feature then has mean 0 and population variance 1, as of `datasets.standardize`; the target is unchanged.

        Returns
        -------
        Moments
            New moments. Error bounds are scaled with the features, and include those of the standard deviations.

        Raises
        ------
        ValueError
            If a feature is constant.

        Examples
        --------
        >>> import pyrometer as pm
        >>> pm.Moments.of([[1.0, 10.0], [3.0, 30.0]], [1.0, 2.0]).standardized().scatter
        array([[2. , 2. , 1. ],
               [2. , 2. , 1. ],
               [1. , 1. , 0.5]])
        """
        return self._new(standardised(self._state()._replace(accuracy=self._accuracy)))

    def copy(self) -> Moments:
        """Return an independent copy. O(1): the arrays are read-only and shared."""
        return self._new(self._state())

    __copy__ = copy

    def stack_key(self) -> tuple[Any, ...] | None:
        """Return a key that is equal for moments that `stacked` takes; None for weighted, merged or stacked ones."""
        if self.weighted or self.shape or self._scatter_low is not None:
            return None
        return self.count, self.intercept, self.mean.shape, self._errors.shape

    @classmethod
    def stacked(cls, moments: Sequence[Moments]) -> Moments:
        """Return moments of one `stack_key` as those of a stack, without names."""
        mean, scatter, errors = (
            np.stack([getattr(each, name) for each in moments]) for name in ("mean", "scatter", "_errors")
        )
        state = moments[0]._state()
        return cls._new(state._replace(mean=mean, scatter=scatter, accuracy=errors, names=None, target=None))

    def members(self, first: int, last: int) -> Moments:
        """Return the data sets from `first` to before `last` of the flattened stack, as a stack of one axis."""
        columns = self.mean.shape[-1]

        def part(array: Array, *shape: int) -> Array:
            return array.reshape(-1, *shape)[first:last]

        low = None if self._scatter_low is None else part(self._scatter_low, self._scatter_low.shape[-1])
        errors = part(self._errors, self._errors.shape[-2], columns)
        mean, scatter = part(self.mean, columns), part(self.scatter, columns, columns)
        return self._new(self._state()._replace(mean=mean, scatter=scatter, accuracy=errors, scatter_low=low))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._new, (self._state(),)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the moments to a file, exactly.

        Files of weighted rows are of a newer version than others, and have ``rows`` in their headers.

        The file is a NumPy ``.npz`` archive without pickles: ``mean``, ``scatter``, ``accuracy`` (the low parts of the
        means, and error bounds), ``scatter_low`` if the scatter is a sum of two doubles (its upper triangle, row by
        row), and a JSON ``header``. An existing file is replaced atomically.

        Parameters
        ----------
        path : str or path
            Path of the file; no extension is added.

        Raises
        ------
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import pyrometer as pm
        >>> moments = pm.Moments.of([[1.0], [2.0]], [3.0, 5.0])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     moments.save(os.path.join(folder, "day.moments"))
        ...     pm.Moments.load(os.path.join(folder, "day.moments")).rows
        2
        """
        header = {name: getattr(self, name) for name in HEADER}
        arrays = {"mean": self.mean, "scatter": self.scatter, "accuracy": self._accuracy[..., : _accuracy.SAVED, :]}
        if self._scatter_low is not None:
            arrays["scatter_low"] = self._scatter_low
        if self._rows is not None:
            header |= {"rows": self._rows, "weight": str(self._exact_count())}
        # Files without weights, and of rows that hide no others, are read by earlier releases.
        archive = _ARCHIVE._replace(version=2 if self._rows is None else 3)
        smallest = self._accuracy[..., -1, :]
        if not np.array_equal(smallest, self._diagonal() / self.count):
            arrays["smallest"] = smallest
            archive = _ARCHIVE
        archive.write(validate.as_path(path), header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Moments:
        """Read moments that :meth:`save` has written.

        Parameters
        ----------
        path : str or path
            Path of the file; no extension is added.

        Returns
        -------
        Moments
            The saved moments, exactly. Those of a file of version 0.1.0 are assumed to have the errors of one pass over
            rows.

        Raises
        ------
        MomentsFileError
            If the file is damaged, of another format, or of a newer version; the message names the field. A subclass of
            ValueError.
        OSError
            If the file cannot be read.
        """
        return cls._new(_ARCHIVE.read(validate.as_path(path), loaded))

    def to_dict(self) -> dict[str, Any]:
        """Return counts, names and means as types that JSON has; `save` keeps everything."""
        about = {name: getattr(self, name) for name in ("rows", "count", "intercept", "shape", "names", "target")}
        described: dict[str, Any] = finite({**about, "mean": self.mean})
        return described

    def _sheet(self) -> Sheet:
        stack = f", stack of shape {self.shape}" if self.shape else ""
        facts: dict[str | Quantity, Any] = {
            "rows": self.rows,
            Quantity("weight", note="sum over the rows"): None if self._rows is None else self.count,
            "features": self.mean.shape[-1] - 1,
            "intercept": self.intercept,
            "columns": self.names,
            "target": "" if self.target is None else plain(self.target),
        }
        return described_by(f"Moments{stack}", facts)
