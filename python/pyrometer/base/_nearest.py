"""The known name that a misspelt one resembles most."""

from __future__ import annotations

from collections.abc import Iterable

from pyrometer.base._printable import listed, quoted

__all__ = ["nearest"]

_LONGEST = 200  # characters that are compared


def nearest(name: str, known: Iterable[str], *, fallback: str = "; use one of {}.") -> str:
    """Return the end of a message about an unknown name: the known name nearest to it, or all of them."""
    import difflib

    # Case, hyphens and underscores do not count: "he-normal" is nearest to "HeNormal".
    plain = {_folded(other): other for other in known}
    close = difflib.get_close_matches(_folded(name[:_LONGEST]), plain, n=1)
    return f"; did you mean {quoted(plain[close[0]])}?" if close else fallback.format(listed(list(plain.values())))


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
