"""Counts in texts and messages: 1 row, 2 rows."""

import re

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.base import number_of

LINE = pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 2.0], intercept=False)
NETWORK = pm.Network([[1.0], [2.0]], [1.0, 2.0], hidden=(2,))
_WRONG = re.compile(
    r"(?<![\d.,])1 (hidden |certain )?(rows|batches|laws|systems|features|columns|scales|parameters|layers|times|files|"
    "values|digits)"
)


def test_number_of():
    assert [number_of(n, "row") for n in (0, 1, 2, 10**18 + 1)] == ["0 rows", "1 row", "2 rows", f"{10**18 + 1} rows"]
    assert [number_of(n, "batch", "batches") for n in (1, 3)] == ["1 batch", "3 batches"]
    assert [number_of(n, "digit is", "digits are") for n in (1, 1.5)] == ["1 digit is", "1.5 digits are"]
    assert [number_of(np.int64(n), "row") for n in (1, 12345678)] == ["1 row", "12345678 rows"]


def shown():
    """Yield titles with counts of one."""
    yield pm.sweep({"a": LINE}, {"n": pm.Normal(1.0)}).title
    yield repr(pm.training_path(LINE, pm.Normal(1.0), [0.5]))
    yield repr(pm.mix(LINE, pm.LinearRegression([[1.0]], [2.0], intercept=False), pm.Normal(1.0)))
    yield pm.plot.temperature(pm.LinearRegression([[1.0]], [2.0], intercept=False), pm.Normal(1.0)).get_title()


def test_titles():
    for text in shown():
        assert not _WRONG.search(text), text


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: pm.mean_energy(LINE, pm.Normal([1.0, 2.0])),
        lambda: pm.mean_energy(LINE, pm.Mixed([1.0], [2.0])),
        lambda: pm.mean_energy(
            pm.SoftmaxRegression([[1.0], [2.0]], [0, 1], intercept=False), pm.Mixed([1.0], [2.0, 3.0])
        ),
        lambda: pm.Network([[1.0]], [1.0, 2.0], hidden=(2,)),
        lambda: pm.Network([[1.0], [2.0]], [1.0, 2.0], hidden=(2,), activation=["relu", "relu"]),
        lambda: pm.mean_energy(pm.Network([[1.0]], [1.0], hidden=()), pm.Layers([pm.Normal(1.0)] * 2)),
        lambda: pm.datasets.standardize([[1.0], [2.0]], names=["a", "b"]),
    ],
)
def test_messages(wrong):
    with pytest.raises(ValueError) as error:
        wrong()
    assert not _WRONG.search(str(error.value)), error.value
