"""Softmax regression: mean energies, draws, laws, labels and symmetries."""

from __future__ import annotations

import pickle
import time

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

import pyrometer as pm
from pyrometer import _core

LAWS = [pm.Normal(1.3), pm.Normal(np.linspace(0.3, 2.0, 12)), pm.Normal([0.5, 1.0, 2.0, 3.0]), pm.Uniform(3.0)]


def rows(m=60, p=3, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p))
    return X, (X @ rng.normal(size=(p, classes)) + rng.gumbel(size=(m, classes))).argmax(1)


def energies(X, y, theta, intercept=True, weights=None):
    """Energies of parameters (draws, C, n)."""
    A = np.hstack([X, np.ones((len(X), 1))]) if intercept else X
    Z = np.einsum("ij,dcj->dic", A, theta)
    return np.average(logsumexp(Z, axis=2) - Z[:, np.arange(len(y)), y], axis=1, weights=weights)


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("scale", [1e-6, 0.7, 30.0, 1e6])
@pytest.mark.parametrize("intercept", [True, False])
def test_exact_energies_are_means_over_rows(classes, scale, intercept):
    X, y = rows(classes=classes)
    system = pm.SoftmaxRegression(X, y, intercept=intercept, labels=range(classes))
    norms = np.sqrt((X**2).sum(1) + intercept)
    expected = _core.log_sum_exp(classes, scale * norms)[0].mean()
    got = pm.mean_energy(system, pm.Normal(scale))
    assert got.value == pytest.approx(expected, rel=1e-14)
    assert got.method == "exact"


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize("classes", [2, 3])
def test_energies_of_draws(law, classes):
    X, y = rows(classes=classes)
    if law is LAWS[1]:
        law = pm.Normal(law.scale[: 4 * classes])
    system = pm.SoftmaxRegression(X, y)
    theta = pm.sample_parameters(system, law, samples=50, rng=3)
    assert theta.shape == (50, 4 * classes)
    drawn = pm.sample_energies(system, law, samples=50, rng=3)
    np.testing.assert_allclose(drawn, energies(X, y, theta.reshape(50, classes, 4)), rtol=1e-13)
    np.testing.assert_array_equal(drawn[:20], pm.sample_energies(system, law, samples=20, rng=3))
    mean = pm.mean_energy(system, law, method="monte-carlo", samples=50, rng=3)
    assert mean.value == pytest.approx(drawn.mean(), rel=1e-14)
    assert mean.standard_error == pytest.approx(drawn.std(ddof=1) / np.sqrt(50), rel=1e-13)


@pytest.mark.parametrize("law", LAWS, ids=repr)
@pytest.mark.parametrize("classes", [2, 3])
def test_exact_energies_against_draws(law, classes):
    X, y = rows(classes=classes, seed=1)
    if law is LAWS[1]:
        law = pm.Normal(law.scale[: 4 * classes])
    system = pm.SoftmaxRegression(X, y)
    drawn = pm.mean_energy(system, law, method="monte-carlo", samples=40_000, rng=0)
    auto = pm.mean_energy(system, law, samples=20_000, rng=1)
    assert (auto.method == "exact") == (classes == 2 or isinstance(law, pm.Normal))
    assert abs(auto.value - drawn.value) < 4.5 * np.hypot(drawn.standard_error, auto.standard_error)


