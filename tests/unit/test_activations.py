"""The records of activations: the core's table and the package's, both against the functions that the core computes."""

from __future__ import annotations

import numpy as np
import pytest

import pyrometer as pm
from pyrometer import _core
from pyrometer.networks import ACTIVATIONS

from .network_reference import ACTIVATIONS as FUNCTIONS

NAMES = list(ACTIVATIONS)


def test_both_tables_have_the_same_names():
    assert list(_core.activations()) == NAMES == list(FUNCTIONS)


@pytest.mark.parametrize("name", NAMES)
def test_the_core_agrees(name):
    record, (below, even) = ACTIVATIONS[name], _core.activations()[name]
    assert np.isnan(below) == (not record.homogeneous)
    if record.homogeneous:
        assert (below, 1.0) == record.slopes
    z = np.linspace(0.1, 5.0, 50)
    assert even == np.allclose(FUNCTIONS[name](z) ** 2, FUNCTIONS[name](-z) ** 2)


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_of_the_function(name):
    record, phi = ACTIVATIONS[name], FUNCTIONS[name]
    far, near = np.array([-1e8, 1e8]), 1e-6
    assert record.at_zero == pytest.approx(float(phi(np.zeros(1))[0]), abs=1e-300)
    assert record.slopes == pytest.approx(phi(far) / far, abs=1e-7)
    assert (record.limits is not None) == bool((np.abs(phi(far)) <= 1.0).all())
    if record.limits is not None:
        assert record.limits == pytest.approx(phi(far), abs=1e-7)
    left, right = (float((phi(np.array([s * near])) - phi(np.zeros(1)))[0]) / (s * near) for s in (-1.0, 1.0))
    slopes = record.slopes if record.slope_at_zero is None else record.slope_at_zero
    assert slopes == pytest.approx((left, right) if isinstance(slopes, tuple) else right, rel=1e-5, abs=1e-9)
    z = np.array([-3.0, -0.5, 0.5, 3.0])
    assert record.homogeneous == np.allclose(phi(z), np.where(z < 0.0, record.slopes[0], record.slopes[1]) * z)


@pytest.mark.parametrize("name", NAMES)
def test_moments_are_the_integrals(name):
    """Wide laws of z for the limits, narrow ones where phi(0) is 0, against 200 nodes of Gauss and Hermite."""
    record, phi = ACTIVATIONS[name], FUNCTIONS[name]
    z, weight = np.polynomial.hermite_e.hermegauss(200)
    mean = lambda values: float(weight @ values) / float(weight.sum())  # noqa: E731
    wide, narrow = phi(1e6 * z), phi(1e-6 * z)
    if record.saturation is not None:
        assert mean(wide**2) == pytest.approx(record.saturation, rel=1e-4)
    else:
        assert mean(wide**2) == pytest.approx(record.second_moment * 1e12, rel=1e-4)
        assert mean(wide**4) == pytest.approx(record.fourth_moment * 1e24, rel=1e-4)
    assert (record.near_zero is None) == (record.at_zero != 0.0)
    if record.near_zero is not None:
        assert mean(narrow**2) == pytest.approx(record.near_zero * 1e-12, rel=1e-4)


def test_an_unknown_name_is_refused_with_the_list():
    with pytest.raises(ValueError, match="'hardtanh', got 'swish'"):
        pm.Network([[1.0]], hidden=2, outputs=1, activation="swish")
    with pytest.raises(ValueError, match="hardswish, hardtanh, got 'swish'"):
        _core.network_mean_field("swish", np.array([1, 2, 1]), *(np.ones((1, 2)) for _ in range(2)), np.ones(1), 1)
