"""Table 2: every system with its energies, entropy and temperatures."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pyrometer.base import RandomSource, validate
from pyrometer.results import Estimate, Table, Temperature
from pyrometer.tables._cases import Case
from pyrometer.tables._networks import HIDDEN, NETWORKS, Engines, NetworkCase, Number, heading
from pyrometer.tables._subject import subject
from pyrometer.thermodynamics import mean_energy, temperature

__all__ = ["systems"]

_T: TypeAlias = Temperature | Number

_LEGEND = (
    "energy is the mean energy of random parameters; temperature = (energy - minimum_energy)/entropy, exact; refined: "
    "the limit energy over the entropy; asymptotic: the limit in the paper; z = (monte_carlo - "
    "temperature)/standard_error; marginal = dE/dS along the scale, not in the paper. The loss is in squared units of "
    "the target. Networks have one output and no target, or with cross entropy (CE, not in the paper) one logit: "
    "their minimum_energy is 0."
)
_UNITS = {
    "energy": "loss",
    "minimum_energy": "loss",
    "entropy": "nat",
    "temperature": "loss/nat",
    "refined": "loss/nat",
    "asymptotic": "loss/nat",
    "monte_carlo": "loss/nat",
    "standard_error": "loss/nat",
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
    weights: Any = None,
) -> Table:
    r"""Return Table 2: the systems of sections 3 to 5 on data, each temperature computed in four ways.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p), optional
        Features, finite. T depends on their units. Default, with `y`: the shipped data, diabetes for the regressions,
        breast cancer for the logistic models and wine for softmax regression, which is not in the paper.
    y : array_like, shape (m,), optional
        Target, finite. Logistic models have rows where it is 0 and 1, softmax regression where it has 3 to 20 different
        values, which are whole numbers.
    scale : float
        Standard deviation :math:`\sigma > 0` of every normal parameter. At the default most of the energy of the
        diabetes data is the mean square of their target, which the limits of wide laws neglect: they are far below the
        exact value.
    length : float, optional
        Length L > 0 of every uniform parameter's interval. Default: :math:`6\sigma`, the 3-sigma range of the normal
        law, as in (3.17) and (3.26); the temperature of the uniform system is then higher.
    lam : float
        Weight :math:`\lambda \ge 0` of the L1 and L2 penalties on all parameters, the intercept included.
    intercept : bool
        Whether the models have an intercept.
    samples : int
        Monte Carlo draws for each row, at least 2; a tenth as many for networks.
    rng : int, SeedSequence, Generator or None
        Source of randomness; rows are independent. None draws fresh entropy, which is stored in the metadata.
    threads : int, optional
        Threads of Monte Carlo; changes the speed, not the bits of the result. Default: all that OpenMP offers.
    name, features : str, optional
        Name of the data and description of the units of the features, for the metadata.
    standardize : bool
        Whether the features of the shipped data are in units of their standard deviations.
    weights : array_like, shape (m,), optional
        Weights of the rows of `X`, as of `LinearRegression`; networks have none, and leave out rows of weight 0.

    Returns
    -------
    Table
        A row for each system: "section", "loss", "law", "data", the mean "energy", the "minimum_energy", the "entropy",
        the exact "temperature", its limits "refined" and "asymptotic", its estimate "monte_carlo" with "standard_error"
        and the distance "z" from the exact value in standard errors, the marginal temperature "marginal", the "verdict"
        on T and the "equations" of the paper. Energies are in units of the loss, the squared unit of `y`.

    Raises
    ------
    ValueError, TypeError
        If the data or an option are out of range.

    Warns
    -----
    PrecisionWarning
        If a minimum energy has fewer than 9 correct digits.

    Notes
    -----
    A mixed law has the first half of the parameters normal (rounded up) and the rest uniform; it needs two
    parameters. The networks have hidden layers of 32 and 32 units, the features of the first data set as inputs, and
    no targets: T = E_L / S as in (5.5) and (5.24). Those with cross entropy, which are not in the paper, are on the
    data with labels, with E* = 0. Time O(m n^2 + samples n^2) for each penalty and row.

    Examples
    --------
    >>> import pyrometer as pm
    >>> table = pm.tables.systems(samples=1000)
    >>> len(table), str(table["law"][0]), round(float(table["temperature"][0]), 3)
    (26, 'normal', 667.243)
    >>> bool((abs(table["z"]) < 5).all())
    True
    """
    about = subject(X, y, scale, length, lam, intercept, name, features, standardize, weights)
    samples = validate.count("samples", samples, minimum=2)
    sequence = _sequence(rng)
    described = list(about.rows())
    rows = []
    # Each row has its own random stream.
    networks = list(about.networks())
    streams = sequence.spawn(len(described) + len(NETWORKS) + len(networks))
    for row, stream in zip(described, streams[: len(described)], strict=True):
        system, law, minimum = row.system, row.law, row.minimum.value
        exact = temperature(system, law, method="exact", minimum=minimum)
        refined = temperature(system, law, method="refined")
        asymptotic = temperature(system, law, method="asymptotic")
        sampled = temperature(
            system, law, method="monte-carlo", minimum=minimum, samples=samples, rng=stream, threads=threads
        )
        rows.append(_row(row.case, row.data, exact, refined, asymptotic, sampled))
    engines, draws = Engines(about.sets[0].X, about.metadata["scale"]), max(2, samples // 10)
    for case, stream in zip(NETWORKS, streams[len(described) :], strict=False):
        exact_number = engines.number(case, "exact", slope=True)
        sampled_number = engines.number(case, "monte-carlo", samples=draws, rng=stream, threads=threads)
        wide, widest = (engines.number(case, method) for method in ("refined", "asymptotic"))
        rows.append(_row(case, about.sets[0].name, exact_number, wide, widest, sampled_number))
    for (case, data, network, law), stream in zip(networks, streams[len(described) + len(NETWORKS) :], strict=True):
        exact, refined, asymptotic = (temperature(network, law, method=m) for m in ("exact", "refined", "asymptotic"))
        drawn = mean_energy(network, law, method="monte-carlo", samples=draws, rng=stream, threads=threads)
        rows.append(_row(case, data, exact, refined, asymptotic, _sampled(exact, drawn)))
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


def _sampled(exact: Temperature, drawn: Estimate) -> Number:
    """Return the temperature of a sampled energy, where E* is 0."""
    per_energy = float(exact.value) / float(exact.energy)
    return Number(
        energy=float(drawn.value),
        entropy=float(exact.entropy),
        value=float(drawn.value) * per_energy,
        standard_error=float(drawn.standard_error) * abs(per_energy),
        marginal=float("nan"),
        verdict=str(exact.verdict),
    )


def _sequence(rng: RandomSource) -> np.random.SeedSequence:
    """Return the seed sequence of the rows; a given SeedSequence is not advanced."""
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
        "energy": exact.energy,
        "minimum_energy": exact.minimum_energy,
        "entropy": exact.entropy,
        "temperature": exact.value,
        "refined": refined.value,
        "asymptotic": asymptotic.value,
        "monte_carlo": sampled.value,
        "standard_error": sampled.standard_error,
        "z": _score(sampled, exact),
        "marginal": exact.marginal,
        "verdict": exact.verdict,
        "equations": case.equations,
    }


def _score(sampled: _T, exact: _T) -> float:
    """Difference of the Monte Carlo and the exact temperature in standard errors; 0 where both are constant."""
    error, difference = float(sampled.standard_error), float(sampled.value) - float(exact.value)
    if error > 0:
        return difference / error
    return 0.0 if abs(difference) <= 1e-12 * abs(float(exact.value)) else float("nan")
