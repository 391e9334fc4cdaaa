"""Cross entropies where many rows hold fill values, whose classes differ."""

import warnings

import numpy as np
import pytest

import pyrometer as pm


def rows_with_fills(seed, classes):
    """Ordinary columns and classes by chance; two or three rows of some columns hold one fill."""
    rng = np.random.default_rng([91, seed])
    X, labels = rng.normal(size=(150, 8)), rng.integers(0, classes, 150)
    for j in range(3):
        X[rng.choice(150, int(rng.integers(2, 4)), replace=False), j] = 1e10
    return X, labels


def minimum(X, labels, classes):
    system = pm.LogisticRegression if classes == 2 else pm.SoftmaxRegression
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pm.minimum_energy(system(X, labels))


@pytest.mark.parametrize("classes", [2, 3])
def test_rows_and_many_repetitions_of_them_have_one_minimum(classes):
    digits = []
    for seed in range(3):
        X, labels = rows_with_fills(seed, classes)
        few = minimum(X, labels, classes)
        many = minimum(np.repeat(X, 330, axis=0), np.repeat(labels, 330), classes)
        assert abs(few.value - many.value) <= few.gap + many.gap, seed
        assert few.attained, seed
        assert many.attained, seed
        digits.append(many.digits)
    assert np.median(digits) > 8, digits


@pytest.mark.parametrize("classes", [2, 3])
def test_parameters_have_the_energy_that_the_gap_says(classes):
    for seed in range(4):
        X, labels = rows_with_fills(seed, classes)
        found = minimum(X, labels, classes)
        theta = found.parameters.reshape(-1, 9).astype(np.longdouble)
        logits = X.astype(np.longdouble) @ theta[:, :8].T + theta[:, 8]
        if classes == 2:
            logits = np.hstack([0 * logits, logits])
        logits -= logits.max(axis=1, keepdims=True)
        energy = np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(150), labels])
        assert abs(float(energy) - found.value) <= found.gap + 1e-9, seed
        assert found.digits > 7, (seed, found.digits)
