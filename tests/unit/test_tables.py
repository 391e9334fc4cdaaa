"""Tables 1 to 3: every number again from the raw rows, with numpy, scipy and scikit-learn."""

import re

import numpy as np
import pytest
from scipy import stats
from scipy.special import zeta
from sklearn.linear_model import Lasso, QuantileRegressor

import pyrometer as pm

SIGMA, LENGTH, LAM = 10.0, 60.0, 1.0
# Rows of linear systems; networks follow.
LINEAR = 11


@pytest.fixture(scope="module")
def raw():
    """The diabetes rows with their constant column, and the target."""
    data = pm.datasets.diabetes(standardize=True)
    return np.column_stack([data.X, np.ones(len(data.X))]), data.y


@pytest.fixture(scope="module")
def second():
    return pm.tables.systems()


@pytest.fixture(scope="module")
def third():
    return pm.tables.asymptotics()


def least(A, y, energy):
    """Minimum energy from the rows."""
    m, n = A.shape
    if energy == "MSE + L1":
        theta = Lasso(alpha=LAM / 2, fit_intercept=False, tol=1e-14, max_iter=1_000_000).fit(A, y).coef_
        return np.mean((y - A @ theta) ** 2) + LAM * np.abs(theta).sum()
    if energy == "MSE + L2":
        A = np.vstack([A, np.sqrt(m * LAM) * np.eye(n)])
        y = np.append(y, np.zeros(n))
    return np.sum((y - A @ np.linalg.lstsq(A, y, rcond=None)[0]) ** 2) / m


