"""Mean energies row by row: normal laws beside reading rows, uniform ones beside NumPy, truncated beside uniform."""

import numpy as np
import pytest
from scipy import integrate
from scipy.special import erf

from pyrometer import _core

ROWS, FEATURES = 1_000_000, 20
TERMS = 40


@pytest.fixture(scope="module")
def rows():
    """Return X (1, m, p), y (1, m) and one law."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((1, ROWS, FEATURES)), rng.standard_normal((1, ROWS)), np.full((1, FEATURES), 1.3)


def folded(y, s):
    """E|y - sZ| in SciPy's functions."""
    return s * np.sqrt(2 / np.pi) * np.exp(-0.5 * (y / s) ** 2) + y * erf(y / s / np.sqrt(2))


def folded_rows(X, y, variance):
    """The vectorised formula."""
    return folded(y, np.sqrt(np.einsum("ij,ij,j->i", X, X, variance))).mean()


def series_rows(X, y, length):
    """E|y - R| for uniform laws, TERMS terms of the cosine series with the whole support as period."""
    a = np.abs(X) * length
    period = np.abs(y) + a.sum(axis=1) / 2
    total = np.zeros(len(X))
    for k in range(1, 2 * TERMS, 2):
        product = np.sinc(a * (k / (2 * period))[:, None]).prod(axis=1)
        total += np.cos(k * np.pi * y / period) * product / k**2
    return (period / 2 - 4 * period / np.pi**2 * total).mean()


@pytest.mark.benchmark(group="mean energy, normal laws, 1,000,000 x 20")
@pytest.mark.parametrize("loss", ["norm", "absolute", "cross-entropy"])
def test_normal_rows(benchmark, record, threads, rows, loss):
    """At most one and a half times the time of reading X once."""
    X, y, variance = rows
    scale = np.sqrt(variance)
    few = _core.normal_rows(X[:, :1000].copy(), y[:, :1000].copy(), False, "absolute", scale, False, 1)[0][0, 0]
    assert few == pytest.approx(folded_rows(X[0, :1000], y[0, :1000], variance[0]), rel=1e-13)
    benchmark(lambda: _core.normal_rows(X, y, False, loss, scale, False, threads))
    if loss == "norm":
        benchmark.extra_info["limited by"] = "reading X, of which the rival only computes the sum"
    record(moved=X.nbytes + y.nbytes)


@pytest.mark.rival("NumPy, X.sum()")
@pytest.mark.benchmark(group="mean energy, normal laws, 1,000,000 x 20")
@pytest.mark.parametrize("loss", ["norm"])
def test_numpy_reads_the_rows(benchmark, record, one_thread, rows, loss):
    """NumPy's sum: what it takes to read X."""
    X, _, _ = rows
    benchmark(X.sum)
    record(moved=X.nbytes)


@pytest.mark.rival("NumPy and SciPy")
@pytest.mark.benchmark(group="mean energy, normal laws, 1,000,000 x 20")
@pytest.mark.parametrize("loss", ["absolute"])
def test_normal_rows_in_numpy(benchmark, record, threads, rows, loss):
    """The closed form of the absolute energy in NumPy and SciPy."""
    X, y, variance = rows
    benchmark(lambda: folded_rows(X[0], y[0], variance[0]))
    record(moved=X.nbytes + y.nbytes)


@pytest.mark.benchmark(group="mean of |x|, 1,000,000 x 20")
def test_mean_abs(benchmark, record, threads, rows):
    """At the speed of reading."""
    X, _, _ = rows
    np.testing.assert_allclose(_core.mean_abs(X, 1)[0], np.abs(X[0]).mean(axis=0), rtol=1e-12)
    benchmark(lambda: _core.mean_abs(X, threads))
    record(moved=X.nbytes)


@pytest.mark.rival("NumPy")
@pytest.mark.benchmark(group="mean of |x|, 1,000,000 x 20")
def test_mean_abs_in_numpy(benchmark, record, one_thread, rows):
    """Two passes."""
    X, _, _ = rows
    benchmark(lambda: np.abs(X[0]).mean(axis=0))
    record(moved=X.nbytes)


@pytest.mark.benchmark(group="1,000,000 expectations over a normal number")
@pytest.mark.parametrize("kind", ["absolute", "cross-entropy"])
def test_expectations(benchmark, one_thread, kind):
    """At most 10 ns each, derivative included."""
    s = 10.0 ** np.random.default_rng(0).uniform(-2, 3, ROWS)
    y = np.ones(ROWS)
    value, _ = _core.expectation("absolute", y, s)
    np.testing.assert_allclose(value, folded(y, s), rtol=1e-13)
    benchmark(lambda: _core.expectation(kind, y, s))


@pytest.mark.rival("NumPy and SciPy, no derivative")
@pytest.mark.benchmark(group="1,000,000 expectations over a normal number")
@pytest.mark.parametrize("kind", ["absolute"])
def test_expectations_in_numpy(benchmark, one_thread, kind):
    """The closed form."""
    s = 10.0 ** np.random.default_rng(0).uniform(-2, 3, ROWS)
    y = np.ones(ROWS)
    np.testing.assert_allclose(benchmark(lambda: folded(y, s)), _core.expectation(kind, y, s)[0], rtol=1e-12)


