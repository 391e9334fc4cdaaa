"""Laws of several families, and parameters that are not random, in linear systems."""

import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm

RNG = np.random.default_rng(3)
X = RNG.normal(size=(25, 4)) * [1.0, 2.0, 0.5, 3.0] + [0.0, 1.0, 0.0, 5.0]
Y = X @ [1.0, 2.0, 0.0, -1.0] + RNG.normal(size=25)
LABELS = np.arange(25) % 3 == 0
ALL = ("mse", "l1", "l2", "mae", "ce")


def system(name, columns=X, targets=Y, labels=LABELS, **options):
    penalty = {"l1": pm.L1(0.7), "l2": pm.L2(0.7)}.get(name)
    if name == "ce":
        return pm.LogisticRegression(columns, labels, **options)
    return pm.LinearRegression(columns, targets, energy="mae" if name == "mae" else "mse", penalty=penalty, **options)


def loss_of(name, theta, columns=X, targets=Y, labels=LABELS):
    """Energies of parameters (..., n), the intercept last, from their definitions."""
    t = theta[..., :-1] @ columns.T + theta[..., -1:]
    if name == "ce":
        return (np.logaddexp(0.0, t) - labels * t).mean(axis=-1)
    if name == "mae":
        return np.abs(targets - t).mean(axis=-1)
    energy = ((targets - t) ** 2).mean(axis=-1)
    energy += 0.7 * np.abs(theta).sum(axis=-1) if name == "l1" else 0.0
    return energy + (0.7 * (theta**2).sum(axis=-1) if name == "l2" else 0.0)


LAWS = {
    "all families": pm.Independent(
        [pm.Uniform(2.0), pm.TruncatedNormal([1.0, 2.0], bound=0.5), pm.Normal(0.7), pm.Constant(0.3)]
    ),
    "constants first": pm.Independent([pm.Constant([0.5, -0.2]), pm.TruncatedNormal([1.0, 2.0]), pm.Uniform(3.0)]),
    "batch": pm.Independent(
        [
            *(pm.Constant([[0.5], [0.7]]), pm.TruncatedNormal([1.0, 2.0], bound=3)),
            *(pm.Normal([[0.7], [0.1]]), pm.Uniform(3.0)),
        ]
    ),
    "normal": pm.Independent([pm.Normal([1.0, 0.1, 2.0]), pm.Constant(-2.0), pm.Normal(0.5)]),
}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ALL)
def test_energies_are_those_of_draws(name, law):
    one, drawn = system(name), LAWS[law]
    theta = pm.sample_parameters(one, drawn, samples=20_000, rng=5)
    energies = pm.sample_energies(one, drawn, samples=20_000, rng=5)
    np.testing.assert_allclose(energies, loss_of(name, theta), rtol=1e-12)
    exact = pm.mean_energy(one, drawn)
    sampled = pm.mean_energy(one, drawn, method="monte-carlo", samples=40_000, rng=8)
    assert np.all(np.abs(sampled.value - exact.value) < 4.5 * sampled.standard_error)
    assert np.all(exact.error_bound <= 1e-11 * exact.value)
    if name in ("mse", "l1", "l2"):
        error = np.sqrt(((energies - energies.mean(-1, keepdims=True)) ** 2).var(axis=-1) / 20_000)
        assert np.all(np.abs(energies.var(axis=-1) - pm.energy_variance(one, drawn)) < 4.5 * error)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("name", ALL)
def test_the_marginal_temperature_is_along_the_scale_of_random_parameters(name, law):
    def scaled(factor):
        def of(each):
            if isinstance(each, pm.TruncatedNormal):
                return pm.TruncatedNormal(each.scale * factor, bound=each.bound)
            if isinstance(each, pm.Constant):
                return each
            return type(each)(next(iter(vars(each).values())) * factor)

        return pm.mean_energy(one, pm.Independent([of(each) for each in LAWS[law].laws])).value

    one, step = system(name), 1e-3
    difference = sum(
        c * (scaled(np.exp(k * step)) - scaled(np.exp(-k * step))) for k, c in ((1, 0.75), (2, -0.15), (3, 1 / 60))
    )
    hot = pm.temperature(one, LAWS[law])
    np.testing.assert_allclose(np.asarray(hot.marginal) * hot.parameters, difference / step, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", ALL)
def test_permuting_columns_together_with_laws_changes_nothing(name):
    parts = [pm.Normal(0.7), pm.Constant(0.3), pm.TruncatedNormal(2.0), pm.Uniform(1.5)]
    values = set()
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2]):
        law = pm.Independent([*(parts[k] for k in order), pm.TruncatedNormal(1.0, bound=0.7)])
        one = system(name, X[:, order])
        values.add((round(pm.mean_energy(one, law).value, 10), round(pm.entropy(one, law), 12)))
    assert len(values) == 1


