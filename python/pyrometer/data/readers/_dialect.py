"""How the text of a CSV file is to be read."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, fields
from typing import Any

from pyrometer.base import described, validate

__all__ = ["Dialect", "dialect_of", "options_text"]


@dataclass(frozen=True)
class Dialect:
    """Options of CSV; the defaults are those of RFC 4180."""

    sep: str | None = None
    """None: a tab for .tsv, else a comma."""
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8"
    comment: str | None = None
    skip: int = 0

    def given(self) -> list[str]:
        """Return the names of the options that differ from their defaults."""
        return [field.name for field in fields(self) if getattr(self, field.name) != field.default]

    def is_plain(self) -> bool:
        """Return whether bytes can be parsed as they are."""
        return self.comment is None and codecs.lookup(self.encoding).name in ("utf-8", "ascii")


def dialect_of(options: dict[str, Any]) -> Dialect:
    """Validate the options of a dialect."""
    names = [field.name for field in fields(Dialect)]
    for name in options:
        if name not in names:
            raise TypeError(f"unexpected keyword argument {name!r}; the options of CSV are {', '.join(names)}.")
    settings = dict(options)
    if isinstance(settings.get("sep"), str) and settings["sep"] in ("\\t", "tab"):
        settings["sep"] = "\t"
    made = Dialect(**settings)
    for name in ("sep", "decimal", "thousands"):
        _require_character(name, getattr(made, name), none=name != "decimal")
    comment: Any = made.comment
    if comment is not None and not (isinstance(comment, str) and comment.strip()):
        raise ValueError(f"comment must be the text that comments begin with, or None, got {described(comment)}.")
    if made.decimal in (made.sep, made.thousands):
        other = "sep" if made.decimal == made.sep else "thousands"
        also = ", or pass decimal=',' (--decimal ,)" if made.decimal == "." else ""
        raise ValueError(f"decimal must be another character than {other}, got {made.decimal!r} for both{also}.")
    validate.count("skip", made.skip, minimum=0, maximum=10**6)
    try:
        codecs.getincrementaldecoder(made.encoding)
    except (LookupError, TypeError):
        raise ValueError(
            "encoding must be one that Python knows, such as 'utf-8', 'latin-1' or 'utf-16', got "
            f"{described(made.encoding)}."
        ) from None
    return made


def options_text(options: dict[str, Any]) -> str:
    """Return options as keyword arguments and as those of the shell."""
    import shlex

    text = ", ".join(f"{name}={value!r}" for name, value in options.items())
    typed = " ".join(f"--{name} {shlex.quote(str(value).replace(chr(9), 'tab'))}" for name, value in options.items())
    return f"{text} ({typed})"


def _require_character(name: str, value: Any, *, none: bool) -> None:
    if none and value is None:
        return
    allowed = isinstance(value, str) and len(value) == 1 and not value.isalnum() and value not in '"\r\n'
    if not allowed or not (value.isascii() or name == "thousands"):
        raise ValueError(f"{name} must be a single character{' or None' if none else ''}, got {described(value)}.")
