"""Mean energies row by row: the core's functions against draws, limits, each other, and bad input."""

import numpy as np
import pytest
from scipy.special import erf

from pyrometer import _core

LOSSES = ("norm", "absolute", "cross-entropy")


def data(m, p, *, systems=1, seed=0, dtype=float):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((systems, m, p)).astype(dtype), rng.standard_normal((systems, m)).astype(dtype)


def both(X, y, loss, scale, normals, *, intercept=False, threads=1):
    return _core.uniform_rows(X, y, intercept, loss, scale, normals, True, threads)[:3]


def loss_of_draws(loss, y, predictions):
    if loss == "cross-entropy":
        return np.logaddexp(0, predictions)
    return np.abs(predictions - (y[:, None] if loss == "absolute" else 0.0))


@pytest.mark.parametrize("features", [1, 2, 7, 8, 9, 20, 33])
@pytest.mark.parametrize("laws", [1, 6])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("intercept", [False, True])
def test_normal_rows_are_the_closed_forms(features, laws, dtype, intercept):
    X, y = data(203, features, systems=2, dtype=dtype)
    scale = np.exp(0.5 * np.random.default_rng(1).standard_normal((laws, features + intercept)))
    wide = np.concatenate([X, np.ones((2, 203, 1))], axis=2) if intercept else X
    s = np.sqrt(np.einsum("sij,bj->sbi", wide.astype(float) ** 2, scale**2))
    t = np.abs(y.astype(float))[:, None]
    folded = s * np.sqrt(2 / np.pi) * np.exp(-((t / s) ** 2) / 2) + t * erf(t / s / np.sqrt(2))
    values, _ = _core.expectation("cross-entropy", np.zeros(s.size), np.ascontiguousarray(s.ravel()))
    expected = {"norm": s, "absolute": folded, "cross-entropy": values.reshape(s.shape)}
    for loss in LOSSES:
        mean, slope = _core.normal_rows(X, y, intercept, loss, scale, True, 2)
        np.testing.assert_allclose(mean, expected[loss].mean(axis=2), rtol=2e-14)
        again, nothing = _core.normal_rows(X, y, intercept, loss, scale, False, 1)
        np.testing.assert_array_equal(again, mean)
        assert nothing is None
        step = 1e-4
        up = _core.normal_rows(X, y, intercept, loss, scale * np.exp(step), False, 1)[0]
        down = _core.normal_rows(X, y, intercept, loss, scale * np.exp(-step), False, 1)[0]
        np.testing.assert_allclose(slope, (up - down) / (2 * step), rtol=1e-6)


def test_no_laws_no_systems_and_no_features_are_no_mistakes():
    X, y = data(5, 3, systems=2)
    assert _core.normal_rows(X, y, False, "absolute", np.ones((0, 3)), True, 2)[0].shape == (2, 0)
    assert _core.normal_rows(X[:0], y[:0], False, "absolute", np.ones((2, 3)), True, 2)[0].shape == (0, 2)
    alone = _core.normal_rows(np.ones((2, 5, 0)), y, True, "norm", np.full((1, 1), 2.0), True, 1)
    np.testing.assert_array_equal(alone, np.full((2, 2, 1), 2.0))


def test_what_is_large_beside_a_row_does_not_touch_it():
    """Rows are read eight numbers at a time, beyond their last feature."""
    X, y = np.ones((1, 90, 3)), np.zeros((1, 90))
    calm = _core.normal_rows(X[:, :80].copy(), y[:, :80].copy(), False, "norm", np.ones((1, 3)), False, 1)[0]
    X[:, 80:] = 1e200
    for laws in (1, 2):
        mean = _core.normal_rows(X, y, False, "norm", np.ones((laws, 3)), False, 1)[0]
        np.testing.assert_allclose(mean, 10 / 90 * 3**0.5 * 1e200, rtol=1e-15)
        stack = np.concatenate([X[:, :80], X[:, 10:]])
        np.testing.assert_array_equal(
            _core.normal_rows(stack, y[:, 10:].repeat(2, axis=0), False, "norm", np.ones((laws, 3)), False, 1)[0][0],
            calm[0, 0],
        )


