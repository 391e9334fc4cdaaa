"""Sampled squared-error energies against the rows they stand for and against closed forms."""

import numpy as np
import pytest

from pyrometer import _core

SEED = (99, 1)
ROWS = 40


def data(features, *, seed=0, offset=5.0, systems=1):
    """Random rows with means far from 0, and their moments."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((features + 1, features + 1))
    rows = rng.standard_normal((systems, ROWS, features + 1)) @ mixing + offset
    mean = rows.mean(axis=1)
    centred = rows - mean[:, None]
    return rows, mean, np.ascontiguousarray(np.einsum("sij,sik->sjk", centred, centred))


def draws(scale, normals, samples):
    """Parameters of every draw, (samples, n), from the streams."""
    n = scale.shape[-1]
    z = _core.normals(SEED, 0, samples, 0, n)
    u = _core.uniforms(SEED, 0, samples, 0, n)
    return (scale[:, None] * np.where(np.arange(n)[:, None] < normals, z, u)).T


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("features", "normals"), [(1, 1), (3, 0), (4, 3), (9, 5), (70, 70)])
def test_energies_are_those_of_the_rows(features, normals, intercept):
    rows, mean, scatter = data(features, systems=2)
    n = features + intercept
    scale = np.exp(np.random.default_rng(1).standard_normal((3, n)))
    l1, l2, penalised, samples = 0.3, 0.7, n - 1, 300
    energies = _core.sample_squares_energies(
        ROWS, mean, scatter, intercept, scale, min(normals, n), l1, l2, penalised, SEED, 0, samples, 2
    )
    assert energies.shape == (2, 3, samples)
    for system in range(2):
        X, y = rows[system, :, :-1], rows[system, :, -1]
        if intercept:
            X = np.column_stack([X, np.ones(ROWS)])
        for law in range(3):
            theta = draws(scale[law], min(normals, n), samples)
            expected = ((y - theta @ X.T) ** 2).mean(axis=1)
            expected += l1 * np.abs(theta[:, :penalised]).sum(axis=1) + l2 * (theta[:, :penalised] ** 2).sum(axis=1)
            np.testing.assert_allclose(energies[system, law], expected, rtol=1e-12)


@pytest.mark.parametrize("normals", [0, 2, 5])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5)])
def test_mean_is_the_closed_form_within_its_standard_error(normals, l1, l2):
    rows, mean, scatter = data(4)
    scale = np.array([[0.1, 1.0, 2.0, 3.0, 4.0], [5.0, 4.0, 1e-3, 10.0, 1.0]])
    energy, error = _core.sample_squares(ROWS, mean, scatter, True, scale, normals, l1, l2, 5, SEED, 0, 100_000, 2)
    is_normal = np.arange(5) < normals
    deviation = np.where(is_normal, scale, scale / np.sqrt(12))
    mean_size = np.where(is_normal, scale * np.sqrt(2 / np.pi), scale / 4)
    mean_squares = np.append((rows[0, :, :-1] ** 2).mean(axis=0), 1.0)
    expected = (deviation**2 * (mean_squares + l2)).sum(axis=1) + (rows[0, :, -1] ** 2).mean()
    expected += l1 * mean_size.sum(axis=1)
    assert (error[0] < 0.02 * expected).all()
    assert (np.abs(energy[0] - expected) < 4.5 * error[0]).all()


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.5, 0.2)])
@pytest.mark.parametrize(("features", "normals"), [(1, 0), (4, 5), (8, 3), (9, 4)])
@pytest.mark.parametrize("samples", [2, 255, 256, 1300, 40_000])
def test_averages_are_those_of_the_energies(samples, features, normals, l1, l2):
    # Few parameters and many draws: from the moments of the draws, else draw by draw.
    _, mean, scatter = data(features, systems=2)
    n = features + 1
    scale = np.exp(2 * np.random.default_rng(1).standard_normal((41, n)))
    scale[7] = 0.0
    arguments = ROWS, mean, scatter, True, scale, normals, l1, l2, n - 1, SEED, 5, samples, 2
    energy, error = _core.sample_squares(*arguments)
    energies = _core.sample_squares_energies(*arguments)
    np.testing.assert_allclose(energy, energies.mean(axis=-1), rtol=1e-13)
    # Energies round off what hardly varies.
    expected = energies.std(axis=-1, ddof=1) / np.sqrt(samples)
    np.testing.assert_allclose(error, expected, rtol=1e-11, atol=1e-14 * energy.max() / np.sqrt(samples))
    assert (error[:, 7] <= 1e-16 * energy[:, 7]).all()


def test_standard_errors_are_calibrated_over_seeds():
    # The variance of the scores over seeds: 1 within what 400 of them can tell.
    _, mean, scatter = data(2)
    scale = np.array([[0.5, 2.0]])
    second = scatter[0] / ROWS + np.outer(mean[0], mean[0])
    expected = (scale[0] ** 2 * np.diag(second)[:2]).sum() + second[2, 2]
    scores = []
    for seed in range(400):
        energy, error = _core.sample_squares(ROWS, mean, scatter, False, scale, 2, 0.0, 0.0, 0, (seed, 0), 0, 2000, 1)
        scores.append((energy[0, 0] - expected) / error[0, 0])
    assert abs(np.mean(scores)) < 4.5 / np.sqrt(400)
    assert abs(np.var(scores) - 1) < 4.5 * np.sqrt(2 / 400)


@pytest.mark.parametrize(("scale", "words"), [(1e200, "the energy of draw 0 must be finite"), (1e80, "the variance")])
def test_what_overflows_is_refused(scale, words):
    _, mean, scatter = data(2)
    with pytest.raises(ValueError, match=words + ".*use a smaller scale"):
        _core.sample_squares(ROWS, mean, scatter, True, np.full((1, 3), scale), 3, 0.0, 0.0, 0, SEED, 0, 100, 1)


def test_wrong_arrays_are_refused():
    _, mean, scatter = data(2)
    scale = np.ones((1, 3))
    rest = (3, 0.0, 0.0, 0, SEED, 0, 100, 1)
    with pytest.raises(TypeError):
        _core.sample_squares(ROWS, mean.astype(np.float32), scatter, True, scale, *rest)
    with pytest.raises(TypeError):
        _core.sample_squares(ROWS, mean, scatter.transpose(0, 2, 1)[:, ::2], True, scale, *rest)
    with pytest.raises(ValueError, match="scale must have 2 columns"):
        _core.sample_squares(ROWS, mean, scatter, False, scale, *rest)
    with pytest.raises(ValueError, match="scatter"):
        _core.sample_squares(ROWS, mean, scatter[0], True, scale, *rest)
    with pytest.raises(ValueError, match="samples must be at least 2"):
        _core.sample_squares(ROWS, mean, scatter, True, scale, 3, 0.0, 0.0, 0, SEED, 0, 1, 1)
