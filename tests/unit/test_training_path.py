"""The path of training against integrations of the flow, iterated steps, and forty-digit arithmetic."""

import warnings

import mpmath as mp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pyrometer as pm

LAWS = {
    "normal": lambda n, r: pm.Normal(r.uniform(0.1, 3.0, n)),
    "uniform": lambda n, r: pm.Uniform(r.uniform(0.1, 3.0, n)),
    "mixed": lambda n, r: pm.Mixed(r.uniform(0.1, 3.0, 1), r.uniform(0.1, 3.0, n - 1)),
}


def case(seed):
    """Rows, penalty, intercept and law of a random system of at least two parameters."""
    r = np.random.default_rng(seed)
    p, m = int(r.integers(2, 5)), int(r.integers(5, 30))
    X = r.normal(size=(m, p)) * 10.0 ** r.uniform(-1, 1, p) + r.choice([0.0, 1.0, 30.0]) * r.normal(size=p)
    if seed % 5 == 0:
        X[:, -1] = X[:, 0] - 2.0 * X[:, 1] if p > 2 else X[:, 0]
    y = X @ r.normal(size=p) + r.normal(size=m)
    intercept = bool(seed % 2)
    penalty = [None, pm.L2(float(r.uniform(0.01, 2.0))), pm.L2(0.3, intercept=False)][seed % 3]
    law = list(LAWS.values())[seed % 3](p + intercept, r)
    return X, y, intercept, penalty, law, r


def variances(law):
    parts = [np.atleast_1d(law.scale) ** 2] if hasattr(law, "scale") else []
    parts += [np.atleast_1d(law.length) ** 2 / 12] if hasattr(law, "length") else []
    return np.concatenate(parts)


def exact(X, y, intercept, penalty, law, times, rate):
    """Energies and temperatures by powers and exponentials of matrices in forty digits, without eigenvectors."""
    mp.mp.dps = 60
    m = len(X)
    A = mp.matrix(np.c_[X, np.ones(m)].tolist() if intercept else X.tolist())
    b = mp.matrix(y.tolist())
    n = A.cols
    H, c = A.T * A / m, A.T * b / m
    if penalty is not None:
        for j in range(n - (intercept and not penalty.intercept)):
            H[j, j] += mp.mpf(penalty.lam)
    D = mp.diag([mp.mpf(float(v)) for v in variances(law)])
    constant = (b.T * b)[0] / m
    trace = sum(H[j, j] for j in range(n))

    def energy(M, v):
        """Mean energy of theta = M theta(0) + v."""
        P = M * D * M.T
        spread = sum(H[i, j] * P[j, i] for i in range(n) for j in range(n))
        return constant + spread + (v.T * H * v)[0] - 2 * (c.T * v)[0]

    def flow(t):
        # exp of the affine flow d(theta, 1)/dt = -2 (H, -c) (theta, 1)
        B = mp.zeros(n + 1)
        for i in range(n):
            for j in range(n):
                B[i, j] = -2 * H[i, j]
            B[i, n] = 2 * c[i]
        G = mp.expm(B * mp.mpf(t), method="taylor")
        return G[:n, :n], G[:n, n]

    def steps(k):
        M, v = mp.eye(n), mp.zeros(n, 1)
        for _ in range(int(k)):
            M, v = M - 2 * mp.mpf(rate) * H * M, v - 2 * mp.mpf(rate) * (H * v - c)
        return M, v

    energies, temperatures = [], []
    for t in times:
        M, v = flow(t) if rate is None else steps(t)
        energies.append(energy(M, v))
        if rate is None:
            P, w = M * D * M.T, H * v - c
            # dE/dt = -4 (tr H P H + |H v - c|^2), dS/dt = -2 tr H
            HPH = H * P * H
            temperatures.append(2 * (sum(HPH[j, j] for j in range(n)) + (w.T * w)[0]) / trace)
        else:
            after = energy(M - 2 * mp.mpf(rate) * H * M, v - 2 * mp.mpf(rate) * (H * v - c))
            change = mp.log(abs(mp.det(mp.eye(n) - 2 * mp.mpf(rate) * H)))
            temperatures.append((after - energies[-1]) / change)
    return energies, temperatures


