"""Frequent mistakes: the message says what to do, and that works."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestRegressor

import pyrometer as pm
from pyrometer.losses._records import _ELSEWHERE

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(20, 3)), RNG.normal(size=20)
LABELS = np.arange(20) % 3


def message(call, kind=ValueError):
    with pytest.raises(kind) as caught:
        call()
    return str(caught.value)


COMPUTED = {
    "squares": lambda X, y: pm.LinearRegression(X, y),
    "absolute": lambda X, y: pm.minimum_energy(pm.LinearRegression(X, y, energy="mae")),
    "absolute, normal": lambda X, y: pm.mean_energy(pm.LinearRegression(X, y, energy="mae"), pm.Normal(1.0)),
    "absolute, uniform": lambda X, y: pm.mean_energy(pm.LinearRegression(X, y, energy="mae"), pm.Uniform(1.0)),
    "network": lambda X, y: pm.Network(X, y, hidden=(2,)),
}


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("which", ["X", "y"])
def test_a_missing_value_is_to_be_dropped_or_filled(name, which):
    bad_x, bad_y = X.copy(), Y.copy()
    (bad_x[:, 1] if which == "X" else bad_y)[7] = np.nan
    assert "; drop or fill it" in message(lambda: COMPUTED[name](bad_x, bad_y))
    COMPUTED[name](np.delete(bad_x, 7, 0), np.delete(bad_y, 7))


@pytest.mark.parametrize("labels", [LABELS > 0, LABELS])
def test_a_missing_value_beside_labels(labels):
    model = pm.LogisticRegression if labels.dtype == bool else pm.SoftmaxRegression
    bad = X.copy()
    bad[7, 1] = np.inf
    assert "; drop or fill it" in message(lambda: pm.minimum_energy(model(bad, labels)))


def test_data_that_are_transposed_or_exchanged():
    assert "use X.T" in message(lambda: pm.LinearRegression(X.T, Y))
    pm.LinearRegression(X.T.T, Y)
    assert "X is the first argument" in message(lambda: pm.LinearRegression(Y, X))
    assert "X[:, None]" in message(lambda: pm.LinearRegression(Y, Y))
    assert "X.T" not in message(lambda: pm.LinearRegression(X.T, Y[:-1]))


def test_labels_in_one_column_for_each_class():
    indicators = np.eye(3)[LABELS]
    assert "y.argmax(axis=-1)" in message(lambda: pm.SoftmaxRegression(X, indicators))
    assert pm.SoftmaxRegression(X, indicators.argmax(axis=-1)).labels == (0, 1, 2)
    assert "argmax" not in message(lambda: pm.LinearRegression(X, indicators))


@pytest.mark.parametrize("name", _ELSEWHERE)
def test_names_of_losses_in_other_libraries(name):
    meant = _ELSEWHERE[name]
    if meant in ("mse", "mae"):
        assert f"did you mean '{meant}'?" in message(lambda: pm.LinearRegression(X, Y, energy=name))
    if meant in ("mse", "ce"):
        assert f"did you mean '{meant}'?" in message(lambda: pm.Network(X, LABELS, hidden=(2,), energy=name))


def test_only_a_scale_of_0_is_a_constant():
    assert "pm.Constant(value)" in message(lambda: pm.Normal(0.0))
    for other in (-1.0, np.nan, np.inf):
        assert message(lambda value=other: pm.Normal(value)) == f"scale must be finite and > 0, got {other}."


def test_real_targets_of_a_network_of_labels():
    assert "energy='mse'" in message(lambda: pm.Network(X, Y, hidden=(2,), energy="ce"))
    pm.Network(X, Y, hidden=(2,), energy="mse")


def test_columns_of_a_table_that_are_misspelt():
    table = pm.sweep({"a": pm.LinearRegression(X, Y)}, {"b": pm.Normal(1.0)})
    assert "did you mean 'temperature'? The columns are ['system'" in message(lambda: table["temperatures"], KeyError)
    assert "; the columns are ['system'" in message(lambda: table["xyz"], KeyError)


def test_a_folder_that_does_not_exist(tmp_path):
    text = message(lambda: pm.Moments.of(X, Y).save(tmp_path / "none" / "a.moments"), FileNotFoundError)
    assert text.endswith("a.moments'")


def test_an_estimator_that_is_no_linear_model():
    text = message(lambda: pm.models.sklearn.system(RandomForestRegressor(), X, Y), TypeError)
    assert not text.endswith("?.")


def test_targets_of_files_that_the_energy_does_not_take(run, tmp_path):
    words, numbers = tmp_path / "words.csv", tmp_path / "numbers.csv"
    words.write_text("a,y\n1,red\n2,blue\n4,red\n3,blue\n")
    numbers.write_text("a,y\n1,1.5\n2,2.5\n4,3.5\n")
    text = run("temperature", words, "--target", "y").stderr
    assert "--energy ce, --energy softmax" in text
    assert run("temperature", words, "--target", "y", "--energy", "softmax").exit_code == 0
    text = run("temperature", numbers, "--target", "y", "--energy", "ce").stderr
    assert "--energy softmax" in text
    assert "--energy mse" in text
    assert run("temperature", numbers, "--target", "y", "--energy", "mse").exit_code == 0
    assert "not a valid number." in run("temperature", numbers, "--target", "y", "--scale", "ten").stderr