@pytest.mark.parametrize("name", ALL)
def test_mixed_is_a_special_case_bit_for_bit(name):
    one = system(name)
    mixed = pm.Mixed([1.0, 0.5, 2.0], [3.0, 1.0])
    same = pm.Independent([pm.Normal([1.0, 0.5]), pm.Normal(2.0), pm.Uniform(3.0), pm.Uniform(1.0)])
    drawn = {"method": "monte-carlo", "samples": 300, "rng": 1}
    for options in ({}, {"method": "refined"}, {"method": "asymptotic"}, drawn):
        assert pm.temperature(one, mixed, **options) == pm.temperature(one, same, **options)
    for draw in (pm.sample_parameters, pm.sample_energies):
        np.testing.assert_array_equal(draw(one, mixed, samples=99, rng=4), draw(one, same, samples=99, rng=4))


@pytest.mark.parametrize("name", ALL)
def test_a_law_of_constants_alone_has_the_energy_of_its_parameters_and_no_temperature(name):
    one, theta = system(name), np.array([0.5, -0.2, 0.1, 0.3, 1.0])
    for law in (pm.Constant(theta), pm.Independent([pm.Constant(theta[:2]), pm.Constant(theta[2:])])):
        assert pm.mean_energy(one, law).value == pytest.approx(loss_of(name, theta), rel=1e-12)
        sampled = pm.mean_energy(one, law, method="monte-carlo", samples=10, rng=0)
        assert (sampled.value, sampled.standard_error) == pytest.approx(
            (loss_of(name, theta), 0.0), rel=1e-12, abs=1e-12
        )
        hot = pm.temperature(one, law)
        assert (hot.verdict, hot.parameters, hot.entropy) == ("undefined", 0, 0.0)
        assert np.isnan([hot.value, hot.marginal]).all()
        for method in ("refined", "asymptotic"):
            with pytest.raises(ValueError, match=f"method='{method}' is a limit of wide laws.*constants only"):
                pm.mean_energy(one, law, method=method)
    assert pm.mean_energy(one, pm.Constant(0.0)).value == pytest.approx(loss_of(name, 0.0 * theta), rel=1e-12)


def test_a_zero_constant_is_a_column_less():
    """Random parameters then have the energy, entropy and variance of the system without the column."""
    for name in ALL:
        whole, part = system(name), system(name, X[:, [0, 2, 3]])
        law = pm.Independent([pm.TruncatedNormal(1.0), pm.Constant(0.0), pm.Uniform([2.0, 1.0]), pm.Normal(0.4)])
        less = pm.Independent([pm.TruncatedNormal(1.0), pm.Uniform([2.0, 1.0]), pm.Normal(0.4)])
        for method in ("exact", "refined", "asymptotic"):
            a, b = (pm.temperature(s, each, method=method, minimum=0.0) for s, each in ((whole, law), (part, less)))
            for field in ("value", "energy", "entropy", "marginal", "parameters"):
                assert getattr(a, field) == pytest.approx(getattr(b, field), rel=1e-12), (name, method, field)
        if name in ("mse", "l1", "l2"):
            assert pm.energy_variance(whole, law) == pytest.approx(pm.energy_variance(part, less), rel=1e-12)
        assert pm.entropy(whole, law, resolution=0.1) == pytest.approx(
            pm.entropy(part, less, resolution=0.1), rel=1e-14
        )


