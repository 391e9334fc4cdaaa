"""Estimators against scikit-learn's own, statsmodels, NumPy, and the functions of this package."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import linear_model
from statsmodels.regression.quantile_regression import QuantReg

import pyrometer as pm
from pyrometer.estimators import LADRegressor, LassoRegressor, LogisticClassifier, OLSRegressor, SoftmaxClassifier

LAW = pm.Normal([[3.0], [30.0]])


def rows(seed=0, m=60, p=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p)) * rng.uniform(0.3, 3.0, p) + rng.normal(size=p)
    y = X @ rng.normal(size=p) + 1.7 + rng.normal(size=m)
    return X, y, rng.integers(0, 4, m).astype(float)


def labels_of(y, names):
    names = list(names)
    noisy = y + 2.0 * y.std() * np.random.default_rng(0).normal(size=len(y))
    return np.array(names)[np.digitize(noisy, np.quantile(noisy, np.arange(1, len(names)) / len(names)))]


def same(ours, theirs, tolerance):
    assert ours.coef_ == pytest.approx(theirs.coef_, abs=tolerance)
    assert np.ravel(ours.intercept_) == pytest.approx(np.ravel(theirs.intercept_), abs=tolerance)


REGRESSORS = {
    "least squares": (OLSRegressor, {}, lambda total: linear_model.LinearRegression(), 1e-11),
    "ridge": (OLSRegressor, {"lam": 0.3}, lambda total: linear_model.Ridge(0.3 * total), 1e-11),
    "lasso": (LassoRegressor, {"lam": 0.7}, lambda total: linear_model.Lasso(0.35, tol=1e-13), 1e-8),
    "median": (LADRegressor, {}, lambda total: linear_model.QuantileRegressor(quantile=0.5, alpha=0.0), 1e-8),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors_are_those_of_scikit_learn(name, intercept, weighted):
    kind, options, rival, tolerance = REGRESSORS[name]
    X, y, w = rows(len(name))
    weights, total = (w, w.sum()) if weighted else (None, len(y))
    ours = kind(**options, fit_intercept=intercept).fit(X, y, weights)
    theirs = rival(total).set_params(fit_intercept=intercept).fit(X, y, sample_weight=weights)
    same(ours, theirs, tolerance)
    assert ours.predict(X) == pytest.approx(theirs.predict(X), abs=20 * tolerance)
    assert ours.score(X, y, weights) == pytest.approx(theirs.score(X, y, weights), abs=1e-8)
    assert ours.certificate_.attained
    assert ours.certificate_.digits > 12
    assert np.append(ours.coef_, [ours.intercept_] * intercept).tolist() == ours.certificate_.parameters.tolist()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("kind", "names"), [(LogisticClassifier, "ab"), (SoftmaxClassifier, "cab")])
def test_classifiers_are_those_of_scikit_learn(kind, names, intercept, weighted):
    X, y, w = rows(len(names), m=150)
    labels, weights = labels_of(y, names), w if weighted else None
    ours = kind(fit_intercept=intercept).fit(X, labels, weights)
    theirs = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10**4, fit_intercept=intercept)
    theirs.fit(X, labels, weights)
    assert ours.classes_.tolist() == theirs.classes_.tolist() == sorted(names)
    for method in ("predict_proba", "predict_log_proba", "decision_function"):
        expected = getattr(theirs, method)(X)
        if method == "decision_function" and len(names) > 2:
            expected = expected - expected.mean(axis=1, keepdims=True)
        assert getattr(ours, method)(X) == pytest.approx(expected, abs=1e-4)
    assert (ours.predict(X) == theirs.predict(X)).all()
    if len(names) == 2:
        same(ours, theirs, 1e-4)
    chosen = ours.predict_log_proba(X)[np.arange(len(y)), np.searchsorted(ours.classes_, labels)]
    assert ours.certificate_.value == pytest.approx(-np.average(chosen, weights=weights), rel=1e-12)


def test_median_is_that_of_statsmodels():
    X, y, _ = rows(8, m=200)
    found = QuantReg(y, np.column_stack([X, np.ones(len(y))])).fit(q=0.5, p_tol=1e-12, max_iter=10**4)
    model = LADRegressor().fit(X, y)
    assert np.append(model.coef_, model.intercept_) == pytest.approx(found.params, abs=1e-5)
    assert model.certificate_.value <= np.abs(found.resid).mean()


def test_two_classes_of_softmax_are_logistic():
    X, y, w = rows(2)
    labels = labels_of(y, ["no", "yes"])
    two, one = SoftmaxClassifier().fit(X, labels, w), LogisticClassifier().fit(X, labels, w)
    assert two.coef_ == pytest.approx(np.vstack([-0.5 * one.coef_, 0.5 * one.coef_]), abs=1e-9)
    assert two.decision_function(X) == pytest.approx(one.decision_function(X), abs=1e-9)
    assert two.predict_proba(X) == pytest.approx(one.predict_proba(X), abs=1e-9)
    assert two.temperature(LAW).parameters == 2 * one.temperature(LAW).parameters == 10


MODELS = [
    (LADRegressor(), lambda X, y, w: pm.LinearRegression(X, y, energy="mae", weights=w)),
    (OLSRegressor(), lambda X, y, w: pm.LinearRegression(X, y, weights=w)),
    (OLSRegressor(lam=0.2), lambda X, y, w: pm.LinearRegression(X, y, penalty=pm.L2(0.2, intercept=False), weights=w)),
    (
        LassoRegressor(lam=0.2),
        lambda X, y, w: pm.LinearRegression(X, y, penalty=pm.L1(0.2, intercept=False), weights=w),
    ),
    (LogisticClassifier(), lambda X, y, w: pm.LogisticRegression(X, y, labels=("a", "b"), weights=w)),
    (SoftmaxClassifier(), lambda X, y, w: pm.SoftmaxRegression(X, y, weights=w)),
]


@pytest.mark.parametrize(("model", "describe"), MODELS)
def test_temperatures_and_certificates_are_those_of_the_system(model, describe):
    X, y, w = rows(3)
    y = labels_of(y, ["a", "b"]) if hasattr(model, "decision_function") else y
    system = describe(X, y, w)
    model = model.fit(X, y, w)
    found, expected = model.temperature(LAW, resolution=0.5), pm.temperature(system, LAW, resolution=0.5)
    assert found.value == pytest.approx(expected.value, rel=1e-12)
    assert found.verdict.tolist() == expected.verdict.tolist()
    assert model.certificate_ == pm.minimum_energy(system) == pm.minimum_energy(model.system_)
    assert pm.mean_energy(model.system_, LAW).value == pytest.approx(pm.mean_energy(system, LAW).value, rel=1e-12)


def test_rows_are_copied_unless_told_not_to():
    X, y, _ = rows(4)
    model, shared = LADRegressor().fit(X, y), LADRegressor(copy_X=False).fit(X, y)
    assert not np.shares_memory(model.system_.X, X)
    assert np.shares_memory(shared.system_.X, X)
    before = model.temperature(pm.Normal(3.0))
    X *= 2.0
    assert model.temperature(pm.Normal(3.0)) == before
    assert OLSRegressor().fit(X, y).system_.X is None


# ---- in parts


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("kind", "options"),
    [(OLSRegressor, {}), (OLSRegressor, {"lam": 0.4, "fit_intercept": False}), (LassoRegressor, {"lam": 0.5})],
)
def test_parts_are_fitted_as_a_whole(kind, options, weighted):
    X, y, w = rows(5)
    weights = w + 0.5 if weighted else np.ones(len(y))
    model, whole = kind(**options), kind(**options).fit(X, y, weights)
    for part in np.array_split(np.arange(len(y)), 7):
        model.partial_fit(X[part], y[part], weights[part] if weighted else None)
    same(model, whole, 1e-11)
    assert model.certificate_.value == pytest.approx(whole.certificate_.value, rel=1e-12)
    assert model.temperature(LAW).value == pytest.approx(whole.temperature(LAW).value, rel=1e-11)
    again = (
        type(model)(**model.get_params()).fit(X[:20], y[:20], weights[:20]).partial_fit(X[20:], y[20:], weights[20:])
    )
    same(again, whole, 1e-11)


def test_moments_are_fitted():
    X, y, _ = rows(6)
    frame = pd.DataFrame(X, columns=list("abcd"))
    moments = pm.Moments.scan(frame.assign(target=y), target="target")
    model = LassoRegressor(lam=0.3).fit_moments(moments)
    same(model, LassoRegressor(lam=0.3).fit(X, y), 1e-11)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert model.predict(frame) == pytest.approx(X @ model.coef_ + model.intercept_, rel=1e-15)
    assert not hasattr(model.fit_moments(pm.Moments.of(X, y)), "feature_names_in_")


def test_path_of_a_lasso_is_that_of_scikit_learn():
    X, y, _ = rows(7, p=6)
    model = LassoRegressor(lam=1.0).fit(X, y)
    lam = model.lam_max_ * np.geomspace(1.1, 1e-3, 12)
    found = model.path(lam)
    for k, weight in enumerate(lam):
        theirs = linear_model.Lasso(0.5 * weight, tol=1e-14, max_iter=10**5).fit(X, y)
        assert found.parameters[k] == pytest.approx(np.append(theirs.coef_, theirs.intercept_), abs=1e-8)
    assert not found.parameters[0, :-1].any()


@pytest.mark.parametrize("intercept", [True, False])
def test_above_the_largest_weight_no_feature_is_active(intercept):
    X, y, w = rows(9)
    largest = LassoRegressor(fit_intercept=intercept).fit(X, y, w).lam_max_
    for factor, active in ((1.0 + 1e-9, False), (1.0 - 1e-6, True)):
        model = LassoRegressor(lam=largest * factor, fit_intercept=intercept).fit(X, y, w)
        assert model.coef_.any() == active


# ---- what is not unique, or not attained


@pytest.mark.parametrize("kind", [LADRegressor, LogisticClassifier, SoftmaxClassifier])
def test_of_dependent_columns_the_norm_is_least(kind):
    X, y, w = rows(10, m=80)
    X = np.column_stack([X, X[:, 0] - 2.0 * X[:, 2], np.full(len(X), 5.0)])
    y = y if kind is LADRegressor else labels_of(y, "abc" if kind is SoftmaxClassifier else "ab")
    model = kind().fit(X, y, w)
    table = model.certificate_.parameters.reshape(-1, X.shape[1] + 1)
    centred = X - X.mean(axis=0)
    least = table[:, :-1] @ np.linalg.pinv(centred, rcond=1e-10) @ centred
    assert np.atleast_2d(model.coef_) == pytest.approx(least, abs=1e-10)
    fitted = np.squeeze(X @ table[:, :-1].T + table[:, -1])
    assert getattr(model, "decision_function", model.predict)(X) == pytest.approx(fitted, abs=1e-11)


@pytest.mark.parametrize("digits", [0, 16])
@pytest.mark.parametrize("kind", [LADRegressor, LogisticClassifier])
def test_equal_columns_have_equal_parameters_with_rows_near_or_at_0(kind, digits):
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.normal(size=rng.integers(20, 200)).round(digits)
        y = x + 2.0 * rng.normal(size=len(x))
        model = kind().fit(np.column_stack([x, x]), y if kind is LADRegressor else y > np.median(y))
        first, second = np.ravel(model.coef_)
        assert first == pytest.approx(second, rel=1e-9)
        assert first + second == pytest.approx(model.certificate_.parameters[:-1].sum(), rel=1e-9)


@pytest.mark.parametrize(("kind", "names"), [(LogisticClassifier, "ab"), (SoftmaxClassifier, "abc")])
def test_separable_labels(kind, names):
    X = np.arange(30.0)[:, None]
    labels = np.repeat(list(names), 30 // len(names))
    with pytest.warns(pm.SeparationWarning, match="no finite minimiser exists"):
        model = kind().fit(X, labels)
    assert not model.certificate_.attained
    assert model.certificate_.value == 0.0
    assert np.isfinite(model.coef_).all()
    assert (model.predict(X) == labels).all()
    assert np.isfinite(model.predict_log_proba(X)).all()


def test_classes_of_no_weight_are_kept():
    X, y, _ = rows(11)
    labels = labels_of(y, "abc")
    with pytest.warns(pm.SeparationWarning):
        model = SoftmaxClassifier().fit(X, labels, (labels != "c").astype(float))
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.predict_proba(X)[:, 2].max() < 1e-12
    two = LogisticClassifier().fit(X[labels != "c"], labels[labels != "c"])
    assert model.predict_proba(X)[:, :2] == pytest.approx(two.predict_proba(X), abs=1e-9)


# ---- what rows come in


CONTAINERS = {
    "float32": lambda X: X.astype(np.float32),
    "integers": lambda X: X.astype(np.int16),
    "columns first": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=0)[::2],
    "other bytes": lambda X: X.astype(">f8"),
    "objects": lambda X: X.astype(object),
    "lists": lambda X: X.tolist(),
    "pandas": lambda X: pd.DataFrame(X, columns=list("abcd")),
    "pandas, dtypes": lambda X: pd.DataFrame(X, columns=list("abcd")).astype({"a": "int64", "b": "float32"}),
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
}


@pytest.mark.parametrize("kind", [LADRegressor, OLSRegressor, LassoRegressor, LogisticClassifier, SoftmaxClassifier])
@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_of_rows(name, kind):
    rng = np.random.default_rng(12)
    X = rng.integers(-9, 10, size=(40, 4)).astype(float)
    y = X @ [1.0, -2.0, 0.5, 0.0] + rng.normal(scale=9.0, size=40)
    y = np.where(y > 0.0, "up", "down") if hasattr(kind, "decision_function") else np.round(y)
    expected, given = kind().fit(X, y), CONTAINERS[name](X)
    target = pd.Series(y) if "pandas" in name else pl.Series(y) if name == "polars" else y
    model = kind().fit(given, target)
    same(model, expected, 1e-9)
    assert (np.asarray(model.predict(given)) == model.predict(given)).all()
    if name in ("pandas", "polars"):
        assert model.feature_names_in_.tolist() == list("abcd")


def test_read_only_rows_are_not_written():
    X, y, w = rows(13)
    for array in (X, y, w):
        array.flags.writeable = False
    for model in (LADRegressor(copy_X=False), OLSRegressor(), LassoRegressor()):
        model.fit(X, y, w)
    LogisticClassifier(copy_X=False).fit(X, labels_of(y, "ab"), w)


@pytest.mark.parametrize("kind", [LADRegressor, OLSRegressor, LassoRegressor])
def test_one_row_and_one_column(kind):
    model = kind().fit([[2.0]], [3.0])
    assert model.coef_.tolist() == [0.0]
    assert model.predict([[7.0]]).tolist() == [3.0]


@pytest.mark.parametrize("scale", [1e-140, 1e-30, 1e30, 1e140])
@pytest.mark.parametrize("kind", [LADRegressor, OLSRegressor])
def test_units_of_features(kind, scale):
    X, y, _ = rows(14)
    assert kind().fit(X * scale, y).coef_ * scale == pytest.approx(kind().fit(X, y).coef_, rel=1e-9)