@pytest.mark.parametrize("seed", range(40))
def test_energies_and_temperatures_are_exact(seed):
    X, y, intercept, penalty, law, _ = case(seed)
    system = pm.LinearRegression(X, y, intercept=intercept, penalty=penalty)
    H = np.c_[X, np.ones(len(X))] if intercept else X
    largest = np.linalg.eigvalsh(H.T @ H / len(X))[-1] + (penalty.lam if penalty else 0.0)
    for rate in (None, 0.4 / largest, 0.9 / largest):
        times = [0.0, 0.1 / largest, 1.0 / largest, 3.0] if rate is None else [0, 1, 7, 30]
        path = pm.training_path(system, law, times, learning_rate=rate)
        energies, temperatures = exact(X, y, intercept, penalty, law, times, rate)
        errors = np.array([float(abs(mp.mpf(float(a)) - b)) for a, b in zip(path.energy, energies, strict=True)])
        assert (errors <= path.error_bound).all(), (rate, errors, path.error_bound)
        assert (path.error_bound <= 1e-9 * path.energy).all()
        errors = [float(abs(mp.mpf(float(a)) - b)) for a, b in zip(path.temperature, temperatures, strict=True)]
        assert (errors <= path.temperature_error_bound).all(), (rate, errors, path.temperature_error_bound)
        assert path.temperature == pytest.approx(
            [float(T) for T in temperatures], rel=1e-8, abs=1e-12 * float(temperatures[0])
        )


def test_the_start_is_the_mean_energy_and_the_end_the_minimum():
    data = pm.datasets.diabetes(standardize=True)
    system, law = pm.LinearRegression(data.X, data.y, penalty=pm.L2(0.1)), pm.Normal([[1.0], [10.0]])
    path = pm.training_path(system, law, [0.0, 1e6], resolution=0.1)
    assert path.energy[:, 0] == pytest.approx(pm.mean_energy(system, law).value, rel=1e-13)
    assert path.energy[:, 1] == pytest.approx(path.minimum_energy, rel=1e-13)
    assert path.entropy[:, 0] == pytest.approx(pm.entropy(system, law, resolution=0.1), rel=1e-13)
    assert path.temperature[:, 1].tolist() == [0.0, 0.0]


def test_small_steps_are_the_flow():
    X, y, intercept, penalty, law, _ = case(4)
    system = pm.LinearRegression(X, y, intercept=intercept, penalty=penalty)
    flow = pm.training_path(system, law, [0.0, 0.05])
    steps = pm.training_path(system, law, [0, 500_000_000], learning_rate=1e-10)
    for name in ("energy", "entropy", "temperature"):
        assert getattr(steps, name) == pytest.approx(getattr(flow, name), rel=1e-4)


BATCHES = {
    "normal": lambda scales, b: pm.Normal(scales[b]),
    "uniform": lambda scales, b: pm.Uniform(scales[b]),
    "truncated": lambda scales, b: pm.TruncatedNormal(scales[b], bound=1.5),
    "mixed": lambda scales, b: pm.Mixed(scales[b][..., :1], scales[b][..., 1:]),
    "independent": lambda scales, b: pm.Independent(
        [pm.Uniform(scales[b][..., :1]), pm.TruncatedNormal(scales[b][..., 1:2]), pm.Normal(scales[b][..., 2:])]
    ),
}


@pytest.mark.parametrize("law", BATCHES)
@pytest.mark.parametrize("rate", [None, 0.02])
@pytest.mark.parametrize("penalty", [None, pm.L2(0.3)])
def test_stacks_and_batches_are_their_parts(law, rate, penalty):
    r = np.random.default_rng(0)
    X, y = r.normal(size=(2, 3, 20, 2)), r.normal(size=(2, 3, 20))
    w = r.uniform(0.5, 2.0, (2, 3, 20))
    w *= 20.0 / w.sum(axis=-1, keepdims=True)
    scales, times = r.uniform(0.5, 2.0, (2, 4, 3)), [0, 5, 1, 2]
    whole = pm.training_path(
        pm.LinearRegression(X, y, penalty=penalty, weights=w), BATCHES[law](scales, ...), times, learning_rate=rate
    )
    names = ("energy", "temperature", "entropy", "error_bound", "temperature_error_bound")
    assert {getattr(whole, name).shape for name in names} == {(2, 3, 2, 4, 4)}
    assert whole.minimum_energy.shape == whole.verdict.shape == (2, 3)
    for s in np.ndindex(2, 3):
        system = pm.LinearRegression(X[s], y[s], penalty=penalty, weights=w[s])
        for b in np.ndindex(2, 4):
            part = pm.training_path(system, BATCHES[law](scales, b), times, learning_rate=rate)
            assert part.minimum_energy == pytest.approx(whole.minimum_energy[s], rel=1e-14)
            for name in names[:3]:
                assert getattr(part, name) == pytest.approx(getattr(whole, name)[s + b], rel=2e-14)


