"""Names and messages as text without control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from numbers import Integral

__all__ = ["dropping", "listed", "number_of", "plain", "printable", "quoted"]

# Most characters of a name in a message, and most names in a list.
_NAME, _NAMES = 60, 12


def printable(text: str, keep: str = "") -> str:
    r"""Return text with control characters, bidirectional overrides, lone surrogates and the like as Python escapes.

    Those in `keep` stay as they are: ``"\n"`` for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def plain(name: str, most: int = _NAME) -> str:
    """Return a name without quotes, printable, and abbreviated in the middle if it is long."""
    return printable(_short(name, most))


def quoted(name: str) -> str:
    """Return a name in quotes, printable, and abbreviated in the middle if it is long."""
    return repr(_short(name))


def listed(names: Sequence[str], name: Callable[[str], str] = quoted) -> str:
    """Return a list of names for a message, each formatted by `name`, truncated if it is long."""
    shown = ", ".join(map(name, names[:_NAMES]))
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


def number_of(count: float, one: str, several: str = "") -> str:
    """Return a count with what is counted: 1 row, 2 rows; `several` where the plural is not that with an s."""
    written = str(count) if isinstance(count, (int, Integral)) else format(count, "g")
    return f"{written} {one if count == 1 else several or one + 's'}"


def dropping(*names: str) -> str:
    """Return the argument and the shell option that exclude columns."""
    import csv
    import io
    import shlex

    # Terminals and messages collapse two blanks into one.
    if not all(name.isprintable() and len(name) <= _NAME and "  " not in name for name in names[:_NAMES]):
        return f"drop, --drop {','.join(['COL'] * min(len(names), 2))}"
    line = io.StringIO()
    blanks = any(name != name.strip() for name in names[:_NAMES])
    csv.writer(line, lineterminator="", quoting=csv.QUOTE_ALL if blanks else csv.QUOTE_MINIMAL).writerow(names[:_NAMES])
    written = "" if names == ("",) else line.getvalue()
    return f"drop, --drop {shlex.quote(written)}" + (",..." if len(names) > _NAMES else "")


def _short(name: str, most: int = _NAME) -> str:
    name, tail = str(name), most // 3  # what stands in the place of a name may be anything
    return name if len(name) <= most else f"{name[: most - tail - 3]}...{name[-tail:]}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
