"""Whether a cross entropy attains its infimum, of whole numbers of very different sizes, by exact elimination."""

import numpy as np
import pytest

import pyrometer as pm

pytestmark = pytest.mark.filterwarnings("ignore::pyrometer.PrecisionWarning", "ignore::pyrometer.SeparationWarning")


def differences(X, y, classes, intercept):
    """Rows whose product with the parameters of all classes but the last is positive where the own logit is larger."""
    rows = [[int(x) for x in row] + [1] * intercept for row in X]
    zeros = [0] * len(rows[0])
    out = []
    for row, own in zip(rows, y, strict=True):
        for c in set(range(classes)) - {own}:
            of = {own: row, c: [-x for x in row]}
            out.append([x for k in range(classes - 1) for x in of.get(k, zeros)])
    return np.array(out, dtype=object)


def separated(V):
    """Whether V d >= 0, not 0, for some d: the simplex method in whole numbers for V' u = -V' 1, u >= 0."""
    m, n = V.shape
    V = V * np.where(V.sum(axis=0) > 0, -1, 1)
    A = np.zeros((n + 1, m + n + 1), dtype=object)
    A[:n, :m], A[:n, m:-1], A[:n, -1] = V.T, np.eye(n, dtype=int).astype(object), -V.sum(axis=0)
    A[n] = -A[:n].sum(axis=0)
    A[n, m:-1] = 0
    basis, before = list(range(m, m + n)), 1
    while A[n, -1] != 0:
        column = next((k for k in range(m) if A[n, k] < 0), None)
        if column is None:  # the dual solution is a direction
            margins = V @ -(before - A[n, m:-1])
            assert all(margins >= 0)
            assert any(margins > 0)
            return True
        rows = [r for r in range(n) if A[r, column] > 0]
        least = rows[0]
        for r in rows[1:]:
            change = A[r, -1] * A[least, column] - A[least, -1] * A[r, column]
            if change < 0 or (change == 0 and basis[r] < basis[least]):
                least = r
        pivot, row = A[least, column], A[least].copy()
        A = (A * pivot - A[:, [column]] * row) // before
        A[least], basis[least], before = row, column, pivot
    return False


def check(X, y, classes, intercept=True):
    """The flag is right where a digit is certain; returns the number of these."""
    minimum = pm.minimum_energy(pm.SoftmaxRegression(X, y, intercept=intercept))
    if minimum.digits > 0:
        assert minimum.attained != separated(differences(X, y, classes, intercept))
    return minimum.digits


def make(seed):
    """Columns that differ by a constant and small numbers, and a few fill values."""
    rng = np.random.default_rng([24, seed])
    classes, p, m = int(rng.integers(2, 4)), int(rng.integers(2, 4)), int(rng.integers(8, 20))
    tails = [rng.standard_cauchy, rng.standard_normal][int(rng.integers(2))]
    X = tails((m, p)) * 10.0 ** rng.uniform(0, 4, p)
    X[:, 0] = X[:, -1] - 10.0 ** int(rng.integers(6, 13)) - rng.standard_normal(m) * 10.0 ** rng.uniform(0, 3)
    if rng.random() < 0.7:
        X[rng.integers(0, m, 2), int(rng.integers(p))] = rng.choice([1e9, 1e12, 1e15, -1e15])
    X = np.rint(X)
    away = np.c_[X[:, 1:], X[:, 0] - X[:, -1]]
    away -= np.median(away, axis=0)
    away /= np.maximum(np.median(abs(away), axis=0), 1.0)
    logits = np.clip(away, -1e3, 1e3) @ rng.standard_normal((p, classes))
    logits += rng.standard_normal(logits.shape) * 10.0 ** rng.uniform(-1, 1)
    y = np.unique(logits.argmax(axis=1), return_inverse=True)[1]
    return X, y, int(y.max()) + 1


@pytest.mark.parametrize("part", range(4))
def test_attained_is_decided_exactly(part):
    digits = [check(*case) for case in map(make, range(40 * part, 40 * part + 40)) if case[2] > 1]
    assert np.mean(np.array(digits) > 8.0) > 0.8