def test_predictions_that_cancel_the_targets_have_an_error_bound_and_a_warning():
    """From moments; the mean of the targets is 1e6 times their deviation."""
    exact = np.arange(20.0)
    columns, targets = exact[:, None] + 1e6, 3.0 * exact + 1e-4 * np.cos(exact)
    one = pm.LinearRegression(columns, targets)
    law = pm.Constant([3.0, -3e6])
    with pytest.warns(pm.PrecisionWarning, match="fewer than 9"):
        found = pm.mean_energy(one, law)
    true = np.mean((1e-4 * np.cos(exact)) ** 2)
    assert abs(found.value - true) <= found.error_bound
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        other = pm.mean_energy(one, pm.Constant([3.5, -3.5e6 + 7.0]))
    assert other.value == pytest.approx(np.mean((0.5 * exact + 7.0 - 1e-4 * np.cos(exact)) ** 2), rel=1e-9)


def test_sweeps_stacks_and_scans(tmp_path):
    batch = LAWS["batch"]
    systems = {name: system(name) for name in ("mae", "ce", "mse")}
    systems["stack"] = system("mse", np.stack([X, 2 * X]), np.stack([Y, Y]))
    laws = {
        "batch": batch,
        "truncated": pm.TruncatedNormal([[1.0], [2.0]]),
        "other": pm.TruncatedNormal(1.0, bound=3.0),
        "zero": pm.Constant(0.0),
        "one": LAWS["normal"],
    }
    table = pm.sweep(systems, laws, methods=["exact", "monte-carlo"], samples=200, rng=1)
    assert set(table["kind"]) == {"Independent", "TruncatedNormal", "Constant"}
    assert set(np.asarray(table["verdict"])[np.asarray(table["law"]) == "zero"]) == {"undefined"}
    for name in ("mae", "ce", "mse"):
        for label, law in laws.items():
            chosen = (table["system"] == name) & (table["law"] == label) & (table["method"] == "exact")
            np.testing.assert_array_equal(np.ravel(pm.mean_energy(systems[name], law).value), table["energy"][chosen])
    np.savetxt(tmp_path / "rows.csv", np.column_stack([X, Y]), delimiter=",", header="a,b,c,d,y", comments="")
    for energy in ("mse", "mae"):
        scanned = pm.LinearRegression.scan(tmp_path / "rows.csv", target="y", energy=energy)
        for law in laws.values():
            for options in ({}, {"method": "monte-carlo", "samples": 100, "rng": 3}):
                here, there = (pm.mean_energy(each, law, **options).value for each in (scanned, system(energy)))
                np.testing.assert_allclose(here, there, rtol=1e-12)


def test_training_paths_of_truncated_laws_and_refusal_of_constants():
    one, law = system("mse"), pm.TruncatedNormal(2.0)
    path = pm.training_path(one, law, [0.0, 0.1])
    same = pm.training_path(one, pm.Normal(float(law.deviation)), [0.0, 0.1])
    np.testing.assert_allclose(path.energy, same.energy, rtol=1e-13)
    assert path.entropy[0] == pytest.approx(pm.entropy(one, law))
    with pytest.raises(ValueError, match="every parameter random"):
        pm.training_path(one, LAWS["normal"], [0.0])


def test_laws_compare_print_and_pickle():
    for law in (*LAWS.values(), pm.TruncatedNormal([1.0, 2.0]), pm.Constant(0.0)):
        assert pickle.loads(pickle.dumps(law)) == law
        assert hash(law) == hash(pickle.loads(pickle.dumps(law)))
    assert pm.TruncatedNormal(1.0) != pm.TruncatedNormal(1.0, bound=3.0)
    assert repr(pm.Constant(0.0)) == "Constant(value=0)"