@pytest.mark.parametrize("value", [0.0, 0.7])
@pytest.mark.parametrize("classes", [3, 6])
def test_constants_that_every_class_has_change_no_energy(value, classes):
    X, y = rows(classes=classes, seed=2)
    system, plain = pm.SoftmaxRegression(X, y), pm.SoftmaxRegression(X, y, intercept=False)
    scales = np.array([[0.5, 1.0, 2.0], [3.0, 0.1, 20.0]])
    law, without = pm.Independent([pm.Normal(scales), pm.Constant(value)]), pm.Normal(scales)
    for method in ("auto", "exact", "asymptotic"):
        found, expected = (pm.mean_energy(s, w, method=method) for s, w in ((system, law), (plain, without)))
        assert found.method == expected.method
        assert found.value == pytest.approx(expected.value, rel=1e-14)
    a, b = pm.temperature(system, law), pm.temperature(plain, without)
    assert a.entropy == pytest.approx(b.entropy, rel=1e-14)
    assert a.parameters == b.parameters
    assert a.marginal == pytest.approx(b.marginal, rel=1e-13)
    drawn = pm.mean_energy(system, law, method="monte-carlo", samples=4000, rng=0)
    assert (np.abs(drawn.value - pm.mean_energy(system, law).value) < 4.5 * drawn.standard_error).all()
    assert pm.mean_energy(system, pm.Constant(value)).value == pytest.approx(np.log(classes), rel=1e-15)
    # Zeros beside normal parameters of other classes are scales of 0; other values differ between classes.
    mixed = [pm.Normal([1.0] * 4), pm.Constant([value] * 4), *[pm.Normal([1.0] * 4)] * (classes - 2)]
    assert pm.mean_energy(system, pm.Independent(mixed), samples=50, rng=0).method == (
        "exact" if value == 0.0 else "monte-carlo"
    )


def test_scales_that_are_the_same_for_every_class_and_that_differ_meet():
    X, y = rows(m=40)
    system = pm.SoftmaxRegression(X, y, labels=range(3))
    scales = np.array([0.5, 1.0, 2.0, 3.0])
    alike = pm.mean_energy(system, pm.Normal(scales))
    assert alike.value == pm.mean_energy(system, pm.Normal(np.tile(scales, 3))).value
    differ = np.tile(scales, 3) * np.r_[np.full(4, 1.0 + 1e-12), np.ones(8)]
    law, other = pm.temperature(system, pm.Normal(scales)), pm.temperature(system, pm.Normal(differ))
    assert other.energy == pytest.approx(law.energy, rel=1e-11)
    assert other.marginal == pytest.approx(law.marginal, rel=1e-11)
    for method in ("refined", "asymptotic"):
        a, b = (pm.mean_energy(system, pm.Normal(s), method=method).value for s in (scales, differ))
        assert b == pytest.approx(a, rel=1e-10)


def test_scales_that_differ_between_classes_against_a_product_rule():
    X, y = rows(m=5, p=2)
    scales = np.linspace(0.2, 0.9, 9)
    nodes, weights = np.polynomial.hermite_e.hermegauss(50)
    weights = weights / weights.sum()
    s = np.sqrt((np.hstack([X, np.ones((5, 1))]) ** 2) @ scales.reshape(3, 3).T ** 2)
    z = np.stack(np.meshgrid(nodes, nodes, nodes, indexing="ij"))
    w = weights[:, None, None] * weights[:, None] * weights
    expected = np.mean([np.sum(w * logsumexp(row[:, None, None, None] * z, axis=0)) for row in s])
    system = pm.SoftmaxRegression(X, y, labels=range(3))
    assert pm.mean_energy(system, pm.Normal(scales)).value == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("law", [pm.Normal(2.0), pm.Uniform(3.0), pm.Normal(np.linspace(0.3, 2.0, 12))], ids=repr)
def test_the_marginal_temperature_is_a_derivative(law):
    X, y = rows(m=40)
    system = pm.SoftmaxRegression(X, y, labels=range(3))
    options = {"samples": 3000, "rng": 0}
    h = 1e-3
    wide = type(law)(np.asarray(law.segments[0][1]) * np.exp(h))
    narrow = type(law)(np.asarray(law.segments[0][1]) * np.exp(-h))
    slope = (pm.mean_energy(system, wide, **options).value - pm.mean_energy(system, narrow, **options).value) / (2 * h)
    found = pm.temperature(system, law, **options)
    assert found.marginal == pytest.approx(slope / 12, rel=1e-5)
    if found.method == "monte-carlo":
        assert 0.0 < found.marginal_error < 0.1 * found.marginal


def test_limits_have_the_mean_of_the_maximum():
    X, y = rows(classes=5)
    system = pm.SoftmaxRegression(X, y)
    norm = np.sqrt((X**2).sum(1) + 1).mean()
    limit = pm.mean_energy(system, pm.Normal(1e5), method="asymptotic").value
    assert limit == pytest.approx(1e5 * 1.1629644736405196 * norm, rel=1e-13)
    assert pm.mean_energy(system, pm.Normal(1e5)).value == pytest.approx(limit, rel=1e-9)
    exact, refined = (pm.temperature(system, pm.Normal(1e5), method=m) for m in ("exact", "refined"))
    assert refined.value == pytest.approx(exact.value, rel=1e-4)


