"""Estimators refuse what they cannot fit, by name, and stay as they were."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

import pyrometer as pm
from pyrometer.estimators import LADRegressor, LassoRegressor, LogisticClassifier, OLSRegressor, SoftmaxClassifier

ALL = [LADRegressor, OLSRegressor, LassoRegressor, LogisticClassifier, SoftmaxClassifier]
REGRESSORS, CLASSIFIERS = ALL[:3], ALL[3:]
X, Y = np.arange(12.0).reshape(6, 2) ** 1.5, np.array([0, 1, 0, 1, 1, 0])

HERE = np.arange(12).reshape(6, 2) == 5

ROWS = [
    (np.where(HERE, np.nan, X), Y, r"Input X contains NaN"),
    (np.where(HERE, np.inf, X), Y, r"Input X contains infinity"),
    (X.astype(complex), Y, r"Complex data not supported"),
    (np.array([["a", "b"]] * 6), Y, r"could not convert|not compatible|must be real number"),
    (X[:, 0], Y, r"Expected 2D array, got 1D array"),
    (X[None], Y, r"Found array with dim 3"),
    (X[:, :0], Y, r"Found array with 0 feature"),
    (X[:0], Y[:0], r"Found array with 0 sample"),
    (X, Y[:5], r"inconsistent numbers of samples"),
    (X, np.column_stack([Y, Y]), r"y should be a 1d array"),
    (np.ma.masked_array(X, X > 20.0), Y, r"X must have no masked values; drop those rows first"),
    (X, np.ma.masked_array(Y, Y > 0), r"y must have no masked values"),
    (X, None, r"requires y to be passed"),
]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("rows", "target", "message"), ROWS)
def test_rows(rows, target, message, kind):
    with pytest.raises((ValueError, TypeError), match=message):
        kind().fit(rows, target)


@pytest.mark.parametrize("kind", ALL)
def test_sparse_rows(kind):
    with pytest.raises(TypeError, match=r"Sparse data was passed.*toarray"):
        kind().fit(sparse.csr_matrix(X), Y)


@pytest.mark.parametrize(
    ("y", "message"), [([0.5, np.nan, 1, 2, 3, 4], "y contains NaN"), ([0, 1, np.inf, 2, 3, 4], "infinity")]
)
def test_targets(y, message):
    for kind in ALL:
        with pytest.raises(ValueError, match=message):
            kind().fit(X, y)
    with pytest.raises((ValueError, TypeError), match=r"must be numeric|could not convert"):
        OLSRegressor().fit(X, list("abcdef"))


LABELS = [
    (
        LogisticClassifier,
        [0, 1, 2, 0, 1, 2],
        r"Only binary classification is supported.*3 classes; use SoftmaxClassifier",
    ),
    (LogisticClassifier, ["a"] * 6, r"LogisticClassifier needs at least two classes in y, got 1 class, 'a'"),
    (SoftmaxClassifier, [3] * 6, r"SoftmaxClassifier needs at least two classes in y, got 1 class, 3"),
    (LogisticClassifier, [0.5, 1.5, 0.5, 1.5, 0.25, 1.0], r"Unknown label type: .?continuous"),
    (SoftmaxClassifier, [0.5, 1.5, 0.5, 1.5, 0.25, 1.0], r"Unknown label type: .?continuous"),
    (
        SoftmaxClassifier,
        np.array(["a", None, "a", "b", "a", "b"], dtype=object),
        r"of one kind, got NoneType and str; drop",
    ),
]


@pytest.mark.parametrize(("kind", "y", "message"), LABELS)
def test_labels(kind, y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        kind().fit(X, y)


WEIGHTS = [
    ([1.0, 1.0], r"inconsistent|sample_weight.shape == \(2,\), expected \(6,\)"),
    (
        [1.0, -2.0, 1.0, 1.0, 1.0, 1.0],
        r"sample_weight must be >= 0, got -2\.0 at row 1; a weight of 0 leaves a row out",
    ),
    ([1.0, np.nan, 1.0, 1.0, 1.0, 1.0], r"contains NaN"),
    ([0.0] * 6, r"[Ww]eight.*zero"),
    (np.ones((6, 2)), r"Sample weights must be 1D|1D array"),
    (["a"] * 6, r"could not convert|not compatible"),
]


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(("weights", "message"), WEIGHTS)
def test_weights(weights, message, kind):
    with pytest.raises(ValueError, match=message):
        kind().fit(X, Y, sample_weight=weights)


OPTIONS = [
    (OLSRegressor(lam=-1.0), ValueError, r"lam must be finite and >= 0, got -1"),
    (LassoRegressor(lam=np.nan), ValueError, r"lam must be finite and >= 0, got nan"),
    (LassoRegressor(lam="0.1"), TypeError, r"lam must be a real number, got '0\.1'"),
    (OLSRegressor(lam=None), TypeError, r"lam must be a real number, got None"),
    *((kind(fit_intercept="no"), TypeError, r"intercept must be True or False, got 'no'") for kind in ALL),
    *((kind(fit_intercept=1), TypeError, r"intercept must be True or False, got 1") for kind in ALL),
]


@pytest.mark.parametrize(("model", "error", "message"), OPTIONS)
def test_options(model, error, message):
    with pytest.raises(error, match=message):
        model.fit(X, Y)


@pytest.mark.parametrize("kind", ALL)
def test_what_needs_a_fit(kind):
    for call in (lambda: kind().predict(X), lambda: kind().temperature(pm.Normal(2.0))):
        with pytest.raises(NotFittedError, match=f"{kind.__name__} instance is not fitted yet"):
            call()
    if kind is LassoRegressor:
        with pytest.raises(NotFittedError):
            kind().path([1.0])


REFUSED = [
    (X[:, :1] * [1.0, np.nan], Y, None),
    (X[:, :1], np.array(["p"] * 6), None),
    (X[:, :1], np.array([0, 1, 2, 3, 4, np.inf]), None),
    (X[:, :1], Y, -np.ones(6)),
    (X[:, :1] * 1e305, Y, None),  # squares overflow
]
OF_EACH = [(kind, *case) for kind in ALL for case in REFUSED if kind is not LADRegressor or case is not REFUSED[-1]]


@pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning")
@pytest.mark.parametrize("fitted", [True, False])
@pytest.mark.parametrize(("kind", "rows", "target", "weights"), OF_EACH)
def test_refused_rows_change_nothing(kind, rows, target, weights, fitted):
    model = kind()
    if fitted:
        model.fit(X, Y)
    before = dict(vars(model))
    for name in ("fit", "partial_fit"):
        if hasattr(model, name):
            with pytest.raises((ValueError, TypeError)):
                getattr(model, name)(rows, target, weights)
            assert vars(model).keys() == before.keys()
            assert all(vars(model)[key] is before[key] for key in before)


@pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning")
@pytest.mark.parametrize("kind", ALL)
def test_rows_of_other_features(kind):
    model = kind().fit(X, Y)
    with pytest.raises(ValueError, match=r"X has 1 features, but .* is expecting 2 features"):
        model.predict(X[:, :1])
    with pytest.raises(TypeError, match=r"law must be"):
        model.temperature("normal")


PARTS = [
    ((X[:, :1], Y), ValueError, r"X has 1 features, but OLSRegressor is expecting 2"),
    ((X, Y, -np.ones(6)), ValueError, r"sample_weight must be >= 0"),
    ((np.full_like(X, np.nan), Y), ValueError, r"contains NaN"),
    ((X, np.full(6, 1e200)), ValueError, r"overflow"),
]


@pytest.mark.parametrize(("rows", "error", "message"), PARTS)
def test_parts_that_do_not_fit_change_nothing(rows, error, message):
    model = OLSRegressor().fit(X, Y)
    certificate, moments = model.certificate_, model.system_.moments
    with pytest.raises(error, match=message):
        model.partial_fit(*rows)
    assert model.certificate_ is certificate
    assert model.system_.moments is moments
    assert model.n_features_in_ == 2


def test_parts_of_another_intercept():
    model = OLSRegressor().fit(X, Y).set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="must agree on intercept, got True and False"):
        model.partial_fit(X, Y)


def test_parts_after_weights_of_extreme_sizes():
    weights = np.array([1.0, 2.0, 1.0, 3.0, 1.0, 1.0])
    model = OLSRegressor().fit(X, Y, weights * 1e-200)
    assert model.coef_ == pytest.approx(OLSRegressor().fit(X, Y, weights).coef_, rel=1e-12)
    with pytest.raises(ValueError, match=r"sample_weight of the rows before is too large or too small.*call fit again"):
        model.partial_fit(X, Y)
    assert model.fit(X, Y, weights).partial_fit(X, Y).certificate_.digits > 9


MOMENTS = [
    (X, TypeError, r"moments must be a Moments, got .*make one with Moments\.of"),
    (
        pm.Moments.of(np.stack([X, X]), np.stack([Y, Y])),
        ValueError,
        r"moments must be of one data set, got a stack of shape \(2,\)",
    ),
    (pm.Moments.of(X, Y, intercept=False), ValueError, r"must have intercept=True.*got False; set fit_intercept=False"),
]


@pytest.mark.parametrize(("moments", "error", "message"), MOMENTS)
def test_moments(moments, error, message):
    with pytest.raises(error, match=message):
        OLSRegressor().fit_moments(moments)
    assert OLSRegressor(fit_intercept=False).fit_moments(pm.Moments.of(X, Y, intercept=False)).intercept_ == 0.0


def test_missing_values_of_a_frame():
    frame = pd.DataFrame({"a": [1.0, None, 3.0], "b": [1, 2, 3]})
    with pytest.raises(ValueError, match="Input X contains NaN"):
        OLSRegressor().fit(frame, [1.0, 2.0, 3.0])
