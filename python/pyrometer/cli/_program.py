"""The program: dispatch of commands, and handling of errors, warnings and closed pipes."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from pyrometer.cli._commands import COMMANDS, require_command
from pyrometer.cli._interrupts import after_imports
from pyrometer.cli._terminal import prepare, settle, tell

__all__ = ["BAD_INPUT", "CONDITION", "UNDECIDED", "conclude", "judge", "leave", "main"]

CONDITION, BAD_INPUT, UNDECIDED = 1, 2, 3
_INTERRUPTED, _CLOSED_PIPE = 130, 141


class Program(click.Group):
    """Commands that are imported when they run, under one set of exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is none of this name."""
        return COMMANDS[cmd_name].load() if cmd_name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, and its arguments; UsageError if there is none."""
        if not ctx.resilient_parsing:  # a shell asks for completions of names that are not complete
            require_command(args[0])
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from their records, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, record.help) for name, record in COMMANDS.items()])

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> Any:
        """Run the program, and exit with its code."""
        name = prog_name or "pyrometer"
        # click's own main exits with other codes, such as 1 for a closed pipe.
        try:
            prepare()
            code = self._completed(name)
            if code is None:
                given = list(sys.argv[1:] if args is None else args)
                with after_imports(), self.make_context(name, given, **extra) as context:
                    self.invoke(context)
                code = 0
            sys.stdout.flush()
        except click.exceptions.Exit as stop:
            code = stop.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = _stopped(name)
        except Exception as error:
            if sys.flags.dev_mode and not isinstance(error, click.ClickException):
                raise
            code = _ended(error, name)
        settle()
        sys.exit(code)

    def _completed(self, name: str) -> int | None:
        """Print completions if the shell requests them; None if it does not."""
        variable = f"_{name}_COMPLETE".replace("-", "_").upper()
        instruction = os.environ.get(variable)
        if not instruction:
            return None
        from click.shell_completion import shell_complete

        return BAD_INPUT if shell_complete(self, {}, name, variable, instruction) else 0

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, whose warnings are printed as notes."""
        with _notes():
            return super().invoke(ctx)


def leave(code: int, why: str) -> None:
    """End the command with this exit code, and say why on standard error."""
    tell(f"note: {why}")
    click.get_current_context().exit(code)


def conclude(held: Mapping[str, bool | None], fail_on: Sequence[str]) -> None:
    """End the command if a condition of --fail-on holds, or cannot be decided (None); `held` has all of them."""
    sentences = COMMANDS[str(click.get_current_context().info_name)].conditions
    for code, value, whether in ((CONDITION, True, ""), (UNDECIDED, None, "it cannot be decided whether ")):
        failed = [name for name in sentences if name in fail_on and held[name] is value]
        if failed:
            leave(code, "; ".join(f"--fail-on {name}: {whether}{sentences[name]}" for name in failed))


_NO_ENTROPY = "the entropy is 0 and the temperature undefined; choose another --resolution"


def judge(verdict: object, fail_on: Sequence[str], why: str = _NO_ENTROPY) -> None:
    """End the command with the exit code of the verdict; where T is undefined, nothing is decided."""
    conclude({name: name == verdict for name in fail_on}, fail_on)
    if verdict == "undefined":
        leave(UNDECIDED, why)


@contextlib.contextmanager
def _notes() -> Iterator[None]:
    """Show each warning once, as one line on standard error."""
    from pyrometer.errors import PrecisionWarning

    seen = set()

    def show(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in seen:
            seen.add(str(message))
            tell(f"note: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("always", PrecisionWarning)
        warnings.showwarning = show
        yield


def _ended(error: Exception, name: str) -> int:
    """Print an error as one line, and return the exit code."""
    if _interrupted(error):
        return _stopped(name)
    if isinstance(error, BrokenPipeError) and error.filename is None:
        return _CLOSED_PIPE  # the reader of the pipe has ended: not an error; the code is the shell's
    context = getattr(error, "ctx", None)
    tell(f"{name if context is None else context.command_path}: error: {_meaning(error)}")
    return BAD_INPUT


def _stopped(name: str) -> int:
    """Say that the program was interrupted, without a module that may be half imported; return the exit code."""
    with contextlib.suppress(OSError, ValueError):
        click.echo(f"{name}: error: interrupted", err=True)
    return _INTERRUPTED


def _interrupted(error: BaseException) -> bool:
    """Return whether an error comes of Ctrl-C, which compiled modules that are being imported make another error."""
    chain: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and all(cause is not known for known in chain):  # an error may be its own cause
        chain.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return any(isinstance(one, KeyboardInterrupt) for one in chain)


def _meaning(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError):
        place = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, (str, bytes)) else ""
        return f"{place}{error.strerror or error}"
    if isinstance(error, RecursionError):
        return "the input is nested too deeply."
    if isinstance(error, (ValueError, TypeError, ImportError, MemoryError, EOFError)):
        return str(error) or type(error).__name__
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return f"{type(error).__name__}: {error} ({place}); this should not happen, please report it."


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

    Exit codes: 0 success, 1 a --fail-on condition holds, 2 wrong usage or bad input, 3 undecided, 130 interrupted,
    141 standard output was closed by its reader.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
