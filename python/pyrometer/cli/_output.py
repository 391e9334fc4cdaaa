"""Results as text, JSON or CSV, on standard output or in a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import click

from pyrometer._files import atomic_write
from pyrometer._formats import finite
from pyrometer.table import Table

__all__ = ["emit", "form_of"]


def form_of(form: str | None, output: str | None) -> str:
    """Return "table", "json" or "csv": what was asked for, else what the suffix of the output says."""
    suffix = os.path.splitext(output or "")[1].lower()
    return form or {".json": "json", ".csv": "csv"}.get(suffix, "table")


def _legend(table: Table) -> dict[str, Any]:
    return {name: value for name, value in table.metadata.items() if name == "legend"}


def emit(tables: Sequence[Table], provenance: Mapping[str, Any], form: str, output: str | None) -> None:
    """Write the result: all tables with their provenance, or the only one as CSV."""
    if form == "json":
        # The metadata of all of them together are the provenance.
        made = ",\n".join(Table(t.title, t.columns, t.units, _legend(t)).to_json() for t in tables)
        about = json.dumps(finite(provenance), ensure_ascii=False, allow_nan=False)
        text = f'{{"tables": [\n{made}],\n"provenance": {about}}}\n'
    elif form == "csv":
        (single,) = tables
        text = single.to_csv()
    else:
        # rich is imported for those who look.
        from pyrometer.cli._render import written

        text = written(tables, provenance, terminal=output is None)
    if output is None:
        click.echo(text, nl=False)
        return
    with atomic_write(output) as file:
        file.write(text.encode())
