"""One record for each command: its module, its line of help and the conditions of ``--fail-on``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import click

__all__ = ["COMMANDS", "CommandRecord", "require_command"]


@dataclass(frozen=True)
class CommandRecord:
    """A command of the program.

    ``module`` is imported when the command runs and defines it as `command`; ``help`` is its line in the list of
    commands; ``conditions`` are those of ``--fail-on``, each with the sentence that says that it holds.
    """

    module: str
    help: str
    conditions: Mapping[str, str] = field(default_factory=dict)

    def load(self) -> click.Command:
        """Import the command."""
        command: click.Command = importlib.import_module(self.module).command
        return command


_VERDICTS = {
    "near-pole": "the entropy per parameter is within 0.1 of 0, where T has a pole",
    "negative-entropy": "the entropy is negative",
    "undefined": "the entropy is 0, or there is none, and T undefined",
}

COMMANDS = {
    "tables": CommandRecord("pyrometer.cli.tables", "Print the paper's tables with numbers."),
    "temperature": CommandRecord(
        "pyrometer.cli.temperature", "Print the temperature of a linear model of a file.", _VERDICTS
    ),
    "network": CommandRecord(
        "pyrometer.cli.network",
        "Print the layers of a network as a heat engine.",
        {**_VERDICTS, "mixed-signs": "some layers have negative and others positive entropy"},
    ),
    "model": CommandRecord(
        "pyrometer.cli.model",
        "Print the layers of a PyTorch, Keras, scikit-learn or ONNX model.",
        {
            "vanishing": "the energy of a unit falls by a factor of 10 or more over the layers, and never rises by it",
            "exploding": "the energy of a unit rises by a factor of 10 or more over the layers, and never falls by it",
            "unknown": "the law of a parameter is unknown, or it has no entropy",
        },
    ),
    "sweep": CommandRecord("pyrometer.cli.sweep", "Compute the temperatures of many systems under many laws."),
    "shift": CommandRecord(
        "pyrometer.cli.shift",
        "Test whether the data of two files differ, and print what has changed.",
        {
            "shifted": "the data have shifted at the level given by --level",
            "undefined": "the temperature of the shift is undefined",
        },
    ),
    "monitor": CommandRecord(
        "pyrometer.cli.monitor",
        "Monitor batches of files: what has changed, in which columns, since when.",
        {
            "alarm": "a batch of this run has raised an alarm",
            "change": "there has been an alarm, now or before, and no --reset since",
        },
    ),
    "mix": CommandRecord(
        "pyrometer.cli.mix",
        "Pool two files: heat, pooling loss and its test.",
        {
            "different": "one model for both files is rejected at the level given by --level",
            "not-between": "the temperature of the mixture is not between those of its parts",
        },
    ),
    "report": CommandRecord("pyrometer.cli.report", "Write a page on the data of a file, a network and a shift."),
    "moments": CommandRecord("pyrometer.cli.moments", "Save the second moments of a file."),
    "verify": CommandRecord("pyrometer.cli.verify", "Check this installation against known answers."),
    "info": CommandRecord("pyrometer.cli.info", "Print versions, instruction-set level and threads."),
}
"""The commands by name, in the order of the help."""


def require_command(name: str) -> None:
    """Raise UsageError, with the nearest name, for a command that does not exist."""
    if name not in COMMANDS:
        from pyrometer.base import nearest, quoted

        raise click.UsageError(f"there is no command {quoted(name)}{nearest(name, COMMANDS)}")
