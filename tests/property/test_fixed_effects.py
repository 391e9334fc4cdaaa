"""Cross entropies of persons with one column each, of whom some have equal outcomes or lack a class."""

import numpy as np
import pytest
from scipy.special import entr, log_softmax

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning", "ignore::pyrometer.SeparationWarning")


def loss_of(theta, X, y, seen):
    """The sum of -ln p(y) over rows, each with the classes that its person has `seen`."""
    z = np.where(seen, X @ theta, -np.inf)
    return -log_softmax(z, axis=1)[np.arange(len(y)), y].sum()


def lowest(X, y, seen):
    """Its minimum by Newton's method, of least norm where minimisers are many."""
    classes = seen.shape[1]
    theta, one = np.zeros((X.shape[1], classes)), np.eye(classes)
    for _ in range(60):
        p = np.exp(log_softmax(np.where(seen, X @ theta, -np.inf), axis=1))
        slope = X.T @ (p - one[y])
        weights = p[:, :, None] * (one - p[:, None, :])
        hessian = np.einsum("ia,icd,ib->acbd", X, weights, X).reshape(theta.size, -1)
        step = np.linalg.lstsq(hessian, slope.ravel(), rcond=1e-10)[0].reshape(theta.shape)
        size = 1.0
        while loss_of(theta - size * step, X, y, seen) > loss_of(theta, X, y, seen) and size > 1e-6:
            size /= 2.0
        if (slope * step).sum() < 1e-20 or size <= 1e-6:
            return loss_of(theta, X, y, seen)
        theta -= size * step
    raise AssertionError("no minimum")


def make(seed):
    """Rows, classes, which classes each row's person has, and whether an intercept replaces a person's column."""
    rng = np.random.default_rng([23, seed])
    classes, persons, each = int(rng.integers(2, 4)), int(rng.integers(4, 12)), int(rng.integers(6, 12))
    person = np.repeat(np.arange(persons), each)
    y = np.tile(np.arange(each) % classes, persons)
    few = rng.random(persons) < 0.4
    few[0] = True
    for k in np.flatnonzero(few):  # equal outcomes, or all classes but one
        kept = np.sort(rng.permutation(classes)[: rng.integers(1, classes)])
        y[person == k] = kept[np.arange(each) % len(kept)]
    X = (person[:, None] == np.arange(persons)).astype(float)
    X = np.c_[X, rng.normal(size=(len(y), int(rng.integers(0, 3)))) * 0.3]
    seen = np.array([[np.any((y == c) & (person == k)) for c in range(classes)] for k in range(persons)])[person]
    return X, y, classes, seen, seed % 3 == 0


def test_the_infimum_is_the_minimum_over_the_classes_that_each_person_has():
    """It took a hundred times as long as the same rows without these persons."""
    for seed in range(150):
        X, y, classes, seen, intercept = make(seed)
        weights = np.random.default_rng(seed).integers(1, 4, len(y)) if seed % 4 == 1 else np.ones(len(y), int)
        repeated = np.repeat(np.arange(len(y)), weights)
        truth = lowest(X[repeated], y[repeated], seen[repeated]) / weights.sum()
        model = pm.LogisticRegression if classes == 2 else pm.SoftmaxRegression
        features = X[:, 1:] if intercept else X
        system = model(features, y, intercept=intercept, weights=weights.astype(float))
        found = pm.minimum_energy(system, threads=1)
        assert not found.attained, seed
        assert abs(found.value - truth) <= found.gap + 1e-11 * truth, seed
        assert found.gap <= 1e-10 * truth + 1e-15, seed
        assert found.rank == X.shape[1] - intercept, seed
        assert np.all(np.isinf(found.parameter_error)), seed
        design = np.c_[features, np.ones(len(y))] if intercept else features
        theta = found.parameters.reshape(-1, X.shape[1]).T
        theta = np.c_[np.zeros(len(theta)), theta] if classes == 2 else theta
        reached = loss_of(theta, design[repeated], y[repeated], np.ones_like(seen[repeated])) / weights.sum()
        assert abs(reached - truth) <= 2 * found.gap + 1e-11 * truth, seed


def entropies_of(group, y):
    """The mean of -ln p(y) where p are the shares of the classes in each group."""
    counts = np.array([np.bincount(y[group == k], minlength=y.max() + 1) for k in range(group.max() + 1)])
    return entr(counts / counts.sum(axis=1, keepdims=True)).sum(axis=1) @ counts.sum(axis=1) / len(y)


@pytest.mark.parametrize(("groups", "each", "classes", "reference"), [(110, 25, 16, False), (80, 6, 4, True)])
def test_groups_that_lack_classes_have_the_entropies_of_their_shares(groups, each, classes, reference):
    """More than 1,600 parameters had no bound, a reference level took twenty times as long."""
    group = np.repeat(np.arange(groups), each)
    y = np.random.default_rng(3).integers(0, classes, len(group))
    X = (group[:, None] == np.arange(groups)).astype(float)
    system = pm.SoftmaxRegression(X[:, reference:], y, intercept=reference)
    found = pm.minimum_energy(system, threads=1)
    assert not found.attained
    assert abs(found.value - entropies_of(group, y)) <= found.gap + 1e-14
    assert found.gap <= 1e-11 * found.value
