"""Names and messages as text that a terminal shows and does not obey."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

__all__ = ["dropping", "listed", "plain", "printable", "quoted"]

# Characters of a name in a message, and names of a list.
_NAME, _NAMES = 60, 12


def printable(text: str, keep: str = "") -> str:
    r"""Return text with control characters, bidirectional overrides, lone surrogates and the like as Python escapes.

    Those in `keep` stay as they are: ``"\n"`` for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def plain(name: str, most: int = _NAME) -> str:
    """Return a name without quotes, printable and, if it is long, without its middle."""
    return printable(_short(name, most))


def quoted(name: str) -> str:
    """Return a name in quotes, printable and, if it is long, without its middle."""
    return repr(_short(name))


def listed(names: Sequence[str], name: Callable[[str], str] = quoted) -> str:
    """Return names, each as `name` gives it, for a message: not too many of them."""
    shown = ", ".join(map(name, names[:_NAMES]))
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


def dropping(name: str) -> str:
    """Return the options that leave out a column, as a user can type them."""
    import shlex

    typed = shlex.quote(name) if name.isprintable() and len(name) <= _NAME else "COL"
    return f"drop, --drop {typed}"


def _short(name: str, most: int = _NAME) -> str:
    tail = most // 3
    return name if len(name) <= most else f"{name[: most - tail - 3]}...{name[-tail:]}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
