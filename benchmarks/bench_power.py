"""Two samples of 500 rows and 20 columns, of which something small has changed: power of tests at one false-alarm rate.

Every test is reduced to a statistic, whose critical value is its 95 % quantile over samples without a change: so all
have the same false-alarm rate, whatever their own p-values. All see the columns and the residual. Rivals: Kolmogorov
and Smirnov's test of each column with the least p-value; frouros' maximum mean discrepancy with a Gaussian kernel of
the median distance; alibi-detect's tests of columns (Kolmogorov-Smirnov, Cramér-von Mises) with Bonferroni's
correction, and its classifier, a logistic regression of the columns and their squares; a classifier of our own,
trained on half the rows and scored by the area under the curve of the others. evidently's data drift by default is the
p-value of SciPy's test of each column, so that only its time is measured. alibi-detect and evidently require versions
of NumPy and pandas that are not those of the other rivals: each is skipped where it is missing and was measured in an
environment of its own, on the same samples.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import pyrometer as pm

stats = pytest.importorskip("scipy.stats")
linear_model = pytest.importorskip("sklearn.linear_model")
metrics = pytest.importorskip("sklearn.metrics")

ROWS, COLUMNS, NULLS, REPEATS = 500, 20, 100, 60
Sample = tuple[np.ndarray, np.ndarray]


def line(X: Any) -> np.ndarray:
    return np.asarray(X).sum(axis=1)


def sample(rng: np.random.Generator, kind: str) -> Sample:
    """Rows of y = sum of x + noise; `kind` is what differs."""
    X = rng.normal(size=(ROWS, COLUMNS))
    noise = rng.normal(size=ROWS)
    if kind == "mean of a column":
        X[:, 3] += 0.2
    if kind == "deviation of a column":
        X[:, 3] *= 1.2
    if kind == "correlation of two columns":
        X[:, 3] = 0.35 * X[:, 4] + np.sqrt(1.0 - 0.35**2) * X[:, 3]
    if kind == "noise":
        noise *= 1.15
    if kind == "slope":
        noise += 0.2 * X[:, 3]
    if kind == "tails":
        noise = rng.standard_t(4, size=ROWS) / np.sqrt(2.0)
    return X, line(X) + noise


KINDS = (
    "mean of a column",
    "deviation of a column",
    "correlation of two columns",
    "noise",
    "slope",
    "tails",
)


def columns(rows: Sample) -> np.ndarray:
    """What the rivals see: the columns and the residual."""
    return np.column_stack([rows[0], rows[1] - line(rows[0])])


def ours(a: Sample, b: Sample) -> float:
    return -pm.shift(a, b, model=line, energy="mse", resamples=499, rng=0, threads=1).p_value


def clearest_column(a: Sample, b: Sample) -> float:
    found = pm.shift(a, b, model=line, energy="mse", resamples=499, rng=0, threads=1)
    return -float(next(iter(found.columns))["p_value"])


def kolmogorov(a: Sample, b: Sample) -> float:
    pairs = zip(columns(a).T, columns(b).T, strict=True)
    return -min(stats.ks_2samp(u, v, method="asymp").pvalue for u, v in pairs)


def discrepancy(a: Sample, b: Sample) -> float:
    z = np.vstack([columns(a), columns(b)])
    square = np.square(z).sum(axis=1)
    away = square[:, None] + square - 2.0 * z @ z.T
    kernel = np.exp(-away / np.median(away))
    m = len(a[0])
    return float(kernel[:m, :m].mean() + kernel[m:, m:].mean() - 2.0 * kernel[:m, m:].mean())


def classifier(a: Sample, b: Sample) -> float:
    z, label = np.vstack([columns(a), columns(b)]), np.repeat([0, 1], ROWS)
    order = np.random.default_rng(0).permutation(len(z))
    train, test = order[::2], order[1::2]
    z = np.hstack([z, z**2])
    fitted = linear_model.LogisticRegression(C=0.1, max_iter=200).fit(z[train], label[train])
    return float(metrics.roc_auc_score(label[test], fitted.decision_function(z[test])))


def frouros_discrepancy(a: Sample, b: Sample) -> float:
    data_drift = pytest.importorskip("frouros.detectors.data_drift")
    kernels = pytest.importorskip("frouros.utils.kernels")
    z = columns(a)
    width = float(np.sqrt(np.median(np.square(z[::2] - z[1::2]).sum(axis=1)) / 2.0))
    detector = data_drift.MMD(kernel=partial(kernels.rbf_kernel, sigma=width))
    detector.fit(X=z)
    return float(detector.compare(X=columns(b))[0].distance)


def alibi_columns(name: str) -> Callable[[Sample, Sample], float]:
    def test(a: Sample, b: Sample) -> float:
        detectors = pytest.importorskip("alibi_detect.cd")
        found = getattr(detectors, name)(columns(a), p_val=0.05).predict(columns(b))
        return -float(np.min(found["data"]["p_val"]))

    return test


def alibi_classifier(a: Sample, b: Sample) -> float:
    detectors = pytest.importorskip("alibi_detect.cd")
    model = linear_model.LogisticRegression(C=0.1, max_iter=200)
    both = [np.hstack([columns(each), columns(each) ** 2]) for each in (a, b)]
    detector = detectors.ClassifierDrift(both[0], model, backend="sklearn", preds_type="probs", n_folds=5, seed=0)
    return float(detector.predict(both[1])["data"]["distance"])


def evidently_columns(a: Sample, b: Sample) -> float:
    evidently = pytest.importorskip("evidently")
    presets = pytest.importorskip("evidently.presets")
    pandas = pytest.importorskip("pandas")
    frames = [
        evidently.Dataset.from_pandas(pandas.DataFrame(columns(each)).rename(columns=str), evidently.DataDefinition())
        for each in (a, b)
    ]
    found = evidently.Report([presets.DataDriftPreset()]).run(frames[1], frames[0]).dict()
    values = [each["value"] for each in found["metrics"]]
    return -min(float(value) for value in values if not isinstance(value, dict))


TESTS: dict[str, Callable[[Sample, Sample], float]] = {
    "pyrometer": ours,
    "pyrometer, clearest column": clearest_column,
    "Kolmogorov-Smirnov of each column": kolmogorov,
    "maximum mean discrepancy": discrepancy,
    "classifier": classifier,
    "frouros MMD": frouros_discrepancy,
    "alibi-detect KSDrift": alibi_columns("KSDrift"),
    "alibi-detect CVMDrift": alibi_columns("CVMDrift"),
    "alibi-detect ClassifierDrift": alibi_classifier,
}


def statistics(test: Callable[[Sample, Sample], float], kind: str, repeats: int, first: int) -> np.ndarray:
    found = []
    for seed in range(first, first + repeats):
        rng = np.random.default_rng(seed)
        a = sample(rng, "")
        found.append(test(a, sample(rng, kind)))
    return np.array(found)


@pytest.mark.benchmark(group="power of tests of a shift, at a false-alarm rate of 5 %")
@pytest.mark.parametrize("name", TESTS)
def test_power(benchmark: Any, name: str) -> None:
    test = TESTS[name]
    critical = np.quantile(statistics(test, "", NULLS, 10_000), 0.95)
    for kind in KINDS:
        benchmark.extra_info[kind] = float(np.mean(statistics(test, kind, REPEATS, 0) > critical))
    rng = np.random.default_rng(0)
    pair = sample(rng, ""), sample(rng, "")
    benchmark(test, *pair)


@pytest.mark.rival("evidently")
@pytest.mark.benchmark(group="power of tests of a shift, at a false-alarm rate of 5 %")
def test_evidently_is_kolmogorov_smirnov(benchmark: Any) -> None:
    rng = np.random.default_rng(0)
    a, b = sample(rng, ""), sample(rng, "mean of a column")
    found = benchmark(evidently_columns, a, b)
    pairs = zip(columns(a).T, columns(b).T, strict=True)
    assert found == pytest.approx(-min(stats.ks_2samp(u, v).pvalue for u, v in pairs), rel=1e-9)


def watched(make: Callable[[], Any], step: Callable[[Any, np.ndarray, np.ndarray], None], batches: int) -> None:
    """Feed a monitor with batches of 1,000 rows."""
    rng, monitor = np.random.default_rng(0), make()
    X = rng.normal(size=(1000, COLUMNS))
    for _ in range(batches):
        step(monitor, X, line(X) + rng.normal(size=1000))


@pytest.mark.benchmark(group="a million rows of 20 columns in batches of 1,000")
@pytest.mark.parametrize(
    "rival",
    [
        "pyrometer, growing",
        "river ADWIN of the squared error",
        "river KSWIN of the same",
        "river HDDM_A of its bits",
        "river HDDM_W of its bits",
    ],
)
def test_a_million_rows(benchmark: Any, rival: str) -> None:
    drift, binary = pytest.importorskip("river.drift"), pytest.importorskip("river.drift.binary")
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, COLUMNS))

    def monitor() -> pm.RefreshMonitor:
        return pm.RefreshMonitor((X, line(X) + rng.normal(size=2000)), line, energy="mse", rng=0, grow=True)

    def of_errors(detector: Any, X: np.ndarray, y: np.ndarray) -> None:
        for value in ((y - line(X)) ** 2).tolist():
            detector.update(value)

    def of_bits(detector: Any, X: np.ndarray, y: np.ndarray) -> None:
        for value in ((y - line(X)) ** 2 > 1.6).tolist():
            detector.update(value)

    make, step = {
        "pyrometer, growing": (monitor, lambda each, X, y: each.update(X, y)),
        "river ADWIN of the squared error": (drift.ADWIN, of_errors),
        "river KSWIN of the same": (lambda: drift.KSWIN(seed=0), of_errors),
        "river HDDM_A of its bits": (lambda: binary.HDDMA(two_sided_test=True), of_bits),
        "river HDDM_W of its bits": (lambda: binary.HDDMW(two_sided_test=True), of_bits),
    }[rival]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.pedantic(watched, args=(make, step, 1000), rounds=1)
    if rival.startswith("pyrometer"):
        benchmark.extra_info["limited by"] = "tests of all 21 columns; rivals are given one number a row"
    benchmark.extra_info["MB"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
