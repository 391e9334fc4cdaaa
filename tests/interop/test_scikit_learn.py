"""Estimators in scikit-learn: its own checks, pipelines, searches, routing of weights, names of columns, pickles."""

import copy
import importlib
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn import linear_model
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import pyrometer as pm
from pyrometer import estimators
from pyrometer.estimators import LADRegressor, LassoRegressor, LogisticClassifier, OLSRegressor, SoftmaxClassifier

ALL = [LADRegressor, OLSRegressor, LassoRegressor, LogisticClassifier, SoftmaxClassifier]


def rows(seed=0, m=60, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p)) * [1.0, 2.0, 0.5] + 0.3
    return X, X @ [1.0, -1.0, 2.0] + rng.normal(size=m), rng.uniform(0.5, 2.0, m)


def target_of(kind, y):
    flipped = np.random.default_rng(1).random(len(y)) < 0.2
    return np.where((y > np.median(y)) ^ flipped, "up", "down") if issubclass(kind, sklearn.base.ClassifierMixin) else y


# Every check of scikit-learn, with no failure expected. Some of them have separable labels, or exact fits.
@pytest.mark.filterwarnings("ignore::pyrometer.SeparationWarning", "ignore::pyrometer.PrecisionWarning")
@pytest.mark.filterwarnings("ignore:.*SCIPY_ARRAY_API:UserWarning", "ignore::FutureWarning")
@parametrize_with_checks([*(kind() for kind in ALL), *(kind(fit_intercept=False) for kind in ALL)])
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize("kind", ALL)
def test_pickles_and_copies(kind):
    X, y, _ = rows()
    y = target_of(kind, y)
    model = kind().fit(X, y)
    before = model.temperature(pm.Normal(3.0))
    for other in (pickle.loads(pickle.dumps(model)), copy.copy(model), copy.deepcopy(model)):
        assert (other.predict(X) == model.predict(X)).all()
        assert other.certificate_ == model.certificate_
        if kind in (OLSRegressor, LassoRegressor):
            assert other.temperature(pm.Normal(3.0)) == before
            continue
        with pytest.raises(ValueError, match=r"the rows of .* are needed, and pickles and copies have none; call fit"):
            other.temperature(pm.Normal(3.0))
        assert pm.temperature(other.system(X, y), pm.Normal(3.0)) == before
        assert other.fit(X, y).temperature(pm.Normal(3.0)) == before
    assert not hasattr(clone(model), "certificate_")


@pytest.mark.parametrize("kind", ALL)
def test_pickles_have_no_rows(kind):
    X, y, _ = rows(m=4000)
    assert len(pickle.dumps(kind().fit(X, target_of(kind, y)))) < 10_000


@pytest.mark.parametrize("kind", [OLSRegressor, LassoRegressor])
def test_pickles_keep_the_minimum_that_rows_have_given(kind):
    X, y, _ = rows()
    X = np.column_stack([X, X[:, 0] + 1e-7 * X[:, 1] ** 2])  # moments alone have too few digits
    model = kind(lam=0.0).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    assert pm.minimum_energy(other.system_) == pm.minimum_energy(model.system_) == model.certificate_
    assert model.certificate_.method != "covariance"


def test_pickles_do_not_name_the_private_module():
    for kind in ALL:
        assert kind.__module__ == "pyrometer.estimators"
        assert b"_squares" not in pickle.dumps(kind())
    assert set(estimators.__all__) == {kind.__name__ for kind in ALL}
    assert set(estimators.__all__) < set(dir(estimators))


@pytest.mark.parametrize("kind", ALL)
def test_names_of_columns(kind):
    X, y, _ = rows()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    pipeline = make_pipeline(StandardScaler(), kind()).set_output(transform="pandas").fit(frame, target_of(kind, y))
    model = pipeline[-1]
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.n_features_in_ == 3
    with pytest.raises(ValueError, match="feature names should match"):
        pipeline.predict(frame[["b", "a", "c"]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    assert pm.models.sklearn.system(pipeline, frame, target_of(kind, y)).names == ("a", "b", "c")


def test_cross_validation_is_that_of_the_same_model():
    X, y, _ = rows()
    for ours, theirs in (
        (OLSRegressor(), linear_model.LinearRegression()),
        (LassoRegressor(lam=0.2), linear_model.Lasso(0.1, tol=1e-12)),
        (LADRegressor(), linear_model.QuantileRegressor(alpha=0.0)),
    ):
        assert cross_val_score(ours, X, y) == pytest.approx(cross_val_score(theirs, X, y), abs=1e-7)
    labels = target_of(LogisticClassifier, y)
    theirs = linear_model.LogisticRegression(C=np.inf, tol=1e-10)
    for ours in (LogisticClassifier(), SoftmaxClassifier()):
        how = {"method": "predict_proba"}
        expected = cross_val_predict(theirs, X, labels, **how)
        assert cross_val_predict(ours, X, labels, **how) == pytest.approx(expected, abs=1e-5)
        area = cross_val_score(ours, X, labels, scoring="roc_auc")
        assert area == pytest.approx(cross_val_score(theirs, X, labels, scoring="roc_auc"))
    fitted = cross_validate(OLSRegressor(), X, y, return_estimator=True)["estimator"]
    assert all(model.certificate_.digits > 12 for model in fitted)


def test_a_search_over_the_penalty():
    X, y, _ = rows(m=60)
    folds, lam = KFold(5), [1e-3, 1e-2, 0.1, 1.0, 10.0]
    search = GridSearchCV(make_pipeline(StandardScaler(), OLSRegressor()), {"olsregressor__lam": lam}, cv=folds).fit(
        X, y
    )
    alpha = [48.0 * weight for weight in lam]  # rows of a fold
    rival = make_pipeline(StandardScaler(), linear_model.Ridge())
    expected = GridSearchCV(rival, {"ridge__alpha": alpha}, cv=folds).fit(X, y)
    assert search.cv_results_["mean_test_score"] == pytest.approx(expected.cv_results_["mean_test_score"], abs=1e-9)
    assert 48.0 * search.best_params_["olsregressor__lam"] == expected.best_params_["ridge__alpha"]


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ALL)
def test_weights_are_routed(kind):
    X, y, w = rows()
    y = target_of(kind, y)
    with sklearn.config_context(enable_metadata_routing=True):
        model = kind().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipeline.fit(X, y, sample_weight=w)
        weighted = kind().fit(StandardScaler().fit_transform(X), y, w)
        assert pipeline[-1].certificate_ == weighted.certificate_
        assert pipeline[-1].certificate_ != kind().fit(StandardScaler().fit_transform(X), y).certificate_
    assert hasattr(model, "set_partial_fit_request") == (kind in (OLSRegressor, LassoRegressor))


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "sklearn" or "pyrometer.estimators" in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    fresh = importlib.import_module("pyrometer.estimators")
    with pytest.raises(
        ImportError, match=r"pyrometer\.estimators needs scikit-learn: pip install 'pyrometer\[sklearn\]'"
    ):
        _ = fresh.OLSRegressor
    with pytest.raises(AttributeError, match="has no attribute 'Ridge'"):
        _ = fresh.Ridge
