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
            "LinearRegression, a LogisticRegression or a SoftmaxRegression, got a Network; use pm",
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
