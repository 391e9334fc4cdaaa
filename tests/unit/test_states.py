"""Data that move under a fixed model: closed forms, errors in units of themselves, and a test that keeps its level."""

import mpmath
import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.integrate import dblquad

import pyrometer as pm
from pyrometer import _core


def line(X):
    return 2.0 * X[:, 0]


def flat(X):
    return np.zeros(len(X))


def near(found, expected, error, z=4.5):
    return abs(found - expected) < z * error


def sample(seed, m, mean=0.0, size=1.0, noise=1.0):
    rng = np.random.default_rng(seed)
    x = mean + size * rng.normal(size=(m, 1))
    return x, 2.0 * x[:, 0] + noise * rng.normal(size=m)


def test_the_temperature_of_noise_alone_is_twice_its_energy():
    """T = (v1 - v0) / (ln(v1 / v0) / 2), which is 2E for a small change: equipartition."""
    found = pm.shift(sample(0, 100_000), sample(1, 100_000, noise=1.5), model=line, energy="mse", rng=0)
    assert near(found.energy_change, 1.25, found.energy_change_error)
    assert near(found.entropy_change, np.log(1.5), found.entropy_change_error)
    assert near(found.temperature, 1.25 / np.log(1.5), found.temperature_error)
    assert found.temperature_error < 0.1
    assert (found.verdict, found.temperature_defined) == ("shifted", True)
    assert found.p_value == 0.001
    small = pm.shift(sample(2, 400_000), sample(3, 400_000, noise=1.05), model=line, energy="mse", rng=0)
    assert near(small.temperature, 2.0 * (1.0 + 1.05**2) / 2.0, small.temperature_error)


def test_the_temperature_of_laplace_noise_is_its_energy():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200_000, 2))
    found = pm.shift(
        (x[:100_000], rng.laplace(size=100_000)),
        (x[100_000:], 1.2 * rng.laplace(size=100_000)),
        model=flat, energy="mae", rng=0,
    )  # fmt: skip
    assert near(found.temperature, 0.2 / np.log(1.2), found.temperature_error)
    assert found.before.entropy == pytest.approx(np.log(2 * np.pi * np.e) + np.log(2 * np.e), abs=0.02)


def test_a_shift_of_the_mean_has_no_temperature_but_a_divergence():
    found = pm.shift(sample(5, 20_000), sample(6, 20_000, mean=1.0), model=lambda X: 1.5 * X[:, 0], energy="mse", rng=0)
    assert near(found.energy_change, 0.25, found.energy_change_error)
    assert near(found.entropy_change, 0.0, found.entropy_change_error)
    assert (found.verdict, found.p_value, found.temperature_defined) == ("shifted", 0.001, False)
    assert found.changed == ("energy", "divergence")
    assert np.isnan(found.temperature)
    assert near(found.divergence, 0.5, found.divergence_error)


def test_the_temperature_is_0_for_inputs_that_spread_under_a_right_model():
    found = pm.shift(sample(7, 50_000), sample(8, 50_000, size=2.0), model=line, energy="mse", rng=0)
    assert near(found.entropy_change, np.log(2.0), found.entropy_change_error)
    assert near(found.temperature, 0.0, found.temperature_error)


def test_the_divergence_is_scipys():
    """KL of the joint Gaussians of (x, residual), by quadrature of SciPy's densities."""
    a, b = sample(9, 400), sample(10, 300, mean=0.5, noise=1.3)
    found = pm.shift(a, b, model=lambda X: X[:, 0], energy="mse", resamples=99, rng=0)
    fitted = []
    for x, y in (a, b):
        z = np.column_stack([x[:, 0], y - x[:, 0]])
        fitted.append(stats.multivariate_normal(z.mean(axis=0), np.cov(z.T, bias=True)))
    old, new = fitted

    def inside(u, v):
        return new.pdf([u, v]) * (new.logpdf([u, v]) - old.logpdf([u, v]))

    expected = dblquad(inside, -10, 10, -10, 10, epsabs=1e-9)[0]
    assert found.divergence == pytest.approx(expected, rel=1e-6)
    assert found.after.entropy == pytest.approx(new.entropy(), rel=1e-12)
    assert found.cross_entropy == pytest.approx(found.entropy_change + expected, rel=1e-6)