FILLED = [
    [14644, 4, -9985358, 0], [8222, -376, -9991783, 2], [47841, 10**15, -9952125, 2], [2713166, -317, -7286830, 2],
    [10494, 292, -9989523, 1], [18045, -205, -9981982, 2], [-4738, 395, -10004745, 0], [-48036, 288, -10048041, 2],
    [-1591, 148, -10001626, 1], [-2845, 283, -10002849, 0], [64217, -110, -9935752, 2], [12208, 58, -9987804, 2],
    [-19627, 10**15, -10019596, 0], [-23525, -340, -10023520, 0], [987, -205, -9999010, 1],
]  # fmt: skip
OWN = [1, 1, 1, 1, 2, 2, 1, 0, 2, 0, 1, 1, 2, 1, 1]
TAILS = [
    [-20396030993, -10396031007, 10**12], [-9999999108, 905, 10**12], [-9999994222, 5766, -7],
    [-10000153244, -153240, -1], [-10000000475, -463, 10**12], [-9999398894, 601112, 1], [-9999996457, 3538, -1],
    [-5598893848, 4401106154, 0], [-9999999703, 294, -2], [-9984177335, 15822659, 1], [-10028656771, -28656768, -1],
]  # fmt: skip
OF_TAILS = [0, 2, 2, 2, 1, 1, 2, 1, 0, 1, 0]
POWERS = [
    [2**62, 2, 2, -3 * 2**61], [-1, -(2**61), -(2**61), 0], [2**62, 3 * 2**61, 2, -(2**62)],
    [-(2**62), 3, 2**62, -(2**62)], [3, 2, 0, 2**61], [0, 3, 2**62, -3 * 2**61], [-(2**61), 2**61, -(2**61), -1],
    [-(2**62), 0, -1, -2], [3 * 2**61, -(2**62), -(2**62), 2**62], [0, 2, 0, 2**62], [-1, 2, 3 * 2**61, -3],
    [0, -3, 2**62, 0],
]  # fmt: skip
OF_POWERS = [2, 1, 2, 2, 2, 1, 0, 2, 1, 1, 0, 2]


@pytest.mark.parametrize(
    ("X", "y", "value"),
    [(FILLED, OWN, 0.168298682250), (TAILS, OF_TAILS, 0.203832977), (POWERS, OF_POWERS, 0.32384934908510)],
)
def test_rows_that_a_tiny_margin_separates_have_no_minimum(X, y, value):
    minimum = pm.minimum_energy(pm.SoftmaxRegression(np.array(X, dtype=float), y))
    assert separated(differences(X, y, 3, True))
    assert not minimum.attained
    assert minimum.value == pytest.approx(value, abs=minimum.gap + 1e-9)
    assert minimum.digits > 9.0


