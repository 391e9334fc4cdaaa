"""What a state of data and a shift refuse, with what to do; and what they take."""

import datetime as dt
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pyrometer as pm

M = 60
RNG = np.random.default_rng(0)
WORDS = pd.DataFrame({"city": RNG.choice(["u", "v"], M), "x": RNG.normal(size=M)})
GAPS = WORDS.assign(x=np.where(np.arange(M) < 9, np.nan, WORDS["x"]))
Y = RNG.normal(size=M)


def flat(X):
    return np.zeros(len(X))


def halves(X):
    return np.full((len(X), 2), 0.5)


def state(frame=WORDS, y=None, **options):
    return lambda: pm.DataState(frame, y, **options)


def of(**columns):
    return pd.DataFrame(columns)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (state(of(d=pd.date_range("2020", periods=M))), "column 'd' of type Datetime.*; drop it, or convert it"),
        (state(pl.DataFrame({"d": [dt.date(2020, 1, 1)] * M})), "column 'd' of type Date; drop it, or convert it"),
        (state(of(d=[dt.date(2020, 1, 1)] * M)), "column 'd' of type date; drop it, or convert it"),
        (state(of(d=pd.period_range("2020", periods=M))), "column 'd' of type .*; drop it, or convert it"),
        (state(pl.DataFrame({"d": [[1]] * M})), "column 'd' of type List.*; drop it, or make columns of its parts"),
        (state(of(d=[[1]] * M)), "column 'd' with values that cannot be compared; drop it"),
        (state(of(d=[Fraction(3, 2), None] * (M // 2))), "of type Object with numbers, such as 3/2; convert it"),
        (state(of(d=pd.Series(RNG.normal(size=M), dtype=object))), "'d' of type Object with numbers, .* with astype"),
        (
            state(pd.DataFrame(index=range(M))),
            r"with at least one of each, got \(60, 0\)",
        ),
        (state(of(d=[f"{k}" for k in range(1200)])), "at most 1000 categories in a column, got 1200 in 'd'; drop it"),
        (state(WORDS.assign(x=[np.inf, *[1.0] * (M - 1)])), "X must be finite, got inf at row 0, column 'x'"),
        (state(WORDS.assign(x=2**60 + np.arange(M))), "integers that doubles can hold"),
        (state(WORDS[:0]), "at least one row"),
        (state(y=Y), "model must be given with y, or prediction=; leave y out"),
        (state(energy="mse"), "energy must be None without a model"),
        (state(y=Y, model=flat, prediction="x", energy="mse"), "model must be None with prediction="),
        (state(y=Y, prediction="X", energy="mse"), "prediction must be a column of X, got 'X'; did you mean 'x'"),
        (
            state(WORDS["x"].to_numpy()[:, None], Y, prediction="x", energy="mse"),
            "X must be a data frame for prediction",
        ),
        (state(y=Y, prediction="x"), "energy must be one of 'mse', 'mae', 'ce', 'softmax'"),
        (state(y=Y, prediction=[1.0], energy="mse"), "one prediction for each row"),
        (state(y=GAPS["x"], model=flat, energy="mse"), "y must have no missing values"),
        (state(y=Y, model=pm.LinearRegression(WORDS[["x"]], Y)), "must be numeric, got column 'city'"),
        (state(y=Y, model=Ridge()), "must be fitted, got scikit-learn's Ridge that is not; fit it"),
        (
            state(y=np.zeros(M), model=flat, energy="softmax"),
            "a probability for each row and class, shape .60, classes.",
        ),
        (state(y=np.zeros(M), model=lambda X: 3 * halves(X), energy="softmax"), "from 0 to 1"),
        (state(y=np.zeros(M), model=lambda X: halves(X) / 2, energy="softmax"), "of sum 1, got 0.5 at row 0"),
        (state(y=np.full(M, 2), model=halves, energy="softmax"), "the number of a class, 0 to 1, got 2 at row 0"),
        (state(like=3), "like must be a DataState or None, got 3"),
        (
            lambda: pm.shift((WORDS, Y), (WORDS, Y)),
            "before must be a DataState or X alone without a model, got a tuple",
        ),
        (lambda: pm.shift((WORDS, Y), (WORDS, Y), prediction=3, energy="mse"), "or a pair of arrays, before and after"),
        (lambda: pm.shift(of(d=["1", "2"] * 30), of(d=[1, 2] * 30)), "after: X must have columns of the kinds .* in d"),
        (lambda: pm.shift(of(d=[1, 2] * 30), of(d=["1", "2"] * 30)), "after: X must have columns of the kinds .* in d"),
        (
            lambda: pm.shift(of(d=[True, False] * 30), of(d=["True", "b"] * 30)),
            "after: X must have categories of the types .*, got 'True' of type str in column d, where these have bool",
        ),
        (
            lambda: pm.RefreshMonitor(of(d=pd.Categorical([1, 2] * 30)), None).update(of(d=["1", "b"] * 30)),
            "got '1' of type str in column d, where these have int; convert one of them",
        ),
        (
            lambda: pm.shift(pm.DataState(GAPS), pm.DataState(GAPS.assign(x=GAPS["x"] + 1.0))),
            "give after as rows, or make its state with like=before",
        ),
        (lambda: pm.shift(GAPS, GAPS, density="kernel"), "no missing numbers for this density"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


def test_the_advice_works():
    before = pm.DataState(GAPS)
    after = GAPS.assign(x=GAPS["x"] + 1.0)
    made, given = (pm.shift(before, each, rng=0) for each in (pm.DataState(after, like=before), after))
    assert (made.p_value, made.divergence) == (given.p_value, given.divergence)
    assert made.moved == ("x",)


def test_a_pipeline_takes_the_frame_as_it_is():
    encode = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["city"]), (SimpleImputer(), ["x"]))
    labels = np.where(Y > 0.0, "yes", "no")
    trained = make_pipeline(encode, LogisticRegression()).fit(GAPS, labels)
    p = trained.predict_proba(GAPS)[:, 1]
    found = pm.DataState(GAPS, labels, model=trained)
    assert found.loss == "ce"
    assert found.energy == pytest.approx(-np.log(np.where(Y > 0.0, p, 1.0 - p)).mean(), rel=1e-12)
    three = np.array(["a", "b", "c"])[np.arange(M) % 3]
    trained = make_pipeline(encode, LogisticRegression()).fit(GAPS, three)
    p = trained.predict_proba(GAPS)[np.arange(M), np.arange(M) % 3]
    found = pm.DataState(GAPS, three, model=trained)
    assert (found.loss, found.energy) == ("softmax", pytest.approx(-np.log(p).mean(), rel=1e-12))
    straight = make_pipeline(encode, Ridge()).fit(GAPS, Y)
    expected = np.mean((Y - straight.predict(GAPS)) ** 2)
    assert pm.DataState(GAPS, Y, model=straight).energy == pytest.approx(expected, rel=1e-12)


def test_predictions_are_a_column_or_arrays():
    frame = WORDS.assign(guess=0.5 * Y)
    named = pm.shift((frame, Y), (frame[:30], Y[:30]), prediction="guess", energy="mse", rng=0)
    arrays = pm.shift((WORDS, Y), (WORDS[:30], Y[:30]), prediction=(0.5 * Y, 0.5 * Y[:30]), energy="mse", rng=0)
    assert (named.p_value, named.energy_change) == (arrays.p_value, arrays.energy_change)
    assert named.before.energy == pytest.approx(np.mean((0.5 * Y) ** 2))


def test_two_classes_of_softmax_are_those_of_cross_entropy():
    x, labels = WORDS[["x"]], (Y > 0.0).astype(float)
    for one, other in (
        (pm.DataState(x, labels, model=pm.LogisticRegression(x, labels)), pm.SoftmaxRegression(x, labels)),
        (pm.DataState(x, labels, model=flat_half, energy="ce"), halves),
    ):
        energy = None if isinstance(other, pm.SoftmaxRegression) else "softmax"
        same = pm.DataState(x, labels, model=other, energy=energy)
        assert [same.energy, same.entropy] == pytest.approx([one.energy, one.entropy], rel=1e-7)


def flat_half(X):
    return np.full(len(X), 0.5)


@pytest.mark.parametrize(
    "values", [[True, None], [1, "a"], pd.Categorical([1, 2]), pd.Series([1.5, 2.5], dtype="category"), ["", "b"]]
)
def test_objects_that_are_categories(values):
    frame = of(d=pd.concat([pd.Series(values)] * (M // 2), ignore_index=True), x=RNG.normal(size=M))
    found = pm.shift(frame, frame, rng=0, resamples=99)
    assert {row["column"]: row["kind"] for row in found.columns} == {"d": "category", "x": "number"}


@pytest.mark.parametrize("labels", [(0, 1), (1, 0), (True, False), (2, 1), ("no", "yes"), ("true", "false")])
def test_targets_are_in_the_labels_of_a_logistic_model(labels):
    x, codes = WORDS[["x"]], (Y > 0.0).astype(int)
    y = [labels[code] for code in codes]
    trained = pm.LogisticRegression(x, y, labels=labels)
    found = pm.shift((x, y), (x[:30], y[:30]), model=trained, rng=0)
    assert found.before.energy == pytest.approx(pm.minimum_energy(trained).value, rel=1e-12)
    same = pm.shift((x, codes), (x[:30], codes[:30]), model=pm.LogisticRegression(x, codes), rng=0)
    assert found.p_value == same.p_value
    assert found.energy_change == pytest.approx(same.energy_change, rel=1e-9)
    monitor = pm.RefreshMonitor((x, y), trained, rng=0)
    assert monitor.update(x, y).after.energy == pytest.approx(found.before.energy, rel=1e-12)


def test_numbers_stand_for_words_but_not_for_other_numbers():
    x, codes = WORDS[["x"]], (Y > 0.0).astype(float)
    trained = pm.LogisticRegression(x, np.where(codes, "yes", "no"), labels=("no", "yes"))
    assert pm.DataState(x, codes, model=trained).energy == pytest.approx(pm.minimum_energy(trained).value, rel=1e-12)
    with pytest.raises(ValueError, match="y must be one of the labels 1, 2, got 0.0 at row"):
        pm.DataState(x, codes, model=pm.LogisticRegression(x, codes + 1.0, labels=(1, 2)))


@pytest.mark.parametrize("kinds", [("f8", "i4"), ("f4", "i8")])
def test_frames_may_have_numbers_of_another_byte_order(kinds):
    numbers = {"x": Y.astype(kinds[0]), "n": RNG.permutation(M).astype(kinds[1]), "w": np.abs(Y) + 1.0}
    native = pd.DataFrame(numbers)
    swapped = pd.DataFrame({name: each.astype(each.dtype.newbyteorder()) for name, each in numbers.items()})
    for each in (native, swapped):
        each["city"] = WORDS["city"]
    found, same = (pm.shift(each, each[:30], weights="w", rng=0) for each in (swapped, native))
    assert (found.p_value, found.divergence, found.columns) == (same.p_value, same.divergence, same.columns)
    systems = [pm.LinearRegression(each[["x", "n"]], each["w"]) for each in (swapped, native)]
    assert pm.minimum_energy(systems[0]).value == pm.minimum_energy(systems[1]).value


@pytest.mark.parametrize("density", ["kernel", "mixture", flat])
def test_categories_alone_have_the_density_of_no_number(density):
    old, new = WORDS[["city"]], WORDS[["city"]][:30]
    found, same = (pm.shift(old, new, density=each, rng=0) for each in (density, "gaussian"))
    assert found.p_value == same.p_value
    assert (found.entropy_change, found.divergence) == pytest.approx((same.entropy_change, same.divergence), abs=1e-12)
