"""The program: its commands, and what becomes of errors, warnings and a closed pipe."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import click

__all__ = ["BAD_INPUT", "CONDITION", "UNDECIDED", "judge", "leave", "main"]

CONDITION, BAD_INPUT, UNDECIDED = 1, 2, 3
_INTERRUPTED, _CLOSED_PIPE = 130, 141

_COMMANDS = ("tables", "temperature", "network", "sweep", "shift", "mix", "moments", "verify", "info")


class Program(click.Group):
    """Commands that are imported when asked for, under one set of exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, the main job first."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command: pyrometer.cli.NAME holds it as `command`."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"pyrometer.cli.{cmd_name}").command
        return command

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run the program; the exit code says how it ended."""
        extra["standalone_mode"] = False
        with contextlib.suppress(AttributeError, ValueError):
            # A terminal that knows no Greek gets question marks, not a traceback.
            sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
        name = prog_name or "pyrometer"
        try:
            code = super().main(args, name, **extra)
        except click.ClickException as error:
            context = getattr(error, "ctx", None)
            where = context.command_path if context is not None else name
            _complain(where, error.format_message())
            code = BAD_INPUT
        except click.Abort:
            _complain(name, "interrupted")
            code = _INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what the library refuses becomes one line."""
        try:
            with _notes():
                result = super().invoke(ctx)
                sys.stdout.flush()
            return result
        except BrokenPipeError:
            # Nobody reads any more; what is still in the buffer must not complain at exit either.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ctx.exit(_CLOSED_PIPE)
        except OSError as error:
            place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
            raise click.ClickException(f"{place}{error.strerror or error}") from error
        except (ValueError, TypeError, ImportError, MemoryError) as error:
            raise click.ClickException(str(error) or type(error).__name__) from error


def leave(code: int, why: str) -> None:
    """End the command with this exit code, and say why on standard error."""
    click.echo(f"note: {why}", err=True)
    click.get_current_context().exit(code)


def judge(verdict: object, fail_on: Sequence[str]) -> None:
    """End the command as the verdict on its temperature asks."""
    if verdict in fail_on:
        leave(CONDITION, f"the verdict is {verdict}, which --fail-on names")
    if verdict == "undefined":
        leave(UNDECIDED, "the entropy is 0, the temperature undefined; --resolution chooses another cell")


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Show each warning once, as one line on standard error."""
    from pyrometer.errors import PrecisionWarning

    seen = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            click.echo(f"note: {_one_line(str(message))}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PrecisionWarning)
        warnings.showwarning = show
        yield


def _complain(where: str, message: str) -> None:
    click.echo(f"{where}: error: {_one_line(message)}", err=True)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from pyrometer._version import __version__

        click.echo(f"pyrometer {__version__}")
        ctx.exit()


@click.command(cls=Program, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Measure the temperature of machine-learning systems.

    Exit codes: 0 done, 1 a --fail-on condition holds, 2 wrong usage or bad input, 3 could not decide.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
