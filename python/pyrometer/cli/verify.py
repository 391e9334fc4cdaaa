"""``pyrometer verify``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import click

from pyrometer.cli._options import output_options
from pyrometer.cli._output import emit, form_of
from pyrometer.cli._program import CONDITION, leave

__all__ = ["command"]

_SEED, _DRAWS = 1, 20_000
_FAR = 5.0  # standard errors
_LEGEND = (
    "E*: minima on the diabetes data, cross entropy for targets above their median; z of draws: standard errors from "
    "the exact energy; 2 threads: draws that differ from those on one."
)


class _Check(NamedTuple):
    what: str
    got: float
    expected: float
    allowed: float  # difference


@click.command("verify")
@output_options
def command(form: str | None, output: str | None) -> None:
    """Check this installation against known answers.

    Minima, expectations and network energies are compared with values that were computed in 30 digits by other means;
    draws with the exact energies, in standard errors; one thread with two, bit by bit. Exit code 1 if a check fails.
    """
    from pyrometer._installation import config
    from pyrometer.results import Table

    rows = [
        {
            "check": check.what,
            "got": check.got,
            "expected": check.expected,
            "difference": abs(check.got - check.expected),
            "allowed": check.allowed,
            "verdict": "ok" if abs(check.got - check.expected) <= check.allowed else "failed",
        }
        for check in _checks()
    ]
    about = config()
    provenance = {"pyrometer": about["pyrometer"], "cpu level": about["cpu level"], "seed": _SEED}
    emit(
        [Table.from_rows("Verification", rows, metadata={"legend": _LEGEND})], provenance, form_of(form, output), output
    )
    failed = [row["check"] for row in rows if row["verdict"] != "ok"]
    if failed:
        leave(CONDITION, f"{len(failed)} of {len(rows)} checks failed; report them with `pyrometer info`")


def _checks() -> Iterator[_Check]:
    yield from _minima()
    yield from _expectations()
    yield from _networks()
    yield from _draws()


def _near(what: str, got: object, expected: float, digits: int = 12) -> _Check:
    """Compare a number with the expected one to a number of digits."""
    return _Check(what, float(got), expected, abs(expected) * 10.0**-digits)  # type: ignore[arg-type]


def _minima() -> Iterator[_Check]:
    import pyrometer as pm

    data = pm.datasets.diabetes(standardize=False)
    squares = pm.LinearRegression(data.X, data.y)
    yield _near("E*, squared error", pm.minimum_energy(squares).value, 2859.6963475867502)
    absolute = pm.LinearRegression(data.X, data.y, energy="mae")
    yield _near("E*, absolute error", pm.minimum_energy(absolute).value, 43.041500685877935)
    logistic = pm.LogisticRegression(pm.datasets.diabetes(standardize=True).X, data.y > 140.5)
    yield _near("E*, cross entropy", pm.minimum_energy(logistic).value, 0.47394950525228957)


def _expectations() -> Iterator[_Check]:
    import pyrometer as pm

    one = pm.LinearRegression([[1.0], [-1.0]], [0.0, 0.0], intercept=False)
    yield _near("T of one N(0, 1)", pm.temperature(one, pm.Normal(1.0)).value, 0.7047521626898806)
    absolute = pm.LinearRegression([[1.0]], [1.0], energy="mae", intercept=False)
    yield _near("E|1 - Z|", pm.mean_energy(absolute, pm.Normal(1.0)).value, 1.1666309411753726)
    two = pm.LinearRegression([[1.0, 0.5]], [1.0], energy="mae", intercept=False)
    yield _near("E|1 - U - V/2|", pm.mean_energy(two, pm.Uniform(2.0)).value, 49.0 / 48.0)
    logistic = pm.LogisticRegression([[1.0]], [0.0], intercept=False)
    yield _near("E ln(1 + exp Z)", pm.mean_energy(logistic, pm.Normal(1.0)).value, 0.8060591833474398)
    system = pm.LogisticRegression([[1.0, 0.5]], [0.0], intercept=False)
    yield _near("E ln(1 + exp(U + V/2))", pm.mean_energy(system, pm.Uniform(2.0)).value, 0.7433995359136216)


def _networks() -> Iterator[_Check]:
    import pyrometer as pm

    tanh = pm.Network([[1.0]], hidden=(1,), outputs=1, activation="tanh")
    yield _near("tanh, layer 2: E tanh² Z", pm.mean_energy(tanh, pm.Normal(1.0)).value, 0.39429449039784117)
    relu = pm.Network([[1.0] * 8], hidden=(8, 8), outputs=8, activation="relu")
    yield _near("ReLU, layer 3", pm.mean_energy(relu, pm.Normal(1.0)).value, 1024.0)


def _draws() -> Iterator[_Check]:
    import numpy as np

    import pyrometer as pm

    data = pm.datasets.diabetes(standardize=True)
    net = pm.Network(data.X[:50], hidden=(32, 16), outputs=2, activation="tanh")
    systems: dict[str, tuple[Any, Any]] = {
        "squared error": (pm.LinearRegression(data.X, data.y), pm.Normal(10.0)),
        "absolute error": (pm.LinearRegression(data.X, data.y, energy="mae"), pm.Uniform(60.0)),
        "cross entropy": (pm.LogisticRegression(data.X, data.y > 140.5), pm.Normal(1.0)),
        "tanh network": (net, pm.LecunNormal()),
    }
    for name, (system, law) in systems.items():
        exact = pm.mean_energy(system, law).value
        drawn = pm.mean_energy(system, law, method="monte-carlo", samples=_DRAWS, rng=_SEED)
        away = float((drawn.value - exact) / drawn.standard_error)
        yield _Check(f"{name}, z of draws", away, 0.0, _FAR)
        one, two = (pm.sample_energies(system, law, samples=200, rng=_SEED, threads=threads) for threads in (1, 2))
        yield _Check(f"{name}, 2 threads", float(np.sum(one != two)), 0.0, 0.0)