def test_normal_rows_of_any_size():
    sizes = 10.0 ** np.arange(-160, 161, 16.0)
    X = np.stack([sizes, np.zeros_like(sizes), sizes[::-1]], axis=1)[None, :, :]
    for row in range(sizes.size):
        one = np.ascontiguousarray(X[:, row : row + 1])
        mean, _ = _core.normal_rows(one, np.zeros((1, 1)), False, "norm", np.full((1, 3), 2.0), False, 1)
        np.testing.assert_allclose(mean[0, 0], 2 * np.hypot(one[0, 0, 0], one[0, 0, 2]), rtol=1e-15)
    zero, y = np.zeros((1, 4, 3)), np.array([[1.0, -2.0, 0.0, 3.0]])
    assert _core.normal_rows(zero, y, False, "absolute", np.ones((1, 3)), True, 1)[0][0, 0] == 1.5
    assert _core.uniform_rows(zero, y, False, "absolute", np.ones((1, 3)), 0, True, 1)[0][0, 0] == 1.5
    for normals in (0, 2, 3):
        value = both(zero, y, "cross-entropy", np.ones((1, 3)), normals)[0][0, 0]
        np.testing.assert_allclose(value, np.log(2), rtol=1e-14)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("features", "normals"), [(5, 0), (5, 2), (30, 0), (30, 29), (300, 100)])
def test_draws_agree_in_their_standard_errors(loss, features, normals):
    X, y = data(3, features, seed=features)
    y *= np.sqrt(features)
    rng = np.random.default_rng(7)
    scale = rng.random((1, features)) * 3
    draws = np.where(
        np.arange(features)[:, None] < normals,
        rng.standard_normal((features, 40_000)),
        rng.random((features, 40_000)) - 0.5,
    )
    sampled = loss_of_draws(loss, y[0], X[0] @ (scale.T * draws))
    for row in range(3):
        mean, bound, _ = both(X[:, row : row + 1].copy(), y[:, row : row + 1].copy(), loss, scale, normals)
        error = sampled[row].std(ddof=1) / np.sqrt(sampled.shape[1])
        assert abs(mean[0, 0] - sampled[row].mean()) < 4.5 * error
        assert 0 < bound[0, 0] < 1e-11 * mean[0, 0]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("features", [1, 6, 24])
def test_all_normal_is_the_normal_law(loss, features):
    X, y = data(150, features)
    y *= 3
    scale = np.exp(np.random.default_rng(3).standard_normal((4, features)))
    mean, bound, slope = both(X, y, loss, scale, features)
    expected, derivative = _core.normal_rows(X, y, False, loss, scale, True, 1)
    if loss == "norm":
        expected, derivative = expected * np.sqrt(2 / np.pi), derivative * np.sqrt(2 / np.pi)
    assert np.all(np.abs(mean - expected) <= bound + 1e-15 * expected)
    np.testing.assert_allclose(slope, derivative, rtol=1e-9)


@pytest.mark.parametrize(("features", "normals"), [(1, 0), (2, 1), (3, 0), (4, 0), (7, 3), (40, 0), (40, 20)])
@pytest.mark.parametrize("loss", LOSSES)
def test_slope_is_the_derivative_along_the_common_scale(loss, features, normals):
    X, y = data(60, features, seed=4)
    scale = 4 * np.exp(np.random.default_rng(3).standard_normal((1, features)))
    slope = both(X, y, loss, scale, normals)[2]
    step = 1e-3
    f = [both(X, y, loss, scale * np.exp(k * step), normals)[0] for k in (-2, -1, 1, 2)]
    difference = (f[0] - 8 * f[1] + 8 * f[2] - f[3]) / (12 * step)
    # A row whose target lies on the edge of its support has a bounded, not a smooth, third derivative.
    np.testing.assert_allclose(slope, difference, rtol=1e-5 if features < 3 else 1e-7)


def test_limits():
    """For large lengths the absolute energy goes to the norm, and cross entropy to half of it: T_CE = T_MAE / 2."""
    X, y = data(100, 6)
    for normals in (0, 3, 6):
        scale = np.full((1, 6), 1e9)
        norm = both(X, y, "norm", scale, normals)[0]
        absolute, entropy = both(X, y, "absolute", scale, normals)[0], both(X, y, "cross-entropy", scale, normals)[0]
        np.testing.assert_allclose(absolute, norm, rtol=1e-12)
        np.testing.assert_allclose(entropy, norm / 2, rtol=1e-12)
        np.testing.assert_allclose(both(X, y, "norm", scale * 1e-21, normals)[0], norm * 1e-21, rtol=1e-12)
    far = 1e6 + np.abs(y)
    assert both(X, far, "absolute", np.full((1, 6), 2.0), 0)[0][0, 0] == pytest.approx(far.mean(), rel=1e-15)


