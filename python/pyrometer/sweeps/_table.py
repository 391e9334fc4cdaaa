"""Collection of the results of a sweep into a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pyrometer._version import __version__
from pyrometer.base import number_of
from pyrometer.laws import arguments
from pyrometer.results import Repeated, Table
from pyrometer.sweeps._plan import FIELDS, METHODS, Answer, Part, Plan
from pyrometer.thermodynamics import VERDICTS, Batched

__all__ = ["Sheet"]

_UNITS = dict.fromkeys(("energy", "energy_error", "energy_bound", "minimum_energy"), "loss")
_UNITS |= dict.fromkeys(("temperature", "standard_error", "marginal"), "loss/nat") | {"entropy": "nat"}


class Sheet:
    """The rows of a plan, filled part by part."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._numbers = {name: np.empty(plan.rows) for name in FIELDS}
        self._verdicts, self._methods = np.empty(plan.rows, np.int8), np.empty(plan.rows, np.int8)
        self._filled = np.zeros(plan.rows, dtype=bool)

    def fill(self, part: Part, answers: Sequence[Answer]) -> int:
        """Store the results of a part; return the number of its rows."""
        rows, queue = 0, iter(answers)
        for number, first, last, tasks in part:
            columns = {name: self.plan.block(array, number) for name, array in self._numbers.items()}
            verdicts, methods, filled = (
                self.plan.block(array, number) for array in (self._verdicts, self._methods, self._filled)
            )
            for places, _, method in tasks:
                answer = next(queue)
                cells = (slice(first, last), places, method)
                for name, values in zip(FIELDS, answer.numbers, strict=True):
                    columns[name][cells] = values
                verdicts[cells], methods[cells] = answer.verdicts, answer.method
                filled[cells] = True
                rows += answer.verdicts.size
        return rows

    def table(self, about: Mapping[str, Any] | None = None) -> Table:
        """Return the table of the filled rows; `about` is added to its metadata."""
        plan, complete = self.plan, bool(self._filled.all())
        systems, laws, stacks = list(plan.systems.values()), list(plan.laws.values()), plan.stacks
        repeats = stacks * plan.columns
        losses = tuple(dict.fromkeys(system.loss for system in systems))
        loss_codes = [losses.index(system.loss) for system in systems]
        kinds = sorted({type(law).__name__ for law in laws})
        members = np.arange(stacks.sum()) - np.repeat(np.cumsum(stacks) - stacks, stacks)
        batches = plan.batches
        places = np.arange(batches.sum()) - np.repeat(np.cumsum(batches) - batches, batches)

        def of_law(values: Any) -> Any:
            return np.tile(np.repeat(values, len(plan.methods)), int(stacks.sum()))

        def of_system(values: Any) -> Any:
            return np.repeat(values, repeats)

        columns = {
            "system": Repeated(of_system(np.arange(len(systems), dtype=np.int32)), tuple(plan.systems)),
            "member": np.repeat(members, plan.columns),
            "loss": Repeated(of_system(np.array(loss_codes, np.int8)), losses),
            "rows": of_system([system.rows for system in systems]),
            "parameters": of_system([system.parameters for system in systems]),
            "law": Repeated(of_law(np.repeat(np.arange(len(laws), dtype=np.int32), batches)), tuple(plan.laws)),
            "kind": Repeated(
                of_law(np.repeat(np.array([kinds.index(type(law).__name__) for law in laws], np.int8), batches)),
                tuple(kinds),
            ),
            "batch": of_law(places),
            "scale": of_law(np.concatenate([_scales(law) for law in laws])),
            "method": Repeated(self._methods, METHODS),
            **self._numbers,
            "verdict": Repeated(self._verdicts, VERDICTS),
        }
        if not complete:
            columns = {name: _selected(column, self._filled) for name, column in columns.items()}
        count = f"{number_of(int(stacks.sum()), 'system')}, {number_of(int(batches.sum()), 'law')}"
        title = f"Sweep: {count}" + (
            "" if complete else f"; stopped at {int(self._filled.sum())} of {number_of(plan.rows, 'row')}"
        )
        return Table(title, columns, _UNITS, {**self._provenance(complete), **(about or {})})

    def _provenance(self, complete: bool) -> dict[str, Any]:
        options = self.plan.options
        seed = options.rng
        if isinstance(seed, np.random.SeedSequence):
            about: Any = {"entropy": seed.entropy, "spawn_key": list(seed.spawn_key)}
        else:
            about = seed
        return {
            "pyrometer": __version__,
            "complete": complete,
            "methods": list(self.plan.methods),
            "laws": {name: _text(law) for name, law in self.plan.laws.items()},
            "resolution": options.resolution,
            "samples": options.samples,
            "seed": about,
        }


def _selected(column: Any, filled: Any) -> Any:
    if isinstance(column, Repeated):
        return Repeated(column.codes[filled], column.words)
    return column[filled]


def _scales(law: Batched) -> Any:
    """Scale of each law of a batch, nan if a law has several."""
    count = math.prod(law.batch_shape)
    widths = [array for name, array in arguments(law).items() if isinstance(array, np.ndarray) and name != "value"]
    return widths[0].reshape(count) if len(widths) == 1 and widths[0].size == count else np.full(count, np.nan)


def _text(law: Batched) -> str:
    """Return the constructor call of a law, long arrays abbreviated."""

    def short(array: Any) -> str:
        if isinstance(array, tuple):
            return f"[{', '.join(_text(each) for each in array)}]"
        if not isinstance(array, np.ndarray):
            return repr(array)
        return repr(array.item()) if array.ndim == 0 else np.array2string(array, threshold=20, separator=", ")

    inside = ", ".join(f"{name}={short(array)}" for name, array in arguments(law).items())
    return " ".join(f"{type(law).__name__}({inside})".split())
