"""``pyrometer info``."""

from __future__ import annotations

import click

from pyrometer.cli._options import output_options
from pyrometer.cli._output import emit, form_of

__all__ = ["command"]


@click.command("info")
@output_options
def command(form: str | None, output: str | None) -> None:
    """Print versions, instruction-set level and threads."""
    from pyrometer._installation import config
    from pyrometer.results import Table

    values = {name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in config().items()}
    table = Table("Installation", {"what": list(values), "value": list(values.values())})
    emit([table], {"pyrometer": values["pyrometer"]}, form_of(form, output), output)
