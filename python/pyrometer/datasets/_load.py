"""The data sets and their metadata."""

from __future__ import annotations

import bz2
import os
from dataclasses import dataclass, fields
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyrometer.base import ByValue, plain, validate
from pyrometer.datasets._standardize import standardize as _standardize
from pyrometer.results import Displayed, Quantity, Sheet, Table, described_by, finite

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Dataset", "breast_cancer", "diabetes", "wine"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Displayed, ByValue):
    """Features, a target, their names and units, and their source.

    Attributes
    ----------
    name : str
        Short name.
    X : ndarray, shape (m, p), float64
        Features, read-only.
    y : ndarray, shape (m,), float64
        Target, read-only; never standardised.
    feature_names : tuple of str
        Names of the p features.
    units : tuple of str
        Unit of each feature in `X`: "sd" (its standard deviation) if standardised.
    target : str
        Name of the target.
    target_unit : str
        Unit of the target; a squared-error energy is in its square.
    description : str
        What was measured.
    source : str
        Citation.
    licence : str
        Licence of the data.
    standardized : bool
        Whether the features have mean 0 and population variance 1.

    Examples
    --------
    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> data.X.shape, data.target
    ((442, 10), 'progression')
    """

    name: str
    X: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    feature_names: tuple[str, ...]
    units: tuple[str, ...]
    target: str
    target_unit: str
    description: str
    source: str
    licence: str
    standardized: bool

    def to_dict(self) -> dict[str, Any]:
        """Return what describes the data, without the rows, as types that JSON has."""
        about = {field.name: getattr(self, field.name) for field in fields(self) if field.name not in ("X", "y")}
        described: dict[str, Any] = finite({**about, "rows": len(self.X)})
        return described

    def to_frame(self) -> pd.DataFrame:
        """Return features and target as a pandas DataFrame."""
        columns = {name: self.X[:, k] for k, name in enumerate(self.feature_names)}
        units = dict(zip(self.feature_names, self.units, strict=True)) | {self.target: self.target_unit}
        return Table(self.name, columns | {self.target: self.y}, units).to_frame()

    def _sheet(self) -> Sheet:
        rows, features = self.X.shape
        facts: dict[str | Quantity, Any] = {
            "rows": rows,
            Quantity("features", note="of mean 0 and variance 1" if self.standardized else ""): features,
            "columns": self.feature_names,
            "target": f"{self.target} ({self.target_unit})",
            "about": self.description,
            "source": self.source,
            "licence": self.licence,
        }
        return described_by(f"Dataset, {plain(self.name)}", facts)


def diabetes(*, standardize: bool) -> Dataset:
    """Return the diabetes data of Efron, Hastie, Johnstone and Tibshirani: 442 patients, 10 features.

    Parameters
    ----------
    standardize : bool
        True: features with mean 0 and population variance 1; False: in the units of `Dataset.units`. There is no
        default, because the temperature depends on it. The target is not changed.

    Returns
    -------
    Dataset
        X (442, 10), y (442,): disease progression one year after baseline.

    Raises
    ------
    TypeError
        If `standardize` is not True or False.

    Examples
    --------
    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=False)
    >>> data.X.shape, data.feature_names[2], data.units[2], float(data.X[0, 2])
    ((442, 10), 'bmi', 'kg/m^2', 32.1)
    """
    return _load(
        "diabetes",
        standardize,
        units=("year", "code", "kg/m^2", "mmHg", "mg/dL", "mg/dL", "mg/dL", "1", "ln(mg/dL)", "mg/dL"),
        target_unit="score",
        description=(
            "Age, sex, body mass index, average blood pressure and six blood serum measurements of 442 diabetes "
            "patients; the target is a quantitative measure of disease progression one year after baseline."
        ),
        source=(
            "B. Efron, T. Hastie, I. Johnstone, R. Tibshirani, Least angle regression, Annals of Statistics 32 (2004) "
            "407-499."
        ),
        licence=(
            "Published with the article; no licence stated by its authors. Redistributed with R's lars (GPL-2) and "
            "scikit-learn (BSD-3-Clause)."
        ),
    )