def test_labels_that_a_logistic_model_no_longer_predicts():
    rng = np.random.default_rng(11)
    X = rng.normal(size=(4000, 2))
    y = (rng.logistic(size=4000) < X @ [2.0, -1.0]).astype(int)
    model = pm.LogisticRegression(X[:2000], y[:2000])
    same = pm.shift((X[:2000], y[:2000]), (X[2000:], y[2000:]), model=model, rng=0)
    assert same.before.energy == pytest.approx(pm.minimum_energy(model).value, rel=1e-9)
    flipped = pm.shift((X[:2000], y[:2000]), (X[2000:], 1 - y[2000:]), model=model, rng=0)
    assert flipped.p_value < 0.01 < same.p_value
    assert flipped.energy_change > 10 * flipped.energy_change_error


def test_errors_are_the_spread_over_data_sets():
    found = [
        pm.shift(sample(2 * k, 300), sample(2 * k + 1, 300, noise=1.4), model=line, energy="mse", resamples=99, rng=k)
        for k in range(300)
    ]
    for name in ("energy_change", "entropy_change", "divergence", "cross_entropy"):
        spread = np.std([getattr(each, name) for each in found])
        stated = np.sqrt(np.mean([getattr(each, f"{name}_error") ** 2 for each in found]))
        assert stated == pytest.approx(spread, rel=0.15), name


def test_errors_are_those_of_gaussians_in_closed_form():
    """By the delta method: covariances of sample moments of normals, and gradients by differences."""
    m, C, new_mean, new_C = 20_000, np.array([[1.0, 0.3], [0.3, 1.0]]), [0.2, 0.3], np.array([[1.5, 0.2], [0.2, 1.4]])
    rng = np.random.default_rng(17)
    a, b = rng.multivariate_normal([0, 0], C, size=m), rng.multivariate_normal(new_mean, new_C, size=m)
    found = pm.shift((a[:, :1], a[:, 1]), (b[:, :1], b[:, 1]), model=flat, energy="mse", rng=0)

    def changes(t):
        (mu, V), (nu, W) = ((t[i : i + 2], np.array([[t[i + 2], t[i + 3]], [t[i + 3], t[i + 4]]])) for i in (0, 5))
        E = W[1, 1] + nu[1] ** 2 - V[1, 1] - mu[1] ** 2
        S = 0.5 * np.log(np.linalg.det(W) / np.linalg.det(V))
        KL = 0.5 * (np.trace(np.linalg.solve(V, W)) + (nu - mu) @ np.linalg.solve(V, nu - mu) - 2) - S
        return np.array([E, S, KL, S + KL, E / S])

    theta, spread = np.array([0, 0, 1.0, 0.3, 1.0, *new_mean, 1.5, 0.2, 1.4]), np.zeros((10, 10))
    pairs = ((0, 0), (0, 1), (1, 1))
    for i, V in ((0, C), (5, new_C)):
        spread[i : i + 2, i : i + 2] = V / m
        spread[i + 2 : i + 5, i + 2 : i + 5] = [
            [(V[j, p] * V[k, q] + V[j, q] * V[k, p]) / m for p, q in pairs] for j, k in pairs
        ]
    slopes = np.array([(changes(theta + h) - changes(theta - h)) / 2e-6 for h in 1e-6 * np.eye(10)])
    expected = np.sqrt(np.diag(slopes.T @ spread @ slopes))
    names = ("energy_change", "entropy_change", "divergence", "cross_entropy", "temperature")
    for name, value, error in zip(names, changes(theta), expected, strict=True):
        assert near(getattr(found, name), value, error), name
        assert getattr(found, f"{name}_error") == pytest.approx(error, rel=0.12), name


