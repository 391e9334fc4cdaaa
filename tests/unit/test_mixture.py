"""Two systems put together: temperatures, heats, what pooling costs, and whether it is significant."""

import warnings

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

import pyrometer as pm
from pyrometer.states import _bartlett

LAW = pm.Normal(1.0)


def rows(seed, m, slope=(1.0, -2.0, 0.5), noise=1.0, size=1.0):
    rng = np.random.default_rng(seed)
    X = size * rng.normal(size=(m, 3))
    return X, X @ slope + 2.0 + noise * rng.normal(size=m)


def joined(a, b):
    return np.concatenate([a[0], b[0]]), np.concatenate([a[1], b[1]])


def test_temperatures_are_those_of_the_parts_and_of_all_rows():
    a, b, law = rows(0, 200), rows(1, 600, size=3.0), pm.Normal(np.array([1.0, 100.0])[:, None])
    mixture = pm.mix(pm.LinearRegression(*a), pm.LinearRegression(*b), law)
    for found, data in ((mixture.a, a), (mixture.b, b), (mixture.mixed, joined(a, b))):
        expected = pm.temperature(pm.LinearRegression(*data), law)
        np.testing.assert_allclose(found.value, expected.value, rtol=1e-12)
    np.testing.assert_array_equal(mixture.temperature_mixed, mixture.mixed.value)
    # (3.52): in the limit the mean of the two, weighed by rows.
    mean = (200 * mixture.limit_a + 600 * mixture.limit_b) / 800
    np.testing.assert_allclose(mixture.limit_mixed[1], mean[1], rtol=1e-13)
    assert mixture.between[1]


@pytest.mark.parametrize("kind", ["mse", "l2", "mae", "ce", "moments"])
def test_heats_and_pooling_loss_add_up(kind):
    a, b, law = rows(2, 150), rows(3, 450, slope=(2.0, 0.0, 0.0), size=2.0), pm.Normal(3.0)
    make = {
        "mse": pm.LinearRegression,
        "l2": lambda X, y: pm.LinearRegression(X, y, penalty=pm.L2(0.3)),
        "mae": lambda X, y: pm.LinearRegression(X, y, energy="mae"),
        "ce": lambda X, y: pm.LogisticRegression(X, y > np.median(y) + np.random.default_rng(0).normal(size=len(y))),
        "moments": pm.Moments.of,
    }[kind]
    systems = make(*a), make(*b)
    mixture = pm.mix(*systems, law)
    S = mixture.mixed.entropy
    assert mixture.heat_a + mixture.heat_b == 0.0
    # Each heat is what the mean energy gains on the way to that of all rows, an independent number.
    assert mixture.heat_a == pytest.approx(0.25 * (mixture.mixed.energy - mixture.a.energy), rel=1e-12)
    assert mixture.heat_b == pytest.approx(0.75 * (mixture.mixed.energy - mixture.b.energy), rel=1e-12)
    weighed = 0.25 * mixture.temperature_a + 0.75 * mixture.temperature_b
    assert mixture.temperature_mixed * S == pytest.approx(weighed * S - mixture.pooling_loss, rel=1e-11)
    assert mixture.pooling_loss > 0.0
    assert mixture.test == {"mse": "chow", "moments": "chow", "ce": "likelihood-ratio"}.get(kind, "none")
    assert np.isnan(mixture.p_value) == (mixture.test == "none")


@pytest.mark.parametrize("slope", [(1.0, -2.0, 0.5), (1.1, -2.0, 0.5), (1.0, -2.0, 5.0)])
def test_chow_is_that_of_three_regressions(slope):
    a, b = rows(4, 80), rows(5, 120, slope=slope)
    square = [sm.OLS(y, sm.add_constant(X)).fit().ssr for X, y in (a, b, joined(a, b))]
    F = ((square[2] - square[0] - square[1]) / 4) / ((square[0] + square[1]) / (200 - 8))
    mixture = pm.mix(pm.LinearRegression(*a), pm.LinearRegression(*b), pm.Normal(1.0))
    assert mixture.p_value == pytest.approx(stats.f.sf(F, 4, 192), rel=1e-8)
    assert mixture.pooling_loss == pytest.approx((square[2] - square[0] - square[1]) / 200, rel=1e-9)


