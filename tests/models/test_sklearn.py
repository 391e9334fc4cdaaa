"""Estimators of scikit-learn as systems, against their own fits; laws of its networks, against its own draws."""

import itertools

import numpy as np
import pytest
from scipy import stats

import pyrometer as pm
from pyrometer import estimators

linear_model = pytest.importorskip("sklearn.linear_model")
from sklearn import metrics  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler  # noqa: E402
from sklearn.svm import LinearSVR  # noqa: E402


def rows(seed, m=53, p=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p)) * rng.uniform(0.3, 3.0, p) + rng.normal(size=p)
    y = X @ rng.normal(size=p) + 1.7 + rng.normal(size=m)
    return X, y, rng.uniform(0.2, 3.0, m)


REGRESSORS = {
    "least squares": (lambda **k: linear_model.LinearRegression(**k), 1e-10),
    "ridge": (lambda **k: linear_model.Ridge(3.7, tol=1e-12, **k), 1e-10),
    "ridge cv": (lambda **k: linear_model.RidgeCV((0.3, 3.0, 30.0), **k), 1e-10),
    "bayesian ridge": (lambda **k: linear_model.BayesianRidge(**k), 1e-9),
    "lasso": (lambda **k: linear_model.Lasso(0.3, tol=1e-13, **k), 1e-8),
    "elastic net, l1": (lambda **k: linear_model.ElasticNet(0.2, l1_ratio=1.0, tol=1e-13, **k), 1e-8),
    "elastic net, l2": (lambda **k: linear_model.ElasticNet(0.2, l1_ratio=0.0, tol=1e-13, max_iter=10**5, **k), 1e-6),
    "tweedie": (lambda **k: linear_model.TweedieRegressor(power=0, alpha=0.7, tol=1e-11, max_iter=10**4, **k), 1e-5),
    "median": (lambda **k: linear_model.QuantileRegressor(quantile=0.5, alpha=0.0, **k), 1e-7),
    "support vectors": (
        lambda **k: LinearSVR(C=0.2, loss="squared_epsilon_insensitive", dual=False, tol=1e-11, max_iter=10**5, **k),
        1e-5,
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("name", REGRESSORS)
def test_minimisers_are_those_of_the_fitted_estimator(name, intercept, weighted):
    make, tolerance = REGRESSORS[name]
    X, y, w = rows(len(name))
    weights = w if weighted else None
    estimator = make(fit_intercept=intercept).fit(X, y, sample_weight=weights)
    found = pm.minimum_energy(pm.models.sklearn.system(estimator, X, y, weights=weights)).parameters
    fitted = np.append(estimator.coef_, estimator.intercept_) if intercept else np.ravel(estimator.coef_)
    assert found == pytest.approx(fitted, abs=tolerance)


def test_lasso_by_least_angles_and_by_cross_validation():
    X, y, _ = rows(3)
    for estimator in (linear_model.LassoLars(0.3), linear_model.LassoCV(tol=1e-12), linear_model.LassoLarsIC()):
        found = pm.minimum_energy(pm.models.sklearn.system(estimator.fit(X, y), X, y)).parameters
        assert found == pytest.approx(np.append(estimator.coef_, estimator.intercept_), abs=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_stochastic_gradient_descent_counts_rows_in_its_penalty(penalty, weighted):
    X, y, w = rows(1, m=80)
    X = StandardScaler().fit_transform(X)
    weights = w if weighted else None
    estimator = linear_model.SGDRegressor(
        penalty=penalty, alpha=0.2, max_iter=4000, tol=None, eta0=0.05, power_t=0.7, random_state=0
    ).fit(X, y, sample_weight=weights)
    found = pm.minimum_energy(pm.models.sklearn.system(estimator, X, y, weights=weights)).parameters
    assert found == pytest.approx(np.append(estimator.coef_, estimator.intercept_), abs=0.02)


@pytest.mark.parametrize("of_classes", [None, {"no": 1.0, "yes": 2.5}, "balanced"])
def test_classifiers_of_two_classes(of_classes):
    X, y, _ = rows(5, m=80)
    noisy = y + 2.0 * y.std() * np.random.default_rng(0).normal(size=len(y))
    labels = np.where(noisy > noisy.mean() + 0.3, "yes", "no")
    ridge = linear_model.RidgeClassifier(2.0, class_weight=of_classes).fit(X, labels)
    logistic = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10**4, class_weight=of_classes)
    for estimator, tolerance in ((ridge, 1e-9), (logistic.fit(X, labels), 1e-5)):
        found = pm.minimum_energy(pm.models.sklearn.system(estimator, X, labels)).parameters
        assert found == pytest.approx(np.append(estimator.coef_, estimator.intercept_), abs=tolerance)


def test_softmax_of_three_classes():
    X, y, _ = rows(7, m=90)
    noisy = y + 2.0 * y.std() * np.random.default_rng(1).normal(size=len(y))
    labels = np.array(["a", "b", "c"])[np.digitize(noisy, np.quantile(noisy, [0.3, 0.6]))]
    estimator = linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=10**4).fit(X, labels)
    fitted = np.column_stack([estimator.coef_, estimator.intercept_])
    found = pm.minimum_energy(pm.models.sklearn.system(estimator, X, labels)).parameters.reshape(3, -1)
    assert found == pytest.approx(fitted - fitted.mean(0), abs=1e-5)


@pytest.mark.parametrize("fitted", [False, True])
def test_pipelines_transform_their_features(fitted):
    X, y, _ = rows(2)
    pipeline = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), linear_model.Ridge(0.4))
    again = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), linear_model.Ridge(0.4)).fit(
        X, y
    )
    found = pm.minimum_energy(pm.models.sklearn.system(again if fitted else pipeline, X, y)).parameters
    assert found == pytest.approx(np.append(again[-1].coef_, again[-1].intercept_), abs=1e-9)
    assert not hasattr(pipeline[-1], "coef_")


