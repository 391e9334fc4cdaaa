"""The compiled core, as `_core.py` presents it. Private: arrays are C-contiguous and exactly of the dtypes given.

Stacks come first: s systems, m rows, p features, n = p + intercept parameters, b laws. The target is column p of the
moments and the constant feature is never a column: its parameter is the last of the n.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_F64: TypeAlias = npt.NDArray[np.float64]
_Rows: TypeAlias = npt.NDArray[np.float64] | npt.NDArray[np.float32]
_Ordered: TypeAlias = _Rows  # (s, m, p), where C-contiguous or each system is in Fortran order
_Seed: TypeAlias = tuple[int, int]

level: str
compiler: str
openmp: int

def max_threads() -> int: ...

# random: out[j, k] is parameter first_parameter + j of draw first_draw + k; first_parameter even.
def threefry(key: _Seed, counter: _Seed) -> tuple[int, int]: ...
def normals(
    seed: _Seed, first_draw: int, draws: int, first_parameter: int, parameters: int, single: bool = False
) -> npt.NDArray[Any]: ...
def uniforms(
    seed: _Seed, first_draw: int, draws: int, first_parameter: int, parameters: int, single: bool = False
) -> npt.NDArray[Any]: ...

def truncated_normals(
    seed: _Seed, first_draw: int, draws: int, first_parameter: int, parameters: int, bound: float, single: bool = False
) -> npt.NDArray[Any]: ...

# families: a number for each parameter, -1 constant, 0 uniform, a bound > 0 truncated normal, inf normal; below also the
# number of leading normal parameters, the others being uniform. Numbers that scales multiply, (n, draws).
def standard_numbers(seed: _Seed, first_draw: int, draws: int, families: _F64) -> _F64: ...

# data: X (s, m, p), y (s, m) of one dtype, -> mean (s, p+1), scatter about the mean (s, p+1, p+1), both symmetric
# halves, and (3, s, p+1) low parts of the means, rounded sums of squares, diagonal. ValueError naming the cell for a value
# that is not finite.
# weights: w (s, m) > 0; then means are weighted, and scatters sums of w times products of deviations. ranks: whether those
# of the centred columns of X (s) are wanted; None if these are independent in every system.
def second_moments(
    X: _Ordered, y: _Rows, threads: int, weights: _F64 | None = None, ranks: bool = False
) -> tuple[_F64, _F64, _F64, npt.NDArray[np.int64] | None]: ...

# Moments of a merged with b (sign +1) or of a with its part b removed (sign -1), of a stack (...): count, mean (..., p+1),
# scatter (..., p+1, p+1), the low part of its upper half or None, accuracy (..., 8, p+1) -> all but the count. count: of the
# result; single: whether a single row is left; exact: whether the counts are not rounded.
_Moments: TypeAlias = tuple[float, _F64, _F64, _F64 | None, _F64]

def merge_moments(
    a: _Moments, b: _Moments, sign: int, count: float, single: bool, exact: bool = True
) -> tuple[_F64, _F64, _F64, _F64]: ...

# The flat index of the first number of x, of any shape, that is not "finite", or not a "label" (0 or 1); -1 for none.
def first_bad(x: _Rows, allowed: str, threads: int) -> int: ...

# Sums over B blocks (B, 3 + d + d(d+1)/2) of 1, loss, score, z_j, z_j z_k for j <= k; density "normal", "laplace",
# "bernoulli" or "scores" -> (resamples + 1, 2) energies and entropies, or (resamples + 1, 3) their changes and the
# divergence. The samples themselves come first; nan where there is no density. `apart` (d,) is the centre that z of
# `now` is measured from less that of `old`.
def redrawn_states(sums: _F64, density: str, seed: _Seed, resamples: int, threads: int) -> _F64: ...
def redrawn_shifts(
    old: _F64, now: _F64, apart: _F64, density: str, seed: _Seed, resamples: int, threads: int
) -> _F64: ...

# Random permutations of the first old_dealt and now_dealt blocks, which have equal numbers of rows.
def dealt_shifts(
    old: _F64, now: _F64, old_dealt: int, now_dealt: int, density: str, seed: _Seed, resamples: int, threads: int
) -> _F64: ...

# Sums of any columns, (resamples, columns), over the blocks that redrawn_shifts draws after an even number of skipped
# draws; and over those that dealt_shifts gives to the smaller sample, of the dealt blocks of both.
def redrawn_sums(sums: _F64, skipped: int, seed: _Seed, resamples: int, threads: int) -> _F64: ...
def dealt_sums(sums: _F64, chosen: int, seed: _Seed, resamples: int, threads: int) -> _F64: ...

# minimum: value (s,), parameters (s, n), gap (s,), relative_error (s,), condition (s,), parameter_error (s, n), rank
# (s,) int64.
_Minima: TypeAlias = tuple[_F64, _F64, _F64, _F64, _F64, _F64, npt.NDArray[np.int64]]

# lost: bounds of errors of the moments beyond the rounding of one pass over rows, (mean_error, scatter_error), each
# (s, p + 1): |d mean_j| <= mean_error_j and |d scatter_jk| <= (scatter_error_j scatter_error_k)^1/2; None for nothing.
_Lost: TypeAlias = tuple[_F64, _F64] | None

def least_squares(
    count: float, mean: _F64, scatter: _F64, intercept: bool, l2: float, penalise_intercept: bool, threads: int,
    lost: _Lost = None,
) -> _Minima: ...
# row_weights (s, m): > 0, of sum m for each system; so are the weights below.
def least_squares_rows(
    X: _Rows, y: _Rows, mean: _F64, intercept: bool, l2: float, penalise_intercept: bool, threads: int,
    scatter: _F64 | None = None, row_weights: _F64 | None = None,
) -> _Minima: ...

# l1 (k,), >= 0, in any order; outputs (s, k), parameters (s, k, n).
def lasso(
    count: float, mean: _F64, scatter: _F64, intercept: bool, l1: _F64, penalise_intercept: bool, threads: int,
    lost: _Lost = None, rows_follow: bool = False,
) -> _Minima: ...
# The same from rows, l1 > 0, with starting parameters start (s, k, n).
def lasso_rows(
    X: _Rows, y: _Rows, mean: _F64, intercept: bool, l1: _F64, penalise_intercept: bool, start: _F64, threads: int,
    row_weights: _F64 | None = None,
) -> _Minima: ...

# The infimum of the cross entropy of rows labelled 0 or 1: value (s,), parameters (s, n), gap (s,), attained (s,) bool,
# rank (s,) int64, iterations (s,) int64; error bounds of the parameters are written to parameter_error (s, n), if given.
# ValueError naming the cell that is not finite or the label.
def logistic(
    X: _Rows, y: _Rows, intercept: bool, threads: int, parameter_error: _F64 | None = None, weights: _F64 | None = None,
    direction: _F64 | None = None,
) -> tuple[_F64, _F64, _F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]: ...

# One evaluation of a part of the rows, d = (x - shift, 1), for out-of-core passes: the sum of losses, the smallest margin,
# the gradient (n,), the sums of |terms| of it (n,), the largest |d_j| (n,), and curvature (n, n), or (0, 0) without.
def evaluate_logistic(
    X: _Rows, y: _Rows, intercept: bool, shift: _F64, theta: _F64, curvature: bool, threads: int,
    weights: _F64 | None = None,
) -> tuple[float, float, _F64, _F64, _F64, _F64]: ...

# Least absolute deviations of rows, X (s, m, p), y (s, m) -> value (s,), parameters (s, n), gap (s,), rank (s,) int64;
# error bounds of the parameters are written to parameter_error (s, n), if given. ValueError naming the cell for a value
# that is not finite.
def least_absolute(
    X: _Rows, y: _Rows, intercept: bool, threads: int, parameter_error: _F64 | None = None, weights: _F64 | None = None
) -> tuple[_F64, _F64, _F64, npt.NDArray[np.int64]]: ...

# energy: the squared-error energy of `samples` draws from first_draw on under every law; scale (b, n) holds sigma_j for
# j < normals and the length for the rest; l1, l2 weigh the first `penalised` parameters.
def sample_squares(
    count: float, mean: _F64, scatter: _F64, intercept: bool, scale: _F64, families: int | _F64, l1: float, l2: float,
    penalised: int, seed: _Seed, first_draw: int, samples: int, threads: int,
) -> tuple[_F64, _F64]: ...  # mean, standard error: (s, b)
def sample_squares_energies(
    count: float, mean: _F64, scatter: _F64, intercept: bool, scale: _F64, families: int | _F64, l1: float, l2: float,
    penalised: int, seed: _Seed, first_draw: int, samples: int, threads: int,
) -> _F64: ...  # (s, b, samples)

# energies row by row: X (s, m, p), y (s, m) of one dtype; y is read for loss "absolute" only. loss: "norm", "absolute",
# "cross-entropy" or, for normal laws, "softmax" of `classes` with the same law each; norm is the scale of theta . x_i: its deviation for normal laws, E|theta . x_i| for the others. slope:
# the derivative along the common logarithm of the scales, None unless requested. ValueError naming the cell.
def normal_rows(
    X: _Ordered, y: _Rows, intercept: bool, loss: str, scale: _F64, slope: bool, threads: int,
    weights: _F64 | None = None, classes: int = 2,
) -> tuple[_F64, _F64 | None]: ...  # mean, slope: (s, b); scale (b, n)
def uniform_rows(
    X: _Rows, y: _Rows, intercept: bool, loss: str, scale: _F64, families: int | _F64, slope: bool, threads: int,
    weights: _F64 | None = None,
) -> tuple[_F64, _F64, _F64 | None, _F64 | None]: ...  # mean, bound of its error, slope, its bound: (s, b)

# (1/m) sum_i |x_ij|: (s, p).
def mean_abs(X: _Rows, threads: int) -> _F64: ...

# kind "absolute": E|y - sZ|, "cross-entropy": E ln(1 + e^{sZ}), and s times the derivative in s; elementwise (k,).
def expectation(kind: str, y: _F64, s: _F64) -> tuple[_F64, _F64]: ...

# E ln sum_c e^{s Z_c} of `classes` standard normals Z_c, and s times the derivative in s; elementwise (k,). The mean of
# their maximum, to which both tend, divided by s, when s grows.
def log_sum_exp(classes: int, s: _F64) -> tuple[_F64, _F64]: ...
def mean_maximum(classes: int) -> float: ...

# softmax cross entropy of classes y = 0 .. classes - 1, parameters class by class: minima, energies (s, k) of parameters
# (k, C n), and mean energies of normal laws (b, C n) whose scales differ between classes
def softmax(
    X: _Rows, y: _Rows, classes: int, intercept: bool, threads: int, weights: _F64 | None = None,
    parameter_error: _F64 | None = None, direction: _F64 | None = None,
) -> tuple[
    _F64, _F64, _F64, npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]
]: ...  # value, parameters (s, C n), gap, attained, rank, passes
# As evaluate_logistic, of all classes but the last, whose parameters are 0: theta (k n,); allowed (m, C): classes summed.
def evaluate_softmax(
    X: _Rows, y: _Rows, classes: int, intercept: bool, shift: _F64, theta: _F64, curvature: bool, threads: int,
    weights: _F64 | None = None, allowed: npt.NDArray[np.uint8] | None = None,
) -> tuple[float, float, _F64, _F64, _F64, _F64]: ...
def softmax_energies(
    X: _Rows, y: _Rows, classes: int, intercept: bool, parameters: _F64, threads: int, weights: _F64 | None = None
) -> _F64: ...
def class_rows(
    X: _Rows, intercept: bool, classes: int, scale: _F64, limit: bool, slope: bool, threads: int,
    weights: _F64 | None = None,
) -> tuple[_F64, _F64 | None]: ...  # mean, or with `limit` that of the largest logit; slope: (s, b)

# The absolute error or cross entropy ("absolute", "cross-entropy"; labels 0 and 1) of the same draws, from the rows
# X (s, m, p), y (s, m) of one dtype. The slope is that of the mean by the logarithm of the law's common scale.
def sample_rows(
    X: _Rows, y: _Rows, intercept: bool, loss: str, scale: _F64, families: int | _F64, seed: _Seed, first_draw: int,
    samples: int, threads: int, weights: _F64 | None = None,
) -> tuple[_F64, _F64, _F64]: ...  # mean, standard error, slope: (s, b)
def sample_rows_energies(
    X: _Rows, y: _Rows, intercept: bool, loss: str, scale: _F64, families: int | _F64, seed: _Seed, first_draw: int,
    samples: int, threads: int, weights: _F64 | None = None,
) -> _F64: ...  # (s, b, samples)

# Energies <|z_l|^2> of every layer of networks under normal laws, by the chain of q_l = |x_l|^2: widths (L+1,) int64;
# weight, bias (0 for none) (b, L): standard deviations; norms (m,) = |x_i|^2; shift (b, L): constant biases.
# activation: "tanh" "sigmoid" "relu" "identity" "erf" "leaky_relu" "gelu" "silu" "softplus" "elu" "selu" "mish"
# "hardswish" "hardtanh"; one for all hidden layers, or one for each with commas between them. cross_entropy: one more
# energy after those of the layers, the mean of ln(1 + e^z) of one output or of ln sum_c e^{z_c} of several. error: an
# estimated upper bound of the absolute error; trusted (b,) bool: where it is below 1e-4 of the energy in every layer.
_Widths: TypeAlias = npt.NDArray[np.int64]

def network_chain(
    activation: str, widths: _Widths, weight: _F64, bias: _F64, norms: _F64, threads: int,
    shift: _F64 | None = None, cross_entropy: bool = False,
) -> tuple[_F64, _F64, npt.NDArray[np.bool_]]: ...  # energy, error (b, L), trusted
def network_chain_growth(
    activation: str, widths: _Widths, weight: _F64, bias: _F64, norms: _F64, threads: int,
    shift: _F64 | None = None, cross_entropy: bool = False,
) -> tuple[_F64, _F64, npt.NDArray[np.bool_]]: ...  # growth, error (b, L), trusted
def network_chain_draws(
    activation: str,
    widths: _Widths,
    weight: _F64,
    bias: _F64,
    norms: _F64,
    seed: _Seed,
    first: int,
    draws: int,
    samples: int,
    threads: int,
    shift: _F64 | None = None,
) -> _F64: ...  # energies of draws first .. first + draws - 1 of `samples`: (b, draws, L)

# The core's activations by name: phi(z)/z for z < 0 if that is a constant and phi(z) = z above (else nan); phi(-z)^2 = phi(z)^2.
def activations() -> dict[str, tuple[float, bool]]: ...
def activate(activation: str, z: _F64) -> _F64: ...  # phi(z) of every number of a contiguous array, of its shape

# The limit of infinite width, and with the correction of order 1/n.
def network_mean_field(
    activation: str, widths: _Widths, weight: _F64, bias: _F64, norms: _F64, threads: int,
    shift: _F64 | None = None, cross_entropy: bool = False,
) -> tuple[_F64, _F64]: ...  # leading, corrected (b, L)
# Sampled networks: X (m, n_0), widths (L+1,) int64 = n_0 .. n_L, families (4, L): Family.bound of weights and of
# biases, and squared scale / mean square of each,
# weight and bias (b, L): their scales; bias 0 for none. Parameters are numbered layer by layer: weights row by row (n_l,
# n_{l-1}), then biases, which are numbered also where they are 0. Number j of draw k is the scale times
# normals(seed, k, 1, j, ..), uniforms(..), truncated_normals(..), 1 or one of orthogonal(..), single for float32 X, which runs in float32. rows: 0 for all, or the number selected by each draw, stratified
# by norm, unbiased. averaged: energies averaged over each layer's own parameters. Layers' energies are <|z_l|^2>.
def sample_network(
    X: _Rows, widths: _Widths, activation: str, families: _F64, weight: _F64, bias: _F64, seed: _Seed,
    first_draw: int, samples: int, rows: int, averaged: bool, threads: int,
) -> _F64: ...  # (b, samples, L)

# <|y - z_L|^2> of the same draws; y (m, n_L) of the dtype of X.
def sample_network_errors(
    X: _Rows, y: _Rows, widths: _Widths, activation: str, families: _F64, weight: _F64, bias: _F64,
    seed: _Seed, first_draw: int, samples: int, rows: int, averaged: bool, threads: int,
) -> _F64: ...  # (b, samples)

# Mean cross entropies of the same draws, of one logit and labels 0 and 1 or of n_L classes; labels (m,) int64. None: the
# mean over all labels, which has the same expectation for outputs of mean 0.
def sample_network_cross_entropy(
    X: _Rows, labels: npt.NDArray[np.int64] | None, widths: _Widths, activation: str, families: _F64, weight: _F64,
    bias: _F64, seed: _Seed, first_draw: int, samples: int, rows: int, threads: int,
) -> _F64: ...  # (b, samples)

# The number of rows for each draw that minimises the standard error of the last layer's energy at given time; 0 for all.
# Runs 48 pilot draws of a fixed seed.
def network_rows(
    X: _Rows, widths: _Widths, activation: str, families: _F64, weight: _F64, bias: _F64, averaged: bool, threads: int
) -> int: ...

# sqrt(max(rows, cols)) Q, Q with orthonormal rows or columns, from normals(first_parameter ..), which may be odd.
def orthogonal(
    seed: _Seed, first_draw: int, draws: int, first_parameter: int, rows: int, cols: int, single: bool = False
) -> _F64: ...  # (draws, rows, cols)