def test_one_wide_parameter_has_its_componentwise_limit():
    X, y = rows()
    system = pm.SoftmaxRegression(X, y)
    scales = np.full(12, 1e-3)
    scales[5] = 1e6  # the second feature of the second class
    componentwise = pm.tables.asymptotics  # the function is used by the tables
    assert componentwise is not None
    expected = 0.5 * 1e6 * np.sqrt(2 / np.pi) * np.abs(X[:, 1]).mean()
    assert pm.mean_energy(system, pm.Normal(scales)).value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("law", [pm.Normal(1.3), pm.Uniform(2.0), pm.Normal([0.5, 1.0, 2.0, 3.0])], ids=repr)
def test_two_classes_are_logistic_regression(law):
    """The difference of two logits has sqrt(2) times their normal scale."""
    X, y = rows(classes=2)
    two, one = pm.SoftmaxRegression(X, y), pm.LogisticRegression(X, y)
    low, high = pm.minimum_energy(two), pm.minimum_energy(one)
    assert low.value == high.value
    assert low.gap == high.gap
    np.testing.assert_allclose(low.parameters.reshape(2, 4)[1] * 2.0, high.parameters, rtol=1e-15)
    if isinstance(law, pm.Normal):
        expected = pm.mean_energy(one, pm.Normal(np.sqrt(2.0) * law.scale)).value
        assert pm.mean_energy(two, law).value == pytest.approx(expected, rel=4e-16)
    doubled = pm.LogisticRegression(np.hstack([X, np.ones((60, 1)), X, np.ones((60, 1))]), y, intercept=False)
    scales = np.tile(np.broadcast_to(np.asarray(law.segments[0][1]), 4), 2)
    expected = pm.mean_energy(doubled, type(law)(scales)).value
    assert pm.mean_energy(two, law).value == pytest.approx(expected, rel=1e-13)


def test_mixed_laws_of_two_classes_in_any_order():
    X, y = rows(classes=2)
    system = pm.SoftmaxRegression(X, y)
    law = pm.Mixed([1.0, 2.0], [1.0, 3.0])  # of each class
    got = pm.mean_energy(system, law)
    A = np.hstack([X, np.ones((60, 1))])
    grouped = np.hstack([A[:, :2], A[:, :2], A[:, 2:], A[:, 2:]])
    expected = pm.mean_energy(
        pm.LogisticRegression(grouped, y, intercept=False), pm.Mixed([1.0, 2.0] * 2, [1.0, 3.0] * 2)
    )
    assert got.value == pytest.approx(expected.value, rel=1e-13)