def test_pipelines_of_sparse_features_and_of_pipelines():
    X, y, _ = rows(2)
    kinds = np.array(list("abc"))[np.digitize(X[:, :1], [-1.0, 1.0])]
    for features, make in (
        (kinds, lambda: make_pipeline(OneHotEncoder(), linear_model.Ridge(0.4))),
        (X, lambda: make_pipeline(StandardScaler(), make_pipeline(PolynomialFeatures(2), linear_model.Ridge(0.4)))),
        (kinds, lambda: make_pipeline(make_pipeline(OneHotEncoder(), linear_model.Ridge(0.4)))),
    ):
        system = pm.models.sklearn.system(make(), features, y)
        last = make().fit(features, y)
        while hasattr(last, "steps"):
            last = last[-1]
        fitted = np.append(last.coef_, last.intercept_)
        assert pm.minimum_energy(system).parameters == pytest.approx(fitted, abs=1e-9)


def test_law_of_a_pipeline_is_that_of_its_network():
    X, y, _ = rows(2)
    model = make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=2000))
    laws = [pm.models.sklearn.law(each) for each in (model.fit(X, y), model[-1])]
    assert repr(laws[0]) == repr(laws[1])


X3, Y3 = [[0.0], [1.0], [2.0], [3.5]], [0, 1, 2, 1]
REFUSED = [
    (linear_model.Ridge, TypeError, r"estimator must be an estimator of scikit-learn, got the class Ridge.*Ridge\(\)"),
    ("ridge", TypeError, r"estimator must be an estimator of scikit-learn, got 'ridge'"),
    (linear_model.HuberRegressor(), TypeError, r"estimator must be one of \[LinearRegression, .*HuberRegressor"),
    (MLPRegressor(), ValueError, r"MLPRegressor has a penalty, alpha=0\.0001, and networks have none; set alpha=0\.0"),
    (linear_model.ElasticNet(), ValueError, r"ElasticNet has both penalties \(l1_ratio=0\.5\).*set l1_ratio to 0 or 1"),
    (linear_model.LassoCV(), ValueError, r"LassoCV chooses its penalty when it is fitted; call its fit"),
    (linear_model.Ridge([0.1, 0.2]), ValueError, r"Ridge has 2 values of alpha"),
    (linear_model.LinearRegression(positive=True), ValueError, r"LinearRegression has positive=True.*positive=False"),
    (
        linear_model.QuantileRegressor(quantile=0.9),
        ValueError,
        r"QuantileRegressor has the quantile 0\.9.*quantile=0\.5",
    ),
    (linear_model.QuantileRegressor(), ValueError, r"QuantileRegressor has a penalty.*set alpha=0\.0"),
    (linear_model.LogisticRegression(), ValueError, r"LogisticRegression has a penalty.*set C=numpy\.inf"),
    (linear_model.SGDClassifier(), ValueError, r"SGDClassifier has the loss 'hinge'; set loss to 'log_loss'"),
    (linear_model.SGDClassifier(loss="log_loss"), ValueError, r"SGDClassifier has a penalty.*set penalty=None"),
    (
        linear_model.SGDClassifier(loss="log_loss", penalty=None),
        ValueError,
        r"SGDClassifier has an objective for each of 3 classes.*y == 0",
    ),
    (linear_model.SGDRegressor(loss="huber"), ValueError, r"has the loss 'huber'; set loss to 'squared_error' or"),
    (linear_model.SGDRegressor("epsilon_insensitive"), ValueError, r"neglects errors below epsilon=0\.1"),
    (linear_model.RidgeClassifier(), ValueError, r"RidgeClassifier has an objective for each of 3 classes"),
    (linear_model.TweedieRegressor(power=1), ValueError, r"has a deviance of power 1 and link 'auto'.*set power=0"),
    (LinearSVR(), ValueError, r"LinearSVR has a penalty on absolute errors.*QuantileRegressor"),
    (LinearSVR(epsilon=0.1, loss="squared_epsilon_insensitive"), ValueError, r"neglects errors below epsilon=0\.1"),
]


