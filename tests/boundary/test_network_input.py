"""Networks that cannot be: each mistake has its message."""

import numpy as np
import pandas as pd
import pytest

import pyrometer as pm

X, Y = np.arange(12.0).reshape(4, 3), np.arange(8.0).reshape(4, 2)


def small(**options):
    return pm.Network(X, **{"hidden": (2,), "outputs": 1, **options})


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "message"),
    [
        ((X[0],), {"hidden": ()}, ValueError, r"X must have shape \(rows, features\)"),
        ((X[None],), {"hidden": ()}, ValueError, r"X must have shape \(rows, features\)"),
        ((X[:0],), {"hidden": ()}, ValueError, "at least one of each"),
        ((X[:, :0],), {"hidden": ()}, ValueError, "at least one of each"),
        ((np.where(X == 7, np.nan, X), Y), {"hidden": ()}, ValueError, "X must be finite, got nan at row 2, column 1"),
        ((X, np.where(Y == 3, np.inf, Y)), {"hidden": ()}, ValueError, "y must be finite, got inf at row 1, column 1"),
        ((X + 1j,), {"hidden": ()}, TypeError, "X must be real"),
        ((X, Y[:3]), {"hidden": ()}, ValueError, "y must have one row for each of the 4 rows of X, got 3"),
        ((X, Y[None]), {"hidden": ()}, ValueError, r"y must have shape \(rows,\) or \(rows, outputs\)"),
        ((X, Y), {"hidden": (), "outputs": 3}, ValueError, "outputs must be 2, the number of columns of y, got 3"),
        ((X,), {"hidden": ()}, ValueError, "outputs must be given if y is not"),
        ((X, Y), {"hidden": (4, 0)}, ValueError, r"hidden\[1\] must be at least 1, got 0"),
        ((X, Y), {"hidden": (4, 2.5)}, TypeError, r"hidden\[1\] must be a whole number"),
        ((X, Y), {"hidden": "256"}, TypeError, "hidden must be a sequence of widths"),
        ((X, Y), {"hidden": None}, TypeError, "hidden must be a sequence of widths"),
        ((X, Y), {"hidden": (), "activation": "swish"}, ValueError, "activation must be one of 'tanh'"),
        ((X, Y), {"hidden": (), "activation": 3}, ValueError, "activation must be one of 'tanh'"),
        ((X, Y), {"hidden": (), "bias": 1}, TypeError, "bias must be True or False"),
    ],
)
def test_descriptions(arguments, options, kind, message):
    with pytest.raises(kind, match=message):
        pm.Network(*arguments, **options)


def test_frames_and_columns():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    network = pm.Network(frame, pd.Series(Y[:, 0], name="t"), hidden=5)
    assert (network.widths, network.names) == ((3, 5, 1), ("a", "b", "c"))
    assert pm.Network(frame, pd.DataFrame(Y), hidden=[]).widths == (3, 2)
    assert pm.Network(frame, Y.tolist(), hidden=np.array([7])).widths == (3, 7, 2)
    assert pm.Network(X.astype(np.float32), hidden=(), outputs=1).X.dtype == np.float32
    assert pm.Network(X.astype(np.float32), Y, hidden=()).X.dtype == np.float64
    with pytest.raises(AttributeError):
        network.bias = True


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: pm.mean_energy(small(), pm.Mixed([1.0], [1.0])),
            TypeError,
            "got a Mixed; pm.Mixed.* is for linear models",
        ),
        (lambda: pm.mean_energy(small(), 3.0), TypeError, "law must be Normal, Uniform, LecunNormal"),
        (lambda: pm.mean_energy(small(), pm.Normal([1.0, 2.0, 3.0])), ValueError, "1 or 2 scales on its last axis"),
        (lambda: pm.mean_energy(small(), pm.Uniform(1.0), method="exact"), ValueError, "no formula for a uniform law"),
        (
            lambda: pm.mean_energy(small(activation=np.sin), pm.Normal(1.0), method="exact"),
            ValueError,
            "method='exact' needs an activation by name, got a function; use 'monte-carlo'.",
        ),
        (
            lambda: pm.mean_energy(small(activation=np.sin), pm.Normal(1.0), method="mean-field"),
            ValueError,
            "needs an activation by name",
        ),
        (lambda: pm.mean_energy(small(), pm.Normal(1.0), method="best"), ValueError, "method must be one of"),
        (lambda: pm.mean_energy(small(), pm.Normal(1.0), threads=0), ValueError, "threads must be at least 1"),
        (
            lambda: pm.mean_energy(small(), pm.Normal(1.0), method="monte-carlo", samples=1),
            ValueError,
            "samples must be at least 2",
        ),
        (lambda: pm.mean_energy(small(), pm.Normal(1e200)), ValueError, "below 1.8e308|overflow"),
        (lambda: pm.mean_energy(small(activation="relu"), pm.Normal(1e200)), ValueError, "below 1.8e308"),
        (
            lambda: pm.minimum_energy(small()),
            TypeError,
            "LinearRegression or a LogisticRegression, got a Network; use pm",
        ),
        (lambda: pm.heat_engine(pm.LinearRegression(X, Y[:, 0]), pm.Normal(1.0)), TypeError, "must be a Network"),
        (lambda: pm.heat_engine(small(), pm.Normal(1.0), resolution=0.0), ValueError, "resolution must be finite"),
        (lambda: pm.heat_engine(small(), pm.Normal(1.0), minimum=[1.0, 2.0]), ValueError, "minimum must be finite"),
        (lambda: pm.HeNormal(0.0), ValueError, "gain must be finite and > 0"),
        (lambda: pm.HeNormal([1.0, -1.0]), ValueError, "gain must be finite and > 0, got -1.0 at index 1"),
        (lambda: pm.energy_variance(small(), pm.Normal(1.0)), ValueError, "'relu', 'leaky_relu' or 'identity' only"),
        (
            lambda: pm.energy_variance(small(activation="relu"), pm.Uniform(1.0)),
            ValueError,
            "normal laws",
        ),
        (
            lambda: pm.energy_variance(small(activation="relu", hidden=(2, 2)), pm.Normal(1.0)),
            ValueError,
            "got 4 rows and 2 hidden layers",
        ),
        (
            lambda: pm.entropy(pm.LinearRegression(X, Y[:, 0]), pm.HeNormal()),
            TypeError,
            "got a HeNormal; pm.HeNormal.* is for networks",
        ),
        (
            lambda: pm.mean_energy(pm.LinearRegression(X, Y[:, 0]), pm.Normal(1.0), method="mean-field"),
            ValueError,
            "is for networks",
        ),
    ],
)
def test_questions(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (lambda z: z[0], "of its argument's shape"),
        (lambda z: z + 1j, "real numbers"),
        (lambda z: z / 0.0 * 0.0, "finite numbers"),
    ],
)
def test_functions_that_are_no_activation(activation, message):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        pm.mean_energy(small(activation=activation), pm.Normal(1.0), samples=2, rng=0)


