"""Write cpp/pyrometer/energy/expectation_tables.hpp: polynomials for two Gaussian expectations, fitted in 40 digits.

    mean_softplus(s) = E ln(1 + e^{sZ})          one polynomial for each octave of s from 2^-4 to 2^5
    mean_folded(t)   = E |t - Z|                 one polynomial for each unit interval of t from 0 to 9

Each is the Chebyshev interpolant in u in [-1, 1], rewritten in powers of u; the script prints its largest relative
error against quadrature between the nodes. Needs mpmath.
"""

from pathlib import Path

import mpmath as mp

DEGREE = 17
OCTAVES = range(-4, 5)
INTERVALS = range(9)
TARGET = Path(__file__).resolve().parents[1] / "cpp/pyrometer/energy/expectation_tables.hpp"

mp.mp.dps = 40


def mean_softplus(s):
    """Return s / sqrt(2 pi) + 2 int_0^inf ln(1 + e^{-sz}) phi(z) dz, split where either factor bends."""
    cuts = [point for point in (mp.mpf(2) ** k / s for k in range(-2, 8)) if point < 15]
    tail = mp.quad(lambda z: mp.log1p(mp.exp(-s * z)) * mp.npdf(z), [0, *cuts, 15])
    return s / mp.sqrt(2 * mp.pi) + 2 * tail


def mean_folded(t):
    """The folded normal at distance t from its centre."""
    return mp.sqrt(2 / mp.pi) * mp.exp(-t * t / 2) + t * mp.erf(t / mp.sqrt(2))


def fit(function, low, high):
    """Coefficients in powers of u, lowest first, and the largest relative error seen."""
    count = DEGREE + 1
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
    probes = [mp.mpf(i) / 5 for i in range(-5, 6)]
    worst = max(abs(mp.polyval(powers[::-1], u) / function(middle + half * u) - 1) for u in probes)
    return powers, worst


def even_series(count):
    """Return ln 2 + sum_k softplus^(2k)(0) (2k - 1)!! / (2k)! s^2k: coefficients of powers of s^2."""
    taylor = mp.taylor(lambda x: mp.log1p(mp.exp(x)), 0, 2 * count)
    return [taylor[2 * k] * mp.fac2(2 * k - 1) for k in range(count)]


def odd_series(count):
    """Coefficients of s^-(2k+1) in mean_softplus(s) - s / sqrt(2 pi)."""
    return [2 / mp.sqrt(2 * mp.pi) * (-1) ** k * mp.fac2(2 * k - 1) * mp.altzeta(2 * k + 2) for k in range(count)]


def rows(name, table):
    """C++ of one table."""
    lines = [f"inline constexpr double {name}[{len(table)}][{len(table[0])}] = {{"]
    for row in table:
        cells = [mp.nstr(value, 20, strip_zeros=False) for value in row]
        lines.append("    {" + ",\n     ".join(", ".join(cells[i : i + 4]) for i in range(0, len(cells), 4)) + "},")
    return [*lines, "};"]


def main():
    """Fit, print the errors, write the file."""
    softplus = [fit(mean_softplus, mp.mpf(2) ** k, mp.mpf(2) ** (k + 1)) for k in OCTAVES]
    folded = [fit(mean_folded, mp.mpf(k), mp.mpf(k + 1)) for k in INTERVALS]
    print("softplus", [mp.nstr(error, 3) for _, error in softplus])
    print("folded  ", [mp.nstr(error, 3) for _, error in folded])
    lines = [
        "// Written by tools/make_expectation_tables.py; coefficients of powers of u in [-1, 1], lowest first.",
        "#pragma once",
        "",
        "// clang-format off",
        "namespace pyrometer::energy::tables {",
    ]
    lines += rows("kSoftplus", [powers for powers, _ in softplus])
    lines += rows("kFolded", [powers for powers, _ in folded])
    lines += rows("kSoftplusSmall", [even_series(9)]) + rows("kSoftplusLarge", [odd_series(9)])
    lines += ["}  // namespace pyrometer::energy::tables"]
    TARGET.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