def test_drawn_parameters_follow_the_path():
    """Integrations of the flow from draws, within 4.5 standard errors of their mean."""
    r = np.random.default_rng(7)
    X, y = r.normal([0.5, 0.0], size=(40, 2)), r.normal(size=40)
    system, law = pm.LinearRegression(X, y), pm.Uniform([2.0, 3.0, 4.0])
    draws, times = pm.sample_parameters(system, law, samples=400, rng=3), [0.05, 0.3, 1.0]
    path = pm.training_path(system, law, times)
    design = np.c_[X, np.ones(40)]

    def downhill(_, theta):
        return (2.0 / 40 * design.T @ (y[:, None] - design @ theta.reshape(3, -1))).ravel()

    end = solve_ivp(downhill, (0.0, 1.0), np.ascontiguousarray(draws.T).ravel(), t_eval=times, rtol=1e-9, atol=1e-9)
    for k in range(3):
        energies = np.mean((y[:, None] - design @ end.y[:, k].reshape(3, -1)) ** 2, axis=0)
        assert abs(energies.mean() - path.energy[k]) < 4.5 * energies.std(ddof=1) / 20


def test_a_step_onto_the_minimum_and_one_that_changes_no_entropy():
    system = pm.LinearRegression([[1.0], [-1.0]], [1.0, -1.0], intercept=False)  # H = 1
    path = pm.training_path(system, pm.Normal(2.0), [0, 1, 2], learning_rate=0.5)
    assert path.energy.tolist() == [5.0, 0.0, 0.0]
    assert path.entropy[1:].tolist() == [-np.inf, -np.inf]
    assert path.temperature.tolist() == [0.0, 0.0, 0.0]
    path = pm.training_path(system, pm.Normal(2.0), [0, 1], learning_rate=1.0)  # theta - 1 changes its sign
    assert path.energy.tolist() == [5.0, 5.0]
    assert path.verdict == "undefined"
    assert np.isnan(path.temperature).all()


def test_diverging_steps_are_exact_or_refused():
    system = pm.LinearRegression([[1.0], [-1.0]], [1.0, -1.0], intercept=False)
    path = pm.training_path(system, pm.Normal(2.0), [0, 1, 3], learning_rate=2.0)
    assert path.energy == pytest.approx([5.0, 45.0, 3645.0], rel=1e-14)
    assert path.temperature == pytest.approx(np.array([40.0, 360.0, 29160.0]) / np.log(3.0), rel=1e-13)
    with pytest.raises(ValueError, match="overflow"):
        pm.training_path(system, pm.Normal(2.0), [2000], learning_rate=2.0)


