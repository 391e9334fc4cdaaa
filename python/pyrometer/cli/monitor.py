"""``pyrometer monitor``."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from pyrometer.base import number_of
from pyrometer.cli._batches import Given, Reader, batches, model_of
from pyrometer.cli._data import Selection
from pyrometer.cli._lock import FileLock
from pyrometer.cli._numbers import Whole
from pyrometer.cli._options import (
    block_option,
    data_options,
    fail_option,
    labels_of,
    law_of,
    law_options,
    loss_unit,
    output_options,
    plot_option,
    state_model_options,
    weights_option,
)
from pyrometer.cli._output import emit, form_of, require_apart
from pyrometer.cli._program import conclude
from pyrometer.cli._rows import row_of, units_of
from pyrometer.cli._samples import NO_MODEL
from pyrometer.cli._terminal import tell
from pyrometer.losses import LOSSES

if TYPE_CHECKING:
    from pyrometer.results import Table
    from pyrometer.states import Event, Reading, RefreshMonitor

__all__ = ["command"]


@click.command("monitor")
@click.argument("reference")
@click.argument("batch", nargs=-1)
@data_options
@weights_option
@state_model_options("REFERENCE")
@click.option("--by", metavar="COL", help="A batch is the rows of REFERENCE that have one value in this column.")
@click.option("--first", type=Whole(min=1), default=1, show_default=True, help="With --by: values of the reference.")
@law_options
@block_option("auto")
@click.option(
    "--run-length",
    type=Whole(min=2),
    default=200,
    show_default=True,
    help="Batches per false alarm, at least, on average.",
)
@click.option("--memory", type=Whole(min=1), default=32, show_default=True, help="Batches of the largest pool.")
@click.option("--grow/--no-grow", default=True, show_default=True, help="Batches without an alarm join the reference.")
@click.option("--seed", type=Whole(min=0), default=0, show_default=True, help="Seed of the permutations.")
@click.option(
    "--state", metavar="FILE", help="Continue the monitor saved in FILE, if there is one, and save it at the end."
)
@click.option(
    "--reset",
    is_flag=True,
    help="First close the change recorded in --state: it has been dealt with, or was a false alarm.",
)
@fail_option("monitor")
@output_options
@plot_option("energy, entropy, divergence and temperatures of the batches, with the alarms")
def command(
    reference: str,
    batch: tuple[str, ...],
    target: str | None,
    drop: tuple[str, ...],
    columns: list[str] | None,
    csv: dict[str, Any],
    weights: str | None,
    energy: str,
    labels: tuple[str, str] | None,
    intercept: bool,
    prediction: str | None,
    by: str | None,
    first: int,
    init: str,
    scale: float | None,
    length: float | None,
    bound: float | None,
    block: Any,
    run_length: int,
    memory: int,
    grow: bool,
    seed: int,
    state: str | None,
    reset: bool,
    fail_on: tuple[str, ...],
    form: str | None,
    output: str | None,
    plot: str | None,
) -> None:
    """Monitor batches of data under the model that REFERENCE trains: what changed, in which columns, since when.

    Every BATCH is a file, or a folder or pattern whose files are batches in the order of their names, with the columns
    of REFERENCE; or there is one file with --by. A row for each batch has its energy, entropy and divergence, the
    temperature of a system trained on it (first kind) and that between it and the one before (second kind), the
    p-values of its tests, and at an alarm the columns that have changed. With --state a daily job adds its batch;
    batches that it has seen, by name, are left out; a second run beside it is refused. The exit code is 1 where a
    --fail-on condition holds, else 0.
    """
    require_apart({"--output": output, "--plot": plot, "--state": state}, [reference, *batch])
    if reset and state is None:
        raise click.UsageError("--reset closes the change recorded in --state FILE; give that file.")
    selection = Selection(target, drop, columns, csv, weights)
    read = Reader(selection, energy, labels_of(energy, labels), prediction, by, first)
    old, others = batches(read, reference, batch, first)

    from pyrometer._version import __version__

    law, width = law_of(init, scale, length, bound)
    model = model_of(old, energy, intercept=intercept)
    law_used = None if model is None or isinstance(model, Given) or LOSSES[energy].classes else law
    options = {"run_length": run_length, "memory": memory, "block": block, "grow": grow}
    lock = None if state is None else click.get_current_context().with_resource(_claimed(state))
    monitor = _monitor(state, old, model, energy, law_used, options, seed)
    if reset:
        monitor.reset()
    seen, start = {reading.name for reading in monitor.readings}, monitor.batches
    for each in others:
        if each.name in seen:
            where = "given twice" if state is None else f"among the batches of {state}"
            tell(f"note: {each.name} is {where}, and left out")
            continue
        seen.add(each.name)
        if isinstance(model, Given):
            model.batch = each
        monitor.update(each.X, each.y, name=each.name, weights=each.weights)
    loss, made = loss_unit(energy, target or ""), form_of(form, output)
    new = monitor.readings[-(monitor.batches - start) :] if monitor.batches > start else ()
    provenance = {
        "pyrometer": __version__,
        "reference": old.name,
        "rows of the reference": len(old.X),
        **({"target": target} if energy != NO_MODEL else {}),
        **({"weights": weights} if weights is not None else {}),
        "energy": energy,
        **({"labels": " ".join(labels)} if labels else {}),
        **({"init": init, **width} if law_used is not None else {}),
        **options,
        "block": monitor.block,
        "seed": seed,
        "level": monitor.level,
        **({"state": state, "batches before": start} if state else {}),
        **_about(monitor.event),
    }
    numbers = list(range(monitor.batches - len(new) + 1, monitor.batches + 1))
    if plot is not None:
        from pyrometer.cli._plot import figure
        from pyrometer.plot import monitor as draw

        with figure(plot, 4) as axes:
            draw(monitor, ax=axes)
    if new or made != "table":
        emit([_table(new, numbers, monitor, loss, short=made == "table")], provenance, made, output)
    else:
        tell("note: there are no new batches")
    if state is not None and lock is not None:
        if not lock.unchanged():
            raise _busy(state)
        monitor.save(state)
    conclude({"alarm": any(reading.alarm for reading in new), "change": monitor.event is not None}, fail_on)


@contextlib.contextmanager
def _claimed(state: str) -> Iterator[FileLock]:
    """Refuse the file of --state that another run has: of two that read it and replace it, one would be lost."""
    if os.path.exists(state) and stat.S_ISFIFO(os.stat(state).st_mode):  # a reader would wait for a writer
        raise click.ClickException(
            f"--state must be a file, which is read and then replaced, got a pipe, {state}; give another."
        )
    lock = FileLock(state)
    try:
        if not (lock.acquired and lock.unchanged()):
            raise _busy(state)
        yield lock
    finally:
        lock.release()


def _busy(state: str) -> click.ClickException:
    return click.ClickException(
        f"another run has {state}, or has replaced it meanwhile; the batches of this run are not in it: wait until the "
        "other has ended, and run this again."
    )


def _monitor(
    state: str | None, old: Any, model: Any, energy: str, law: Any, options: dict[str, Any], seed: int
) -> RefreshMonitor:
    """Load the monitor of --state, which must be that of the reference and the options, or make one."""
    from pyrometer.states import RefreshMonitor

    data = old.X if model is None else (old.X, old.y)
    loss = None if model is None else energy
    options = options | {"weights": old.weights, "history": 100_000}
    new = RefreshMonitor(data, model, energy=loss, law=law, rng=seed, **options)
    if state is None or not os.path.exists(state):
        return new
    saved = RefreshMonitor.load(state, model, law=law)
    same = [getattr(saved, name) == getattr(new, name) for name in ("run_length", "memory", "block", "grow", "_seed")]
    ours, theirs = ((each.rows, each.names, each.energy, each.entropy) for each in (new.reference, saved.reference))
    if not all(same) or repr(ours) != repr(theirs):
        raise click.ClickException(
            f"{state} must be of the same REFERENCE and options as now, got others; use another --state FILE to begin "
            "anew."
        )
    return saved


def _about(event: Event | None) -> dict[str, Any]:
    if event is None:
        return {"change": "none"}
    labels = {"change": f"alarm at batch {event.batch}", "began": event.began}
    return labels | {"earliest": event.earliest, "latest": event.latest, "rows since": event.rows}


def _table(readings: Any, numbers: list[int], monitor: RefreshMonitor, loss: str, *, short: bool) -> Table:
    """Return a row for each batch; its title says whether to act."""
    from pyrometer.results import Table

    event = monitor.event
    title = (
        "No change" if event is None else f"Change since batch {event.began} (95 %: {event.earliest} to {event.latest})"
    )
    rows = []
    for number, reading in zip(numbers, readings, strict=True):
        row = {"batch": number, "name": reading.name} | _shown(reading, short)
        rows.append({name: value for name, value in row.items() if loss or name not in ("energy", "neighbour")})
    units = units_of(rows[0], loss) if rows else None
    if units is not None and loss:
        units |= {"neighbour": f"{loss}/nat"} if "neighbour" in rows[0] else {}
    legend = (
        "temperature: of a system trained on the batch; neighbour: between the batch before and this one; an alarm is "
        f"a p-value of at most {monitor.level:.2g}, of the batch or of the pool of the last `window` batches."
    )
    return Table.from_rows(
        f"{title}: {number_of(len(rows), 'batch', 'batches')}", rows, units=units, metadata={"legend": legend}
    )


def _shown(reading: Reading, short: bool) -> dict[str, Any]:
    row = {name: value for name, value in row_of(reading).items() if name != "name"}
    row["columns"] = ", ".join(reading.columns)
    if not short:
        return row
    first = ("rows", "energy", "entropy", "divergence", "temperature", "neighbour", "p_value", "pooled", "alarm")
    return {name: row[name] for name in first} | {"columns": row["columns"]}
