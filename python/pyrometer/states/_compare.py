"""Two states of one kind compared: changes, errors, p-value and verdict."""

from __future__ import annotations

import numpy as np

from pyrometer.base import Array
from pyrometer.states._block_sums import covariance_of
from pyrometer.states._column_table import ColumnTable
from pyrometer.states._conditionals import exponents
from pyrometer.states._data_state import DataState, Kept
from pyrometer.states._densities import Joint
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import compared
from pyrometer.states._predictions import NO_LOSS
from pyrometer.states._resampled import redrawn_pair
from pyrometer.states._row_sums import in_range
from pyrometer.states._shift_result import Shift, verdict_of

__all__ = ["compare", "with_p_value"]


def compare(old: DataState, new: DataState, level: float, resamples: int, seed: tuple[int, int], threads: int) -> Shift:
    """Compare two states of one kind; numbers that cannot be computed are nan, and the result has the reason."""
    reasons = [
        f"{name}: {state.reason.rstrip('.')}" for name, state in (("before", old), ("after", new)) if state.reason
    ]
    pair = Pair.of(old, new)
    sums, law = pair.tables, old.law
    if old.kept is None or new.kept is None:
        changes, spread, why = pair.redrawn(resamples, seed, threads)
        reasons += why
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            changes, spread = _scored(pair, old.kept, new.kept, resamples, seed, threads)
        spread = np.where(np.isfinite(spread), spread, np.nan)
        sums = (sums[0].copy(), sums[1].copy())
        for state, blocks, scores in zip((old, new), sums, _pooled(old, old.kept, new.kept), strict=True):
            blocks[:, 2] = state.sums.of_rows(scores)
        law = "scores"
    inflation = inflation_of(old, new)
    permutations = compared(sums, law, resamples, (seed[0], seed[1] ^ 1), threads, pair.marginals, inflation=inflation)
    spread = spread * inflation
    change = new.energy - old.energy
    entropy, divergence = (new.entropy - old.entropy if pair.is_own else float(changes[0])), float(changes[1])
    errors, unit = np.sqrt(np.diag(spread)), old.sums.unit
    T, T_error = _quotient(change, entropy, spread, unit)
    defined = not np.isnan(T)
    if not defined and abs(entropy) > 2.0 * errors[1] and not np.isnan(change):
        reasons.append("temperature: the quotient leaves the range of a double")
    of_energy = in_range(float(errors[0]), unit) if old.loss != NO_LOSS else np.nan
    # A sum that may cancel to less than its rounding.
    of_cross_entropy = float(np.sqrt(np.maximum(spread[1:, 1:].sum(), 0.0)))
    unknown = {"energy": of_energy, "entropy": errors[1], "divergence": errors[2], "cross entropy": of_cross_entropy}
    lost = [name for name, error in unknown.items() if np.isnan(error) and (name != "energy" or old.loss != NO_LOSS)]
    if lost and not any(reason.startswith(("before", "after", "errors", "divergence")) for reason in reasons):
        reasons.append(f"errors of {', '.join(lost)}: their squares leave the range of a double")
    p_value = 1.0 if permutations is None else permutations.p_value
    return Shift(
        before=old,
        after=new,
        energy_change=change,
        entropy_change=entropy,
        divergence=divergence,
        cross_entropy=entropy + divergence,
        temperature=T,
        temperature_defined=bool(defined),
        energy_change_error=of_energy,
        entropy_change_error=float(errors[1]),
        divergence_error=float(errors[2]),
        cross_entropy_error=of_cross_entropy,
        temperature_error=T_error,
        p_value=p_value,
        level=level,
        verdict=verdict_of(p_value, level),
        reason="; ".join(reasons),
        columns=ColumnTable(
            old,
            new,
            divergence,
            None if permutations is None else permutations.changes,
            resamples,
            seed,
            threads,
            inflation,
        ),
        note=pair.note,
    )


def with_p_value(result: Shift, p_value: float, *, before: DataState, after: DataState) -> Shift:
    """Return a shift with another p-value and its verdict, and other states; its columns are still not computed."""
    other = {"p_value": p_value, "verdict": verdict_of(p_value, result.level), "before": before, "after": after}
    return type(result)(**(vars(result) | other))


def _quotient(change: float, entropy: float, spread: Array, unit: int) -> tuple[float, float]:
    """T and its standard error, with energies of `spread` in units of 2^unit; nan unless the entropy has changed."""
    if not abs(entropy) > 2.0 * np.sqrt(spread[1, 1]):
        return np.nan, np.nan
    with np.errstate(over="ignore", invalid="ignore"):
        T = np.ldexp(change, -unit) / entropy
        slope = np.array([1.0, -T]) / entropy
        error = np.sqrt(slope @ spread[:2, :2] @ slope)
    values = in_range(float(T), unit), in_range(float(error), unit)
    return values if not np.isnan(values).any() else (np.nan, np.nan)


def inflation_of(old: DataState, new: DataState) -> float:
    """Variance of means in units of that of permutations."""
    memory = max(old.dependence, new.dependence, key=lambda each: each.reach)
    return memory.correction(old.block, min(old.rows, new.rows), chosen=old.automatic or new.automatic)


def _scored(
    pair: Pair, before: Kept, after: Kept, resamples: int, seed: tuple[int, int], threads: int
) -> tuple[Array, Array]:
    """Changes and their covariance for fitted densities, for which all changes are means over rows."""
    old, new = pair.old, pair.new
    densities = Joint(old.density, old.loss, before.rows), Joint(new.density, new.loss, after.rows)
    under_old = densities[0].scores(after.rows)
    values = (
        np.stack([-before.losses, -before.scores, densities[0].influence(densities[1])], axis=1),
        np.stack([after.losses, after.scores, under_old - after.scores], axis=1),
    )
    divergence = float(under_old.mean() - after.scores.mean())
    changes = np.array([new.entropy - old.entropy, divergence])
    if not pair.marginals.adds:
        return changes, old.sums.covariance_of_means(values[0]) + new.sums.covariance_of_means(values[1])
    beside = pair.beside_redrawn(resamples, seed, threads)
    changes[1] += beside[0, 1]
    first, second = (
        np.column_stack([state.sums.counts, state.sums.of_rows(each)])
        for state, each in zip((old, new), values, strict=True)
    )
    total = np.zeros((resamples, 3))
    for sums in redrawn_pair((first, second), seed, resamples, threads):
        total += sums[:, 1:] / sums[:, :1]
    total[:, 1:] += beside[1:]
    return changes, covariance_of(total)


def _pooled(old: DataState, before: Kept, after: Kept) -> tuple[Array, Array]:
    """Return -ln p of the rows of each sample under one density of all rows, invariant under permutations.

    In a unit in which squares are within the range of a double, and which the statistic does not depend on.
    """
    rows = before.rows + after.rows
    order = np.lexsort([*rows.x.T, rows.residual, rows.inner])
    scores = Joint(old.density, old.loss, rows[order]).scores(rows)
    scores = np.ldexp(scores, -int(exponents(scores)))
    return scores[: len(before.losses)], scores[len(before.losses) :]