@pytest.mark.parametrize("k", [10, 1000, 100_000, 100_000_000])
@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8, -1e-8, -1e-7])
def test_steps_that_overshoot_are_bounded(k, distance):
    """Where a step nearly mirrors a mode, its rounding is multiplied by the number of steps."""
    mp.mp.dps = 40
    x, y = [1.0, -1.3, 0.7], [0.3, -0.2, 0.5]
    value = sum(mp.mpf(a) ** 2 for a in x) / 3
    rate = float((1 - mp.mpf(distance) / 2) / value)
    theta = sum(mp.mpf(a) * mp.mpf(b) for a, b in zip(x, y, strict=True)) / 3 / value
    least = sum(mp.mpf(b) ** 2 for b in y) / 3 - theta**2 * value
    truth = least + value * (1 - 2 * mp.mpf(rate) * value) ** (2 * k) * (1 + theta**2)
    system = pm.LinearRegression([[a] for a in x], y, intercept=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        path = pm.training_path(system, pm.Normal(1.0), [k], learning_rate=rate)
    assert abs(mp.mpf(float(path.energy[0])) - truth) <= path.error_bound[0] <= 1e-5 * path.energy[0]


@pytest.mark.parametrize("seed", range(60))
def test_temperatures_are_bounded_where_the_largest_mode_is_mirrored(seed):
    """At a step of 1 / lambda that mode keeps its energy: what it loses, and its entropy, are rounding errors."""
    r = np.random.default_rng(seed)
    X = r.normal(size=(4, 2)) + r.choice([0.0, 1e3, 1e5])
    X[:, 1] = X[:, 0] * r.choice([0.0, 1.0]) + 10.0 ** r.uniform(-3, 0) * X[:, 1]
    y = 10.0 ** r.uniform(-3, 3) * r.normal(size=4)
    H = X.T @ X / 4
    rate = float(r.choice([1.0, 0.999999]) / np.linalg.eigvalsh(H)[-1])
    law, times = pm.Normal(r.uniform(0.1, 3.0, 2)), [0, 1, 6]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        path = pm.training_path(pm.LinearRegression(X, y, intercept=False), law, times, learning_rate=rate)
    if path.verdict == "undefined":
        return
    energies, temperatures = exact(X, y, False, None, law, times, rate)
    for found, bound, truths in (
        (path.energy, path.error_bound, energies),
        (path.temperature, path.temperature_error_bound, temperatures),
    ):
        for a, error, truth in zip(found, bound, truths, strict=True):
            assert abs(mp.mpf(float(a)) - truth) <= error + 1e-15 * abs(truth)


def test_magnitudes_are_right_or_refused():
    x, y = np.array([[1.0], [-1.3], [0.7]]), [0.3, -0.2, 0.5]
    value = float(np.mean(x**2))
    for power in (-100, -60, 80, 140):
        system = pm.LinearRegression(x * 10.0**power, y, intercept=False)
        path = pm.training_path(system, pm.Normal(10.0**-power), [0.0])
        theta = np.mean(x[:, 0] * y) / value
        assert path.temperature == pytest.approx([2.0 * value * (1.0 + theta**2)], rel=1e-12)
    system = pm.LinearRegression(x, y, intercept=False)
    with pytest.raises(ValueError, match="overflow"):
        pm.training_path(system, pm.Normal(1.0), [0], learning_rate=1e160)
    with pytest.raises(ValueError, match="change of the entropy"):
        pm.training_path(system, pm.Normal(1.0), [1e308])


def test_magnitudes_that_modes_cannot_hold_are_refused():
    X = np.random.default_rng(1).normal(size=(6, 2))
    for power, scale in ((100, 1e-170), (70, 1e-165)):
        system = pm.LinearRegression(X * 10.0**power, np.zeros(6), intercept=False)
        with pytest.raises(ValueError):
            pm.training_path(system, pm.Normal(scale), [0.0])
    mixed = pm.LinearRegression(X * [1e-90, 1e90], np.zeros(6), intercept=False)
    with pytest.raises((ValueError, pm.PrecisionWarning)):
        pm.training_path(mixed, pm.Normal([1e100, 1e-100]), [0.0])
    with pytest.raises(ValueError, match="learning_rate must be above"):
        pm.training_path(pm.LinearRegression(X, X[:, 0]), pm.Normal(1.0), [0], learning_rate=5e-324)


@pytest.mark.parametrize("seed", range(20))
def test_entropies_that_cancel_are_undefined(seed):
    a = np.random.default_rng(seed).uniform(0.05, 0.9)  # steps a and 1 + 1 / (1 - a)
    X = np.diag(np.sqrt([2.0 * a, 2.0 * (1.0 + 1.0 / (1.0 - a))]))
    path = pm.training_path(
        pm.LinearRegression(X, [1.0, 1.0], intercept=False), pm.Normal(1.0), [0, 1], learning_rate=0.5
    )
    assert path.verdict == "undefined"
    with pytest.warns(pm.PrecisionWarning, match="Temperatures"):
        path = pm.training_path(
            pm.LinearRegression(X, [1.0, 1.0], intercept=False), pm.Normal(1.0), [0], learning_rate=0.5 * (1.0 + 1e-11)
        )
    assert path.verdict == "ok"


def test_a_step_to_a_point_within_rounding():
    system = pm.LinearRegression([[0.1], [-0.1]], [1.0, 1.0], intercept=False)  # H = 0.01
    path = pm.training_path(system, pm.Normal(1.0), [0, 1], learning_rate=50.0)
    assert path.entropy[1] == -np.inf
    assert path.temperature.tolist() == [0.0, 0.0]


def test_moments_suffice_and_lost_digits_are_bounded():
    r = np.random.default_rng(1)
    X, y = r.normal(size=(50, 2)), r.normal(size=50)
    rows, law = pm.LinearRegression(X, y), pm.Normal(1.0)
    moments = pm.LinearRegression.from_moments(pm.Moments.of(X, y))
    assert pm.training_path(moments, law, [0.3]).energy == pytest.approx(pm.training_path(rows, law, [0.3]).energy)
    spike = pm.Moments.of([[1e13, 0.0]], [0.0])
    left = pm.LinearRegression.from_moments((pm.Moments.of(X, y) + spike) - spike)
    with pytest.warns(pm.PrecisionWarning):
        path = pm.training_path(left, law, [0.3])
    assert abs(path.energy - pm.training_path(rows, law, [0.3]).energy) <= path.error_bound


@pytest.mark.parametrize("seed", range(60))
def test_bounds_hold_after_subtractions(seed):
    """Rows that were added and subtracted leave errors, which the bound has even where no digit is left."""
    r = np.random.default_rng(seed)
    p, m = int(r.integers(1, 3)), int(r.integers(4, 12))
    X, y = r.normal(size=(m, p)), r.normal(size=m)
    Z, z = 10.0 ** r.uniform(3, 11) * r.normal(size=(3, p)), 10.0 ** r.uniform(0, 11) * r.normal(size=3)
    moments = pm.Moments.of(np.r_[X, Z], np.r_[y, z]) - pm.Moments.of(Z, z)
    law, times = pm.Normal(r.uniform(0.5, 2.0, p + 1)), [0.0, 0.3, 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        path = pm.training_path(pm.LinearRegression.from_moments(moments), law, times)
    energies, _ = exact(X, y, True, None, law, times, None)
    errors = [float(abs(mp.mpf(float(a)) - b)) for a, b in zip(path.energy, energies, strict=True)]
    assert (errors <= path.error_bound).all()


@pytest.mark.parametrize("seed", range(30))
def test_large_means_are_bounded(seed):
    r = np.random.default_rng(seed)
    X = r.normal(size=(12, 3)) * 10.0 ** r.uniform(-1, 2, 3) + 10.0 ** r.uniform(2, 6)
    y, law = 1e3 * r.normal(size=12), pm.Normal(1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        path = pm.training_path(pm.LinearRegression(X, y), law, [0.0])
    energies, _ = exact(X, y, True, None, pm.Normal(np.ones(4)), [0.0], None)
    assert float(abs(mp.mpf(float(path.energy[0])) - energies[0])) <= path.error_bound[0] <= 1e-3 * path.energy[0]


X1, Y1 = [[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]
BAD = {
    "network": (lambda: pm.Network(X1, Y1, hidden=(2,)), {}, TypeError, "LinearRegression"),
    "absolute": (lambda: pm.LinearRegression(X1, Y1, energy="mae"), {}, ValueError, "squared error"),
    "logistic": (lambda: pm.LogisticRegression(X1, [0, 1, 0]), {}, ValueError, "squared error"),
    "lasso": (lambda: pm.LinearRegression(X1, Y1, penalty=pm.L1(1.0)), {}, ValueError, "squared error"),
    "nothing": (lambda: pm.LinearRegression([[0.0]] * 3, Y1, intercept=False), {}, ValueError, "depend on"),
    "negative": (None, {"times": [-1.0]}, ValueError, "finite and >= 0"),
    "nan": (None, {"times": [np.nan]}, ValueError, "finite and >= 0"),
    "scalar": (None, {"times": 1.0}, ValueError, "one-dimensional"),
    "strings": (None, {"times": ["a"]}, TypeError, "times"),
    "half a step": (None, {"times": [0.5], "learning_rate": 0.1}, ValueError, "whole numbers of steps"),
    "no rate": (None, {"learning_rate": 0.0}, ValueError, "learning_rate"),
    "inf": (None, {"learning_rate": np.inf}, ValueError, "learning_rate"),
    "resolution": (None, {"resolution": 0.0}, ValueError, "resolution"),
    "law": (None, {"law": pm.HeNormal()}, TypeError, "law must be"),
    "scales": (None, {"law": pm.Normal(np.ones((4, 3)))}, ValueError, "scale"),
    "scales of a stack": (
        lambda: pm.LinearRegression(np.ones((5, 3, 1)), np.ones((5, 3))),
        {"law": pm.Normal(np.ones((5, 3)))},
        ValueError,
        "scale",
    ),
    "times of laws": (None, {"times": [[0.0], [1.0]]}, ValueError, "one-dimensional"),
    "ragged": (None, {"times": [[0.0], [1.0, 2.0]]}, (ValueError, TypeError), "times"),
    "complex": (None, {"times": [1j]}, TypeError, "times"),
    "rates": (None, {"learning_rate": [0.1, 0.2]}, (ValueError, TypeError), "learning_rate"),
    "no law": (None, {"law": 1.0}, TypeError, "law must be"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    system, given, error, message = BAD[name]
    arguments = {"law": pm.Normal(1.0), "times": [1.0]} | given
    with pytest.raises(error, match=message):
        pm.training_path(system() if system else pm.LinearRegression(X1, Y1), **arguments)
