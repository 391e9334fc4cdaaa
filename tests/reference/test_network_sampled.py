"""Sampled networks against plain NumPy with the same parameters, closed forms, and themselves on other threads."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy import special

from pyrometer import _core

SEED = (7, 5)
ACTIVATIONS: dict[str, Any] = {
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
    "erf": special.erf,
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "selu": lambda z: 1.0507009873554804934 * np.where(z > 0, z, 1.67326324235437728 * np.expm1(np.minimum(z, 0.0))),
    "mish": lambda z: z * np.tanh(np.logaddexp(0.0, z)),
    "hardswish": lambda z: z * np.clip(z + 3.0, 0.0, 6.0) / 6.0,
    "hardtanh": lambda z: np.clip(z, -1.0, 1.0),
}
DEEP = [11, 24, 9, 1, 17, 3]


def rows(m: int, n: int, seed: int = 0) -> np.ndarray:
    """Rows of very different norms."""
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, n)) * np.exp(rng.standard_normal((m, 1)))


def laws(batch: int, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Scales of weights and biases; some layers have no biases."""
    rng = np.random.default_rng(1)
    weight, bias = np.exp(0.5 * rng.standard_normal((2, batch, layers)))
    bias[:, 1::2] = 0
    return weight, bias


def widths_of(*widths: int) -> np.ndarray:
    return np.array(widths, dtype=np.int64)


def families(widths: Any, uniform: bool = False) -> np.ndarray:
    """Normal or uniform weights and biases in every layer."""
    return np.repeat([0.0, 0.0, 12.0, 12.0] if uniform else [np.inf, np.inf, 1.0, 1.0], len(widths) - 1).reshape(4, -1)


def forward(X: np.ndarray, widths: Any, phi: Any, uniform: bool, weight: Any, bias: Any, draw: int) -> list[np.ndarray]:
    """Pre-activations of every layer of one draw of one law, one matrix product after the other."""
    numbers = _core.uniforms if uniform else _core.normals
    pre, x, first = [], X, 0
    for layer, (before, after) in enumerate(pairwise(widths)):
        count = after * (before + 1)
        odd = first % 2  # the streams begin at even numbers
        z = numbers(SEED, draw, 1, first - odd, count + odd, X.dtype == np.float32)[odd:, 0]
        W, b = z[: after * before].reshape(after, before), z[after * before :]
        pre.append(weight[layer] * (x @ W.T) + bias[layer] * b)
        x, first = phi(pre[-1]), first + count
    return pre


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("m", [1, 53])
def test_energies_are_those_of_matrix_products(activation: str, uniform: bool, m: int) -> None:
    X, y = rows(m, DEEP[0]), rows(m, DEEP[-1], 1)
    weight, bias = laws(3, len(DEEP) - 1)
    arguments = widths_of(*DEEP), activation, families(DEEP, uniform), weight, bias, SEED, 4, 6, 0
    energy = _core.sample_network(X, *arguments, False, 2)
    averaged = _core.sample_network(X, *arguments, True, 2)
    errors = _core.sample_network_errors(X, y, *arguments, False, 2)
    averaged_errors = _core.sample_network_errors(X, y, *arguments, True, 2)
    phi, variance = ACTIVATIONS[activation], 1 / 12 if uniform else 1.0
    for law in range(3):
        for k in range(6):
            pre = forward(X, DEEP, phi, uniform, weight[law], bias[law], 4 + k)
            expected = [(z**2).sum(axis=1).mean() for z in pre]
            np.testing.assert_allclose(energy[law, k], expected, rtol=1e-12)
            inputs = [(x**2).sum(axis=1).mean() for x in (X, *map(phi, pre[:-1]))]
            given = variance * np.array(DEEP[1:]) * (weight[law] ** 2 * inputs + bias[law] ** 2)
            np.testing.assert_allclose(averaged[law, k], given, rtol=1e-12)
            np.testing.assert_allclose(errors[law, k], ((y - pre[-1]) ** 2).sum(axis=1).mean(), rtol=1e-12)
            np.testing.assert_allclose(averaged_errors[law, k], (y**2).sum(axis=1).mean() + given[-1], rtol=1e-12)