def test_componentwise_means():
    for dtype, features in ((float, 1), (float, 7), (np.float32, 70)):
        X, _ = data(5003, features, systems=2, dtype=dtype)
        expected = np.abs(X.astype(float)).mean(axis=1)
        np.testing.assert_allclose(_core.mean_abs(X, 1), expected, rtol=1e-13)
        np.testing.assert_array_equal(_core.mean_abs(X, 1), _core.mean_abs(X, 2))


@pytest.mark.parametrize("loss", LOSSES)
def test_same_bits_for_any_number_of_threads(loss):
    X, y = data(20_001, 5, systems=2)
    scale = np.linspace(0.5, 4, 15).reshape(3, 5)
    first = both(X, y, loss, scale, 2, threads=1)
    normal = _core.normal_rows(X, y, False, loss, scale, True, 1)
    for threads in (2, 3, 7):
        for a, b in zip(first, both(X, y, loss, scale, 2, threads=threads), strict=True):
            np.testing.assert_array_equal(a, b)
        for a, b in zip(normal, _core.normal_rows(X, y, False, loss, scale, True, threads), strict=True):
            np.testing.assert_array_equal(a, b)


def test_systems_laws_float32_and_intercept_are_what_they_look_like():
    X, y = data(37, 4, systems=3, dtype=np.float32)
    scale = np.exp(np.random.default_rng(5).standard_normal((2, 5)))
    for loss in LOSSES:
        mean, _, slope = both(X, y, loss, scale, 2, intercept=True)
        wide = np.concatenate([X, np.ones((3, 37, 1), np.float32)], axis=2).astype(float)
        for k in range(3):
            for b in range(2):
                one = both(wide[k : k + 1].copy(), y[k : k + 1].astype(float), loss, scale[b : b + 1].copy(), 2)
                np.testing.assert_allclose(mean[k, b], one[0][0, 0], rtol=1e-15)
                np.testing.assert_allclose(slope[k, b], one[2][0, 0], rtol=1e-14)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_bad_cells_are_named(bad, dtype):
    X, y = data(100, 11, dtype=dtype)
    X[0, 77, 10] = bad
    cell = r"X must be finite, got .* at row 77, column 10"
    for laws in (1, 5):
        for loss in LOSSES:
            with pytest.raises(ValueError, match=cell):
                _core.normal_rows(X, y, False, loss, np.ones((laws, 11)), False, 2)
            with pytest.raises(ValueError, match=cell):
                both(X, y, loss, np.ones((laws, 11)), 4)
    with pytest.raises(ValueError, match=cell):
        _core.mean_abs(X, 1)
    X[0, 77, 10] = 0
    y[0, 42] = bad
    for call in (
        lambda: _core.normal_rows(X, y, False, "absolute", np.ones((1, 11)), False, 2),
        lambda: both(X, y, "absolute", np.ones((1, 11)), 4),
    ):
        with pytest.raises(ValueError, match=r"y must be finite, got .* at row 42"):
            call()


