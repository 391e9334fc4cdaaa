"""Table 3: the limits of wide laws, and their errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyrometer.linear import componentwise as componentwise_energy
from pyrometer.results import Table
from pyrometer.tables._cases import Case
from pyrometer.tables._networks import HIDDEN, NETWORKS, Engines, NetworkCase, heading
from pyrometer.tables._subject import subject
from pyrometer.thermodynamics import temperature

__all__ = ["asymptotics"]

_LEGEND = (
    "⟨u⟩ is the mean over rows, sums run over the n parameters; limit is the limit at this scale, componentwise the "
    "sum of one-parameter limits, which is the form of the paper and too large unless a single scale grows (for "
    "squared error they are equal); refined uses the full entropy."
)


def asymptotics(
    X: Any = None,
    y: Any = None,
    *,
    scale: float = 10.0,
    length: float | None = None,
    lam: float = 1.0,
    intercept: bool = True,
    name: str | None = None,
    features: str | None = None,
    standardize: bool = True,
    weights: Any = None,
) -> Table:
    r"""Return Table 3: the limit of each temperature for wide laws, its formula, and its value at a given scale.

    Parameters
    ----------
    X, y, scale, length, lam, intercept, name, features, standardize, weights
        As in `systems`.

    Returns
    -------
    Table
        A row for each system: "section", "loss", "law", "data", "equation" and "formula" of the limit in the paper
        (:math:`\langle\cdot\rangle` is the mean over rows), "true_limit" where it differs, the value "limit" at the
        given scale, "componentwise", the sum over parameters of the one-parameter limits, and the ratios
        "limit_to_exact" and "refined_to_exact" of temperatures. nan where an entropy is 0.

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
    For squared error the energy is a sum over parameters and the componentwise form equals the limit; for networks it
    is not defined, and the limit is repeated. The relative error of the limits for normal laws is about
    :math:`1.4189 / \ln\sigma`: 62 % at :math:`\sigma = 10`, 8 % at 1e8. That of the refined limit, which uses the full
    entropy, is of order :math:`1 / \sigma^2`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> table = pm.tables.asymptotics(scale=1e8)
    >>> str(table["formula"][0]), [round(float(table[name][0]), 3) for name in ("limit_to_exact", "refined_to_exact")]
    ('σ²/(n ln σ) Σ⟨x_j²⟩', [1.077, 1.0])
    """
    about = subject(X, y, scale, length, lam, intercept, name, features, standardize, weights)
    rows = []
    for row in about.rows():
        system, law = row.system, row.law
        limit = temperature(system, law, method="asymptotic")
        exact = temperature(system, law, method="exact", minimum=row.minimum.value)
        refined = temperature(system, law, method="refined")
        # Where the leading term of the entropy is 0, the sum over parameters is undefined as well.
        entropy = limit.entropy if limit.verdict != "undefined" else np.nan
        componentwise = float(componentwise_energy(system, law)) / entropy
        rows.append(_row(row.case, row.data, exact.value, refined.value, limit.value, componentwise))
    engines = Engines(about.sets[0].X, about.metadata["scale"])
    for case in NETWORKS:
        e, r, a = (engines.number(case, method).value for method in ("exact", "refined", "asymptotic"))
        rows.append(_row(case, about.sets[0].name, e, r, a, a))
    for case, data, network, law in about.networks():
        e, r, a = (temperature(network, law, method=m).value for m in ("exact", "refined", "asymptotic"))
        rows.append(_row(case, data, e, r, a, a))
    units = {"limit": "loss/nat", "componentwise": "loss/nat", "limit_to_exact": "1", "refined_to_exact": "1"}
    return Table.from_rows(
        "Table 3. Limits of wide laws",
        rows,
        units=units,
        metadata={**about.metadata, "hidden": "-".join(map(str, HIDDEN)), "legend": _LEGEND},
    )


def _row(
    case: Case | NetworkCase, data: str, exact: Any, refined: Any, limit: Any, componentwise: Any
) -> dict[str, Any]:
    return {
        **heading(case, data),
        "equation": case.limit_equation,
        "formula": case.formula,
        "true_limit": case.limit,
        "limit": limit,
        "componentwise": componentwise,
        "limit_to_exact": _ratio(limit, exact),
        "refined_to_exact": _ratio(refined, exact),
    }


def _ratio(value: Any, exact: Any) -> float:
    """Return value / exact; nan where the exact value underflows to 0."""
    return float(value / exact) if exact != 0 else np.nan
