"""Results as text, JSON or CSV, on standard output or in a file."""

from __future__ import annotations

import contextlib
import io
import json
import os
import stat
from collections.abc import Mapping, Sequence
from typing import Any

import click

from pyrometer.base import atomic_write, plain, printable, quoted
from pyrometer.cli._terminal import show
from pyrometer.data.readers import files_of, is_pipe
from pyrometer.results import TABLE_FORMATS, Table, escaped, finite, table_format

__all__ = ["emit", "form_of", "is_single", "known_output", "layout_options", "require_apart"]

# Suffixes of tables as text.
_TEXT = (".txt", "")


def form_of(form: str | None, output: str | None) -> str:
    """Return "table" or the name of a format: what was asked for, else what the suffix of the output says."""
    if form is not None or os.path.splitext(output or "")[1].lower() in _TEXT:
        return form or "table"
    return table_format("--output", output or "").name


def known_output(ctx: click.Context, _: click.Parameter, output: str | None) -> str | None:
    """Check --output before anything is computed; --format has been read."""
    form = ctx.params.get("form")
    if output is None and form in TABLE_FORMATS and not TABLE_FORMATS[form].text:
        raise click.UsageError(f"--format {form} needs --output FILE, because it is not text.")
    try:
        form_of(form, output)
    except ValueError as error:
        raise click.UsageError(f"{error.args[0].rstrip('.')}; {', '.join(filter(None, _TEXT))} is text.") from None
    return output


def is_single(form: str) -> bool:
    """Return whether a form holds one table alone."""
    return form in TABLE_FORMATS and TABLE_FORMATS[form].single


def require_apart(outputs: Mapping[str, str | None], sources: Sequence[str]) -> None:
    """Refuse to write over a file that is read, or twice to one; or to read standard input twice.

    `outputs` are files by option.
    """
    twice = next((name for name in sources if sources.count(name) > 1 and is_pipe(name)), None)
    if twice is not None:
        pipe = "standard input (-)" if twice == "-" else plain(twice)
        raise click.UsageError(f"{pipe} can be read once, got {plain(twice)} twice; write one of its parts to a file.")
    taken: dict[object, str] = {}
    for source in (name for name in sources if name != "-"):
        with contextlib.suppress(OSError):  # reading it raises the error
            taken |= {_identity(name): "the data, which it would replace" for name in files_of(source)}
    for option, output in outputs.items():
        if output == "":
            raise click.UsageError(f"{option} must be the name of a file, got an empty one.")
        place = _identity(output) if output else None
        if place is not None and place in taken:
            raise click.UsageError(f"{option} must be another file than {taken[place]}; got {output}.")
        taken[place] = f"that of {option}"


def _identity(path: str) -> object:
    """Return what identifies a file, whatever its path; None where nothing would be lost."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return os.path.abspath(path)
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _legend(table: Table) -> dict[str, Any]:
    return {name: value for name, value in table.metadata.items() if name == "legend"}


def layout_options(function: Any) -> Any:
    """--fields and --wide, which `emit` reads."""
    wide = click.option(
        "--wide", is_flag=True, expose_value=False, callback=_keep, help="All columns in one row, however long."
    )
    named = click.option(
        "--fields",
        metavar="NAME,...",
        expose_value=False,
        callback=_keep,
        help="Columns of the result to write, in order.  [default: those that fit into the terminal]",
    )
    return named(wide(function))


def _keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    ctx.meta[f"{__name__}.{parameter.name}"] = value


def _chosen(tables: Sequence[Table], named: str | None) -> Sequence[Table]:
    """Return the tables with the columns of --fields; UsageError for one that none of them has."""
    if named is None:
        return tables
    names = [name.strip() for name in named.split(",")]
    columns_of_all = dict.fromkeys(name for table in tables for name in table.names)
    strange = [name for name in names if name not in columns_of_all]
    if strange:
        raise click.UsageError(
            f"--fields must name columns of the result, got {quoted(strange[0])}; they are "
            f"{', '.join(map(plain, columns_of_all))}."
        )
    made = []
    for table in tables:
        columns = {name: table.columns.held[name] for name in names if name in table.names}
        if columns:
            units = {name: unit for name, unit in table.units.items() if name in columns}
            made.append(Table(table.title, columns, units, table.metadata))
    return made


def emit(tables: Sequence[Table], provenance: Mapping[str, Any], form: str, output: str | None) -> None:
    """Write the result: all tables with their provenance, or the only one as CSV."""
    layout = {name: click.get_current_context().meta.get(f"{__name__}.{name}") for name in ("fields", "wide")}
    tables = _chosen(tables, layout["fields"])
    if form == "json":
        # The metadata of all of them together are the provenance.
        made = ",\n".join(Table(t.title, t.columns, t.units, _legend(t)).to_json() for t in tables)
        about = escaped(json.dumps(finite(provenance), ensure_ascii=False, allow_nan=False))
        text = f'{{"tables": [\n{made}],\n"provenance": {about}}}\n'
    elif form == "table":
        # rich is imported for text only.
        from pyrometer.cli._screen import written

        text = written(tables, provenance, terminal=output is None, wide=bool(layout["wide"]))
    else:
        (single,) = tables
        content = io.BytesIO()
        TABLE_FORMATS[form].write(Table(single.title, single.columns, single.units, provenance), content)
        if output is not None:
            with atomic_write(output) as file:
                file.write(content.getvalue())
            return
        text = printable(content.getvalue().decode(), keep="\n")
    if output is None:
        show(text)
        return
    with atomic_write(output) as file:
        file.write(text.encode())