@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
def test_simulation_that_is_hopeless_is_warned_of():
    deep = pm.Network(np.ones((1, 8)), hidden=(8,) * 20, outputs=1, activation="relu")
    with pytest.warns(pm.SimulationWarning, match="Monte Carlo estimates and their standard errors are unreliable"):
        pm.mean_energy(deep, pm.HeNormal(), method="monte-carlo", samples=2, rng=0)
    pm.mean_energy(deep, pm.HeNormal())


class Tensor:
    """What NumPy cannot hold, as torch has it: bfloat16, gradients, other devices."""

    dtype = "library.bfloat16"

    def __init__(self, error):
        self.error = error

    def __array__(self, dtype=None, copy=None):
        raise self.error


@pytest.mark.parametrize("error", [TypeError("unsupported BFloat16"), RuntimeError("it requires grad")])
def test_tensors_that_numpy_cannot_hold(error):
    message = (
        r"must be convertible to a NumPy array of numbers.*Tensor of library\.bfloat16 "
        rf"\({error}\); convert it first.*\.float\(\)"
    )
    with pytest.raises(TypeError, match=f"X {message}"):
        pm.Network(Tensor(error), hidden=2, outputs=1)
    with pytest.raises(TypeError, match=f"y {message}"):
        pm.LinearRegression(X, Tensor(error))


def batch(*shape):
    return pm.HeNormal(np.ones(shape))


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: pm.Layers(0.1), TypeError, r"weights must be Normal, .* got 0.1; did you mean pm.Normal\(0.1\)\?"),
        (lambda: pm.Layers(pm.HeNormal(), biases=0), TypeError, r"biases must be .* did you mean pm.Constant\(0\)\?"),
        (lambda: pm.Layers(pm.HeNormal(), 0.0), TypeError, r"biases must be Normal"),
        (lambda: pm.Layers(None), TypeError, "weights must be Normal"),
        (lambda: pm.Layers("he_normal"), TypeError, r"did you mean pm.HeNormal\(\)\?"),
        (lambda: pm.Layers(pm.HeNormal), TypeError, r"did you mean pm.HeNormal\(\)\?"),
        (lambda: pm.Layers([]), ValueError, "weights must have one law for each layer, got none"),
        (lambda: pm.Layers([pm.HeNormal(), 2.0]), TypeError, r"weights\[1\] must be Normal"),
        (lambda: pm.Layers([pm.Normal([1.0, 2.0])]), ValueError, r"weights\[0\] must have a single scale, .* \(2,\)"),
        (lambda: pm.Layers([pm.Mixed([1.0], [2.0])]), TypeError, "is for linear models"),
        (lambda: pm.Layers(pm.Independent([pm.Normal(1.0)])), TypeError, "weights must be Normal"),
        (lambda: pm.Layers(pm.Layers(pm.HeNormal())), TypeError, "weights must be laws of one kind of parameters"),
        (
            lambda: pm.Layers(pm.HeNormal(), biases=pm.Orthogonal()),
            TypeError,
            "biases must be laws of biases, got Orth",
        ),
        (lambda: pm.Layers(batch(2), biases=[batch(3)]), ValueError, r"batches that broadcast, .* \[\(2,\), \(3,\)\]"),
        (
            lambda: pm.Orthogonal(0.0),
            ValueError,
            r"gain must be finite and > 0, got 0.0; weights that start at 0 are pm.C",
        ),
        (lambda: pm.Orthogonal([1.0, np.nan]), ValueError, "gain must be finite and > 0, got nan at index 1"),
        (lambda: pm.Orthogonal("one"), TypeError, "gain must be"),
        (lambda: pm.HeNormal(truncated=1), TypeError, "truncated must be True or False"),
        (lambda: pm.GlorotNormal(1.0, "yes"), TypeError, "truncated must be True or False"),
        (lambda: pm.LecunNormal(-1.0, True), ValueError, "gain must be finite and > 0"),
    ],
)
def test_laws_of_layers(make, kind, message):
    with pytest.raises(kind, match=message):
        make()


