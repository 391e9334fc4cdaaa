"""Table 2: every system with its energies, entropy and temperatures."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pyrometer.base import RandomSource, validate
from pyrometer.results import Table, Temperature
from pyrometer.tables._cases import Case
from pyrometer.tables._networks import HIDDEN, NETWORKS, Engines, NetworkCase, Number, heading
from pyrometer.tables._subject import subject
from pyrometer.thermodynamics import temperature

__all__ = ["systems"]

_T: TypeAlias = Temperature | Number

_LEGEND = (
    "E mean energy of random parameters, E* least energy, S entropy; T exact = (E - E*)/S; refined: the limit energy "
    "over S; asymptotic: the paper's limit; z = (T Monte Carlo - T exact)/s.e.; marginal = dE/dS along the scale (not "
    "the paper's). The loss is in squared units of the target. Networks have one output and no target, so that E* = 0."
)
_UNITS = {
    "E": "loss",
    "E*": "loss",
    "S": "nat",
    "T exact": "loss/nat",
    "T refined": "loss/nat",
    "T asymptotic": "loss/nat",
    "T Monte Carlo": "loss/nat",
    "s.e.": "loss/nat",
    "z": "1",
    "marginal": "loss/nat",
}


def systems(
    X: Any = None,
    y: Any = None,
    *,
    scale: float = 10.0,
    length: float | None = None,
    lam: float = 1.0,
    intercept: bool = True,
    samples: int = 10_000,
    rng: RandomSource = 0,
    threads: int | None = None,
    name: str | None = None,
    features: str | None = None,
    standardize: bool = True,
) -> Table:
    r"""Return Table 2: the systems of sections 3 to 5 on data, each temperature computed in four ways.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p), optional
        Features, finite. T depends on their units. Default, with `y`: the shipped data, diabetes for the regressions
        and breast cancer for the logistic models.
    y : array_like, shape (m,), optional
        Target, finite. Logistic models have rows where it is 0 and 1.
    scale : float
        Standard deviation :math:`\sigma > 0` of every normal parameter. At the default most of the energy of the
        diabetes data is the mean square of their target, which the limits of wide laws drop: they are far below the
        exact value.
    length : float, optional
        Length L > 0 of every uniform parameter's interval. Default: :math:`6\sigma`, the 3-sigma range of the normal
        law, as in (3.17) and (3.26): the uniform system is then the hotter one.
    lam : float
        Weight :math:`\lambda \ge 0` of the L1 and L2 penalties, on all parameters, the intercept included.
    intercept : bool
        Whether the models have a constant feature.
    samples : int
        Monte Carlo draws for each row, at least 2; a tenth as many for networks.
    rng : int, SeedSequence, Generator or None
        Source of randomness; rows are independent. None draws fresh entropy, and the metadata keep it.
    threads : int, optional
        Threads of the Monte Carlo; changes no bit of the result. Default: all that OpenMP offers.
    name, features : str, optional
        What to call the data and the units of the features in the metadata.
    standardize : bool
        Whether the features of the shipped data are in units of their standard deviations.

    Returns
    -------
    Table
        A row for each system: "section", "energy", "law", "data", the mean energy "E", the minimum "E*", the entropy
        "S", "T exact", "T refined", "T asymptotic", "T Monte Carlo" with its standard error "s.e." and its distance
        from the exact value in standard errors "z", the marginal temperature "marginal", the "verdict" on T and the
        paper's "equations". Energies are in units of the loss, the squared unit of `y`.

    Raises
    ------
    ValueError, TypeError
        If the data or an option are out of range.

    Warns
    -----
    PrecisionWarning
        If a minimum energy has lost digits.

    Notes
    -----
    A law that mixes has the first half of the parameters normal (rounded up) and the rest uniform; it needs two
    parameters. The networks have hidden layers of 32 and 32 units, see the features of the first data set, and are
    without targets: T = E_L / S as in (5.5) and (5.24). Time O(m n^2 + samples n^2) for each penalty and row.

    Examples
    --------
    >>> import pyrometer as pm
    >>> table = pm.tables.systems(samples=1000)
    >>> len(table), str(table["law"][0]), round(float(table["T exact"][0]), 3)
    (23, 'normal', 667.243)
    >>> bool((abs(table["z"]) < 5).all())
    True
    """
    about = subject(X, y, scale, length, lam, intercept, name, features, standardize)
    samples = validate.count("samples", samples, minimum=2)
    sequence = _sequence(rng)
    described = list(about.rows())
    rows = []
    # Each row has its own stream, by its place in the paper's order.
    streams = sequence.spawn(len(described) + len(NETWORKS))
    for row, stream in zip(described, streams[: len(described)], strict=True):
        system, law, ground = row.system, row.law, row.minimum.value
        exact = temperature(system, law, method="exact", minimum=ground)
        refined = temperature(system, law, method="refined")
        asymptotic = temperature(system, law, method="asymptotic")
        sampled = temperature(
            system, law, method="monte-carlo", minimum=ground, samples=samples, rng=stream, threads=threads
        )
        rows.append(_row(row.case, row.data, exact, refined, asymptotic, sampled))
    engines, draws = Engines(about.sets[0].X, about.metadata["scale"]), max(2, samples // 10)
    for case, stream in zip(NETWORKS, streams[len(described) :], strict=True):
        known = engines.number(case, "exact", slope=True)
        drawn = engines.number(case, "monte-carlo", samples=draws, rng=stream, threads=threads)
        wide, widest = (engines.number(case, method) for method in ("refined", "asymptotic"))
        rows.append(_row(case, about.sets[0].name, known, wide, widest, drawn))
    return Table.from_rows(
        "Table 2. Systems and their temperatures",
        rows,
        units=_UNITS,
        metadata={
            **about.metadata,
            "hidden": "-".join(map(str, HIDDEN)),
            "samples": samples,
            "seed": sequence.entropy,
            "legend": _LEGEND,
        },
    )


def _sequence(rng: RandomSource) -> np.random.SeedSequence:
    """Return the seed that rows draw theirs from, fresh at every call."""
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, (bool, np.bool_)) and rng >= 0:
        return np.random.SeedSequence(int(rng))
    if isinstance(rng, np.random.SeedSequence):
        return np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key, pool_size=rng.pool_size)
    if rng is None:
        return np.random.SeedSequence()
    high, low = validate.seed(rng)
    return np.random.SeedSequence((high << 64) | low)


def _row(case: Case | NetworkCase, data: str, exact: _T, refined: _T, asymptotic: _T, sampled: _T) -> dict[str, Any]:
    return {
        **heading(case, data),
        "E": exact.energy,
        "E*": exact.minimum_energy,
        "S": exact.entropy,
        "T exact": exact.value,
        "T refined": refined.value,
        "T asymptotic": asymptotic.value,
        "T Monte Carlo": sampled.value,
        "s.e.": sampled.standard_error,
        "z": _score(sampled, exact),
        "marginal": exact.marginal,
        "verdict": exact.verdict,
        "equations": case.equations,
    }


def _score(sampled: _T, exact: _T) -> float:
    """Distance of the Monte Carlo temperature from the exact one, in standard errors; 0 where no draw changes it."""
    error, off = float(sampled.standard_error), float(sampled.value) - float(exact.value)
    if error > 0:
        return off / error
    return 0.0 if abs(off) <= 1e-12 * abs(float(exact.value)) else float("nan")
