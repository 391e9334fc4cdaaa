"""Cross entropies of splines: with the first one or without it beside a constant, the model is the same."""

import numpy as np
import pytest
from sklearn.preprocessing import SplineTransformer

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning", "ignore::pyrometer.PrecisionWarning")


def smooth(seed):
    """Splines of some variables, without the first of each, and all of them; labels that are alike at an end."""
    rng = np.random.default_rng([7, seed])
    m, variables = int(rng.choice([60, 200, 1000])), int(rng.integers(1, 3))
    x = rng.normal(size=(m, variables)) if rng.random() < 0.5 else np.round(rng.normal(size=(m, variables)), 1)
    knots = int(rng.integers(3, 9))
    every, without = (
        SplineTransformer(n_knots=knots, include_bias=bias, knots="quantile").fit_transform(x) for bias in (True, False)
    )
    logits = rng.choice([3.0, 6.0]) * x[:, 0] + np.sin(3.0 * x[:, -1])
    weights = rng.integers(1, 4, m) if rng.random() < 0.3 else None
    return every, without, (rng.random(m) < 1.0 / (1.0 + np.exp(-logits))) * 1, weights


def certain_pairs(system, cases):
    """How many of these have 6 digits with both tables, and then the same energy."""
    certain = 0
    for first, second, y, weights in cases:
        full, found = (pm.minimum_energy(system(X, y, weights=weights)) for X in (first, second))
        if min(full.digits, found.digits) < 6.0:
            continue
        certain += 1
        largest = max(np.abs(full.parameters).max(), np.abs(found.parameters).max())
        assert abs(found.value - full.value) <= found.gap + full.gap + 1e-15 * largest
        assert found.attained or not full.attained
    return certain


def test_rounding_of_their_sum_has_no_parameter():
    """Sums of 1 but for rounding had parameters of 1e16: other values, of few digits, in one of six such tables."""
    assert certain_pairs(pm.LogisticRegression, map(smooth, range(120))) >= 116


def test_of_three_classes():
    """Labels 0, half of which are 1, and 2: 21 of 60 tables had fewer than 6 digits."""

    def classes(seed):
        every, without, y, weights = smooth(seed)
        return every, without, np.where(np.random.default_rng(seed).random(len(y)) < 0.5, y, 1) + y, weights

    assert certain_pairs(pm.SoftmaxRegression, map(classes, range(60))) >= 47


def test_further_columns_that_depend_on_others_change_nothing():
    """A copy of a column, or one of a constant: combinations without rounding, beside those with it."""

    def further(seed):
        _, X, y, weights = smooth(seed)
        return X, np.c_[X, X[:, :1] if seed % 2 else np.full((len(y), 1), 2.0)], y, weights

    assert certain_pairs(pm.LogisticRegression, map(further, range(120))) >= 116