def expanded(X, p):
    """Return the expansion of the mean of a likelihood ratio of a logistic model, by sums over pairs of rows."""
    w = p * (1.0 - p)
    skew, kurtosis = w * (1.0 - 2.0 * p), w * (1.0 - 6.0 * w)
    Z = X @ np.linalg.inv(X.T @ (w[:, None] * X)) @ X.T
    z = np.diag(Z)
    return -(kurtosis @ z**2) / 4 + skew @ (Z**3 / 6 + z[:, None] * Z * z / 4) @ skew


@pytest.mark.parametrize("rows", [(400, 400), (25, 60)])
def test_the_likelihood_ratio_is_that_of_three_logits(rows):
    rng = np.random.default_rng(6)
    parts = []
    for m, weight in zip(rows, (0.5, 1.5), strict=True):
        X = rng.normal(size=(m, 2))
        parts.append((X, (X @ [weight, 1.0] > rng.logistic(size=m)).astype(float)))
    fits = [sm.Logit(y, sm.add_constant(X)).fit(disp=0) for X, y in (*parts, joined(*parts))]
    mixture = pm.mix(*(pm.LogisticRegression(X, y) for X, y in parts), pm.Normal(1.0))
    statistic, shares = 2 * (fits[0].llf + fits[1].llf - fits[2].llf), fits[2].predict()
    X, m = sm.add_constant(joined(*parts)[0]), rows[0]
    excess = expanded(X[:m], shares[:m]) + expanded(X[m:], shares[m:]) - expanded(X, shares)
    assert mixture.p_value == pytest.approx(stats.chi2.sf(statistic / (1 + excess / 3), 3), rel=1e-6)
    assert excess > (0.01 if m == 400 else 0.2)


@pytest.mark.parametrize("classes", [2, 3])
def test_two_ways_to_write_a_model_have_one_correction(classes):
    """Softmax of two classes is the logistic model; columns may depend on others, and have any origin and unit."""
    rng = np.random.default_rng(classes)
    X = rng.normal(size=(110, 3))
    y = np.where(X[:, 0] > rng.logistic(size=110), 1 + rng.integers(0, classes - 1, 110), 0)
    other = np.column_stack([X[:, 0], 1e3 + 50.0 * X[:, 1:] @ [[1.0, -1.0], [0.5, 1.0]], X[:, 0] - X[:, 2]])
    labels = tuple(range(classes))
    found = [
        pm.mix(*(pm.SoftmaxRegression(Z[part], y[part], labels=labels) for part in (slice(60), slice(60, 110))), LAW)
        for Z in (X, other)
    ]
    if classes == 2:
        found.append(pm.mix(pm.LogisticRegression(X[:60], y[:60]), pm.LogisticRegression(X[60:], y[60:]), LAW))
    assert {mixture.test for mixture in found} == {"likelihood-ratio"}
    np.testing.assert_allclose([mixture.p_value for mixture in found], found[0].p_value, rtol=1e-5)


def test_the_likelihood_ratio_of_few_rows_is_calibrated():
    rng = np.random.default_rng(21)
    X = rng.normal(size=(2, 1200, 40, 3))
    y = (rng.logistic(size=X.shape[:-1]) < X @ [1.0, -0.5, 0.0]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SeparationWarning)
        mixture = pm.mix(*(pm.LogisticRegression(X[k], y[k]) for k in range(2)), LAW)
    p = mixture.p_value[np.isfinite(mixture.p_value)]
    assert len(p) > 1150
    error = np.sqrt(0.05 * 0.95 / len(p))
    assert abs((p <= 0.05).mean() - 0.05) < 3 * error
    statistic = 2 * 80 * mixture.pooling_loss[np.isfinite(mixture.p_value)]
    assert (stats.chi2.sf(statistic, 4) <= 0.05).mean() > 0.05 + 4 * error  # without the correction


def test_the_correction_of_many_rows_and_columns_is_that_of_some(monkeypatch):
    rng = np.random.default_rng(22)
    X = rng.normal(size=(6000, 30))
    parts, theta = [X[:2500], X[2500:]], np.stack([np.zeros(31), np.eye(31)[0]])
    some = _bartlett.inflation(parts, theta, (31, 31, 31), intercept=True)
    for name, value in (("_ROWS", 10**6), ("_DIRECTIONS", 31)):
        monkeypatch.setattr(_bartlett, name, value)
    every = _bartlett.inflation(parts, theta, (31, 31, 31), intercept=True)
    assert 1.005 < every < 1.1
    assert some - 1.0 == pytest.approx(every - 1.0, rel=0.02)
    assert some != every