def breast_cancer(*, standardize: bool) -> Dataset:
    """Return the diagnostic Wisconsin breast cancer data: 569 images, 30 features, two classes.

    Parameters
    ----------
    standardize : bool
        True: features with mean 0 and population variance 1; False: in the units of `Dataset.units`. There is no
        default, because the temperature depends on it. The target is not changed.

    Returns
    -------
    Dataset
        X (569, 30), y (569,): 1.0 benign (357 rows), 0.0 malignant (212 rows).

    Raises
    ------
    TypeError
        If `standardize` is not True or False.

    Examples
    --------
    >>> import pyrometer as pm
    >>> data = pm.datasets.breast_cancer(standardize=True)
    >>> data.X.shape, data.units[0], int(data.y.sum())
    ((569, 30), 'sd', 357)
    """
    shape = ("length", "grey level", "length", "length^2", "1", "1", "1", "1", "1", "1")
    return _load(
        "breast cancer",
        standardize,
        units=3 * shape,
        target_unit="class",
        description=(
            "Mean, standard error and worst of ten shape features of the cell nuclei in 569 images of fine needle "
            "aspirates of breast masses; the target is the diagnosis, 1 benign and 0 malignant."
        ),
        source=(
            "W. H. Wolberg, W. N. Street, O. L. Mangasarian, Breast Cancer Wisconsin (Diagnostic), UCI Machine "
            "Learning Repository (1995), doi:10.24432/C5DW2B."
        ),
        licence="CC BY 4.0",
    )


def wine(*, standardize: bool) -> Dataset:
    """Return the wine recognition data: 178 wines, 13 features, three classes.

    Parameters
    ----------
    standardize : bool
        True: features with mean 0 and population variance 1; False: in the units of `Dataset.units`. There is no
        default, because the temperature depends on it. The target is not changed.

    Returns
    -------
    Dataset
        X (178, 13), y (178,): the cultivar, 1.0 (59 rows), 2.0 (71 rows) or 3.0 (48 rows).

    Raises
    ------
    TypeError
        If `standardize` is not True or False.

    Examples
    --------
    >>> import pyrometer as pm
    >>> data = pm.datasets.wine(standardize=True)
    >>> data.X.shape, data.target, [int((data.y == cultivar).sum()) for cultivar in (1, 2, 3)]
    ((178, 13), 'cultivar', [59, 71, 48])
    """
    return _load(
        "wine",
        standardize,
        units=("%", "g/L", "g/L", "meq/L", "mg/L", "g/L", "g/L", "g/L", "g/L", "1", "1", "1", "mg/L"),
        target_unit="class",
        description=(
            "Thirteen constituents of 178 wines of one region of Italy; the target is the cultivar that they are made "
            "from, 1, 2 or 3."
        ),
        source=(
            "S. Aeberhard, M. Forina, Wine, UCI Machine Learning Repository (1992), doi:10.24432/C5PC7J; the original "
            "owners are M. Forina et al., PARVUS, Institute of Pharmaceutical and Food Analysis and Technologies, "
            "Genoa."
        ),
        licence="CC BY 4.0",
    )


@cache
def _table(file: str) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return the header and the rows of a file, not to be written to: most of the time goes into decompression."""
    with bz2.open(os.path.join(os.path.dirname(__file__), file), "rt", encoding="utf-8") as lines:
        return next(lines).rstrip().split(","), np.loadtxt(lines, delimiter=",")


def _load(
    name: str,
    standardize: bool,
    *,
    units: tuple[str, ...],
    target_unit: str,
    description: str,
    source: str,
    licence: str,
) -> Dataset:
    standardize = validate.flag("standardize", standardize)
    (*feature_names, target), rows = _table(f"{name.replace(' ', '_')}.csv.bz2")
    X = _standardize(rows[:, :-1], names=feature_names) if standardize else rows[:, :-1].copy()
    y = rows[:, -1].copy()
    for array in (X, y):
        array.flags.writeable = False
    return Dataset(
        name=name,
        X=X,
        y=y,
        feature_names=tuple(feature_names),
        units=("sd",) * len(units) if standardize else units,
        target=target,
        target_unit=target_unit,
        description=description,
        source=source,
        licence=licence,
        standardized=standardize,
    )
