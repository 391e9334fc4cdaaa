"""Names and messages as text that a terminal shows and does not obey."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Sequence

__all__ = ["dropping", "listed", "plain", "printable", "quoted"]

# Characters of a name that a message repeats, and names of a list.
_NAME, _NAMES = 60, 12


def printable(text: str, keep: str = "") -> str:
    r"""Return text with control characters, bidirectional overrides, lone surrogates and the like as Python escapes.

    Those in `keep` stay as they are: ``"\n"`` for text of several lines.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep or unicodedata.category(c) == "Zs" else _escape(c) for c in text)


def plain(name: str) -> str:
    """Return a name without quotes, printable and no longer than a part of a line."""
    return printable(_short(name))


def quoted(name: str) -> str:
    """Return a name in quotes, printable and no longer than a part of a line."""
    return repr(_short(name))


def listed(names: Sequence[str]) -> str:
    """Return names in quotes for a message, not too many of them."""
    shown = ", ".join(map(quoted, names[:_NAMES]))
    return shown + (f" and {len(names) - _NAMES} more" if len(names) > _NAMES else "")


def dropping(name: str) -> str:
    """Return the options that leave out a column, as a user can type them."""
    typed = shlex.quote(name) if name.isprintable() and len(name) <= _NAME else "COL"
    return f"drop, --drop {typed}"


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 20]}...{name[-17:]}"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