def test_symmetries():
    X, y = rows(m=80, classes=4)
    law = pm.Normal(1.5)
    system = pm.SoftmaxRegression(X, y)
    energy, low = pm.mean_energy(system, law).value, pm.minimum_energy(system)
    order = np.random.default_rng(1).permutation(80)
    classes = np.array([2, 0, 3, 1])
    for other in (
        pm.SoftmaxRegression(X[order], y[order]),
        pm.SoftmaxRegression(X, classes[y]),
        pm.SoftmaxRegression(X, y, labels=[3, 1, 0, 2]),
        pm.SoftmaxRegression(np.repeat(X, 2, axis=0), np.repeat(y, 2)),
        pm.SoftmaxRegression(X[:, ::-1], np.array(["a", "b", "c", "d"])[y]),
    ):
        assert pm.mean_energy(other, law).value == pytest.approx(energy, rel=1e-14)
        assert pm.minimum_energy(other).value == pytest.approx(low.value, rel=1e-14)
    permuted = pm.minimum_energy(pm.SoftmaxRegression(X, classes[y])).parameters.reshape(4, 4)
    np.testing.assert_allclose(permuted[classes], low.parameters.reshape(4, 4), rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(low.parameters.reshape(4, 4).sum(axis=0), 0.0, atol=1e-12)
    theta = np.random.default_rng(2).normal(size=(1, 16))
    shifted = theta + np.tile(np.arange(4.0), 4)  # one vector to all classes
    X3, y3 = np.ascontiguousarray(X)[None], y[None].astype(float)
    a, b = (_core.softmax_energies(X3, y3, 4, True, t, 1)[0, 0] for t in (theta, shifted))
    assert a == pytest.approx(b, rel=1e-14)


def test_integer_weights_are_repeated_rows():
    X, y = rows(m=100, classes=4)
    weights = np.random.default_rng(0).integers(0, 4, size=100)
    X[weights == 0] = 1e300
    weighted = pm.SoftmaxRegression(X, y, weights=weights)
    repeated = pm.SoftmaxRegression(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    assert repr(weighted).splitlines() == [
        "SoftmaxRegression",
        "  rows        100    weighted",
        "  parameters   16    with intercept",
        "  energy      softmax cross entropy (softmax)",
        "  classes     0, 1, 2, 3",
    ]
    a, b = pm.minimum_energy(weighted), pm.minimum_energy(repeated)
    assert a.value == pytest.approx(b.value, rel=1e-13)
    for law in (pm.Normal(2.0), pm.Normal(np.linspace(0.5, 2.0, 16))):
        for options in ({}, {"method": "asymptotic"}, {"method": "monte-carlo", "samples": 9, "rng": 0}):
            a, b = (pm.mean_energy(system, law, **options).value for system in (weighted, repeated))
            assert a == pytest.approx(b, rel=1e-12)


def test_stacks_and_batches_of_laws():
    X, y = rows(m=120, classes=3)
    stack = pm.SoftmaxRegression(X.reshape(2, 60, 3), y.reshape(2, 60), labels=range(3))
    singles = [
        pm.SoftmaxRegression(X[:60], y[:60], labels=range(3)),
        pm.SoftmaxRegression(X[60:], y[60:], labels=range(3)),
    ]
    law = pm.Normal(np.array([[0.5], [2.0], [9.0]]))
    got = pm.temperature(stack, law)
    assert got.value.shape == (2, 3)
    for k, single in enumerate(singles):
        one = pm.temperature(single, law)
        np.testing.assert_array_equal(got.value[k], one.value)
        np.testing.assert_array_equal(got.marginal[k], one.marginal)
    assert pm.minimum_energy(stack).parameters.shape == (2, 12)
    sampled = pm.mean_energy(stack, pm.Uniform(np.array([[1.0], [2.0]])), samples=64, rng=0)
    assert sampled.value.shape == (2, 2)
    again = pm.mean_energy(singles[1], pm.Uniform(2.0), samples=64, rng=0)
    assert sampled.value[1, 1] == again.value


def test_bits_do_not_depend_on_threads():
    X, y = rows(m=5000, p=6, classes=4)
    system = pm.SoftmaxRegression(X, y)
    for law, options in ((pm.Normal(2.0), {}), (pm.Uniform(2.0), {"samples": 40, "rng": 5})):
        values = [pm.mean_energy(system, law, threads=k, **options).value for k in (1, 2, 3)]
        assert len(set(values)) == 1


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array(["b", "a", "c"]), ("a", "b", "c")),
        (np.array([30, 10, 20]), (10, 20, 30)),
        (np.array([2.0, 0.0, 1.0]), (0.0, 1.0, 2.0)),
        (np.array(["x", "y", "z"], dtype=object), ("x", "y", "z")),
        (np.array([3, 1, 2], dtype=np.uint8), (1, 2, 3)),
    ],
)
def test_labels_of_any_kind(labels, expected):
    X, y = rows()
    system = pm.SoftmaxRegression(X, labels[y])
    assert system.labels == expected
    assert system.classes == 3
    assert [expected[int(code)] for code in system.y] == labels[y].tolist()
    again = pickle.loads(pickle.dumps(system))
    assert again.labels == expected
    assert repr(again) == repr(system)