@pytest.mark.parametrize("widths", [(3, 2), (1, 1, 1), (70, 300, 130, 20), (5, 1100, 40, 2)])
def test_every_shape_of_layer(widths: tuple[int, ...]) -> None:
    X = rows(61, widths[0])
    weight, bias = laws(1, len(widths) - 1)
    weight /= np.sqrt(widths[:-1])
    energy = _core.sample_network(
        X, widths_of(*widths), "tanh", families(widths), weight, bias, SEED, 0, 2, 0, False, 1
    )
    for k in range(2):
        pre = forward(X, widths, np.tanh, False, weight[0], bias[0], k)
        np.testing.assert_allclose(energy[0, k], [(z**2).sum(axis=1).mean() for z in pre], rtol=1e-12)


@pytest.mark.parametrize("uniform", [False, True])
def test_one_layer_averaged_needs_no_draw(uniform: bool) -> None:
    X, widths, weight, bias = rows(4, 5), widths_of(5, 3), np.array([[0.7], [2.0]]), np.array([[0.0], [0.5]])
    energy = _core.sample_network(X, widths, "tanh", families(widths, uniform), weight, bias, SEED, 0, 2000, 0, True, 2)
    per = 12 if uniform else 1
    expected = 3 * (weight**2 * (X**2).sum(axis=1).mean() + bias**2) / per
    np.testing.assert_allclose(energy, np.broadcast_to(expected[:, None], (2, 2000, 1)), rtol=1e-13)


def test_many_rows_in_parts_and_many_laws_in_groups() -> None:
    widths = (6, 300, 200, 4)
    X = rows(5000, 6)
    weight, bias = laws(7, 3)
    weight /= np.sqrt(widths[:-1])
    arguments = widths_of(*widths), "relu", families(widths), weight, bias, SEED, 0, 2, 0, False
    energy = _core.sample_network(X, *arguments, 1)
    np.testing.assert_array_equal(energy, _core.sample_network(X, *arguments, 3))
    for law in range(7):
        pre = forward(X, widths, ACTIVATIONS["relu"], False, weight[law], bias[law], 1)
        np.testing.assert_allclose(energy[law, 1], [(z**2).sum(axis=1).mean() for z in pre], rtol=1e-12)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_single_precision(activation: str) -> None:
    X = rows(53, DEEP[0]).astype(np.float32)
    weight, bias = laws(1, len(DEEP) - 1)
    for uniform in (False, True):
        energy = _core.sample_network(
            X, widths_of(*DEEP), activation, families(DEEP, uniform), weight, bias, SEED, 4, 3, 0, False, 1
        )
        for k in range(3):
            pre = forward(X, DEEP, ACTIVATIONS[activation], uniform, weight[0], bias[0], 4 + k)
            np.testing.assert_allclose(energy[0, k], [(z**2).sum(axis=1).mean() for z in pre], rtol=2e-5)


EXACT: dict[str, Any] = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "identity": lambda z: z,
    "erf": mpmath.erf,
    "leaky_relu": lambda z: z if z > 0 else z * mpmath.mpf(0.01),
    "gelu": lambda z: z * mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "selu": lambda z: (
        mpmath.mpf("1.0507009873554804934193349852946")
        * (z if z > 0 else mpmath.mpf("1.6732632423543772848170429916717") * mpmath.expm1(z))
    ),
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    "hardswish": lambda z: z * min(max(z + 3, 0), 6) / 6,
    "hardtanh": lambda z: min(max(z, -1), 1),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(("dtype", "most", "tolerance"), [(np.float64, 25.0, 1e-14), (np.float32, 10.0, 1e-6)])
