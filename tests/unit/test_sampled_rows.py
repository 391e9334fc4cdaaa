"""Sampled absolute errors and cross entropies against NumPy on the same draws, and against quadrature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import integrate, stats

from pyrometer import _core

SEED = (7, 5)
LOSSES = ["absolute", "cross-entropy"]


def data(rows: int, features: int, *, systems: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random rows with labels 0 and 1, which are targets of absolute error as well."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((systems, rows, features)) + 0.3
    return X, rng.integers(0, 2, (systems, rows)).astype(float)


def parameters(scale: np.ndarray, normals: int, samples: int) -> np.ndarray:
    """Parameters of every draw, (n, samples), from the streams."""
    n = scale.size
    z = _core.normals(SEED, 0, samples, 0, n)
    u = _core.uniforms(SEED, 0, samples, 0, n)
    return scale[:, None] * np.where(np.arange(n)[:, None] < normals, z, u)


def sigma(t: Any) -> Any:
    return np.exp(-np.logaddexp(0, -t))


def energy_of(loss: str, t: Any, y: Any) -> Any:
    return np.abs(y - t) if loss == "absolute" else np.logaddexp(0, -t) + (1 - y) * t


def slope_of(loss: str, t: Any, y: Any) -> Any:
    return np.sign(t - y) * t if loss == "absolute" else t * (sigma(t) - y)


def margins(X: np.ndarray, theta: np.ndarray, intercept: bool) -> np.ndarray:
    return np.column_stack([X, np.ones(len(X))]) @ theta if intercept else X @ theta


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    ("rows", "features", "intercept", "normals", "samples"),
    [
        (1, 1, False, 1, 3),
        (1, 0, True, 1, 30),
        (5, 0, True, 0, 100),
        (7, 3, True, 2, 385),
        (40, 9, False, 0, 23),
        (513, 50, True, 51, 130),
        (600, 4, True, 3, 800),
        (100, 128, True, 60, 70),
        (130, 300, False, 300, 50),
        (16_400, 2, True, 1, 12),
    ],
)
def test_energies_are_those_of_the_rows(
    loss: str, rows: int, features: int, intercept: bool, normals: int, samples: int
) -> None:
    X, y = data(rows, features, systems=2)
    n = features + intercept
    scale = np.exp(np.random.default_rng(1).standard_normal((3, n)))
    arguments = X, y, intercept, loss, scale, normals, SEED, 0, samples, 2
    energies = _core.sample_rows_energies(*arguments)
    mean, error, slope = _core.sample_rows(*arguments)
    assert energies.shape == (2, 3, samples)
    assert mean.shape == error.shape == slope.shape == (2, 3)
    for system in range(2):
        for law in range(3):
            t = margins(X[system], parameters(scale[law], normals, samples), intercept)
            expected = energy_of(loss, t, y[system][:, None]).mean(axis=0)
            np.testing.assert_allclose(energies[system, law], expected, rtol=1e-12)
            slopes = slope_of(loss, t, y[system][:, None]).mean(axis=0)
            np.testing.assert_allclose(mean[system, law], expected.mean(), rtol=1e-12)
            np.testing.assert_allclose(error[system, law], stats.sem(expected), rtol=1e-11)
            np.testing.assert_allclose(slope[system, law], slopes.mean(), rtol=1e-12, atol=1e-12 * abs(slopes).mean())


@pytest.mark.parametrize("loss", LOSSES)
def test_every_size_of_margin_is_exact(loss: str) -> None:
    # One row of one feature: t runs over all the sizes that softplus tells apart, and 0.
    size = np.concatenate([[0.0], 10.0 ** np.arange(-300, 150, 7), np.linspace(0.01, 800, 900)])
    t = np.concatenate([size, -size])
    z = _core.normals(SEED, 0, 1, 0, 1)[0, 0]
    for label in (0.0, 1.0):
        X, y = t[:, None, None] / z, np.full((t.size, 1), label)
        energies = _core.sample_rows_energies(X, y, False, loss, np.ones((1, 1)), 1, SEED, 0, 1, 1)[:, 0, 0]
        # (2.17) and (4.1) without cancellation of large margins: softplus(-t) + t = softplus(t).
        expected = np.abs(label - t) if loss == "absolute" else np.logaddexp(0, (1 - 2 * label) * t)
        np.testing.assert_allclose(energies, expected, rtol=1e-15, atol=6e-16)
        # Of smaller ones the variance underflows, and of small energies, which are refused.
        both = X[:, 0, 0, None] * _core.normals(SEED, 0, 2, 0, 1)
        most = (np.abs(label - both) if loss == "absolute" else np.logaddexp(0, (1 - 2 * label) * both)).max(axis=1)
        known = (t == 0) | ((np.abs(t) > 1e-135) & ((most == 0) | (most > 1e-135)))
        X, y, both = X[known], y[known], both[known]
        slope = _core.sample_rows(X, y, False, loss, np.ones((1, 1)), 1, SEED, 0, 2, 1)[2][:, 0]
        slopes = slope_of(loss, both, label) if loss == "absolute" else both * sigma((1 - 2 * label) * both)
        expected = (slopes if loss == "absolute" else (1 - 2 * label) * slopes).mean(axis=1)
        np.testing.assert_allclose(slope, expected, rtol=2e-15, atol=1e-15)


def mean_by_quadrature(loss: str, X: np.ndarray, y: np.ndarray, scale: np.ndarray, normal: bool) -> float:
    """Mean energy by quadrature, for normal parameters without intercept or for one uniform parameter."""
    total = 0.0
    for row, target in zip(X, y, strict=True):
        if normal:  # the margin is normal
            law, reach = stats.norm(scale=np.linalg.norm(row * scale)), 12 * np.linalg.norm(row * scale)
        else:
            length = abs(row[0]) * scale[0]
            law, reach = stats.uniform(-length / 2, length), length / 2
        kinks = [k for k in (0.0, target) if abs(k) < reach]
        integral, _ = integrate.quad(
            lambda t, target=target, law=law: energy_of(loss, t, target) * law.pdf(t),
            -reach, reach, points=kinks, epsabs=0, epsrel=1e-11, limit=400,
        )  # fmt: skip
        total += integral
    return total / len(y)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("normal", [True, False])
@pytest.mark.parametrize("size", [0.1, 1.0, 30.0])
def test_mean_and_slope_are_those_of_quadrature(loss: str, normal: bool, size: float) -> None:
    X, y = data(6, 3 if normal else 1)
    n = X.shape[2]
    scale = size * np.linspace(0.5, 1.5, n)
    samples = 60_000
    arguments = X, y, False, loss, scale[None], n if normal else 0, SEED, 0
    mean, error, slope = (a[0, 0] for a in _core.sample_rows(*arguments, samples, 2))
    assert error < 0.02 * mean
    assert abs(mean - mean_by_quadrature(loss, X[0], y[0], scale, normal)) < 4.5 * error

    # The derivative of the mean by the logarithm of the scale, and the standard error of its estimate.
    h = 1e-3
    high, low = (mean_by_quadrature(loss, X[0], y[0], scale * np.exp(d), normal) for d in (h, -h))
    t = margins(X[0], parameters(scale, n if normal else 0, samples), False)
    slopes = slope_of(loss, t, y[0][:, None]).mean(axis=0)
    assert abs(slope - (high - low) / (2 * h)) < 4.5 * stats.sem(slopes) + 1e-5 * abs(slope)


@pytest.mark.parametrize("loss", LOSSES)
def test_slope_is_the_difference_of_means_of_the_same_draws(loss: str) -> None:
    X, y = data(500, 5)
    scale = np.array([[0.5, 1.0, 2.0, 1.0, 0.3, 1.0]])
    y = y if loss == "cross-entropy" else y + np.random.default_rng(3).standard_normal(y.shape)
    h = 1e-4
    laws = np.concatenate([scale * np.exp(h), scale * np.exp(-h), scale])
    mean, _, slope = _core.sample_rows(X, y, True, loss, laws, 4, SEED, 0, 3000, 2)
    # Absolute error has kinks, which the two laws place differently for a fraction of order h of rows and draws.
    assert (mean[0, 0] - mean[0, 1]) / (2 * h) == pytest.approx(slope[0, 2], rel=1e-7 if loss != "absolute" else 1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_threads_stacks_batches_and_more_samples_change_no_bit(loss: str) -> None:
    X, y = data(700, 6, systems=5)
    scale = np.exp(np.random.default_rng(2).standard_normal((4, 7)))
    arguments = True, loss, scale, 5, SEED
    results = [_core.sample_rows(X, y, *arguments, 0, 1300, threads) for threads in (1, 2, 3, 0)]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    energies = _core.sample_rows_energies(X, y, *arguments, 0, 1300, 2)
    np.testing.assert_array_equal(energies, _core.sample_rows_energies(X, y, *arguments, 0, 2000, 3)[..., :1300])
    for first, samples in ((1, 1299), (400, 7), (1299, 1)):
        some = _core.sample_rows_energies(X, y, *arguments, first, samples, 2)
        np.testing.assert_array_equal(some, energies[..., first : first + samples])
    for system in range(5):
        for law in range(4):
            one = X[[system]], y[[system]], True, loss, scale[[law]], 5, SEED, 0, 1300, 2
            np.testing.assert_array_equal(_core.sample_rows_energies(*one)[0, 0], energies[system, law])
            np.testing.assert_array_equal(
                np.ravel(_core.sample_rows(*one)), [result[system, law] for result in results[0]]
            )


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_in_many_parts(loss: str) -> None:
    X, y = data(50_000, 1)
    arguments = X, y, True, loss, np.ones((1, 2)), 2, SEED, 0, 40
    np.testing.assert_array_equal(_core.sample_rows(*arguments, 1), _core.sample_rows(*arguments, 3))
    t = margins(X[0], parameters(np.ones(2), 2, 40), True)
    expected = energy_of(loss, t, y[0][:, None]).mean(axis=0)
    np.testing.assert_allclose(_core.sample_rows_energies(*arguments, 2)[0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_many_small_systems_under_many_laws(loss: str) -> None:
    X, y = data(3, 1, systems=70)
    scale = np.linspace(0.1, 5, 90)[:, None]
    mean = _core.sample_rows(X, y, False, loss, scale, 1, SEED, 0, 390, 2)[0]
    t = X[:, None, :, 0, None] * scale[:, None] * _core.normals(SEED, 0, 390, 0, 1)
    np.testing.assert_allclose(mean, energy_of(loss, t, y[:, None, :, None]).mean(axis=(2, 3)), rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_margins_of_single_precision_have_its_rounding_errors(loss: str) -> None:
    """|dE| <= (n + 3) 2^-24 mean_i sum_j |x_ij theta_j|, whatever the sizes of columns, rows, targets and scales."""
    for case in range(60):
        rng = np.random.default_rng(case)
        rows, features, spread = int(rng.integers(1, 600)), int(rng.choice([1, 2, 7, 40])), (0, 1, 5, 20)[case % 4]
        if case % 10 == 0:
            rows, features = 20, (127, 128, 129, 257, 300, 1)[case // 10]
        X, y = data(rows, features, systems=2, seed=case)
        X *= 10.0 ** (spread * rng.uniform(-1, 1, features))
        X[:, rng.integers(rows)] *= 10.0 ** rng.choice([0, 6])
        X[:, :, 0] *= rng.choice([0, 1])
        y *= 1.0 if loss == "cross-entropy" else 10.0 ** rng.uniform(-6, 6)
        X, y = X.astype(np.float32), y.astype(np.float32)
        scale = 10.0 ** (rng.choice([1, 5, 60]) * rng.uniform(-1, 1, (2, features + 1)))
        weights = None if loss == "cross-entropy" or case % 3 else np.ones((2, rows))
        rest = True, loss, scale, features // 2, SEED, 0, 50, 2, weights
        wide = _core.sample_rows_energies(X.astype(float), y.astype(float), *rest)
        single = _core.sample_rows_energies(X, y, *rest)
        for law in range(2):
            theta = np.abs(parameters(scale[law], features // 2, 50))
            sizes = np.abs(X.astype(float)) @ theta[:-1] + theta[-1]
            bound = (features + 4) * 2.0**-24 * sizes.mean(axis=1) + 1e-7 * (loss == "cross-entropy") * wide[:, law]
            assert np.all(np.abs(single[:, law] - wide[:, law]) <= bound + 1e-15 * wide[:, law]), case


def test_weighted_cross_entropies_and_constant_parameters_are_in_double_precision() -> None:
    X, y = data(300, 20)
    X, y = X.astype(np.float32), y.astype(np.float32)
    for loss, families, weights in (
        ("cross-entropy", np.zeros(21), np.ones((1, 300))),
        ("cross-entropy", -np.eye(21)[3], None),
        ("absolute", -np.eye(21)[3], None),
    ):
        rest = True, loss, np.ones((1, 21)), families, SEED, 0, 50, 2, weights
        wide = _core.sample_rows(X.astype(float), y.astype(float), *rest)
        np.testing.assert_array_equal(_core.sample_rows(X, y, *rest), wide)


@pytest.mark.parametrize("loss", LOSSES)
def test_large_scales_are_right_and_what_overflows_is_refused(loss: str) -> None:
    X, y = data(30, 4)
    for scale in (1e5, 1e100):
        t = margins(X[0], parameters(np.full(4, scale), 4, 200), False)
        energies = _core.sample_rows_energies(X, y, False, loss, np.full((1, 4), scale), 4, SEED, 0, 200, 1)[0, 0]
        np.testing.assert_allclose(energies, energy_of(loss, t, y[0][:, None]).mean(axis=0), rtol=1e-12)
    laws = np.stack([np.ones(4), np.full(4, 1e300)])
    with pytest.raises(ValueError, match="the variance.*got nan or infinity under law 1 .*use a smaller scale"):
        _core.sample_rows(X, y, False, loss, laws, 4, SEED, 0, 200, 1)
    words = r"the energy of draw 0 must be finite, .*law 1 \(system 0\); use a smaller scale"
    for X_large in (X * 1e9, np.where(np.arange(4) % 2, X, -X) * 1e9):
        for threads in (1, 3):
            with pytest.raises(ValueError, match=words):
                _core.sample_rows(X_large, y, False, loss, laws, 4, SEED, 0, 2000, threads)


def test_wrong_arguments_are_refused() -> None:
    X, y = data(10, 2)
    scale = np.ones((1, 3))

    def run(X: Any = X, y: Any = y, intercept: bool = True, loss: str = "absolute", scale: Any = scale,
            normals: int = 3, samples: int = 10, threads: int = 1) -> None:  # fmt: skip
        _core.sample_rows(X, y, intercept, loss, scale, normals, SEED, 0, samples, threads)

    run()
    for words, wrong in {
        "loss must be": {"loss": "hinge"},
        "scale must have 2 columns": {"intercept": False},
        "normals must be": {"normals": 4},
        "samples must be at least 2": {"samples": 1},
        "X must have 3 axes": {"X": X[0]},
        "y must have a target": {"y": y[:, 1:].copy()},
        "at least 1 row": {"X": X[:, :0], "y": y[:, :0]},
        "labels must be 0 or 1, got 2 in row 3 of system 0": {"y": np.eye(1, 10, 3) * 2, "loss": "cross-entropy"},
        "must have a parameter": {"X": X[..., :0], "intercept": False, "scale": scale[:, :0], "normals": 0},
    }.items():
        with pytest.raises(ValueError, match=words):
            run(**wrong)
    with pytest.raises(TypeError):
        run(y=y.astype(np.float32))