@pytest.mark.parametrize("features", [1, 2, 8, 11])
def test_small_systems_of_a_stack_are_each_alone(features):
    """Several share a block of 64 rows; one of them has squares below the range, another is nothing but zeros."""
    rng = np.random.default_rng(features)
    for rows in (1, 3, 10, 21, 32, 33, 64, 65):
        X, y = rng.normal(size=(23, rows, features)), rng.normal(size=(23, rows))
        X[4], X[9] = X[4] * 1e-170, 0.0
        scale, weights = rng.uniform(0.5, 2.0, size=(2, features + 1)), rng.uniform(0.5, 2.0, size=y.shape)
        scale[1, -1] = 0.0
        for loss in LOSSES:
            for laws, w in ((1, None), (2, None), (2, weights)):
                stack = _core.normal_rows(X, y, True, loss, scale[-laws:], True, 2, w)
                for s in range(23):
                    of_one = None if w is None else w[s : s + 1]
                    alone = _core.normal_rows(X[s : s + 1], y[s : s + 1], True, loss, scale[-laws:], True, 1, of_one)
                    for together, each in zip(stack, alone, strict=True):
                        assert np.array_equal(together[s], each[0])
        y[17, rows - 1] = np.nan
        with pytest.raises(ValueError, match=f"y must be finite, got nan at row {rows - 1}"):
            _core.normal_rows(X, y, True, "absolute", scale, False, 1)
        X[20, rows // 2, features - 1] = np.inf
        with pytest.raises(ValueError, match=f"X must be finite, got inf at row {rows // 2}, column {features - 1}"):
            _core.normal_rows(X, y, True, "norm", scale, False, 1)


def test_overflow_is_refused_and_large_but_finite_is_not():
    X, y = np.full((1, 9, 3), 1e200), np.zeros((1, 9))
    for normals in (0, 3):
        mean = both(X, y, "norm", np.full((1, 3), 1e50), normals)[0][0, 0]
        reference = both(X * 1e-200, y, "norm", np.ones((1, 3)), normals)[0][0, 0]
        assert mean == pytest.approx(reference * 1e250, rel=1e-13)
        with pytest.raises(ValueError, match=r"overflow at row 0; use a smaller scale"):
            both(X, y, "norm", np.full((1, 3), 1e200), normals)
    assert _core.normal_rows(X, y, False, "norm", np.ones((1, 3)), False, 1)[0][0, 0] == pytest.approx(1e200 * 3**0.5)
    with pytest.raises(ValueError, match=r"overflow at row 0; use a smaller scale"):
        _core.normal_rows(X, y, False, "absolute", np.full((1, 3), 1e300), False, 1)
    with pytest.raises(ValueError, match="mean of .X. must be below"):
        _core.mean_abs(np.full((1, 9, 3), 1e308), 1)


def test_wrong_arguments_are_refused():
    X, y = data(5, 3)
    with pytest.raises(ValueError, match="loss must be 'norm', 'absolute', 'cross-entropy' or 'softmax', got 'mse'"):
        _core.normal_rows(X, y, False, "mse", np.ones((1, 3)), False, 1)
    with pytest.raises(ValueError, match="loss must be 'norm', 'absolute' or 'cross-entropy', got 'softmax'"):
        _core.uniform_rows(X, y, False, "softmax", np.ones((1, 3)), 0, False, 1)
    with pytest.raises(ValueError, match="scale must have 4 columns, got 3"):
        _core.normal_rows(X, y, True, "norm", np.ones((1, 3)), False, 1)
    with pytest.raises(ValueError, match="scale must be finite and not negative, got -1 at law 0, parameter 2"):
        _core.normal_rows(X, y, False, "norm", np.array([[1.0, 1.0, -1.0]]), False, 1)
    with pytest.raises(ValueError, match="scale must be finite and not negative, got nan at law 1, parameter 0"):
        both(X, y, "norm", np.array([[1.0] * 3, [np.nan, 1, 1]]), 0)
    with pytest.raises(ValueError, match="normals must be from 0 to 3, got 4"):
        both(X, y, "norm", np.ones((1, 3)), 4)
    with pytest.raises(ValueError, match="at least one row"):
        both(X[:, :0].copy(), y[:, :0].copy(), "norm", np.ones((1, 3)), 0)
    with pytest.raises(TypeError):
        _core.normal_rows(X.astype(int), y, False, "norm", np.ones((1, 3)), False, 1)


@pytest.mark.parametrize(
    ("row", "scale", "norm"),
    [
        ([1e150, 1.0], [3e-170, 4e-20], 5e-20),  # the square of a scale is 0
        ([1e-170, 1.0], [3e150, 4e-20], 5e-20),  # that of a number
        ([1e200, 1e-10], [3e-200, 4e10], 5.0),  # that of a number overflows
        ([1e-100, 1.0], [3e200, 4e100], 5e100),  # that of a scale
    ],
)
def test_squares_out_of_range_are_not_needed(row, scale, norm):
    X, y = np.array([[row]]), np.zeros((1, 1))
    for laws in (1, 2):
        mean, slope = _core.normal_rows(X, y, False, "absolute", np.array([scale] * laws), True, 1)
        np.testing.assert_allclose(mean, norm * np.sqrt(2 / np.pi), rtol=1e-14)
        np.testing.assert_allclose(slope, mean, rtol=1e-14)


@pytest.mark.parametrize("least", [1e-39, 1e-60, 1e-150, 1e-300])
def test_uniform_lengths_of_very_different_sizes(least):
    X, y = np.ones((1, 1, 4)), np.zeros((1, 1))
    for order in ([1.0, least, least, least], [least, least, 1.0, least]):
        for normals in (0, 1):
            value, bound, slope = both(X, y, "absolute", np.array([order]), normals)
            expected = np.sqrt(2 / np.pi) if normals and order[0] == 1.0 else 0.25
            np.testing.assert_allclose([value[0, 0], slope[0, 0]], expected, rtol=1e-12)
            assert bound[0, 0] < 1e-12