def test_activations_are_exact_relative_to_themselves(
    activation: str, dtype: Any, most: float, tolerance: float
) -> None:
    # One row, one unit, weight 1: the averaged energy of the second layer is phi(z x)^2.
    z = _core.normals(SEED, 0, 1, 0, 1, dtype is np.float32)[0, 0]
    tiny = 10.0 ** -np.arange(0.0, 12)
    points = np.concatenate([np.linspace(-most, most, 101), np.linspace(-1.5, 1.5, 77), tiny, -tiny])
    with mpmath.workdps(30):
        for x in (points / z).astype(dtype):
            energy = _core.sample_network(
                np.array([[x]]), widths_of(1, 1, 1), activation, families((1, 1, 1)), np.ones((1, 2)), np.zeros((1, 2)),
                SEED, 0, 1, 0, True, 1,
            )  # fmt: skip
            exact = EXACT[activation](mpmath.mpf(float(dtype(x * z))))
            assert abs(mpmath.sqrt(energy[0, 0, 1]) - abs(exact)) <= tolerance * abs(exact), x * z


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("picked", [0, 7])
@pytest.mark.parametrize("averaged", [False, True])
def test_relu_energies_have_their_closed_form_on_average(uniform: bool, picked: int, averaged: bool) -> None:
    # (5.9), with biases: E q_l = n_l (v_w E q_{l-1} + v_b) / 2 for every symmetric law.
    widths = (5, 16, 12, 8, 3)
    X = rows(40, 5)
    weight, bias = laws(2, 4)
    samples = 20_000
    energy = _core.sample_network(
        X,
        widths_of(*widths),
        "relu",
        families(widths_of(*widths), uniform),
        weight,
        bias,
        SEED,
        0,
        samples,
        picked,
        averaged,
        2,
    )
    variance = 1 / 12 if uniform else 1.0
    for law in range(2):
        q = (X**2).sum(axis=1).mean()
        for layer in range(4):
            exact = widths[layer + 1] * variance * (weight[law, layer] ** 2 * q + bias[law, layer] ** 2)
            draws = energy[law, :, layer]
            error = draws.std(ddof=1) / np.sqrt(samples)
            assert error < 0.05 * exact
            assert abs(draws.mean() - exact) < 4.5 * error + 1e-12 * exact
            q = exact / 2


def test_rows_that_are_picked_leave_the_energy_of_a_draw_unbiased() -> None:
    X = rows(23, 4)
    widths = widths_of(4, 6, 2)
    scales = np.ones((1, 2)), np.zeros((1, 2))
    every = _core.sample_network(X, widths, "tanh", families(widths), *scales, SEED, 0, 30_000, 0, False, 2)[0]
    for picked in (1, 5, 23):
        some = _core.sample_network(X, widths, "tanh", families(widths), *scales, SEED, 0, 30_000, picked, False, 2)[0]
        difference = some - every  # the same parameters
        z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(30_000))
        assert abs(z).max() < 4.5


def test_picking_every_row_once_is_using_all_rows() -> None:
    X = rows(23, 4)
    arguments = widths_of(4, 6, 2), "tanh", families((4, 6, 2)), np.ones((1, 2)), np.ones((1, 2)), SEED, 0, 10
    every, some = (_core.sample_network(X, *arguments, picked, False, 1) for picked in (0, 23))
    np.testing.assert_allclose(some, every, rtol=1e-13)


