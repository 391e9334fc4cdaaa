"""A progress bar with rate and remaining time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from pyrometer.base._printable import plain

__all__ = ["bar"]


@contextlib.contextmanager
def bar(shown: bool, what: str, unit: str, total: float | None) -> Iterator[Callable[[float], None]]:
    """Yield a function that advances a bar on standard error by a number of units out of `total`.

    It does nothing unless `shown` and standard error is an interactive terminal.
    """
    if not shown:
        yield lambda _: None
        return
    import shutil

    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(no_wrap=True, text=f"{task.completed:,.0f} {unit}" + (f", {speed:,.0f}/s" if speed else ""))

    console = Console(stderr=True, width=max(40, min(shutil.get_terminal_size().columns, 1000)))
    console.quiet = not console.is_interactive  # rich prints an empty line for a disabled bar
    columns = (TextColumn("{task.description}", markup=False), BarColumn(20), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=console.quiet) as progress:
        task = progress.add_task(plain(what), total=total)
        yield lambda amount: progress.advance(task, amount)