@pytest.mark.parametrize(("estimator", "kind", "message"), REFUSED)
def test_what_has_no_counterpart_is_refused_by_name(estimator, kind, message):
    with pytest.raises(kind, match=message):
        pm.models.sklearn.system(estimator, X3, Y3)


def test_advice_works():
    labels = [0, 1, 0, 1]
    for estimator in (
        linear_model.LogisticRegression(C=np.inf),
        linear_model.SGDClassifier(loss="log_loss", penalty=None),
        linear_model.QuantileRegressor(alpha=0.0),
        LinearSVR(epsilon=0.0, loss="squared_epsilon_insensitive"),
        linear_model.TweedieRegressor(power=0, link="identity"),
        MLPRegressor(alpha=0.0),
    ):
        assert pm.models.sklearn.system(estimator, X3, labels).rows == 4


@pytest.mark.parametrize(
    ("estimator", "weights", "message"),
    [
        (linear_model.LassoLars(), [1.0] * 4, r"LassoLars takes no sample_weight; leave out weights"),
        (linear_model.RidgeClassifier(class_weight="balanced"), [1.0] * 4, r"has class_weight='balanced'; multiply"),
        (MLPRegressor(alpha=0.0), [1.0] * 4, r"MLPRegressor is a network, and networks have no weights.*leave out"),
        (linear_model.Ridge(), [1.0, 2.0], r"weights must have one value for each row"),
        (linear_model.Ridge(), [1.0, -2.0, 1.0, 1.0], r"weights must"),
    ],
)
def test_weights_that_do_not_fit(estimator, weights, message):
    with pytest.raises(ValueError, match=message):
        pm.models.sklearn.system(estimator, X3, [0, 1, 0, 1], weights=weights)


def test_several_targets_are_refused():
    with pytest.raises(ValueError, match="y must be one target, got 2 columns"):
        pm.models.sklearn.system(linear_model.Ridge(), X3, np.ones((4, 2)))


@pytest.mark.parametrize("activation", ["relu", "logistic", "tanh", "identity"])
def test_laws_of_networks_are_those_of_their_draws(activation):
    X, y, _ = rows(0)
    draws = {}
    for seed in range(40):
        # With steps this small, the fitted weights are the initial ones.
        model = MLPClassifier(
            (6, 5), activation=activation, solver="sgd", learning_rate_init=1e-300, max_iter=1, random_state=seed
        )
        with pytest.warns(UserWarning, match="Maximum iterations"):
            model.fit(X, np.digitize(y, [-1.0, 1.0]))
        for k in range(3):
            draws.setdefault(k, []).append(np.append(model.coefs_[k].ravel(), model.intercepts_[k]))
    law = pm.models.sklearn.law(model)
    table = pm.models.laws(model)
    for k, (weights, biases) in enumerate(zip(law.weights, law.biases, strict=True)):
        values, length = np.concatenate(draws[k]), float(weights.length)
        assert float(biases.length) == length
        assert np.abs(values).max() <= 0.5 * length
        assert stats.kstest(values / length, stats.uniform(-0.5, 1.0).cdf).pvalue > 1e-4
        assert table["scale"][2 * k] == table["scale"][2 * k + 1] == length
    sizes = [len(draws[k][0]) for k in range(3)]
    entropy = sum(size * np.log(float(weights.length)) for size, weights in zip(sizes, law.weights, strict=True))
    assert table.metadata["parameters"] == sum(sizes)
    assert table.metadata["entropy"] == pytest.approx(entropy, rel=1e-12)