SMALL_WEIGHTS = [
    (
        [
            [1, -(2**61), 2**61, 2], [1, -1, 1, 2**62], [1, 1, -(2**61), 1], [-1, -1, -2, 0], [1, 1, 2, 2],
            [-(2**61), 2, -2, -2], [1, 1, 2**61, 2], [2, 2, 2, 1],
        ],
        [0, 0, 1, 0, 1, 1, 0, 0],
    ),
    (
        [
            [-(2**55), 2, 2, 2], [1, 1, 1, -1], [-1, 2**54, 0, 2], [-1, -1, -2, 2], [2, 2, -2, 1],
            [1, 2**54, -1, 0], [1, -1, -1, 0], [-2, -2, 2**54, 0],
        ],
        [0, 0, 1, 0, 0, 0, 0, 1],
    ),
    (
        [
            [1, -1, 0, -1], [-1, 0, -1, 1], [0, -1, -1, -(2**53)], [0, -(2**53), 0, 0],
            [-1, -1, -(2**53), -(2**53)], [0, 0, 0, -1], [0, 2**53, 0, -1], [2**53, 0, -1, 0],
            [-(2**53), 2**53, 1, -1], [0, 1, 1, 2**53],
        ],
        [1, 1, 0, 0, 1, 1, 1, 1, 0, 0],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("X", "y"), SMALL_WEIGHTS)
def test_rows_whose_weight_is_a_rounding_error_are_not_taken_to_overlap(X, y):
    assert separated(differences(X, y, 2, False))
    check(np.array(X, dtype=float), y, 2, intercept=False)


SMALL_DIMENSION = [
    [-2, -70368744177662, -70368744177665, -70368744177664], [2, 70368744177663, 70368744177662, -1],
    [-3, -105553116266495, -3.713820117856035e27, -2], [2, 2.475880078570866e27, 70368744177668, -70368744177664],
    [-3, -105553116266493, -3.7138201178561056e27, 0], [-3, -105553116266499, -105553116266497, 2],
    [-3, -105553116266497, -105553116266498, 1], [-3, -105553116266499, -105553116266500, -1],
    [-3, -105553116266493, -3.7138201178561056e27, 0], [2, 2.475880078570866e27, 70368744177668, -70368744177664],
    [-2, -70368744177662, -70368744177665, -70368744177664],
]  # fmt: skip


def test_a_dimension_near_rounding_is_counted():
    X, y = np.array(SMALL_DIMENSION), [1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert not separated(differences(X, y, 2, False))
    assert pm.minimum_energy(pm.LogisticRegression(X, y, intercept=False)).attained


# Rows that differ from others in the span by so little that rounding errors of the basis are all that is left of them.
A, B, C = 2**22, 2**44, 2**45
REMAINDERS = [
    (
        [
            [1, 0, 0, 0, A, 0], [-2, 0, -1, 2, 0, 0], [-B, 0, -2 * A, B, 0, 0], [2, 2, 0, -2, 0, 0],
            [1, -2, 1, 1, -1, -2], [-2, 1, 1, 1, 0, A], [0, -1, -1, 0, 1, -1], [-B, 1, 2, -1, 0, 2],
            [0, -1, 1, -2, -2, 2], [2, -2, -2, -2, -2, -C], [2, 1, 2, 0, -2, 1], [-B, -2, -C, B, 0, A],
            [2, -A, 2 * A, C, -1, C], [-1, 0, 1, A, -2, 2], [-C, 0, 1, 2, 1, 2], [1, -2, 0, -2, -1, 2],
            [0, 0, 1, 0, -2, -C], [0, 0, 1, 0, -2, -C], [-1, 0, 1, A, -2, 2], [-B, 1, 2, -1, 0, 2],
        ],
        [1, 0, 2, 2, 0, 2, 1, 0, 2, 1, 2, 0, 2, 2, 1, 2, 1, 2, 0, 1],
        False,
    ),
    (
        [
            [0, 0, -2, 0, -1], [1, C + 1, 1237940039285485828015390720, 2, 3], [-3, -3 * C - 1, 1 - 3 * C, 3, -3],
            [0, 3, 1, -C, -1], [-1, -C - 3, -C - 5, -2, 1], [1, C - 1, C - 3, 3, -3],
            [-C, -C - 1, -1237940039285309906154946560, -2, 1], [1, C - 2, C - 3, -3, 3 * C], [1, C + 2, C, -2, -3],
            [1, 1237940039285415459271213056, C + 3, -1, -3], [-3, -3 * C, 1 - 3 * C, -3, 2], [0, -3, -4, -1, 0],
            [-3, 2 - 3 * C, -3713820117856070455953195008, 0, 0], [0, -2, -1, -3, -3],
            [1, 1237940039285415459271213056, C + 3, -1, -3], [-1, -C - 3, -C - 5, -2, 1], [0, -3, -4, -1, 0],
        ],
        [0, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1],
        True,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("X", "y", "intercept"), REMAINDERS)
def test_remainders_that_are_rounding_errors_do_not_overlap(X, y, intercept):
    classes = max(y) + 1
    assert separated(differences(X, y, classes, intercept))
    assert check(np.array(X, dtype=float), y, classes, intercept) > 11.0


def test_attained_is_decided_exactly_of_a_few_large_powers_of_two():
    digits = []
    for seed in range(400):
        rng = np.random.default_rng([61, seed])
        p = int(rng.integers(3, 6))
        m = int(rng.integers(p + 3, 2 * p + 4))
        large = rng.random((m, p)) < rng.uniform(0.1, 0.4)
        X = rng.integers(-2, 3, (m, p)) * 2.0 ** (large * rng.integers(40, 71))
        y = np.unique(rng.integers(0, 2, m), return_inverse=True)[1]
        if y.any():
            digits.append(check(X, y, 2, intercept=False))
    assert np.mean(np.array(digits) > 8.0) > 0.6
