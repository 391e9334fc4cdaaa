"""Second moments against exact rational arithmetic, and the life of a `Moments`: names, files, copies."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core
from pyrometer.data._moments import Moments


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def exact(X, y):
    """Mean and scatter in rational arithmetic, rounded once."""
    m, mean, units, deviations = len(y), [], [], []
    for column in np.column_stack([X, y]).T:
        ratios = [float(value).as_integer_ratio() for value in column]
        unit = max(denominator for _, denominator in ratios)  # all are powers of two
        whole = [numerator * (unit // denominator) for numerator, denominator in ratios]
        total = sum(whole)
        mean.append(float(Fraction(total, m * unit)))
        units.append(m * unit)
        deviations.append([m * value - total for value in whole])
    scatter = [
        [float(Fraction(sum(map(int.__mul__, a, b)), u * v)) for b, v in zip(deviations, units, strict=True)]
        for a, u in zip(deviations, units, strict=True)
    ]
    return np.array(mean), np.array(scatter)


def relative_error(moments, X, y):
    """Greatest error of an entry, in units of the geometric mean of its row's and column's squares."""
    mean, scatter = exact(X, y)
    deviation = np.sqrt(np.diag(scatter))
    scale = np.outer(deviation, deviation)
    error = np.abs(moments.scatter - scatter)
    assert (error[scale == 0] == 0).all()
    mean_error = np.abs(moments.mean - mean) / (np.abs(mean) + deviation + 1e-300)
    return max(mean_error.max(), (error / np.where(scale == 0, 1.0, scale)).max())


def rows(rng, m, p, kind):
    X, y = rng.normal(size=(m, p)), rng.normal(size=m)
    if kind == "far":
        X, y = X + 1e9, y - 1e9
    elif kind == "outlier":
        X[0], y[0] = 1e9, -1e9
    elif kind == "step":  # the first block says nothing of the rest
        X[: m // 2], y[: m // 2] = 0.0, 7.0
        X[m // 2 :] += 1e6
    elif kind == "trend":
        X += 1e3 * np.arange(m)[:, None]
    elif kind == "scales":
        X *= 10.0 ** np.linspace(-120, 120, p)
    elif kind == "constant":
        X[:, ::2], y[:] = 0.1, 1 / 3
    elif kind == "integers":
        X, y = np.round(3 * X), np.round(5 * y)
    return X, y


@pytest.mark.parametrize("kind", ["plain", "far", "outlier", "step", "trend", "scales", "constant", "integers"])
@pytest.mark.parametrize(("m", "p"), [(1, 3), (2, 1), (7, 8), (129, 10), (300, 17), (1100, 3), (2100, 5)])
def test_difficult_columns_keep_their_digits(rng, kind, m, p):
    X, y = rows(rng, m, p, kind)
    assert relative_error(Moments.of(X, y), X, y) < 1e-13


@pytest.mark.parametrize("p", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 14, 15, 16, 17, 23, 24, 31, 33, 40, 63, 64, 100, 130])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_width(rng, p, dtype):
    X, y = rng.normal(size=(261, p)).astype(dtype), rng.normal(size=261).astype(dtype)
    Z = np.column_stack([X, y]).astype(np.longdouble)
    D = Z - Z.mean(axis=0)
    moments = Moments.of(X, y)
    np.testing.assert_allclose(moments.mean, Z.mean(axis=0).astype(float), rtol=0, atol=1e-15)
    np.testing.assert_allclose(moments.scatter, (D.T @ D).astype(float), rtol=0, atol=1e-11)
    assert np.array_equal(moments.scatter, moments.scatter.T)


@pytest.mark.parametrize("p", [775, 1030])  # more panels than one group, at each width of vectors
def test_wide_data(rng, p):
    X, y = rng.normal(size=(150, p)) + 3.0, rng.normal(size=150)
    np.testing.assert_allclose(Moments.of(X, y).scatter, 150 * np.cov(np.column_stack([X, y]).T, bias=True), atol=1e-10)


@pytest.mark.parametrize("p", [1, 4, 8, 9, 12, 16, 30])
@pytest.mark.parametrize("m", [64, 128, 300, 1000])
def test_values_beside_a_far_larger_one_are_not_all_rounded_alike(m, p):
    """The error is within the 32 units of roundoff that bounds of minima allow for."""
    for seed in range(20):
        rng = np.random.default_rng([m, p, seed])
        X = rng.integers(0, 3, (m, p)).astype(float) if seed % 2 else (rng.random((m, p)) < 0.3).astype(float)
        X[rng.integers(m // 3), 0] = np.round(10.0 ** rng.uniform(2, 6))
        values = [int(value) for value in X[:, 0]]
        square = m * sum(value * value for value in values) - sum(values) ** 2  # m times the exact one
        found = int(m * Fraction(float(Moments.of(X, X[:, 0]).scatter[0, 0])) * 2**60) / 2**60
        assert abs(found / square - 1) < 32 * 2.0**-53 + 2.0**-52


def test_constant_columns_have_no_scatter_over_many_chunks(rng):
    X = np.broadcast_to(rng.normal(size=9) * 10.0 ** np.arange(-4, 5), (5000, 9))
    moments = Moments.of(X, X[:, 3])
    assert np.array_equal(moments.mean[:9], X[0])
    assert not moments.scatter.any()


def test_zeros_are_no_underflow():
    assert not Moments.of(np.zeros((3, 2)), [1.0, 2.0, 3.0]).scatter[:2].any()


@pytest.mark.parametrize(("m", "p"), [(5000, 3), (9000, 20), (40_000, 10), (3000, 260)])
def test_threads_do_not_change_a_bit(rng, m, p):
    X, y = rng.normal(size=(m, p)), rng.normal(size=m)
    one = Moments.of(X, y, threads=1)
    for threads in (2, 3, 7, None):
        more = Moments.of(X, y, threads=threads)
        assert np.array_equal(one.mean, more.mean)
        assert np.array_equal(one.scatter, more.scatter)


@pytest.mark.parametrize(("stack", "m"), [((3, 4), 50), ((9,), 2500), ((2,), 20_000), ((500,), 3)])
def test_a_stack_is_its_systems(rng, stack, m):
    X, y = rng.normal(size=(*stack, m, 4)), rng.normal(size=(*stack, m))
    one, two = Moments.of(X, y, threads=1), Moments.of(X, y, threads=2)
    assert one.shape == stack
    assert np.array_equal(one.scatter, two.scatter)
    for s in np.ndindex(stack):
        alone = Moments.of(X[s], y[s])
        assert np.array_equal(one.mean[s], alone.mean)
        assert np.array_equal(one.scatter[s], alone.scatter)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("p", [0, 1, 2, 3, 4, 7, 8, 12, 15])
def test_small_systems_of_every_shape(rng, p, dtype):
    for m in (1, 2, 5, 16, 17, 32, 33, 64, 65, 70):
        systems = 1 + (3 * m + p) % 19
        X, y = rng.normal(7.0, size=(systems, m, p)).astype(dtype), rng.normal(size=(systems, m)).astype(dtype)
        stack = Moments.of(X, y)
        Z = np.concatenate([X, y[..., None]], axis=-1).astype(np.longdouble)
        D = Z - Z.mean(axis=1, keepdims=True)
        np.testing.assert_allclose(stack.mean, Z.mean(axis=1).astype(float), rtol=0, atol=2e-15)
        np.testing.assert_allclose(stack.scatter, (D.swapaxes(1, 2) @ D).astype(float), rtol=0, atol=2e-13)
        for s in {0, systems // 2, systems - 1}:
            alone = Moments.of(X[s], y[s])
            assert np.array_equal(stack.mean[s], alone.mean)
            assert np.array_equal(stack.scatter[s], alone.scatter)
        turned = Moments.of(X.swapaxes(1, 2).copy().swapaxes(1, 2), y)  # by columns
        assert np.array_equal(stack.mean, turned.mean)
        assert np.array_equal(stack.scatter, turned.scatter)


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1][::-1],
        lambda a: a.astype(">f8"),
        lambda a: np.frombuffer(b"x" + a.tobytes(), dtype=np.uint8)[1:].view(np.float64).reshape(a.shape),
        lambda a: a.tolist(),
    ],
    ids=["fortran", "strided", "reversed", "big-endian", "unaligned", "lists"],
)
def test_layouts_are_all_the_same(rng, change):
    X, y = rng.normal(size=(300, 6)), rng.normal(size=300)
    assert np.array_equal(Moments.of(change(X), y).scatter, Moments.of(X, y).scatter)
    X.flags.writeable = y.flags.writeable = False
    assert np.array_equal(Moments.of(X, change(y)).scatter, Moments.of(X, y).scatter)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_bad_cell_is_named(dtype, value):
    X, y = np.zeros((4000, 5), dtype), np.zeros(4000, dtype)
    X[3500, 1] = X[3100, 4] = y[3100] = y[3999] = value
    with pytest.raises(ValueError, match=rf"^X must be finite, got {value} at row 3100, column 4; drop or fill it$"):
        Moments.of(X, y)
    X[3100, 4] = 0.0
    with pytest.raises(ValueError, match=rf"^y must be finite, got {value} at row 3100; drop or fill it$"):
        Moments.of(X, y)
    X, y = np.zeros((3, 7, 2), dtype), np.zeros((3, 7), dtype)
    X[1, 5, 1] = X[2, 0, 0] = value
    with pytest.raises(
        ValueError, match=rf"^X must be finite, got {value} at system 1, row 5, column 1; drop or fill it$"
    ):
        Moments.of(X, y)


def test_squares_out_of_range_are_refused(rng):
    X, y = rng.uniform(-1, 1, size=(20, 3)), rng.uniform(-1, 1, size=20)
    for scale, word in ((1e200, "overflow"), (1e308, "overflow"), (1e-200, "underflow"), (5e-324, "underflow")):
        with pytest.raises(ValueError, match=rf"second moments {word}.*rescale column 1 of X"):
            Moments.of(X * [1, scale, 1], y)
        with pytest.raises(ValueError, match=rf"second moments {word}.*rescale y in system 1"):
            Moments.of([X, X], [y, scale * y])
    with pytest.raises(ValueError, match="overflow"):
        Moments.of(np.full((3, 1), 1e200), [1.0, 2.0, 3.0])  # no scatter, but a mean whose square is infinite
    a = Moments.of([[1e153], [-1e153]], [0.0, 1.0])
    for _ in range(4):
        a = a + a
    with pytest.raises(ValueError, match="overflow"):
        a + Moments.of([[1.3e154]], [0.0]) + Moments.of([[-1.3e154]], [0.0])


def test_moments_of_parts_add_up_to_those_of_the_whole(rng):
    X, y = rng.normal(size=(700, 5)) + 1e6, rng.normal(size=700)
    whole = Moments.of(X, y)
    parts = [Moments.of(X[a:b], y[a:b]) for a, b in ((0, 1), (1, 300), (300, 650), (650, 700))]
    total = parts[2] + parts[0] + parts[3] + parts[1]
    assert total.count == 700
    np.testing.assert_allclose(total.mean, whole.mean, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(total.scatter, whole.scatter, rtol=1e-12, atol=1e-6)
    left = whole - parts[1]
    rest = np.r_[0, 300:700]
    np.testing.assert_allclose(left.scatter, Moments.of(X[rest], y[rest]).scatter, rtol=1e-11, atol=1e-5)
    assert np.array_equal(total.scatter, total.scatter.T)


def test_what_was_no_part_cannot_be_taken_out(rng):
    a = Moments.of(rng.normal(size=(50, 2)), rng.normal(size=50))
    with pytest.raises(ValueError, match=r"b is not part of a.*column 0"):
        a - Moments.of([[1e3, 0.0], [-1e3, 0.0]], [0.0, 0.0])
    with pytest.raises(ValueError, match="fewer rows"):
        a - a


def test_taking_out_a_constant_column_leaves_rounding_only():
    X = np.full((40, 1), 1e9 + 0.1)
    X[:7] = 1e9
    a, b = Moments.of(X, X[:, 0]), Moments.of(X[:7], X[:7, 0])
    assert abs((a - b).scatter).max() < 1e-4  # 40 rows, each good to an ulp of 1e9, times the step of 0.1


def test_update_is_in_place_and_all_or_nothing(rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    moments = Moments.of(X[:10], y[:10])
    before, view = moments.copy(), moments.scatter
    assert moments.update(X[10:], y[10:]) is moments
    np.testing.assert_allclose(moments.scatter, Moments.of(X, y).scatter, rtol=1e-12)
    assert before.count == 10
    assert before.scatter is view
    with pytest.raises(ValueError, match="nan at row 1"):
        moments.update([[0.0, 0.0], [np.nan, 0.0]], [0.0, 0.0])
    with pytest.raises(ValueError, match=r"X and y must have the same features, got 3 for 2"):
        moments.update(np.zeros((4, 3)), np.zeros(4))
    with pytest.raises(ValueError, match=r"same stack of data sets, got shape \(5,\) for \(\)"):
        moments.update(np.zeros((5, 4, 2)), np.zeros((5, 4)))
    assert moments.count == 30
    np.testing.assert_allclose(moments.mean, [*X.mean(axis=0), y.mean()], rtol=0, atol=1e-15)


def test_stacks_update_too(rng):
    X, y = rng.normal(size=(2, 3, 30, 2)), rng.normal(size=(2, 3, 30))
    moments = Moments.of(X[..., :9, :], y[..., :9]).update(X[..., 9:, :], y[..., 9:])
    np.testing.assert_allclose(moments.scatter, Moments.of(X, y).scatter, rtol=1e-11, atol=1e-13)


def test_names_must_agree_where_they_are_known():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.0, 1.0, 0.0]})
    y = pandas.Series([1.0, 2.0, 3.0], name="price")
    moments = Moments.of(frame, y)
    assert (moments.names, moments.target) == (("a", "b"), "price")
    with pytest.raises(ValueError, match=r"feature names, got 'c' for 'b' in column 1"):
        moments.update(frame.rename(columns={"b": "c"}), y)
    with pytest.raises(ValueError, match=r"same target, got 'rent' for 'price'"):
        moments + Moments.of(frame, y.rename("rent"))
    plain = Moments.of(frame.to_numpy(), y.to_numpy())
    for total in (moments + plain, plain + moments, plain.update(frame, y)):
        assert (total.names, total.target) == (("a", "b"), "price")
    assert repr(moments).splitlines() == [
        "Moments",
        "  rows       3",
        "  features   2",
        "  intercept  yes",
        "  columns    a, b",
        "  target     price",
    ]


def test_only_moments_can_be_added():
    moments = Moments.of([[1.0], [2.0]], [1.0, 2.0])
    for other in (1, None, moments.scatter.tolist(), "moments"):
        with pytest.raises(TypeError):
            moments + other
        with pytest.raises(TypeError):
            moments - other
    with pytest.raises(ValueError, match="intercept, got True and False"):
        moments + Moments.of([[1.0]], [1.0], intercept=False)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, [1.0], [[1.0]]), ValueError, "count must be at least 1"),
        ((2.0, [1.0], [[1.0]]), TypeError, "count must be a whole number"),
        ((2, 1.0, [[1.0]]), ValueError, r"mean must have shape \(..., features \+ 1\)"),
        ((2, [1.0, 2.0], [[1.0]]), ValueError, r"scatter must have shape \(2, 2\)"),
        ((2, [1.0, np.inf], np.eye(2)), ValueError, "finite"),
        ((2, [1.0, 2.0], [[1.0, 2.0], [2.1, 1.0]]), ValueError, "symmetric"),
    ],
)
def test_bad_descriptions_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        Moments(*arguments, intercept=True)


def test_raw_second_moments_are_those_of_the_rows(rng):
    X, y = rng.normal(size=(40, 3)) + 2.0, rng.normal(size=40)
    for intercept in (True, False):
        moments = Moments.of(X, y, intercept=intercept)
        Z = np.column_stack([X, *([np.ones(40)] * intercept), y])
        np.testing.assert_allclose(moments.second(), Z.T @ Z / 40, rtol=0, atol=1e-13)  # sums may cancel
        np.testing.assert_allclose(moments.mean_squares(), (Z**2).mean(axis=0)[:-1], rtol=1e-13)
        np.testing.assert_allclose(moments.target_square(), (y**2).mean(), rtol=1e-13)
        assert moments.parameters == 3 + intercept


def test_the_core_refuses_what_the_package_never_passes():
    one = 1, np.zeros(2), np.zeros((2, 2)), None, np.zeros((8, 2))
    with pytest.raises(ValueError, match="y must have shape"):
        _core.second_moments(np.zeros((1, 3, 2)), np.zeros((1, 4)), 1)
    with pytest.raises(ValueError, match="at least one row"):
        _core.second_moments(np.zeros((1, 0, 2)), np.zeros((1, 0)), 1)
    with pytest.raises(ValueError, match="sign must be"):
        _core.merge_moments(one, one, 0, 2, False)
    with pytest.raises(ValueError, match="counts must be"):
        _core.merge_moments(one, (0, *one[1:]), 1, 1, False)
    with pytest.raises(ValueError, match="same columns"):
        _core.merge_moments(one, (1, np.zeros(3), np.zeros((3, 3)), None, np.zeros((8, 3))), 1, 2, False)
    with pytest.raises(ValueError, match="accuracy and a scatter_low"):
        _core.merge_moments(one, (*one[:3], np.zeros(4), one[4]), 1, 2, False)
    with pytest.raises(ValueError, match=r"moments must be \(count"):
        _core.merge_moments(one, one[:3], 1, 2, False)


def test_a_row_that_is_left_has_no_scatter():
    for seed in range(20):
        X = np.random.default_rng(seed).normal(size=(3, 2)) * [1.0, 100.0]
        one = Moments.of(X, X[:, 0]) - Moments.of(X[:2], X[:2, 0])
        assert (one.scatter == 0.0).all()
        with pytest.warns(pm.errors.PrecisionWarning, match="0 certain digits"):
            assert pm.minimum_energy(pm.LinearRegression.from_moments(one)).value == 0.0
