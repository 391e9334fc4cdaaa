"""Many systems under many laws, as one table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from pyrometer.base import RandomSource, bar, described, executors, quoted, unreliable, validate, warn_caller
from pyrometer.errors import SimulationWarning
from pyrometer.laws import not_a_law
from pyrometer.linear import joined
from pyrometer.results import Table
from pyrometer.sweeps._plan import Answer, Options, Part, Piece, Plan, run
from pyrometer.sweeps._table import Sheet
from pyrometer.thermodynamics import Batched, System, is_law, is_system, not_a_system

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["sweep"]

Systems: TypeAlias = "System | Sequence[System] | Mapping[str, System]"
Laws: TypeAlias = "Batched | Sequence[Batched] | Mapping[str, Batched]"


def sweep(
    systems: Systems,
    laws: Laws,
    *,
    method: str | Sequence[str] = "auto",
    resolution: float = 1.0,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
    progress: bool = False,
    executor: Executor | None = None,
    methods: str | Sequence[str] | None = None,
) -> Table:
    r"""Temperatures of many systems under many laws: one row for each system, law and method.

    The rows equal the results of `temperature` for the pair, bit for bit, with the same `rng` if it is an int or a
    SeedSequence, else with that of ``metadata["seed"]``. Common quantities (moments, minima, norms of
    rows) are computed once; laws of the same class form one batch.

    Parameters
    ----------
    systems : system, sequence or mapping
        A system, a sequence, or a mapping from names; linear, logistic and networks may be mixed, stacks are expanded.
        Systems in a sequence are named by their index.
    laws : law, sequence or mapping
        A law, a sequence, or a mapping from names; batches are expanded. Each law must match each system.
    method : str or sequence of str
        Method of `temperature`, or several, applied to every pair.
    resolution : float
        Cell size :math:`\varepsilon > 0` at which parameters are discretised, as in `temperature`.
    samples : int
        Draws of "monte-carlo", at least 2.
    rng : int, SeedSequence, Generator or None
        Source of the draws. All pairs use the same draws: a Generator gives the seed of all, ``rng.integers(2**63)``,
        and None draws one; ``metadata["seed"]`` is that seed.
    threads : int, optional
        At least 1; changes the speed, nothing else. Default: all that OpenMP offers, or 1 in each worker of an
        executor.
    progress : bool
        Whether to show a progress bar on standard error.
    executor : concurrent.futures.Executor, optional
        Executor for the parts; systems are pickled for processes. The table is the same.
    methods : str or sequence of str, optional
        The former name of `method`.

    Returns
    -------
    Table
        Columns ``system`` (name), ``member`` (index in the flattened stack), ``loss`` ("mse", "mae", "ce", "softmax" or
        "network"),
        ``rows``, ``parameters``, ``law`` (name), ``kind`` (its class), ``batch`` (index in the flattened batch),
        ``scale`` (standard deviation, length or gain if the law has a single one, else nan), ``method`` (method used),
        ``energy``, ``energy_error`` (standard error), ``energy_bound`` (error bound of quadrature and series),
        ``minimum_energy``, ``entropy``, ``temperature``, ``standard_error`` (of the temperature), ``marginal`` and
        ``verdict``. The metadata hold version, methods, laws, samples, seed and ``complete``.

    Raises
    ------
    TypeError, ValueError
        Before any computation, if an option is out of range, or a law or method does not match a system; the message
        names the pair. If an energy overflows; the message names the system.

    Warns
    -----
    PrecisionWarning, SeparationWarning, SimulationWarning
        As in `temperature`; warnings in processes of an executor are not passed on.

    See Also
    --------
    temperature : temperature of one system, or of one stack.

    Notes
    -----
    Ctrl-C ends the sweep within about a second and returns the completed rows; ``metadata["complete"]`` is then False.

    A pair with squared error takes about 0.2 microseconds, a million of them less than a second.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> data = pm.datasets.diabetes(standardize=True)
    >>> systems = {e: pm.LinearRegression(data.X, data.y, energy=e) for e in ("mse", "mae")}
    >>> laws = {"normal": pm.Normal(np.logspace(0, 4, 5)[:, None]), "uniform": pm.Uniform(60.0)}
    >>> table = pm.sweep(systems, laws)
    >>> len(table), float(table["temperature"][1]) == pm.temperature(systems["mse"], pm.Normal(10.0)).value
    (12, True)
    >>> table["loss"][-1].item(), table["kind"][-1].item(), table["scale"][-1].item(), table["verdict"][-1].item()
    ('mae', 'Uniform', 60.0, 'ok')
    """
    validate.flag("progress", progress)
    executors.require(executor)
    options = (resolution, samples, rng, 1 if threads is None and executor is not None else threads)
    sheet = Sheet(plan_of(systems, laws, either_name(method, methods), *options))
    # After Ctrl-C the completed rows are returned.
    with contextlib.suppress(KeyboardInterrupt), bar(progress, "sweep", "rows", sheet.plan.rows) as advance:
        for part, answers in answered(sheet.plan, executor):
            advance(sheet.fill(part, answers))
    table = sheet.table()
    warn_of_few(table)
    return table


def warn_of_few(table: Table) -> None:
    """Give one SimulationWarning for all temperatures with large standard errors."""
    difference = np.abs(table["energy"] - table["minimum_energy"])
    count = int(np.count_nonzero(unreliable(difference, table["energy_error"])))
    if count:
        warn_caller(
            SimulationWarning(
                f"{count} of {len(table)} temperatures have a relative standard error above 0.1; use more samples."
            )
        )


def plan_of(
    systems: Systems,
    laws: Laws,
    method: str | Sequence[str],
    resolution: float,
    samples: int,
    rng: RandomSource,
    threads: int | None,
) -> Plan:
    """Validate the arguments of `sweep`."""
    if not isinstance(method, Sequence):
        raise TypeError(f"method must be the name of a method or a sequence of names, got {described(method)}.")
    names = (method,) if isinstance(method, str) else tuple(method)
    if not names:
        raise ValueError("method must be at least one method, got none; 'auto' is the default.")
    size = validate.single("resolution", resolution, minimum=0.0, exclusive=True)
    draws = validate.count("samples", samples, minimum=2)
    validate.threads(threads)
    options = Options(size, draws, _seed(rng), threads)
    plan = Plan(
        _named("systems", systems, is_system, _not_a_system), _named("laws", laws, is_law, not_a_law), names, options
    )
    plan.check()
    return plan


def either_name(method: str | Sequence[str], methods: str | Sequence[str] | None) -> str | Sequence[str]:
    """Return the methods, which may be given by their former name; ValueError if by both."""
    if methods is None:
        return method
    if method != "auto":
        raise ValueError(
            f"methods is the former name of method, got both: {described(method)} and {described(methods)}; use method."
        )
    return methods


def answered(
    plan: Plan, executor: Executor | None, parts: Iterable[Part] | None = None
) -> Iterator[tuple[Part, list[Answer]]]:
    """Yield parts with their results as they complete."""
    systems = tuple(plan.systems.values())
    parts = plan.parts() if parts is None else parts
    last: tuple[Any, Any] = (None, None)

    def task(part: Part) -> tuple[Any, Options]:
        nonlocal last
        pieces = []
        for number, first, end, tasks in part:
            system = systems[number]
            grouped = plan.groups[number] > 1
            if grouped or (system.separable and end - first < plan.stacks[number]):
                # Consecutive tasks share one object, so that its minimum is computed once.
                if last[0] != (number, first, end):
                    chosen = systems[number + first : number + end]
                    last = (number, first, end), joined(chosen) if grouped else system.members(first, end)
                system = last[1]
            pieces.append((system, tuple((law, plan.methods[method]) for _, law, method in tasks)))
        return pieces, plan.options

    if executor is None:
        for part in parts:
            with _named_pair(plan, part):
                answers = run(*task(part))
            yield part, answers
        return
    with contextlib.closing(executors.completed(executor, run, ((part, task(part)) for part in parts))) as done:
        for part, future in done:
            with _named_pair(plan, part):
                answers = future.result()
            yield part, answers


@contextlib.contextmanager
def _named_pair(plan: Plan, part: Part) -> Iterator[None]:
    """Add the names of the systems to a ValueError."""
    try:
        yield
    except ValueError as error:
        names = list(plan.systems)
        first, last = names[_systems_of(plan, part[0])[0]], names[_systems_of(plan, part[-1])[-1]]
        which = f"system {quoted(first)}" if first == last else f"systems {quoted(first)} to {quoted(last)}"
        raise ValueError(f"{which}: {error}") from error


def _systems_of(plan: Plan, piece: Piece) -> range:
    """Return the numbers of the systems of a piece."""
    number, first, last, _ = piece
    return range(number + first, number + last) if plan.groups[number] > 1 else range(number, number + 1)


def _not_a_system(name: str, value: Any) -> TypeError:
    return not_a_system(name, value, "a LinearRegression, a LogisticRegression, a SoftmaxRegression or a Network")


def _named(
    what: str, given: Any, is_one: Callable[[Any], bool], refusal: Callable[[str, Any], TypeError]
) -> dict[str, Any]:
    """Return systems or laws by name; one, a sequence or a mapping may be given."""
    if is_one(given):
        given = (given,)
    if isinstance(given, Mapping):
        items = dict(given)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        items = {str(number): item for number, item in enumerate(given)}
    else:
        raise refusal(what, given)
    if not items:
        raise ValueError(f"{what} must have at least one, got none.")
    for name, item in items.items():
        if not isinstance(name, str):
            raise TypeError(f"names of {what} must be strings, got {described(name)}.")
        if not is_one(item):
            raise refusal(f"{what}[{quoted(name) if isinstance(given, Mapping) else name}]", item)
    return items


def _seed(rng: RandomSource) -> int | np.random.SeedSequence:
    """Return a reproducible seed that gives every pair the same draws, and can be stored in the metadata."""
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(2**63))
    validate.seed(rng)
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0])
    return rng if isinstance(rng, np.random.SeedSequence) else int(rng)