@pytest.mark.parametrize("energy", ["mse", "mae", "ce"])
def test_redrawn_blocks_are_refitted_as_numpy_does(energy):
    """The core's bootstrap of blocks of one row is that of the rows."""
    rng = np.random.default_rng(18)
    x, y = rng.normal(size=(40, 2)), (rng.normal(size=40) > 0).astype(float)
    state = pm.DataState(x, y, model=lambda X: 1.0 / (1.0 + np.exp(-X[:, 0])), energy=energy)
    drawn = _core.redrawn_states(state.sums.table(), state.law, (1, 2), 20, 1)
    assert drawn[0] == pytest.approx([state.energy, state.entropy], rel=1e-12)
    uniforms = _core.uniforms((1, 2), 0, 20, 0, 40)
    for k in range(20):
        rows = ((uniforms[:, k] + 0.5) * 40).astype(int)
        again = pm.DataState(x[rows], y[rows], model=lambda X: 1.0 / (1.0 + np.exp(-X[:, 0])), energy=energy)
        assert drawn[k + 1] == pytest.approx([again.energy, again.entropy], rel=1e-9)


def test_far_from_the_origin_nothing_is_lost():
    a, b = sample(13, 500), sample(14, 500, noise=1.2)
    here = pm.shift(a, b, model=line, energy="mse", resamples=99, rng=0)
    there = pm.shift(
        *((x + 1e6, y) for x, y in (a, b)), model=lambda X: 2.0 * (X[:, 0] - 1e6), energy="mse", resamples=99, rng=0
    )
    assert there.divergence == pytest.approx(here.divergence, rel=1e-6)
    assert there.p_value == here.p_value


def test_the_same_seed_gives_the_same_answer_for_any_threads():
    a, b = sample(15, 2000), sample(16, 700)
    found = [pm.shift(a, b, model=line, energy="mse", rng=3, threads=threads) for threads in (1, 2, 3, None)]
    assert len({(each.p_value, each.energy_change_error, each.divergence_error) for each in found}) == 1


@pytest.mark.parametrize("features", [1, 5, 30])
def test_rows_that_agree_too_well_have_not_shifted(features):
    rng = np.random.default_rng(features)
    x, y = rng.normal(size=(300, features)), rng.normal(size=300)
    assert pm.shift((x, y), (x, y), model=flat, energy="mse", rng=0).p_value > 0.99
    assert pm.shift((x[:200], y[:200]), (x[20:220], y[20:220]), model=flat, energy="mse", rng=0).p_value > 0.5


def test_the_p_value_has_no_units():
    """Energies that are many orders greater than entropies do not hide them."""
    a, b = sample(19, 200), sample(20, 200, mean=0.3)
    found = [
        pm.shift(*((x, k * y) for x, y in (a, b)), model=lambda X, k=k: k * line(X), energy="mse", rng=0).p_value
        for k in (1.0, 1e-7, 1e12)
    ]
    assert found[0] == found[1] == found[2]
    assert 0.005 < found[0] < 0.5


