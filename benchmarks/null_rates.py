"""How often `shift` rejects two samples of one distribution at a level of 5 %, for each kind of data.

    python benchmarks/null_rates.py [--nulls 2000] [KIND ...]

prints a row of Markdown for each kind: the share of nulls that the joint test calls shifted, and the share in which
any p-value of `Shift.columns` is at most 5 % (the family-wise error), each with its binomial standard error.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from sklearn.mixture import GaussianMixture

import pyrometer as pm

LEVEL, RESAMPLES = 0.05, 99
_Rng = np.random.Generator


class Kind(NamedTuple):
    """A pair of samples of one distribution, and how they are compared."""

    draw: Callable[[_Rng, int], Any]
    rows: tuple[int, int]
    options: dict[str, Any]


def total(X: Any) -> np.ndarray:
    return np.asarray(X).sum(axis=1)


def numbers(rng: _Rng, rows: int, columns: int = 20) -> Any:
    X = rng.normal(size=(rows, columns)) + 0.5 * rng.normal(size=(rows, 1))
    return X, total(X) + rng.normal(size=rows)


def heavy(rng: _Rng, rows: int, columns: int = 20) -> Any:
    X = rng.standard_t(3, size=(rows, columns))
    return X, total(X) + rng.standard_t(3, size=rows)


def few_numbers(rng: _Rng, rows: int) -> Any:
    return numbers(rng, rows, 3)


def categories(rng: _Rng, rows: int) -> Any:
    values = {f"c{k}": rng.choice(list("abcdefghij"[:k]), rows, p=_shares(k)) for k in (2, 3, 5, 10)}
    values["rare"] = rng.choice(["no", "yes"], rows, p=[0.98, 0.02])
    values["alike"] = np.where(rng.random(rows) < 0.7, values["c5"], "a")
    return pd.DataFrame(values)


def _shares(k: int) -> np.ndarray:
    weights = 0.6 ** np.arange(k)
    return weights / weights.sum()


def mixed(rng: _Rng, rows: int) -> Any:
    frame = categories(rng, rows)[["c3", "c10", "rare"]]
    age = rng.gamma(2.0, 10.0, rows)
    frame["age"] = np.where(rng.random(rows) < 0.1, np.nan, age)
    frame["income"] = age + rng.standard_t(3, size=rows)
    frame["flag"] = rng.random(rows) < 0.02
    frame["constant"] = 1.0
    return frame, age * (frame["c3"] == "a") + rng.normal(size=rows)


def mixed_model(X: Any) -> np.ndarray:
    return np.asarray(X["age"].fillna(20.0) * (X["c3"] == "a"), dtype=float)


def two_classes(rng: _Rng, rows: int) -> Any:
    X = rng.normal(size=(rows, 5))
    return X, (rng.random(rows) < probability(X)).astype(float)


def probability(X: Any) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(X) @ [1.0, -1.0, 0.5, 0.0, 0.0])))


def three_classes(rng: _Rng, rows: int) -> Any:
    X = rng.normal(size=(rows, 5))
    return X, (probabilities(X).cumsum(axis=1) < rng.random((rows, 1))).sum(axis=1)


def probabilities(X: Any) -> np.ndarray:
    z = np.exp(np.asarray(X)[:, :3])
    return np.asarray(z / z.sum(axis=1, keepdims=True))


def bent(rng: _Rng, rows: int) -> Any:
    x = rng.normal(size=rows)
    X = np.column_stack([x, x**2 + rng.standard_t(3, size=rows)])
    return X, total(X) + rng.normal(size=rows)


def remembering(phi: float) -> Callable[[_Rng, int], Any]:
    def draw(rng: _Rng, rows: int) -> Any:
        x, noise = (autoregression(rng, rows, phi) for _ in range(2))
        return x[:, None], x + noise

    return draw


def autoregression(rng: _Rng, rows: int, phi: float) -> np.ndarray:
    start = rng.normal() / np.sqrt(1.0 - phi**2)
    return np.asarray(lfilter([1.0], [1.0, -phi], rng.normal(size=rows), zi=[phi * start])[0])


def weighted(rng: _Rng, rows: int) -> Any:
    """Rows, some of them alike, with lognormal weights that depend on them."""
    frame = categories(rng, rows)[["c3", "c5"]]
    frame["x"], frame["age"] = rng.normal(size=rows), rng.gamma(2.0, 10.0, rows)
    frame["weight"] = rng.lognormal(size=rows) * (1.0 + (frame["c3"] == "a"))
    return frame, frame["x"] + rng.normal(size=rows)


def weighted_model(X: Any) -> np.ndarray:
    return np.asarray(X["x"], dtype=float)


_SQUARED = {"model": total, "energy": "mse"}
_WEIGHTED = {"model": weighted_model, "energy": "mse", "weights": "weight"}
KINDS = {
    "20 numbers, 50 and 50 rows": Kind(numbers, (50, 50), _SQUARED),
    "20 numbers, 500 and 500": Kind(numbers, (500, 500), _SQUARED),
    "20 numbers, 5,000 and 5,000": Kind(numbers, (5000, 5000), _SQUARED),
    "20 numbers of t with 3 degrees of freedom, 50 and 50": Kind(heavy, (50, 50), _SQUARED),
    "20 numbers of t with 3 degrees of freedom, 500 and 500": Kind(heavy, (500, 500), _SQUARED),
    "20 numbers of t with 3 degrees of freedom, 5,000 and 5,000": Kind(heavy, (5000, 5000), _SQUARED),
    "3 numbers, 20 and 5,000": Kind(few_numbers, (20, 5000), _SQUARED),
    "3 numbers, 5,000 and 20": Kind(few_numbers, (5000, 20), _SQUARED),
    "20 numbers, absolute error, 300 and 300": Kind(numbers, (300, 300), {"model": total, "energy": "mae"}),
    "6 columns of categories, 300 and 300": Kind(categories, (300, 300), {}),
    "6 columns of categories, 20 and 5,000": Kind(categories, (20, 5000), {}),
    "mixed, with missing values, a rare and a constant column, 300 and 200": Kind(
        mixed, (300, 200), {"model": mixed_model, "energy": "mse"}
    ),
    "two classes, 5 numbers, 400 and 300": Kind(two_classes, (400, 300), {"model": probability, "energy": "ce"}),
    "three classes, 5 numbers, 400 and 300": Kind(
        three_classes, (400, 300), {"model": probabilities, "energy": "softmax"}
    ),
    "lognormal weights, mixed columns, 50 and 30": Kind(weighted, (50, 30), _WEIGHTED),
    "lognormal weights, mixed columns, 300 and 200": Kind(weighted, (300, 200), _WEIGHTED),
    "kernel density, 2 numbers, 100 and 100": Kind(bent, (100, 100), _SQUARED | {"density": "kernel"}),
    "mixture of 2 Gaussians, 2 numbers, 100 and 100": Kind(
        bent, (100, 100), _SQUARED | {"density": GaussianMixture(2, random_state=0)}
    ),
    "density mixture, 2 numbers, 100 and 100": Kind(bent, (100, 100), _SQUARED | {"density": "mixture"}),
    "autoregression of 0.9, block auto, 2,000 and 2,000": Kind(
        remembering(0.9), (2000, 2000), _SQUARED | {"block": "auto"}
    ),
    "autoregression of 0.9, block auto, 2,000 and 1,000": Kind(
        remembering(0.9), (2000, 1000), _SQUARED | {"block": "auto"}
    ),
    "autoregression of 0.9, block 40, 2,000 and 410": Kind(remembering(0.9), (2000, 410), _SQUARED | {"block": 40}),
    "autoregression of 0.98, block auto, 10,000 and 5,000": Kind(
        remembering(0.98), (10_000, 5000), _SQUARED | {"block": "auto"}
    ),
}


def rates(kind: Kind, nulls: int) -> np.ndarray:
    """Return shares of nulls where the joint test, and any column, rejects."""
    rejected = np.zeros((nulls, 2))
    for seed in range(nulls):
        rng = np.random.default_rng([seed, 16])
        before, after = (kind.draw(rng, rows) for rows in kind.rows)
        found = pm.shift(before, after, level=LEVEL, resamples=RESAMPLES, rng=seed, threads=1, **kind.options)
        least = min(float(row["p_value"]) for row in found.columns)
        rejected[seed] = found.shifted, least <= LEVEL
    return rejected.mean(axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="parts of the names of kinds; default: all")
    parser.add_argument("--nulls", type=int, default=2000)
    options = parser.parse_args()
    warnings.simplefilter("ignore", pm.DependenceWarning)
    print("| | Joint test | Any column |\n| --- | --- | --- |")
    for name, kind in KINDS.items():
        if options.kinds and not any(part in name for part in options.kinds):
            continue
        shares = 100.0 * rates(kind, options.nulls)
        errors = np.sqrt(shares * (100.0 - shares) / options.nulls)
        cells = [f"{share:.1f} ± {error:.1f}" for share, error in zip(shares, errors, strict=True)]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
