"""Write cpp/pyrometer/energy/rows/expectation_tables.hpp: two Gaussian expectations, fitted in 40 digits.

    softplus  f(s) = E ln(1 + e^{sZ})    f / (s + c) and f' / v over the eighths of v = s / (s + c), c = sqrt(pi)
    folded    F(t) = E |t - Z|           F and F - t F' over the units of t from 0 to 8

f is smooth in v at both ends, with an even series at s = 0 and an odd one in 1 / s at infinity; c balances the two.
Each polynomial is the Chebyshev interpolant in u in [-1, 1] of its interval, rewritten in powers of u; the script
prints the largest error against quadrature between the nodes. Needs mpmath.
"""

import itertools
from collections.abc import Callable
from pathlib import Path

import mpmath as mp

TARGET = Path(__file__).resolve().parents[1] / "cpp/pyrometer/energy/rows/expectation_tables.hpp"
INTERVALS = 8

mp.mp.dps = 40
C = mp.sqrt(mp.pi)


def cuts(s):
    """Return points at which to split an integral over z from 0 to 15, so that the integrand is smooth between them."""
    return [0, *(point for point in (mp.mpf(2) ** k / s for k in range(-2, 8)) if point < 15), 15]


def softplus(v):
    """Return f / (s + c), f = s / sqrt(2 pi) + 2 int_0^inf ln(1 + e^{-sz}) phi(z) dz."""
    s = C * v / (1 - v)
    tail = mp.quad(lambda z: mp.log1p(mp.exp(-s * z)) * mp.npdf(z), cuts(s))
    return (s / mp.sqrt(2 * mp.pi) + 2 * tail) / (s + C)


def softplus_slope(v):
    """Return f' / v, f' = 1 / sqrt(2 pi) - 2 int_0^inf z / (1 + e^{sz}) phi(z) dz."""
    s = C * v / (1 - v)
    tail = mp.quad(lambda z: z * mp.npdf(z) / (1 + mp.exp(s * z)), cuts(s))
    return (1 / mp.sqrt(2 * mp.pi) - 2 * tail) / v


def folded(t):
    """Return F(t) = E |t - Z|."""
    return folded_slope(t) + t * mp.erf(t / mp.sqrt(2))


def folded_slope(t):
    """Return F - t F', twice the normal density."""
    return 2 * mp.npdf(t)


def fit(function: Callable, count: int, low, high):
    """Return coefficients in powers of u, lowest first, and the largest relative error at the points checked."""
    angles = [(2 * i + 1) * mp.pi / (2 * count) for i in range(count)]
    middle, half = (low + high) / 2, (high - low) / 2
    values = [function(middle + half * mp.cos(angle)) for angle in angles]
    chebyshev = [
        2 * mp.fsum(v * mp.cos(k * a) for v, a in zip(values, angles, strict=True)) / count for k in range(count)
    ]
    chebyshev[0] /= 2
    powers = [mp.mpf(0)] * count
    before, now = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    for k, coefficient in enumerate(chebyshev):
        basis = before if k == 0 else now
        for j, b in enumerate(basis):
            powers[j] += coefficient * b
        if k:
            following = [mp.mpf(0)] + [2 * b for b in now]
            for j, b in enumerate(before):
                following[j] -= b
            before, now = now, following
    probes = [mp.mpf(i) / 11 for i in range(-10, 11)]
    worst = max(abs(mp.polyval(powers[::-1], u) / function(middle + half * u) - 1) for u in probes)
    return powers, worst


def table(name: str, function: Callable, count: int, length):
    """Yield the C++ table of one function over the eighths of [0, length], one line for each power."""
    edges = [mp.mpf(length) * k / INTERVALS for k in range(INTERVALS + 1)]
    fits = [fit(function, count, low, high) for low, high in itertools.pairwise(edges)]
    print(f"{name:15s}", [mp.nstr(worst, 2) for _, worst in fits])
    yield f"alignas(64) inline constexpr double {name}[{count}][{INTERVALS}] = {{"
    for power in zip(*(powers for powers, _ in fits), strict=True):
        cells = [mp.nstr(value, 20, strip_zeros=False) for value in power]
        yield "    {" + ",\n     ".join(", ".join(cells[i : i + 4]) for i in (0, 4)) + "},"
    yield "};"


def main():
    """Fit, print the errors, write the file."""
    lines = [
        "// Written by tools/make_expectation_tables.py: powers of u in [-1, 1] by intervals.",
        "#pragma once",
        "",
        "// clang-format off",
        "namespace pyrometer::energy::tables {",
        *table("kSoftplus", softplus, 12, 1),
        *table("kSoftplusSlope", softplus_slope, 14, 1),
        *table("kFolded", folded, 16, 8),
        *table("kFoldedSlope", folded_slope, 16, 8),
        "}  // namespace pyrometer::energy::tables",
    ]
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