@pytest.mark.parametrize("picked", [0, 9])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_batches_and_split_draws_change_no_bit(picked: int, dtype: Any) -> None:
    X = rows(700, 12).astype(dtype)
    widths = widths_of(12, 40, 33, 5)
    weight, bias = laws(4, 3)

    def run(first: int, samples: int, threads: int, which: Any = slice(None)) -> np.ndarray:
        return _core.sample_network(
            X, widths, "gelu", families(widths), weight[which].copy(), bias[which].copy(), SEED, first, samples, picked,
            False, threads,
        )  # fmt: skip

    energy = run(0, 50, 1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(energy, run(0, 50, threads))
    np.testing.assert_array_equal(energy, np.concatenate([run(0, 13, 2), run(13, 37, 3)], axis=1))
    for law in range(4):
        np.testing.assert_array_equal(energy[law], run(0, 50, 2, [law])[0])


def test_rows_a_draw_lower_the_error_for_the_same_arithmetic() -> None:
    X = rows(20_000, 16)
    widths = widths_of(16, 64, 64, 1)
    scales = np.full((1, 3), 0.5), np.zeros((1, 3))
    picked = _core.network_rows(X, widths, "tanh", families(widths), *scales, False, 2)
    assert picked == _core.network_rows(X, widths, "tanh", families(widths), *scales, False, 1)
    assert 0 < picked < 10_000
    every = _core.sample_network(X, widths, "tanh", families(widths), *scales, SEED, 0, 40, 0, False, 2)[0, :, -1]
    some = _core.sample_network(X, widths, "tanh", families(widths), *scales, SEED, 0, 400, picked, False, 2)[0, :, -1]
    assert some.var(ddof=1) * picked < 0.3 * every.var(ddof=1) * 20_000
    # Where rows hardly share what varies between draws, the best number is beyond what pilot draws can tell.
    for scale in (1.0, 5.0):
        wide = np.full((1, 3), scale), np.zeros((1, 3))
        assert 48 <= _core.network_rows(X, widths, "tanh", families(widths), *wide, True, 1) <= 500
    # Rows that are all alike: one tile of them is enough. Few rows: all of them.
    alike = np.repeat(X[:1], 600, axis=0)
    assert 0 < _core.network_rows(alike, widths, "tanh", families(widths), *scales, False, 1) <= 48
    assert _core.network_rows(X[:16].copy(), widths, "tanh", families(widths), *scales, False, 1) == 0


def test_what_overflows_is_refused() -> None:
    X = rows(20, 3)
    widths = widths_of(3, 8, 8, 2)
    weight = np.array([[1.0, 1.0, 1.0], [1e200, 1.0, 1.0]])
    for averaged in (False, True):
        with pytest.raises(ValueError, match=r"draw 5 must be finite, got .* in layer 1 under law 1; use a small"):
            _core.sample_network(X, widths, "tanh", families(widths), weight, 0 * weight, SEED, 5, 9, 0, averaged, 2)
    weight[1, 0] = 1e30
    single = X.astype(np.float32)
    with pytest.raises(ValueError, match=r"in layer \d under law 1; use a smaller scale or float64 data"):
        _core.sample_network(single, widths, "relu", families(widths), weight**2, 0 * weight, SEED, 0, 9, 0, False, 2)
    energy = _core.sample_network(X, widths, "relu", families(widths), weight, 0 * weight, SEED, 0, 9, 0, False, 2)
    assert np.isfinite(energy).all()


def test_wrong_arguments_are_refused() -> None:
    X = rows(10, 2)
    scale = np.ones((1, 2))

    def run(X: Any = X, widths: Any = (2, 3, 1), activation: str = "tanh", weight: Any = scale, bias: Any = scale,
            first: int = 0, samples: int = 3, picked: int = 0) -> None:  # fmt: skip
        of_layers = families(widths)
        arguments = activation, of_layers, weight, bias, SEED, first, samples, picked, False, 1
        _core.sample_network(X, widths_of(*widths), *arguments)

    run()
    for words, wrong in {
        "activation must be one of tanh, .* got 'swish'": {"activation": "swish"},
        r"X must have widths\[0\] columns, got 2": {"widths": (3, 3, 1)},
        "widths must be at least 1, got 0 at position 1": {"widths": (2, 0, 1)},
        "widths must have at least 2 entries": {"widths": (2,), "weight": scale[:, :0], "bias": scale[:, :0]},
        "weight must be 1 x 3, laws by layers, got 1 x 2": {"widths": (2, 3, 3, 1)},
        "bias must be 1 x 2": {"bias": np.ones((2, 2))},
        "weight must be finite and at least 0, got -1": {"weight": -scale},
        "bias must be finite": {"bias": scale * np.inf},
        "X must have at least 1 row": {"X": X[:0]},
        "X must have 2 axes": {"X": X[0]},
        "first_draw and samples must be at least 0": {"first": -1},
        r"rows must be 0 \(all\) .. 10, got 11": {"picked": 11},
    }.items():
        with pytest.raises(ValueError, match=words):
            run(**wrong)
    with pytest.raises(ValueError, match="y must have a row"):
        _core.sample_network_errors(
            X, X, widths_of(2, 3, 1), "tanh", families((2, 3, 1)), scale, scale, SEED, 0, 3, 0, False, 1
        )
