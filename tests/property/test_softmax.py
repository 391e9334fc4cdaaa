"""What changes a softmax regression by nothing: names of classes, order of rows, one vector added to all classes."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import linprog

import pyrometer as pm


def problem(seed):
    rng = np.random.default_rng(seed)
    m, p, classes = int(rng.integers(20, 80)), int(rng.integers(1, 5)), int(rng.integers(2, 6))
    X = rng.normal(size=(m, p)) * 10.0 ** rng.uniform(-2, 2, p)
    labels = np.concatenate([np.arange(classes), rng.integers(0, classes, m - classes)])
    weights = rng.choice([0.5, 1.0, 3.0], m) if seed % 2 else None
    return rng, X, labels, classes, weights


@pytest.mark.parametrize("seed", range(40))
def test_names_of_classes_and_the_order_of_rows_change_nothing(seed):
    rng, X, labels, classes, weights = problem(seed)
    system = pm.SoftmaxRegression(X, labels, weights=weights)
    law = pm.Normal(float(10.0 ** rng.uniform(-2, 2)))
    names, order = rng.permutation(classes), rng.permutation(len(X))
    shuffled = None if weights is None else weights[order]
    for other, rename in (
        (pm.SoftmaxRegression(X, names[labels], weights=weights), names),
        (pm.SoftmaxRegression(X[order], labels[order], weights=shuffled), np.arange(classes)),
    ):
        assert pm.mean_energy(other, law).value == pytest.approx(pm.mean_energy(system, law).value, rel=1e-13)
        first, second = pm.minimum_energy(system), pm.minimum_energy(other)
        assert second.attained == first.attained
        assert abs(second.value - first.value) <= first.gap + second.gap + 1e-14
        if first.attained:
            ours, theirs = (each.parameters.reshape(classes, -1) for each in (first, second))
            bound = first.parameter_error.reshape(classes, -1) + second.parameter_error.reshape(classes, -1)[rename]
            assert (np.abs(ours - theirs[rename]) <= bound).all()


@pytest.mark.parametrize("seed", range(40))
def test_one_vector_added_to_all_classes_changes_no_energy(seed):
    rng, X, labels, classes, weights = problem(seed)
    system = pm.SoftmaxRegression(X, labels, weights=weights)
    theta = rng.normal(size=(classes, X.shape[1] + 1)) / np.append(np.abs(X).max(axis=0), 1.0)
    moved = theta + rng.normal(size=theta.shape[1]) / np.append(np.abs(X).max(axis=0), 1.0)
    energies = [pm.mean_energy(system, pm.Constant(each.reshape(-1))).value for each in (theta, moved)]
    logits = X @ theta[:, :-1].T + theta[:, -1]
    loss = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(X)), labels]
    assert energies == pytest.approx([np.average(loss, weights=weights)] * 2, rel=1e-12)


def test_sampled_energies_are_homogeneous_to_the_end_of_the_doubles():
    """Logits that are all far below 0, too: the largest is their own, however small."""
    for classes in (3, 4, 7):
        X, y = np.ones((classes, 1)), np.arange(classes)
        system = pm.SoftmaxRegression(X, y, intercept=False)
        for scale in (1e10, 1e150, 1e299, 1e303, 1e305):
            logits = pm.sample_parameters(system, pm.Normal(scale), samples=100, rng=1) / scale
            found = pm.sample_energies(system, pm.Normal(scale), samples=100, rng=1) / scale
            np.testing.assert_allclose(found, logits.max(axis=1) - logits.mean(axis=1), rtol=1e-9, atol=1e-9)


def polynomial(seed):
    """Powers of one feature, the best of 3 or 4 noisy sums of them, and their degree."""
    rng = np.random.default_rng(seed)
    m, degree, classes = int(rng.choice([60, 100])), int(rng.integers(5, 10)), int(rng.integers(3, 5))
    x = rng.uniform(0, 1, m)
    X = np.column_stack([x**k for k in range(1, degree + 1)])
    signal = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(degree, classes)) / np.sqrt(degree)
    labels = (rng.choice([8, 30]) * signal + rng.gumbel(size=(m, classes))).argmax(axis=1)
    return x, X, np.unique(labels, return_inverse=True)[1], degree


def largest_margin(x, labels, degree):
    """Of parameters up to 1 of Chebyshev polynomials, which are far from dependent: 0 if labels are not separated."""
    V = np.polynomial.chebyshev.chebvander(2 * x - 1, degree)
    classes, n = int(labels.max()) + 1, degree + 1
    rows = []
    for values, own in zip(V, labels, strict=True):
        for c in set(range(classes)) - {int(own)}:
            row = np.zeros((classes, n))
            row[c], row[own] = values, -values
            rows.append(np.append(row, 1.0))
    cost = np.append(np.zeros(classes * n), -1.0)
    bounds = [(-1, 1)] * (classes * n) + [(None, 1)]
    return -linprog(cost, A_ub=np.array(rows), b_ub=np.zeros(len(rows)), bounds=bounds).fun


def all_own_classes_are_highest(X, labels, parameters):
    """In rational numbers."""
    theta = [[Fraction(each) for each in row] for row in parameters.reshape(-1, X.shape[1] + 1)]
    for x, own in zip(X, labels, strict=True):
        row = [Fraction(each) for each in x] + [Fraction(1)]
        logits = [sum(a * b for a, b in zip(row, each, strict=True)) for each in theta]
        if any(logit >= logits[own] for c, logit in enumerate(logits) if c != own):
            return False
    return True


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning", "ignore::pyrometer.SeparationWarning")
def test_labels_that_polynomials_separate_are_found_and_no_others():
    separated = 0
    for seed in range(60):
        x, X, labels, degree = polynomial(seed)
        if labels.max() == 0:
            continue
        found, margin = pm.minimum_energy(pm.SoftmaxRegression(X, labels)), largest_margin(x, labels, degree)
        zero = found.value == 0 and not found.attained
        separated += margin > 1e-8
        assert zero or not margin > 1e-8, seed
        assert not zero or all_own_classes_are_highest(X, labels, found.parameters), seed
    assert 10 < separated < 50


def test_a_table_of_categories_and_a_constant_column_of_any_size():
    """The infimum is the mean entropy of the classes of a category, quasi-separated where a class is missing."""
    counts = np.array([[0, 1, 0], [0, 1, 1], [1, 1, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [1, 0, 1]])
    share = counts / counts.sum(axis=1, keepdims=True)
    infimum = -np.sum(counts * np.log(np.where(counts > 0, share, 1.0))) / counts.sum()
    category, label = (np.repeat(each.ravel(), counts.ravel()) for each in np.indices(counts.shape))
    for constant in [*10.0 ** np.arange(-8, 9), *np.random.default_rng(0).uniform(0.1, 1e6, 40)]:
        X = np.column_stack([category[:, None] == np.arange(1, 7), np.full(len(category), constant)])
        with pytest.warns(pm.SeparationWarning):
            found = pm.minimum_energy(pm.SoftmaxRegression(X, label, intercept=False))
        assert not found.attained
        assert found.value == pytest.approx(infimum, rel=1e-12)
        assert found.digits > 12