def set_parameters(model, widths, theta):
    """Give a network the parameters of a draw: by layer, weights (outputs, inputs) and then biases."""
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        weights, biases, theta = np.split(theta, [inputs * outputs, (inputs + 1) * outputs])
        model.coefs_[layer], model.intercepts_[layer] = weights.reshape(outputs, inputs).T, biases


NETWORKS = [
    (MLPRegressor, "tanh", 1, 2.0),
    (MLPRegressor, "relu", 3, 6.0),
    (MLPClassifier, "logistic", 2, 1.0),
    (MLPClassifier, "identity", 4, 1.0),
]


@pytest.mark.parametrize(("kind", "activation", "outputs", "factor"), NETWORKS)
def test_energies_of_networks_are_their_losses(kind, activation, outputs, factor):
    X, y, _ = rows(4)
    if kind is MLPClassifier:
        y = np.array(list("dbca"))[np.digitize(y, np.quantile(y, np.arange(1, outputs) / outputs))]
    elif outputs > 1:
        y = np.column_stack([y, X[:, :2]])
    model = kind(hidden_layer_sizes=(5, 3), activation=activation, alpha=0.0, max_iter=1, random_state=0)
    system = pm.models.sklearn.system(model, X, y)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(X, y)
    assert pm.models.sklearn.system(model, X, y).widths == system.widths
    law = pm.models.sklearn.law(model)
    draws = pm.sample_parameters(system, law, samples=20, rng=1)
    for theta, energy in zip(draws, pm.sample_energies(system, law, samples=20, rng=1), strict=True):
        set_parameters(model, system.widths, theta)
        if kind is MLPClassifier:
            loss = metrics.log_loss(y, model.predict_proba(X))
        else:
            loss = 0.5 * np.mean((model.predict(X) - y) ** 2)
        assert energy == pytest.approx(factor * loss, rel=1e-12)


def test_networks_of_other_data_or_losses_are_refused():
    X, y, _ = rows(4)
    model = MLPRegressor(alpha=0.0, hidden_layer_sizes=(2,), solver="lbfgs", max_iter=500).fit(X, y)
    with pytest.raises(ValueError, match=r"X and y must have the columns and classes.*\(3, 2, 1\) for \(4, 2, 1\)"):
        pm.models.sklearn.system(model, X[:, :3], y)
    model.loss = "poisson"
    with pytest.raises(ValueError, match=r"MLPRegressor has the loss 'poisson'.*set loss='squared_error'"):
        pm.models.sklearn.system(model, X, y)


def test_estimators_of_this_package():
    X, y, w = rows(6)
    labels = np.where(y > np.median(y) + np.cos(7.0 * y), "yes", "no")
    for model, target in (
        (estimators.LADRegressor(), y),
        (estimators.OLSRegressor(lam=0.3, fit_intercept=False), y),
        (estimators.LassoRegressor(lam=0.2), y),
        (estimators.LogisticClassifier(), labels),
        (estimators.SoftmaxClassifier(), labels),
    ):
        pipeline = make_pipeline(StandardScaler(), model).fit(
            X, target, **{f"{type(model).__name__.lower()}__sample_weight": w}
        )
        system = pm.models.sklearn.system(pipeline, X, target, weights=w)
        assert pm.minimum_energy(system).value == pytest.approx(pipeline[-1].certificate_.value, rel=1e-12)
        assert system.penalty == pipeline[-1].system_.penalty
        assert type(system) is type(pipeline[-1].system_)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 3}, "rows and trained are for models of PyTorch; leave them out"),
        ({"trained": [1.0]}, "rows and trained are for models of PyTorch"),
        ({"method": "closed"}, "method must be one of 'auto', 'monte-carlo', got 'closed'"),
    ],
)
def test_options_that_networks_have_not(options, message):
    X, y, _ = rows(4)
    model = MLPRegressor(alpha=0.0, hidden_layer_sizes=(2,), solver="lbfgs", max_iter=500).fit(X, y)
    with pytest.raises(ValueError, match=message):
        pm.models.measure(model, X, y, **options)


def test_laws_of_networks_need_a_fit():
    with pytest.raises(ValueError, match=r"MLPRegressor must be fitted.*call its fit"):
        pm.models.sklearn.law(MLPRegressor())
    with pytest.raises(TypeError, match=r"draws no initial parameters; choose a law"):
        pm.models.sklearn.law(linear_model.Ridge())