@pytest.mark.benchmark(group="one expectation over a normal number")
def test_one_expectation(benchmark, one_thread):
    """One value through the binding."""
    y, s = np.ones(1), np.full(1, 3.0)
    benchmark(lambda: _core.expectation("cross-entropy", y, s))


@pytest.mark.rival("SciPy, quad")
@pytest.mark.benchmark(group="one expectation over a normal number")
def test_one_expectation_by_quadrature(benchmark, one_thread):
    """SciPy's adaptive quadrature."""

    def integrand(z):
        return np.logaddexp(0, 3.0 * z) * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)

    value, _ = _core.expectation("cross-entropy", np.zeros(1), np.full(1, 3.0))
    assert integrate.quad(integrand, -12, 12)[0] == pytest.approx(value[0], rel=1e-9)
    benchmark(lambda: integrate.quad(integrand, -12, 12))


@pytest.mark.benchmark(group="mean energy, uniform laws, 20,000 x 20")
@pytest.mark.parametrize("loss", ["absolute", "cross-entropy"])
def test_uniform_rows(benchmark, threads, rows, loss):
    """To 1e-13 with a bound."""
    X, y, length = rows[0][:, :20_000].copy(), rows[1][:, :20_000].copy(), np.full((1, FEATURES), 3.0)
    value, bound, *_ = _core.uniform_rows(X, y, False, "absolute", length, 0, False, 1)
    assert value[0, 0] == pytest.approx(series_rows(X[0], y[0], length[0]), rel=1e-6)
    assert bound[0, 0] < 1e-12 * value[0, 0]
    benchmark(lambda: _core.uniform_rows(X, y, False, loss, length, 0, False, threads))


@pytest.mark.rival("NumPy, 40 terms")
@pytest.mark.benchmark(group="mean energy, uniform laws, 20,000 x 20")
@pytest.mark.parametrize("loss", ["absolute"])
def test_uniform_rows_in_numpy(benchmark, one_thread, rows, loss):
    """The same series, vectorised, with a fixed number of terms: no bound."""
    X, y, length = rows[0][0, :20_000], rows[1][0, :20_000], np.full(FEATURES, 3.0)
    benchmark.pedantic(lambda: series_rows(X, y, length), rounds=2)


@pytest.mark.benchmark(group="mean energy, uniform laws, 10,000 rows")
@pytest.mark.parametrize("features", [1, 2, 3, 5, 10, 100, 1000])
def test_uniform_rows_of_other_shapes(benchmark, one_thread, features):
    """Ten thousand rows: closed forms below four features, the series above."""
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((1, 10_000, features)), rng.standard_normal((1, 10_000))
    length = np.full((1, features), 3.0)
    value, bound, *_ = _core.uniform_rows(X, y, False, "absolute", length, 0, False, 1)
    assert 0 < bound[0, 0] < 1e-11 * value[0, 0]
    benchmark(lambda: _core.uniform_rows(X, y, False, "absolute", length, 0, False, 1))


@pytest.mark.benchmark(group="mean energy, truncated normal laws, 20,000 x 20")
@pytest.mark.parametrize("loss", ["absolute", "cross-entropy"])
def test_truncated_rows(benchmark, threads, rows, loss):
    """At most four times the time of uniform laws of the same variance."""
    X, y = rows[0][:, :20_000].copy(), rows[1][:, :20_000].copy()
    scale, bounds = np.full((1, FEATURES), 1.0), np.full(FEATURES, 2.0)
    value, bound, *_ = _core.uniform_rows(X, y, False, loss, scale, bounds, False, 1)
    labels = np.float64(y > 0) if loss == "cross-entropy" else y
    drawn = _core.sample_rows(X, labels, False, loss, scale, bounds, (1, 2), 0, 4000, 1)
    assert abs(value[0, 0] - drawn[0][0, 0]) < 5.0 * drawn[1][0, 0]
    assert bound[0, 0] < 1e-12 * value[0, 0]
    benchmark(lambda: _core.uniform_rows(X, y, False, loss, scale, bounds, False, threads))


@pytest.mark.rival("pyrometer, uniform laws")
@pytest.mark.benchmark(group="mean energy, truncated normal laws, 20,000 x 20")
@pytest.mark.parametrize("loss", ["absolute", "cross-entropy"])
def test_uniform_rows_of_the_same_variance(benchmark, threads, rows, loss):
    """The series with sin u / u in the place of the transform of a truncated normal variable."""
    X, y = rows[0][:, :20_000].copy(), rows[1][:, :20_000].copy()
    length = np.full((1, FEATURES), np.sqrt(12.0) * 0.8796256610342398)
    benchmark(lambda: _core.uniform_rows(X, y, False, loss, length, 0, False, threads))


@pytest.mark.benchmark(group="1,000,000 truncated normal numbers")
def test_truncated_numbers(benchmark, one_thread):
    """At most five times the time of normal numbers."""
    assert np.abs(_core.truncated_normals((1, 2), 0, 1000, 0, 10, 2.0)).max() <= 2.0
    benchmark(lambda: _core.truncated_normals((1, 2), 0, 100_000, 0, 10, 2.0))


@pytest.mark.rival("pyrometer, normal numbers")
@pytest.mark.benchmark(group="1,000,000 truncated normal numbers")
def test_normal_numbers(benchmark, one_thread):
    """Without truncation."""
    benchmark(lambda: _core.normals((1, 2), 0, 100_000, 0, 10))