X2, y2 = np.random.default_rng(0).normal(size=(50, 2)), np.arange(50.0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: pm.DataState(X2, y2, model=line),
            ValueError,
            "energy must be one of 'mse', 'mae', 'ce', 'softmax' for a callable",
        ),
        (
            lambda: pm.DataState(X2, y2, model=3, energy="mse"),
            TypeError,
            "a callable that predicts, a fitted estimator with predict, or None, got 3; such as",
        ),
        (lambda: pm.DataState(X2, y2, model=lambda X: X, energy="mse"), ValueError, "one prediction for each row"),
        (lambda: pm.DataState(X2, y2, model=lambda X: X[:, 0] / 0, energy="mse"), ValueError, "finite predictions"),
        (lambda: pm.DataState(X2, y2, model=flat, energy="ce"), ValueError, "y must be 0 or 1"),
        (lambda: pm.DataState(X2, y2 > 9, model=flat, energy="ce"), ValueError, "probabilities above 0 and below 1"),
        (
            lambda: pm.DataState(X2[None], y2[None], model=flat, energy="mse"),
            ValueError,
            "loop over the systems of a stack",
        ),
        (lambda: pm.DataState(X2 * np.nan, y2, model=flat, energy="mse"), ValueError, "X must be finite"),
        (lambda: pm.DataState(X2, y2, model=flat, energy="mse", block=0), ValueError, "block must be at least 1"),
        (lambda: pm.DataState(X2, y2, model=pm.LinearRegression(X2[:, :1], y2)), ValueError, "system of 2 features"),
        (lambda: pm.shift((X2, y2), X2, model=flat, energy="mse"), TypeError, "after must be a DataState or a pair"),
        (lambda: pm.shift((X2, y2), (X2, y2), model=flat, energy="mse", resamples=9), ValueError, "at least 99"),
        (
            lambda: pm.shift((X2, y2), (X2, y2), model=flat, energy="mse", block=25),
            ValueError,
            "at least 8 blocks of rows",
        ),
        (
            lambda: pm.shift(
                (X2, y2), pm.DataState(X2, y2, model=flat, energy="mse", block=2), model=flat, energy="mse"
            ),
            ValueError,
            "the same block, got 1 and 2 rows",
        ),
        (
            lambda: pm.shift((X2, y2), pm.DataState(X2, y2, model=flat, energy="mae"), model=flat, energy="mse"),
            ValueError,
            "the same loss and features",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def line0(X):
    return X[:, 0]


U, V = X2.T
DEGENERATE = {
    "the same": (np.column_stack([U, V, U]), y2, "no dependent columns, got column 2, the same as column 0"),
    "scaled": (np.column_stack([U, V, 1.0 - 3.0 * V]), y2, "got column 2, a linear function of column 1:"),
    "a sum": (np.column_stack([U, V, U - V]), y2, "got column 2, a linear function of column 0 and column 1:"),
    "few rows": (X2[:3], y2[:3], "more rows than it has columns and the residual, got 3 for 2 columns"),
    "one row": (X2[:1], y2[:1], "more rows than it has columns and the residual, got 1 for 2 columns"),
    "no residuals": (X2, 2.0 * U, "the residuals must not all be 0"),
    "one residual": (X2, 2.0 * U + 0.1, "the residuals must not all be the same, got 0.1 in every row"),
    "a linear residual": (X2, 3.0 * U + V, "the residuals must not be a linear function of X, got one of column 0 and"),
}


@pytest.mark.parametrize("cause", DEGENERATE)
def test_rows_without_a_density_say_why(cause):
    X, y, message = DEGENERATE[cause]
    with pytest.raises(ValueError, match=message):
        pm.DataState(X, y, model=line, energy="mse")
    x = np.random.default_rng(1).normal(size=(50, X.shape[1]))
    for name, pair in (("before", [(X, y), (x, y2)]), ("after", [(x, y2), (X, y)])):
        with pytest.raises(ValueError, match=f"^{name}: "):
            pm.shift(*pair, model=line, energy="mse")


def test_columns_without_a_density_have_their_names():
    frame = pl.DataFrame({"price": U, "tax": 0.2 * U})
    with pytest.raises(ValueError, match=r"column 1 \('tax'\), a linear function of column 0 \('price'\)"):
        pm.DataState(frame, y2, model=lambda X: X["price"].to_numpy(), energy="mae")


def test_columns_in_another_order_are_refused():
    frame = pl.DataFrame({"u": U, "v": V})
    with pytest.raises(ValueError, match="the same columns in one order, got u, v and v, u"):
        pm.shift((frame, y2), (frame.select("v", "u"), y2), model=lambda X: X["u"].to_numpy(), energy="mae")
    trained = pm.LinearRegression(frame, y2)
    assert pm.DataState(frame, y2, model=trained).names == ("u", "v")
    with pytest.raises(ValueError, match="columns that the model was trained on, u, v, got v, u"):
        pm.DataState(frame.select("v", "u"), y2, model=trained)


def test_samples_of_other_columns_say_so_first():
    with pytest.raises(ValueError, match="^after: X must have 2 columns, as the rows that it is compared with, got 3"):
        pm.shift((X2, y2), (np.zeros((50, 3)), y2), model=flat, energy="mse")


@pytest.mark.filterwarnings("ignore::pyrometer.DependenceWarning")  # the rows are in order
def test_a_fitted_estimator_is_a_model():
    class Trained:
        def predict(self, X):
            return X[:, 0]

    found, expected = (pm.shift((X2, y2), (X2, -y2), model=model, energy="mse", rng=0) for model in (Trained(), line0))
    assert found.energy_change == expected.energy_change
    with pytest.raises(TypeError, match="must have predict_proba and classes_ for energy='ce', got a Trained; fit it"):
        pm.DataState(X2, y2 > 0, model=Trained(), energy="ce")


@pytest.mark.parametrize("probability", [1e-300, 1e-17, 1e-12, 1e-9, 0.3, 1.0 - 1e-12])
def test_cross_entropies_of_rare_labels_keep_their_digits(probability):
    """-ln(1 - p) of label 0, in which 1 - p has none."""
    X = np.random.default_rng(0).normal(size=(32, 2))
    state = pm.DataState(X, np.zeros(32), model=lambda X: np.full(len(X), probability), energy="ce")
    assert state.energy == pytest.approx(-np.log1p(-probability), rel=1e-14)


def test_errors_of_changes_are_numbers_or_have_a_reason():
    """Where what they are the roots of cancels to less than rounding, or leaves the range of a double."""
    for seed in range(100):
        r = np.random.default_rng(seed)
        size = 10.0 ** r.uniform(-60.0, 150.0)
        before, after = np.round(r.normal(size=40)), r.normal(size=30) * size
        for loss in ("mae", "mse"):
            X, Z = np.zeros((40, 0)), np.zeros((30, 0))
            found = pm.shift((X, before), (Z, after), model=flat, energy=loss, rng=0)
            errors = [getattr(found, f"{name}_error") for name in ("energy_change", "entropy_change")]
            errors += [found.divergence_error, found.cross_entropy_error]
            assert found.reason or np.isfinite(errors).all()


@pytest.mark.parametrize("seed", range(20))
def test_residuals_that_are_rounding_of_the_targets_are_refused(seed):
    r = np.random.default_rng(seed)
    X = 10.0 ** r.uniform(-9, -7) * r.normal(size=(15, 2))
    predictions = X @ np.array([0.2, -0.7])
    with pytest.raises(ValueError, match="a linear function of X"):
        pm.DataState(X, np.full(15, 1000.0), model=lambda Z: predictions, energy="mse")


def test_entropy_of_nearly_dependent_columns_is_as_good_as_documented():
    for seed in range(60):
        rng = np.random.default_rng([31, seed])
        X = rng.normal(size=(int(rng.integers(8, 30)), 2))
        X[:, 1] = X[:, 0] + 10.0 ** rng.uniform(-5.5, -1) * X[:, 1]
        chance = rng.random(len(X))
        y = (rng.random(len(X)) < chance) * 1.0
        state = pm.DataState(X, y, model=lambda _, p=chance: p, energy="ce")
        with mpmath.workdps(40):
            centred = mpmath.matrix(X.tolist())
            for j in range(2):
                mean = mpmath.fsum(centred[:, j]) / len(X)
                for i in range(len(X)):
                    centred[i, j] -= mean
            det = mpmath.det(centred.T * centred / len(X))
            share = det / (mpmath.norm(centred[:, 0]) * mpmath.norm(centred[:, 1]) / len(X)) ** 2
            exact = mpmath.log(2 * mpmath.pi * mpmath.e) + mpmath.log(det) / 2
            exact -= mpmath.fsum(p * mpmath.log(p) + (1 - p) * mpmath.log(1 - p) for p in chance) / len(X)
            assert abs(state.entropy - exact) <= 4e-15 / share + 1e-14