def laws(name, n):
    """Frozen scipy distributions of the parameters."""
    normal, uniform = stats.norm(0, SIGMA), stats.uniform(-LENGTH / 2, LENGTH)
    k = {"normal": n, "uniform": 0, "mixed": (n + 1) // 2}[name]
    return [normal] * k + [uniform] * (n - k)


def mean_penalty(energy, parameters):
    if energy == "MSE + L1":
        return LAM * sum(p.expect(abs, epsabs=1e-12, epsrel=1e-12) for p in parameters)
    return LAM * sum(p.var() for p in parameters) if energy == "MSE + L2" else 0.0


def test_every_row_of_table_2(raw, second):
    A, y = raw
    squares = (A**2).mean(axis=0)
    rows = list(second)[:LINEAR]
    assert [(row["loss"], row["law"]) for row in rows] == [
        ("MSE", "normal"),
        ("MSE", "uniform"),
        ("MSE", "mixed"),
        ("MSE + L1", "normal"),
        ("MSE + L2", "normal"),
        ("MSE + L1", "uniform"),
        ("MSE + L2", "uniform"),
        ("MAE", "normal"),
        ("MAE", "uniform"),
        ("CE", "normal"),
        ("CE", "uniform"),
    ]
    for row in rows[:7]:
        parameters = laws(row["law"], A.shape[1])
        variances = np.array([p.var() for p in parameters])
        E = variances @ squares + np.mean(y**2) + mean_penalty(row["loss"], parameters)
        S = sum(p.entropy() for p in parameters)
        E_star = least(A, y, row["loss"])
        assert row["energy"] == pytest.approx(E, rel=1e-10)
        assert row["entropy"] == pytest.approx(S, rel=1e-12)
        assert row["minimum_energy"] == pytest.approx(E_star, rel=1e-9)
        assert row["temperature"] == pytest.approx((E - E_star) / S, rel=1e-9)
        limit = variances @ (squares + (LAM if row["loss"] == "MSE + L2" else 0.0))
        assert row["refined"] == pytest.approx(limit / S, rel=1e-10)
        widths = {"normal": np.full(11, SIGMA), "uniform": np.full(11, LENGTH), "mixed": np.sqrt(variances)}
        assert row["asymptotic"] == pytest.approx(limit / np.log(widths[row["law"]]).sum(), rel=1e-10)
        assert row["verdict"] == "ok"


def test_the_rows_of_absolute_error_and_cross_entropy(raw, second):
    """Normal laws: folded normals and softplus expectations of scipy; entropies and minima again."""
    A, y = raw
    mae, ce = list(second)[7], list(second)[9]
    s = SIGMA * np.linalg.norm(A, axis=1)
    assert mae["energy"] == pytest.approx(np.mean(stats.foldnorm.mean(y / s, scale=s)), rel=1e-11)
    fit = QuantileRegressor(quantile=0.5, alpha=0.0, fit_intercept=False, solver="highs").fit(A, y)
    assert mae["minimum_energy"] == pytest.approx(np.mean(np.abs(y - A @ fit.coef_)), rel=1e-9)
    data = pm.datasets.breast_cancer(standardize=True)
    B = np.column_stack([data.X, np.ones(len(data.X))])
    s = SIGMA * np.linalg.norm(B, axis=1)
    # E ln(1 + e^{sZ}) = s / sqrt(2 pi) + 2 int_0^inf ln(1 + e^{-sz}) phi(z) dz, the integral by its expansion in 1/s.
    series = sum(
        (-1) ** k * np.prod(np.arange(2 * k - 1, 0, -2.0)) * eta(2 * k + 2) / s ** (2 * k + 1) for k in range(8)
    )
    assert ce["energy"] == pytest.approx(np.mean((s + 2 * series) / np.sqrt(2 * np.pi)), rel=1e-10)
    assert (ce["data"], ce["minimum_energy"]) == ("breast cancer", 0.0)  # these labels can be separated
    for row, n in ((mae, 11), (ce, 31)):
        assert row["entropy"] == pytest.approx(n * stats.norm(0, SIGMA).entropy(), rel=1e-12)
        assert row["temperature"] == pytest.approx((row["energy"] - row["minimum_energy"]) / row["entropy"], rel=1e-13)


def eta(k):
    """Dirichlet's eta function."""
    return (1 - 2.0 ** (1 - k)) * zeta(k)


def test_monte_carlo_agrees_and_its_error_is_calibrated(raw, second):
    A, y = raw
    z, drawn = second["z"], second["standard_error"] > 0
    off = second["monte_carlo"] - second["temperature"]
    np.testing.assert_allclose(z[drawn], off[drawn] / second["standard_error"][drawn], rtol=1e-8)
    assert np.all(np.abs(z) < 4.5)
    # What no draw changes: first layers, averaged over their own weights.
    assert [row["loss"] for row, one in zip(second, drawn, strict=True) if not one] == [
        "NN tanh, layer 1",
        "NN ReLU, layer 1",
    ]
    # Rows have draws of their own, but for the layers of one network.
    assert len(np.unique(np.round(z[:LINEAR], 6))) == LINEAR
    # The energies' variance for normal parameters, a quadratic form: 2 tr (S G S G) + 4 b'S S b.
    G, b = A.T @ A / len(y), A.T @ y / len(y)
    variance = 2 * SIGMA**4 * np.sum(G**2) + 4 * SIGMA**2 * b @ b
    expected = np.sqrt(variance / 10_000) / second["entropy"][0]
    assert second["standard_error"][0] == pytest.approx(expected, rel=0.05)


def test_scores_of_many_seeds_have_variance_1():
    scores = np.concatenate([pm.tables.systems(samples=1000, rng=seed)["z"][:LINEAR] for seed in range(10)])
    # The standard deviation of their mean square is about sqrt(2 / scores).
    assert 0.6 < np.mean(scores**2) < 1.5
    assert abs(scores.mean()) < 5 / np.sqrt(len(scores))


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")  # few draws
def test_seed_and_threads(second):
    again = pm.tables.systems(threads=1)
    for name in second.names:
        np.testing.assert_array_equal(again[name], second[name])
    other = pm.tables.systems(rng=1)
    drawn = second["standard_error"] > 0
    assert not np.any((other["monte_carlo"] == second["monte_carlo"])[drawn])
    np.testing.assert_array_equal(other["temperature"], second["temperature"])
    sequence = np.random.SeedSequence(0)
    for _ in range(2):
        np.testing.assert_array_equal(pm.tables.systems(rng=sequence)["z"], second["z"])
    fresh = pm.tables.systems(rng=None, samples=100)
    repeated = pm.tables.systems(rng=fresh.metadata["seed"], samples=100)
    np.testing.assert_array_equal(fresh["z"], repeated["z"])
    pm.tables.systems(rng=np.random.default_rng(3), samples=100)


def test_metadata_say_what_it_is(second):
    assert second.metadata["data"] == "diabetes, breast cancer, wine"
    assert second.metadata["features"] == "standardised"
    assert (second.metadata["scale"], second.metadata["length"]) == (SIGMA, LENGTH)
    assert (second.metadata["seed"], second.metadata["samples"]) == (0, 10_000)
    assert set(second.units) <= set(second.names)


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")  # few draws
def test_user_data_without_intercept():
    generator = np.random.default_rng(5)
    X, y = generator.normal(size=(60, 2)), generator.normal(size=60)
    table = pm.tables.systems(X, y, intercept=False, scale=2.0, length=3.0, lam=0.0, samples=50, name="mine")
    E = 4.0 * (X**2).mean(axis=0).sum() + np.mean(y**2)
    np.testing.assert_allclose(table["energy"][[0, 3, 4]], E, rtol=1e-12)
    np.testing.assert_allclose(table["entropy"][1], 2 * np.log(3.0), rtol=1e-12)
    np.testing.assert_allclose(
        table["minimum_energy"][:7], np.mean((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2), rtol=1e-8
    )
    assert table.metadata["data"] == "mine"


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")  # few draws
def test_one_parameter_has_no_mixed_row():
    table = pm.tables.systems([[1.0], [2.0]], [1.0, 3.0], intercept=False, samples=10)
    assert "mixed" not in table["law"]
    assert len(table) == 20


@pytest.mark.filterwarnings("ignore::pyrometer.SimulationWarning")  # few draws
def test_nothing_is_clipped():
    cold = pm.tables.systems(scale=0.1, samples=100)
    assert cold["temperature"][0] < 0
    assert cold["verdict"][0] == "negative-entropy"
    pole = pm.tables.systems(scale=1.0, length=1.0, samples=100)
    assert pole["verdict"][1] == "undefined"
    assert np.isnan(pole["temperature"][1])
    assert np.isnan(pole["z"][1])
    limits = pm.tables.asymptotics(scale=1.0, length=1.0)
    assert np.isnan(limits["limit"][0])
    assert np.isnan(limits["componentwise"][0])


def test_table_3(second, third):
    np.testing.assert_allclose(third["limit"], second["asymptotic"], rtol=1e-14)
    # The squared error is a sum over parameters: its limit is that of the sum.
    np.testing.assert_allclose(third["componentwise"][:7], third["limit"][:7], rtol=1e-12)
    assert (third["componentwise"][7:LINEAR] > 1.5 * third["limit"][7:LINEAR]).all()
    np.testing.assert_allclose(third["limit_to_exact"], second["asymptotic"] / second["temperature"], rtol=1e-12)
    np.testing.assert_allclose(third["refined_to_exact"], second["refined"] / second["temperature"], rtol=1e-12)


def test_formulas_of_table_3(raw, third):
    A, _ = raw
    n, total = A.shape[1], (A**2).mean(axis=0).sum()
    normal, uniform = SIGMA**2 / (n * np.log(SIGMA)), LENGTH**2 / (12 * n * np.log(LENGTH))
    values = {
        "σ²/(n ln σ) Σ⟨x_j²⟩": normal * total,
        "L²/(12 n ln L) Σ⟨x_j²⟩": uniform * total,
        "σ²/(n ln σ) Σ(⟨x_j²⟩ + λ)": normal * (total + n * LAM),
        "L²/(12 n ln L) Σ(⟨x_j²⟩ + λ)": uniform * (total + n * LAM),
    }
    for row in list(third)[:7]:
        if row["law"] != "mixed":
            assert row["limit"] == pytest.approx(values[row["formula"]], rel=1e-12)
    data = pm.datasets.breast_cancer(standardize=True)
    B = np.column_stack([data.X, np.ones(len(data.X))])
    for row, rows, factor in zip(list(third)[7:LINEAR], (A, A, B, B), (1, 1, 0.5, 0.5), strict=True):
        n, total = rows.shape[1], np.abs(rows).mean(axis=0).sum()
        scale, width = (np.sqrt(2 / np.pi) * SIGMA, SIGMA) if row["law"] == "normal" else (LENGTH / 4, LENGTH)
        assert row["componentwise"] == pytest.approx(factor * scale * total / (n * np.log(width)), rel=1e-12)
        if row["law"] == "normal":
            limit = factor * scale * np.linalg.norm(rows, axis=1).mean() / (n * np.log(width))
            assert row["limit"] == pytest.approx(limit, rel=1e-12)


def test_rows_of_networks(raw, second, third):
    """Closed forms of section 5 on the rows: widths 10-32-32-1, no targets."""
    A, _ = raw
    square, N, s2 = (A[:, :-1] ** 2).sum(axis=1).mean(), 1376, SIGMA**2
    rows = {(row["section"], row["loss"]): row for row in second}
    limits = {(row["section"], row["loss"]): row for row in third}
    h, ln = 0.5 * np.log(2 * np.pi * np.e), np.log(SIGMA)
    expected = {
        ("5.1", "NN ReLU"): (32**2 * s2**3 / 4 * square, N),
        ("5.2", "NN ReLU, layer 1"): (32 * s2 * square, 320),
        ("5.2", "NN ReLU, layer 2"): (32**2 * s2**2 / 2 * square, 1024),
        ("5.2", "NN ReLU, layer 3"): (32**2 * s2**3 / 4 * square, 32),
        ("5.2", "NN tanh, layer 1"): (32 * s2 * square, 320),
    }
    for key, (E, count) in expected.items():
        assert rows[key]["energy"] == pytest.approx(E, rel=1e-12)
        assert rows[key]["entropy"] == pytest.approx(count * (ln + h), rel=1e-12)
        assert rows[key]["temperature"] == pytest.approx(E / (count * (ln + h)), rel=1e-12)
        assert limits[key]["limit"] == pytest.approx(E / (count * ln), rel=1e-12)
    for key, E, count in (
        (("5.1", "NN tanh"), s2 * 32, N),
        (("5.1", "NN sigmoid"), s2 * 16, N),
        (("5.2", "NN tanh, layer 2"), s2 * 1024, 1024),
        (("5.4", "NN tanh"), s2, N),
        (("5.4", "NN sigmoid"), s2 / 2, N),
        (("5.4", "NN ReLU"), s2**3 / 4 * square / 10, N),
    ):
        assert limits[key]["limit"] == pytest.approx(E / (count * ln), rel=1e-12)
        assert 0.85 < rows[key]["energy"] / E < 1.2
    ReLU = rows["5.4", "NN ReLU"]
    S = sum(n * (ln + h - 0.5 * np.log(fan)) for n, fan in ((320, 10), (1024, 32), (32, 32)))
    assert ReLU["entropy"] == pytest.approx(S, rel=1e-12)
    assert ReLU["marginal"] == pytest.approx(6 * ReLU["energy"] / N, rel=1e-12)


@pytest.mark.parametrize("scale", [1e4, 1e8])
def test_limits_converge_like_the_logarithm(scale):
    table = pm.tables.asymptotics(scale=scale)
    h = 0.5 * np.log(2 * np.pi * np.e)
    assert table["limit_to_exact"][0] - 1 == pytest.approx(h / np.log(scale), rel=1e-2)
    np.testing.assert_allclose(table["refined_to_exact"][:7], 1, atol=1e3 / scale)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"X": [[1.0]]}, ValueError, "X and y must be given together, got no y"),
        ({"scale": 0.0}, ValueError, "scale must be finite and > 0"),
        ({"length": -1.0}, ValueError, "length must be finite and > 0"),
        ({"lam": -1.0}, ValueError, "lam must be finite and >= 0"),
        ({"samples": 1}, ValueError, "samples must be at least 2"),
        ({"rng": -1}, ValueError, "rng must be a seed >= 0"),
        ({"rng": "0"}, TypeError, "rng must be"),
        ({"threads": 0}, ValueError, "threads must be at least 1"),
        ({"X": np.zeros((2, 3, 1)), "y": np.zeros((2, 3))}, ValueError, "got a stack"),
    ],
)
def test_refuses(arguments, error, message):
    with pytest.raises(error, match=message):
        pm.tables.systems(**arguments)


def test_terminology():
    table = pm.tables.terminology()
    terms = set(table["thermodynamics"])
    assert len(terms) == len(table)
    for term in ("system", "entropy", "temperature", "ground state", "heat", "work", "heat engine", "work efficiency"):
        assert term in terms
    number = r"(?:[1-6]|[A-E])\.\d+"
    for equations in table["equations"]:
        assert re.fullmatch(rf"{number}(?:-{number})?(?:, {number}(?:-{number})?)*(?: \({number}\))?", equations)


def test_columns_of_the_paper_are_found_by_their_former_names(second, third):
    for table, names in (
        (second, ("E", "E*", "S", "T exact", "T refined", "T asymptotic", "T Monte Carlo", "s.e.")),
        (third, ("T limit", "T componentwise", "true limit", "limit / exact", "refined / exact")),
    ):
        assert not set(names) & set(table.names)
        now = [np.array_equal(table[name], column) for name in names for column in table.columns.values()]
        assert sum(now) >= len(names)
    with pytest.raises(KeyError, match="no column 'E'"):
        pm.Table("Other", {"x": [1.0]})["E"]