@pytest.mark.parametrize(
    ("bad", "kind", "message"),
    [
        (lambda: pm.Independent([]), ValueError, "at least one law"),
        (lambda: pm.Independent(pm.Normal(1.0)), TypeError, "must be a sequence of laws"),
        (lambda: pm.Independent("normal"), TypeError, "must be a sequence of laws"),
        (lambda: pm.Independent([pm.Normal(1.0), 2.0]), TypeError, r"did you mean pm.Normal\(2.0\)"),
        (lambda: pm.Independent([pm.Normal]), TypeError, "each of laws must be"),
        (lambda: pm.Independent([pm.HeNormal()]), TypeError, "is for networks"),
        (
            lambda: pm.Independent([pm.Normal([[1.0], [2.0]]), pm.Uniform([[1.0], [2.0], [3.0]])]),
            ValueError,
            "broadcast",
        ),
        (lambda: pm.mean_energy(system("mse"), pm.Independent([pm.Normal(1.0)])), ValueError, "5 parameters.*1 normal"),
        (lambda: pm.mean_energy(system("mse"), pm.TruncatedNormal([1.0, 2.0])), ValueError, "1 or 5 scales"),
        (lambda: pm.Constant(np.nan), ValueError, "value must be finite"),
        (lambda: pm.Constant([]), ValueError, "at least one value"),
        (lambda: pm.Constant("zero"), TypeError, "value"),
    ],
)
def test_bad_laws_are_refused(bad, kind, message):
    with pytest.raises(kind, match=message):
        bad()


def test_cross_entropies_of_constants_at_every_size_of_the_logits():
    """Where R is 0 the logistic variable alone is in the sum: its distribution does not reach logits of 1e9."""
    rng = np.random.default_rng(5)
    for _ in range(1000):
        rows, columns = int(rng.integers(1, 5)), int(rng.integers(1, 4))
        X = rng.normal(size=(rows, columns)) * 10.0 ** rng.uniform(-3, 12, (rows, columns))
        c = rng.normal(size=columns)
        y = (rng.random(rows) < 0.5) * 1.0
        laws = [pm.Constant(float(value)) for value in c]
        if rng.random() < 0.5:  # a random parameter that no row has
            X, laws = np.column_stack([X, np.zeros(rows)]), [*laws, pm.Uniform(3.0)]
            c = np.append(c, 0.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.mean_energy(pm.LogisticRegression(X, y, intercept=False), pm.Independent(laws))
        logits = X @ c
        truth = np.mean(np.logaddexp(0.0, logits) - y * logits)
        size = np.mean(np.abs(X) @ np.abs(c))
        assert abs(found.value - truth) <= found.error_bound + 4e-15 * size
        assert found.error_bound <= 1e-13 + 1e-13 * size


@pytest.mark.parametrize("energy", ["mse", "mae"])
@pytest.mark.parametrize("seed", range(24))
def test_constants_that_fit_leave_no_negative_energy_and_a_warning(energy, seed):
    """Constant parameters that predict the targets up to rounding: draws are exact in rationals, or warned of."""
    rng = np.random.default_rng(seed)
    m, p = int(rng.integers(1, 9)), int(rng.integers(1, 4))
    X = 10.0 ** rng.uniform(-2, 4, size=p) * (rng.normal(size=(m, p)) + rng.choice([0.0, 1e3, 1e7]))
    slopes, narrow = rng.normal(size=p), 10.0 ** rng.uniform(-12, 2)
    system = pm.LinearRegression(X, X @ slopes, energy=energy)
    law = pm.Independent([pm.Constant(slopes), pm.Normal(narrow)])
    thetas = pm.sample_parameters(system, law, samples=5, rng=seed)
    truths = []
    for theta in thetas:
        exact = [Fraction(t) for t in theta.tolist()]
        each = [
            Fraction(y) - exact[-1] - sum(Fraction(v) * t for v, t in zip(row, exact, strict=False))
            for row, y in zip(X.tolist(), np.asarray(system.y).tolist(), strict=True)
        ]
        truths.append(float(sum(r * r if energy == "mse" else abs(r) for r in each) / m))
    for method in ("draws", "exact", "monte-carlo"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", pm.PrecisionWarning)
            warnings.simplefilter("ignore", pm.SimulationWarning)
            if method == "draws":
                found = pm.sample_energies(system, law, samples=5, rng=seed)
                if not caught:
                    np.testing.assert_allclose(found, truths, rtol=1e-8)
            else:
                try:
                    estimate = pm.mean_energy(system, law, method=method, samples=5, rng=seed)
                except ValueError:  # of draws, whose variance has no digits
                    if method == "exact":
                        raise
                    continue
                found = np.array(estimate.value)
                if method == "monte-carlo":
                    limit = 1e-9 * found if not caught else 2.0 * estimate.error_bound + 1e-9 * found
                    assert abs(found - np.mean(truths)) <= limit
        assert (found >= 0.0).all()
