"""Whole numbers that are out of range: the message states the limit that they are beyond."""

import numpy as np
import pytest

import pyrometer as pm

SYSTEM, LAW = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]), pm.Normal(1.0)
NETWORK = pm.Network([[1.0]], hidden=(2,), outputs=1)
ROWS = np.random.default_rng(0).normal(size=(40, 2)), np.zeros(40)
MOST = "at most 4611686018427387903"


def drawn(**options):
    return pm.mean_energy(SYSTEM, LAW, method="monte-carlo", **{"rng": 0, **options})


def shifted(**options):
    return pm.shift(ROWS, ROWS, model=lambda X: X[:, 0], energy="mse", **options)


@pytest.mark.parametrize("value", [2**62, 2**64, 10**5000, np.uint64(2**63)], ids=["2^62", "2^64", "10^5000", "uint64"])
@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda n: drawn(samples=n), f"samples must be {MOST}"),
        (lambda n: pm.sample_energies(SYSTEM, LAW, samples=n), f"samples must be {MOST}"),
        (lambda n: pm.sample_parameters(SYSTEM, LAW, samples=n), f"samples must be {MOST}"),
        (lambda n: pm.sweep(SYSTEM, LAW, samples=n), f"samples must be {MOST}"),
        (lambda n: pm.tables.systems(samples=n), f"samples must be {MOST}"),
        (lambda n: drawn(threads=n), "threads must be at most 4096"),
        (lambda n: pm.Network([[1.0]], hidden=(3, n), outputs=1), rf"hidden\[1\] must be {MOST}"),
        (lambda n: pm.Network([[1.0]], hidden=(3,), outputs=n), f"outputs must be {MOST}"),
        (lambda n: shifted(resamples=n), f"resamples must be {MOST}"),
        (lambda n: shifted(block=n), f"block must be {MOST}"),
        (lambda n: pm.collapse(LAW, n, resolution=0.1), f"collapsed must be {MOST}"),
        (lambda n: pm.collapse(LAW, 1, resolution=0.1, parameters=n), f"parameters must be {MOST}"),
    ],
)
def test_too_many(compute, message, value):
    with pytest.raises(ValueError, match=message + ", got "):
        compute(value)


def test_too_few():
    for value in (1, 0, -1, -(10**5000)):
        with pytest.raises(ValueError, match="samples must be at least 2, got"):
            drawn(samples=value)
    with pytest.raises(ValueError, match="rng must be a seed >= 0, got minus a number of 16610 bits"):
        drawn(samples=2, rng=-(10**5000))


def test_any_seed():
    one, two = (pm.sample_energies(SYSTEM, LAW, samples=3, rng=10**5000) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def test_more_parameters_than_a_double_counts():
    with pytest.raises(ValueError, match="at most 9007199254740992 parameters, got 1e.18; use narrower layers"):
        pm.Network([[1.0]], hidden=(10**9, 10**9), outputs=1)
    wide = pm.Network([[1.0]], hidden=(10**7, 10**7), outputs=1)
    assert pm.mean_energy(wide, pm.LecunNormal()).value > 0.0


def test_collapse_of_many_parameters_of_one_scale():
    found = pm.collapse(pm.Normal(5.0), 10**15, resolution=1e-3, parameters=4 * 10**15)
    assert found.entropy_after == pytest.approx(0.75 * found.entropy_before, rel=1e-15)
    assert found.collapse == pytest.approx(1e15 * np.log(1e-3), rel=1e-15)


def test_real_numbers_that_no_double_holds():
    with pytest.raises(ValueError, match="resolution must be finite and > 0, got inf"):
        pm.entropy(SYSTEM, LAW, resolution=10**400)
    with pytest.raises(ValueError, match="scale must be finite and > 0, got inf"):
        pm.Normal(np.array([1.0, "1e4000"], dtype=np.longdouble))
    with pytest.raises(ValueError, match="method must be one of"):
        pm.mean_energy(SYSTEM, LAW, method=np.array(["exact", "auto"]))