@pytest.mark.parametrize(
    ("law", "options", "message"),
    [
        (pm.Layers([pm.HeNormal()]), {}, "weights must have one law for each of the 2 layers of the network, got 1"),
        (pm.Layers(pm.HeNormal(), [pm.Normal(1.0)] * 3), {}, "biases must have one law for each of the 2 layers"),
        (
            pm.Layers(pm.Normal([1.0, 2.0, 3.0])),
            {},
            r"weights must have 1 or 2 scales on its last axis.* got shape \(3,\)",
        ),
        (pm.Layers(pm.HeNormal(), pm.Normal(0.1)), {"bias": False}, "pass bias=True to the network, or leave them out"),
        (pm.Layers(pm.HeNormal(), pm.Constant(0.1)), {"bias": False}, "must have the default biases for a network w"),
        (
            pm.Orthogonal(),
            {},
            r"how biases are distributed beside orthogonal weights; use such as pm.Layers\(pm.Orthog",
        ),
        (pm.Constant(0.3), {}, "constant weights of 0 only, got 0.3 for layer 1.* use pm.Constant\\(0.0\\) or random"),
        (pm.Layers([pm.HeNormal(), pm.Constant(-2.0)]), {}, "constant weights of 0 only, got -2.0 for layer 2"),
        (
            pm.Layers([pm.HeNormal(), pm.HeNormal(1.7e308)]),
            {},
            r"weights\[1\] must give every layer a finite scale > 0",
        ),
        (pm.Mixed([1.0], [2.0]), {}, "is for linear models"),
        (pm.Independent([pm.Normal(1.0)]), {}, "law must be Normal"),
    ],
)
def test_laws_that_do_not_match(law, options, message):
    network = small(**{"bias": True} | options)
    for ask in (pm.entropy, pm.mean_energy, pm.heat_engine):
        with pytest.raises((TypeError, ValueError), match=message):
            ask(network, law)


@pytest.mark.parametrize(
    ("law", "method", "message"),
    [
        (
            pm.TruncatedNormal(1.0),
            "exact",
            "no formula for a truncated normal law with hidden layers of 'tanh'; use 'mo",
        ),
        (pm.Layers(pm.Orthogonal()), "exact", "no formula for an orthogonal law with hidden layers"),
        (pm.Layers(pm.HeNormal(), pm.Uniform(1.0)), "exact", "no formula for a uniform law with hidden layers"),
        (pm.Layers(pm.Orthogonal()), "corrected-mean-field", "no formula for orthogonal hidden layers"),
        (
            pm.Layers(pm.Orthogonal()),
            "refined",
            "random weights with an entropy in every layer.* got orthogonal weights",
        ),
        (pm.Layers([pm.HeNormal(), pm.Constant()]), "asymptotic", "random weights .* got constant weights; use 'auto'"),
        (pm.Layers(pm.HeNormal(), pm.Constant(1.0)), "refined", "biases that are random or 0, got constant biases"),
    ],
)
def test_methods_that_a_law_does_not_have(law, method, message):
    for activation in ("tanh", "relu") if method in ("refined", "asymptotic") else ("tanh",):
        with pytest.raises(ValueError, match=message):
            pm.mean_energy(small(bias=True, activation=activation), law, method=method)


def test_variances_that_have_no_formula():
    for law, message in (
        (pm.Layers(pm.HeNormal(), pm.Constant(1.0)), "no formula for constant biases of hidden layers other than 0"),
        (pm.Layers(pm.HeNormal(), pm.Uniform(1.0)), "has a formula for normal laws"),
        (pm.Layers([pm.HeNormal(), pm.Orthogonal()]), "has a formula for normal laws"),
    ):
        with pytest.raises(ValueError, match=message):
            pm.energy_variance(small(bias=True, activation="relu"), law)
