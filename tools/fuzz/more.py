"""Random calls of what surrounds the functions of `cases`: estimators, files in chunks, paths, frames, pictures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import pyrometer as pm
from fuzz.magnitudes import Generator, numbers, size

__all__ = ["CASES"]


def _estimator(r: Generator) -> Any:
    """Fit an estimator and use it for other rows."""
    m, p = int(r.choice([2, 5, 13, 30])), int(r.choice([1, 2, 4]))
    X, y, intercept = numbers(r, m, p), numbers(r, m), bool(r.integers(2))
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        return None  # scikit-learn refuses it
    kinds = ("LADRegressor", "OLSRegressor", "LassoRegressor", "LogisticClassifier", "SoftmaxClassifier")
    kind = str(r.choice(kinds))
    options = {"lam": size(r)} if kind in kinds[1:3] else {}
    estimator = getattr(pm.estimators, kind)(fit_intercept=intercept, **options)
    if kind in kinds[3:]:
        y = r.permutation(np.arange(m) % (2 if kind == "LogisticClassifier" else 3))
    weights = r.integers(0, 3, m) + (np.arange(m) < 3) if r.random() < 0.3 else None
    estimator.fit(X, y, sample_weight=weights)
    estimator.predict(numbers(r, 4, p))
    for name in ("predict_proba", "predict_log_proba", "decision_function"):
        if hasattr(estimator, name):
            getattr(estimator, name)(numbers(r, 4, p))
    return estimator.certificate_, estimator.temperature(pm.Normal(size(r)))


def _training_path(r: Generator) -> Any:
    m, p = int(r.choice([1, 3, 8, 30])), int(r.choice([1, 2, 4]))
    penalty = pm.L2(size(r)) if r.random() < 0.4 else None
    system = pm.LinearRegression(numbers(r, m, p), numbers(r, m), penalty=penalty, intercept=bool(r.integers(2)))
    law = (pm.Normal, pm.Uniform)[r.integers(2)](size(r))
    if r.random() < 0.5:
        return pm.training_path(system, law, [0.0, *(size(r) for _ in range(3))])
    return pm.training_path(system, law, [0, 1, 5, 10**6], learning_rate=size(r))


def _scan(r: Generator) -> Any:
    """Minimise and measure a system whose rows stay in a file."""
    m, p = int(r.choice([4, 9, 30])), int(r.choice([1, 2, 3]))
    X, y, intercept = numbers(r, m, p), numbers(r, m), bool(r.integers(2))
    kind = int(r.integers(3))
    if kind:
        y = r.permutation(np.arange(m) % (kind + 1)).astype(float)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "rows.csv")
        head = ",".join(f"x{j}" for j in range(p)) + ",y"
        np.savetxt(path, np.column_stack([X, y]), delimiter=",", header=head, comments="", fmt="%.17g")
        options: dict[str, Any] = {"target": "y", "intercept": intercept, "chunk_rows": int(r.integers(2, m + 1))}
        if kind == 0:
            system = pm.LinearRegression.scan(path, energy="mae", **options)
        else:
            scan = pm.LogisticRegression.scan if kind == 1 else partial(pm.SoftmaxRegression.scan, labels=range(3))
            system = scan(path, **options)
        return pm.minimum_energy(system), pm.mean_energy(system, pm.Normal(size(r)), samples=64, rng=1)


def _frame(r: Generator, columns: int, m: int) -> Any:
    """Return a data frame with numbers of any size, missing ones and categories."""
    import pandas as pd

    frame = {}
    for j in range(columns):
        values = numbers(r, m)
        if r.random() < 0.3:
            values = np.where(r.random(m) < 0.3, np.nan, values)
        frame[f"x{j}"] = values if r.random() < 0.8 else r.choice(["a", "b", "c"], m)
    return pd.DataFrame(frame)


def _shift_of_tables(r: Generator) -> Any:
    """Compare frames, whose new rows are like the old ones or others."""
    columns, m = int(r.integers(1, 4)), int(r.choice([8, 30, 60]))
    before = _frame(r, columns, m)
    same = r.random() < 0.6
    after = before.sample(m, replace=True, random_state=int(r.integers(99))) if same else _frame(r, columns, m)
    weights = (r.exponential(size=m), r.exponential(size=m)) if r.random() < 0.3 else None
    density = str(r.choice(["gaussian", "kde"])) if r.random() < 0.3 else "gaussian"
    block = int(r.choice([1, 1, 2, 4]))
    result = pm.shift(before, after, weights=weights, density=density, block=block, resamples=99, rng=1)
    return result, len(result.columns)


def _monitor_of_tables(r: Generator) -> Any:
    """Watch frames, with a reference that grows."""
    columns, m = int(r.integers(1, 3)), int(r.choice([40, 80]))
    before = _frame(r, columns, m)
    monitor = pm.RefreshMonitor(
        pm.DataState(before), None, run_length=12, memory=4, grow=bool(r.integers(2)), rng=int(r.integers(9))
    )
    for k in range(3):
        monitor.update(before.sample(20, replace=True, random_state=k))
    return monitor.readings, monitor.event


def _standardised(r: Generator) -> Any:
    m, p = int(r.choice([2, 5, 30])), int(r.choice([1, 3]))
    X, y = numbers(r, m, p), numbers(r, m)
    weights = r.integers(1, 4, m) if r.random() < 0.3 else None
    moments = pm.Moments.of(X, y, weights=weights).standardized()
    return pm.datasets.standardize(X, weights=weights), pm.minimum_energy(pm.LinearRegression.from_moments(moments))


def _pictures(r: Generator) -> None:
    """Draw what is drawn of systems and laws of any size, in one call of four: others take much less time."""
    if r.random() < 0.75:
        return
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    m = int(r.choice([3, 8]))
    system = pm.LinearRegression(numbers(r, m, 2), numbers(r, m), energy=str(r.choice(["mse", "mae"])))
    try:
        which = int(r.integers(4))
        if which == 0:
            axes = pm.plot.temperature(system, pm.Normal(size(r)))
        elif which == 1:
            axes = pm.plot.spectrum(system, pm.Normal(size(r)), samples=200)
        elif which == 2:
            axes = pm.plot.residuals({"a": numbers(r, 20), "b": numbers(r, 9)})
        else:
            times = [0.0, *sorted(size(r) for _ in range(4))]
            axes = pm.plot.path(pm.training_path(system, pm.Normal(size(r)), times))[0]
        axes.figure.canvas.draw()
    finally:
        plt.close("all")


def _balance(r: Generator) -> Any:
    widths = (int(r.choice([1, 3, 8])),) * int(r.integers(0, 3))
    network = pm.Network(
        numbers(r, 5, 2), outputs=2, hidden=widths, activation=str(r.choice(["relu", "tanh", "gelu", "erf"]))
    )
    if r.random() < 0.5:
        return pm.balance(network, energy=size(r))
    return pm.balance(network, temperature=size(r), law=(pm.Normal, pm.Uniform)[r.integers(2)])


CASES: dict[str, Callable[[Generator], Any]] = {
    "estimators": _estimator,
    "training_path": _training_path,
    "scan": _scan,
    "shift of tables": _shift_of_tables,
    "RefreshMonitor of tables": _monitor_of_tables,
    "standardised": _standardised,
    "plot": _pictures,
    "balance": _balance,
}