def test_labels_give_the_order_and_name_classes_without_rows():
    X, y = rows(classes=2)
    system = pm.SoftmaxRegression(X, y > 0, labels=[True, False])
    assert system.labels == (True, False)
    np.testing.assert_array_equal(system.y, 1.0 - y)
    more = pm.SoftmaxRegression(X, y, labels=(0, 1, 2))
    assert more.parameters == 12
    with pytest.warns(pm.SeparationWarning):
        low = pm.minimum_energy(more)
    assert not low.attained
    assert low.value == pytest.approx(pm.minimum_energy(pm.LogisticRegression(X, y)).value, rel=1e-13)


def test_pandas_and_polars_columns():
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    X, y = rows()
    names = np.array(["low", "mid", "high"])[y]
    expected = pm.minimum_energy(pm.SoftmaxRegression(X, names)).value
    for target in (pd.Series(names), pd.Series(names, dtype="category"), pl.Series(names), names.tolist()):
        system = pm.SoftmaxRegression(X, target)
        assert system.labels == ("high", "low", "mid")
        assert pm.minimum_energy(system).value == expected


def test_single_precision():
    X, y = rows(m=300)
    narrow = pm.SoftmaxRegression(X.astype(np.float32), y)
    wide = pm.SoftmaxRegression(X.astype(np.float32).astype(float), y)
    assert narrow.X.dtype == narrow.y.dtype == np.float32
    assert pm.mean_energy(narrow, pm.Normal(2.0)).value == pm.mean_energy(wide, pm.Normal(2.0)).value
    assert pm.minimum_energy(narrow).value == pytest.approx(pm.minimum_energy(wide).value, rel=1e-14)


def test_pooling_has_a_likelihood_ratio():
    X, y = rows(m=600, classes=4)
    rng = np.random.default_rng(3)
    a, b = pm.SoftmaxRegression(X[:300], y[:300]), pm.SoftmaxRegression(X[300:], y[300:])
    mixture = pm.mix(a, b, pm.Normal(1.0))
    assert mixture.test == "likelihood-ratio"
    minima = [pm.minimum_energy(s).value for s in (a, b, pm.SoftmaxRegression(X, y))]
    loss = minima[2] - 0.5 * (minima[0] + minima[1])
    assert mixture.pooling_loss == pytest.approx(loss, abs=1e-14)
    from scipy import stats

    # The ratio is divided by its mean for few rows, a little above its limit: see tests/unit/test_mixture.py.
    assert 1.0 < 2 * 600 * loss / stats.chi2.isf(mixture.p_value, 12) < 1.06
    other = pm.SoftmaxRegression(X[300:], rng.integers(0, 4, size=300))
    assert pm.mix(a, other, pm.Normal(1.0)).p_value < 1e-6
    with pytest.raises(ValueError, match="of one kind, got labels"):
        pm.mix(a, pm.SoftmaxRegression(X, np.array(list("abcd"))[y]), pm.Normal(1.0))


