"""Moments of standardised features, against the rows that are standardised in memory."""

import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm

RNG = np.random.default_rng(0)


def rows(seed, p=3, shift=0.0, m=200):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p))
    y = X @ rng.normal(size=p) + rng.normal(size=m)
    return (X + shift * rng.normal(size=p)) * 10.0 ** rng.uniform(-4, 4, p), y


@pytest.mark.parametrize("seed", range(20))
def test_moments_are_those_of_standardised_rows(seed):
    X, y = rows(seed, shift=100.0)
    made = pm.Moments.of(X, y).standardized()
    same = pm.Moments.of(pm.datasets.standardize(X), y)
    np.testing.assert_allclose(made.scatter, same.scatter, rtol=1e-9, atol=1e-9 * np.abs(same.scatter).max())
    assert (made.mean[:-1] == 0).all()
    assert made.mean[-1] == pytest.approx(same.mean[-1])
    for ask in (pm.minimum_energy, lambda system: pm.mean_energy(system, pm.Normal(2.0))):
        if ask is pm.minimum_energy:
            digits = [ask(pm.LinearRegression.from_moments(moments)).digits for moments in (made, pm.Moments.of(X, y))]
            assert digits[0] > digits[1] - 1.0
        values = [ask(pm.LinearRegression.from_moments(moments)).value for moments in (made, same)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)
    again = made.standardized()
    np.testing.assert_allclose(again.scatter, made.scatter, rtol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_digits_are_not_more_than_there_are(seed):
    """Moments that have lost digits by subtraction say so after standardisation as well."""
    X, y = rows(seed, p=2)
    huge = 10.0 ** RNG.integers(6, 12)
    left = (pm.Moments.of(X, y) + pm.Moments.of([[huge, 1.0], [0.0, huge]], [huge, 1.0])) - pm.Moments.of(
        [[huge, 1.0], [0.0, huge]], [huge, 1.0]
    )
    system = pm.LinearRegression.from_moments(left.standardized())
    truth = pm.minimum_energy(pm.LinearRegression(pm.datasets.standardize(X), y)).value
    with np.errstate(all="ignore"):
        found = quiet(system)
    true_digits = -np.log10(max(abs(found.value - truth) / truth, 1e-17))
    assert found.digits <= true_digits + 0.5


def quiet(system):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pm.minimum_energy(system)


def test_stacks_names_and_refusals():
    X, y = RNG.normal(size=(4, 30, 2)), RNG.normal(size=(4, 30))
    stack = pm.Moments.of(X, y).standardized()
    for k in range(4):
        np.testing.assert_allclose(stack.scatter[k], pm.Moments.of(X[k], y[k]).standardized().scatter, rtol=1e-14)
    table = pa.table({"a": [1.0, 2.0, 5.0], "b": [3.0, 3.0, 3.0], "y": [1.0, 2.0, 2.0]})
    with (
        pytest.warns(pm.ConstantColumnWarning),
        pytest.raises(ValueError, match="constant to be standardised, got feature 'b'"),
    ):
        pm.Moments.scan(table, target="y", standardize=True)
    with pytest.raises(ValueError, match="got feature 0; drop it"):
        pm.Moments.of([[1e8], [1e8 + 1e-8]], [1.0, 2.0]).standardized()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("energy", ["mse", "mae", "ce"])
def test_scans_in_chunks(tmp_path, energy, dtype):
    X, y = rows(3, shift=10.0)
    X, y = X.astype(dtype), (y > y.mean() if energy == "ce" else y).astype(dtype)
    table = pa.table({**{f"x{j}": X[:, j] for j in range(3)}, "y": y})
    options = {"target": "y", "chunk_rows": 37, "standardize": True}
    standard = pm.datasets.standardize(X)
    if energy == "ce":
        scanned, held = pm.LogisticRegression.scan(table, **options), pm.LogisticRegression(standard, y)
    else:
        scanned = pm.LinearRegression.scan(table, energy=energy, **options)
        held = pm.LinearRegression(standard, y.astype(np.float64), energy=energy)
    for ask in (pm.minimum_energy, lambda system: pm.mean_energy(system, pm.Normal(2.0))):
        assert ask(scanned).value == pytest.approx(ask(held).value, rel=1e-6 if dtype == np.float32 else 1e-9)
    (tmp_path / "rows.csv").write_text("x,y\n1,0\n2,1\n4,0\n")
    data = pm.interop.read_data(tmp_path / "rows.csv", target="y", standardize=True)
    np.testing.assert_array_equal(data.X, pm.datasets.standardize([[1.0], [2.0], [4.0]]))
    with pytest.raises(TypeError, match="standardize must be True or False"):
        pm.Moments.scan(tmp_path / "rows.csv", target="y", standardize=1)