def test_the_p_value_is_calibrated():
    """Under one model for both the p-value is uniform, dependent columns or not; a stack is tested pair by pair."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(2, 2000, 15, 3))
    X[..., 2] = X[..., 0] - X[..., 1]  # two independent columns
    y = X @ [1.0, 2.0, 3.0] + 4.0 + rng.normal(size=X.shape[:-1])
    mixture = pm.mix(*(pm.LinearRegression(X[k], y[k]) for k in range(2)), pm.Normal(1.0))
    assert mixture.p_value.shape == (2000,)
    assert stats.kstest(mixture.p_value, "uniform").pvalue > 1e-3
    # What a wrong count of parameters, four for three, would make of it:
    F = stats.f.isf(mixture.p_value, 3, 24)
    assert stats.kstest(stats.f.sf(F * 3 / 4, 4, 22), "uniform").pvalue < 1e-6


def test_between_is_a_statement_of_the_limit():
    """Conflicting labels: at a scale of 1 the mixture is colder than both, at 1000 it lies between."""
    X = np.random.default_rng(8).normal(size=(100, 4))
    a, b = pm.LinearRegression(X, 30 * X.sum(axis=1)), pm.LinearRegression(X * 1.2, -30 * X.sum(axis=1))
    mixture = pm.mix(a, b, pm.Normal(np.array([1.0, 1000.0])[:, None]))
    assert mixture.between.tolist() == [False, True]
    assert mixture.temperature_mixed[0] < min(mixture.temperature_a[0], mixture.temperature_b[0])


def test_what_is_shown_says_what_the_test_found():
    a, law = pm.LinearRegression(*rows(12, 80)), pm.Normal(1000.0)
    same, other = pm.LinearRegression(*rows(13, 90)), pm.LinearRegression(*rows(14, 90, slope=(1.0, 2.0, 0.5)))
    for b, words in ((same, "do not show that one model for both fits worse"), (other, "fits worse than two by more")):
        mixture = pm.mix(a, b, law)
        assert words in " ".join(mixture.to_text(width=80).split())
        assert (mixture.p_value <= 0.05) == (b is other)
        assert mixture.between
        assert "not between" not in repr(mixture)
    few = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 3.0, 2.0], energy="mae")
    assert "no test of the pooling loss" in repr(pm.mix(few, few, law))
    X = np.random.default_rng(8).normal(size=(100, 4))
    apart = pm.LinearRegression(X, 30 * X.sum(axis=1)), pm.LinearRegression(X * 1.2, -30 * X.sum(axis=1))
    assert "not between the two" in repr(pm.mix(*apart, pm.Normal(1.0)))


def test_heat_flows_from_hot_to_cold_in_the_limit():
    rng = np.random.default_rng(9)
    X, y = rng.normal(size=(2, 300, 40, 5)) * rng.uniform(0.5, 2.0, size=(2, 300, 1, 1)), rng.normal(size=(2, 300, 40))
    mixture = pm.mix(*(pm.LinearRegression(X[k], y[k]) for k in range(2)), pm.Normal([[1.0], [1e4]]))
    hotter = mixture.temperature_a > mixture.temperature_b
    assert (hotter == (mixture.heat_a < 0))[:, 1].all()
    assert mixture.between[:, 1].all()
    assert not mixture.between[:, 0].all()


def test_retraining_on_kept_moments_and_dropping_them_again():
    old, new = rows(10, 90), rows(11, 60)
    kept, fresh = pm.Moments.of(*old), pm.Moments.of(*new)
    mixture = pm.mix(kept, fresh, pm.Uniform(6.0))
    left = pm.temperature(pm.LinearRegression.from_moments((kept + fresh) - kept), pm.Uniform(6.0))
    assert left.value == pytest.approx(mixture.temperature_b, rel=1e-12)
    assert (mixture.rows_a, mixture.rows_b) == (90, 60)


@pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning")
def test_what_cannot_be_tested_says_so():
    few = pm.LinearRegression([[1.0], [2.0]], [1.0, 3.0])
    mixture = pm.mix(few, few, pm.Normal(1.0))
    assert mixture.test == "none"
    assert np.isnan(mixture.p_value)
    apart = pm.LogisticRegression([[1.0], [2.0]], [0, 1])
    with pytest.warns(pm.SeparationWarning):
        assert pm.mix(apart, apart, pm.Normal(1.0)).test == "none"


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0], energy="mae"), "energy 'mse' and 'mae'"),
        (pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0], penalty=pm.L2(1.0)), "penalty None and L2"),
        (pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0], intercept=False), "intercept True and False"),
        (pm.LinearRegression([[1.0, 2.0]], [1.0]), "parameters 2 and 3"),
        (pm.LinearRegression(np.ones((2, 3, 1)), np.ones((2, 3))), r"shape \(\) and \(2,\)"),
    ],
)
def test_systems_of_two_kinds_are_refused(other, message):
    with pytest.raises(ValueError, match=message):
        pm.mix(pm.LinearRegression([[1.0], [3.0], [4.0]], [1.0, 2.0, 2.0]), other, pm.Normal(1.0))


def test_what_is_no_system_is_refused():
    with pytest.raises(TypeError, match="a LogisticRegression, a SoftmaxRegression or Moments, got 3; use pm"):
        pm.mix(pm.Moments.of([[1.0]], [1.0]), 3, pm.Normal(1.0))


@pytest.mark.parametrize("penalty", [None, pm.L1(1e-3)])
def test_rows_are_used_where_pooled_moments_have_lost_the_minimum(penalty):
    x = np.linspace(0.0, 10.0, 200)
    X = x[:, None] ** np.arange(1, 11)
    y = X.sum(axis=1) + np.random.default_rng(1).normal(size=200)
    whole, odd, even = (
        pm.LinearRegression(X[k], y[k], penalty=penalty) for k in (slice(None), slice(1, None, 2), slice(0, None, 2))
    )
    mixture = pm.mix(odd, even, pm.Normal(1.0))
    minima = [pm.minimum_energy(system).value for system in (whole, odd, even)]
    assert mixture.mixed.minimum_energy == pytest.approx(minima[0], rel=1e-9)
    assert mixture.pooling_loss == pytest.approx(minima[0] - (minima[1] + minima[2]) / 2, abs=1e-9 * minima[0])
    if penalty is None:
        # An orthogonal basis of the same polynomials, whose moments lose nothing.
        basis = [
            np.polynomial.legendre.legvander(x[k] / 5.0 - 1.0, 10)[:, 1:]
            for k in (slice(1, None, 2), slice(0, None, 2))
        ]
        same = pm.mix(
            *(pm.LinearRegression(A, s.y - s.X.sum(axis=1)) for A, s in zip(basis, (odd, even), strict=True)),
            pm.Normal(1.0),
        )
        assert mixture.p_value == pytest.approx(same.p_value, abs=0.01)
        assert 0.05 < mixture.p_value < 0.95


@pytest.mark.parametrize("kind", [pm.LogisticRegression, pm.SoftmaxRegression])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")
def test_systems_without_a_free_parameter_have_no_test(kind):
    X, y = np.zeros((30, 2)), np.arange(30) % 2
    mixed = pm.mix(kind(X, y, intercept=False), kind(X, 1 - y, intercept=False), LAW)
    assert mixed.test == "none"
    assert np.isnan(mixed.p_value)
    assert mixed.pooling_loss == 0.0


def test_a_test_that_the_digits_do_not_settle_is_none():
    x = np.linspace(0.0, 10.0, 200)
    X = x[:, None] ** np.arange(1, 11)
    y = X.sum(axis=1) + np.random.default_rng(1).normal(size=200)
    parts = [pm.Moments.of(X[k::2], y[k::2]) for k in (0, 1)]
    with pytest.warns(pm.PrecisionWarning):
        mixture = pm.mix(*parts, pm.Normal(1.0))
    assert mixture.test == "none"
    assert np.isnan(mixture.p_value)
    # Exact fits have no digits of a minimum either, and need none: one line, or two.
    line = np.arange(20.0)[:, None]
    one, other = pm.LinearRegression(line, 0.3 * line[:, 0] + 0.1), pm.LinearRegression(line, 0.4 * line[:, 0])
    assert pm.mix(one, other, pm.Normal(1.0)).p_value < 1e-10


@pytest.mark.parametrize("law", [pm.Uniform(3.0), pm.TruncatedNormal(1.0), pm.Mixed([1.0] * 8, [2.0])])
def test_energies_without_a_formula_are_sampled_with_the_same_draws(law):
    a, b = rows(31, 60), rows(32, 90, size=2.0)
    systems = [pm.SoftmaxRegression(X, np.digitize(y, [0.0, 3.0]), intercept=False) for X, y in (a, b)]
    found = pm.mix(*systems, law, samples=4000, rng=5)
    assert found.a.method == "monte-carlo"
    assert np.isnan([found.limit_a, found.limit_b, found.limit_mixed]).all()
    assert found.mixed.energy == pytest.approx(0.4 * found.a.energy + 0.6 * found.b.energy, rel=1e-13)
    assert found.heat_a == pm.mix(*systems, law, samples=4000, rng=5).heat_a
    for part, system in zip((found.a, found.b), systems, strict=True):
        other = pm.mean_energy(system, law, samples=4000, rng=6)
        assert abs(part.energy - other.value) < 6.0 * other.standard_error


@pytest.mark.parametrize("law", [pm.Constant(1.5), pm.Constant(np.full((2, 4), 1.5))])
@pytest.mark.parametrize("kind", [pm.LinearRegression, pm.LogisticRegression])
def test_constant_parameters_have_energies_and_heats_without_temperatures(kind, law):
    data = [(X, y if kind is pm.LinearRegression else y > 2.0) for X, y in (rows(33, 40), rows(34, 120))]
    found = pm.mix(*(kind(*each) for each in data), law)
    expected = 0.25 * 0.75 * np.diff([pm.mean_energy(kind(*each), pm.Constant(1.5)).value for each in data])
    np.testing.assert_allclose(found.heat_a, np.broadcast_to(expected[0], law.batch_shape), rtol=1e-12)
    assert np.isnan(found.limit_mixed).all()
    assert np.isnan(found.mixed.value).all()
    assert not np.any(found.between)
    assert found.pooling_loss >= 0.0


def test_labels_in_another_order_are_refused():
    systems = []
    for seed, labels in ((35, ("no", "yes")), (36, ("no", "yes")), (36, ("yes", "no"))):
        X, y = rows(seed, 90)
        systems.append(pm.LogisticRegression(X, np.where(y + 3.0 * X[:, 0] > 2.0, "yes", "no"), labels=labels))
    numbers = pm.LogisticRegression(systems[1].X, systems[1].y)
    assert numbers.labels is None
    assert pm.mix(*systems[:2], LAW).p_value == pm.mix(systems[0], numbers, LAW).p_value
    with pytest.raises(ValueError, match=r"labels \('no', 'yes'\) and \('yes', 'no'\)"):
        pm.mix(systems[0], systems[2], LAW)


@pytest.mark.parametrize("labels", [(1, 0), (True, False), (1, 2)])
def test_systems_without_labels_have_0_and_1(labels):
    rng = np.random.default_rng(37)
    X, codes = rng.normal(size=(60, 1)), rng.integers(0, 2, 60)
    named, numbers = pm.LogisticRegression(X, [labels[code] for code in codes], labels=labels), (X, codes)
    for pair in ((named, pm.LogisticRegression(*numbers)), (pm.LogisticRegression(*numbers), named)):
        with pytest.raises(ValueError, match="must be of one kind, got labels"):
            pm.mix(*pair, LAW)
    same = pm.LogisticRegression(*numbers, labels=(0, 1)), pm.LogisticRegression(*numbers)
    assert pm.mix(*same, LAW).p_value == pm.mix(same[1], same[1], LAW).p_value
    signs = pm.LogisticRegression(X, 2 * codes - 1, labels=(-1, 1)), same[1]
    assert pm.mix(*signs, LAW).p_value == pm.mix(*same, LAW).p_value


def test_the_heats_of_equal_data_have_no_sign():
    rng = np.random.default_rng(3)
    system = pm.LinearRegression(rng.normal(size=(20, 2)), rng.normal(size=20))
    mixture = pm.mix(system, system, pm.Normal(1.0))
    assert (str(mixture.heat_a), str(mixture.heat_b)) == ("0.0", "0.0")