def test_scanned_rows(tmp_path):
    pa = pytest.importorskip("pyarrow")
    X, y = rows(m=500)
    names = np.array(["low", "mid", "high"])[y]
    table = pa.table({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": names})
    scanned = pm.SoftmaxRegression.scan(table, target="y", labels=("low", "mid", "high"), chunk_rows=64)
    whole = pm.SoftmaxRegression(X, names, labels=("low", "mid", "high"))
    law = pm.Normal(1.7)
    assert pm.temperature(scanned, law).value == pytest.approx(pm.temperature(whole, law).value, rel=1e-13)
    a, b = (pm.sample_energies(s, pm.Uniform(2.0), samples=7, rng=0) for s in (scanned, whole))
    np.testing.assert_allclose(a, b, rtol=1e-13)
    with pytest.raises(ValueError, match="must be one of the labels 'low', 'mid', got 'high' in row"):
        pm.SoftmaxRegression.scan(table, target="y", labels=("low", "mid"))


def test_probabilities_at_the_minimum_have_the_means_of_the_labels():
    X, y = rows(m=200, classes=4)
    theta = pm.minimum_energy(pm.SoftmaxRegression(X, y)).parameters.reshape(4, 4)
    A = np.hstack([X, np.ones((200, 1))])
    P = softmax(A @ theta.T, axis=1)
    np.testing.assert_allclose(A.T @ P, A.T @ np.eye(4)[y], atol=1e-8)


@pytest.mark.parametrize("ratio", [1.0, 1e-3, 1e-12, 1e-40])
def test_the_widest_laws_are_those_of_the_maximum(ratio):
    """They took 0.1 to 0.4 s a row, in intervals from 1 to the deviation."""
    X, y = np.repeat([[1.0], [-0.5]], 3, axis=0), np.array([0, 1, 2, 0, 1, 2])
    system = pm.SoftmaxRegression(X, y, intercept=False)
    shape = np.array([1.0, 0.7, 0.3]) * np.array([1.0, ratio, ratio**2])
    start = time.process_time()
    far = pm.temperature(system, pm.Normal(shape * 1e127), method="exact")
    assert time.process_time() - start < 0.2
    near = pm.mean_energy(system, pm.Normal(shape * 1e17)).value
    assert far.energy * 1e-110 == pytest.approx(near, rel=1e-13)
    assert far.marginal == pytest.approx(far.energy / 3, rel=1e-13)


def test_limits_of_deviations_of_any_ratio():
    system = pm.SoftmaxRegression(np.ones((3, 1)), [0, 1, 2], intercept=False)
    for small in (1e-300, 1e-139, 1e-100, 1.0):
        limit = pm.mean_energy(system, pm.Normal([1e206, small, 1e-293]), method="asymptotic")
        assert limit.value == pytest.approx(1e206 / np.sqrt(2 * np.pi), rel=1e-13)


def test_limits_of_classes_of_any_scales():
    """Limits are proportional to the scales; where the least of them underflow they were nan."""
    rng = np.random.default_rng(0)
    for _ in range(100):
        classes, power = int(rng.integers(3, 6)), int(rng.integers(-1000, 900))
        scales = 10.0 ** rng.uniform(-3, 3, classes) * np.where(rng.random(classes) < 0.4, 1e-100, 1.0)
        system = pm.SoftmaxRegression([[1.0]] * classes, list(range(classes)), intercept=False)
        limit = pm.mean_energy(system, pm.Normal(scales), method="asymptotic").value
        small = pm.Normal(np.maximum(np.ldexp(scales, power), 5e-324))
        if np.ldexp(limit, power) < 2.3e-308:
            with pytest.raises(ValueError, match="underflow"):
                pm.mean_energy(system, small, method="asymptotic")
        else:
            moved = pm.mean_energy(system, small, method="asymptotic").value
            np.testing.assert_allclose(moved, np.ldexp(limit, power), rtol=1e-14)


def test_one_column_takes_the_law_of_a_class():
    system = pm.SoftmaxRegression(np.linspace(-1.0, 2.0, 9)[:, None], np.arange(9) % 3, intercept=False)
    expected = pm.mean_energy(system, pm.Normal(0.7)).value
    for law in (pm.Independent([pm.Normal(0.7)]), pm.Normal([0.7]), pm.Independent([pm.Normal([0.7] * 3)])):
        assert pm.mean_energy(system, law).value == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("method", ["exact", "asymptotic"])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_a_law_that_is_the_same_for_all_classes_has_the_same_bits_beside_others(classes, method):
    rng = np.random.default_rng(classes)
    X = rng.normal(size=(2, 30, 3))
    y = np.resize(np.arange(classes), (2, 30))
    system = pm.SoftmaxRegression(X, y)
    scales = np.stack([np.full(4 * classes, 0.7), rng.uniform(0.5, 2.0, 4 * classes), np.full(4 * classes, 2.1)])
    batch = pm.mean_energy(system, pm.Normal(scales), method=method).value
    for k, of_law in enumerate(scales):
        np.testing.assert_array_equal(batch[:, k], pm.mean_energy(system, pm.Normal(of_law), method=method).value)


def test_laws_that_are_the_same_for_all_classes_stay_exact_beside_one_that_is_not():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(3000, 2)), np.resize(np.arange(3), 3000)
    system = pm.SoftmaxRegression(X, y)
    scales = np.ones((5, 9))
    scales[0, 0] = 2.0
    assert pm.mean_energy(system, pm.Normal(scales)).method == "exact"
