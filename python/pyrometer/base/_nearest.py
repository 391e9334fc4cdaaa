"""The known name that a misspelt one resembles most."""

from __future__ import annotations

from collections.abc import Iterable

from pyrometer.base._printable import listed, quoted

__all__ = ["closest", "nearest"]

# Limits of the search, to bound its time: characters that are compared, and names.
_LONGEST, _MOST = 200, 1000


def closest(name: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the candidate nearest to a name; None if none is similar, by the ratio `cutoff` of difflib.

    Of more than 1000 candidates the first 1000 are compared, and none above 200 characters.
    """
    import difflib

    # Case, hyphens and underscores do not count: "he-normal" is nearest to "HeNormal".
    folded = {_folded(other): other for other in list(candidates)[:_MOST] if len(other) <= _LONGEST}
    close = difflib.get_close_matches(_folded(name[:_LONGEST]), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def nearest(name: str, candidates: Iterable[str], *, fallback: str = "; use one of {}.") -> str:
    """Return the end of a message about an unknown name: the candidate nearest to it, or all of them."""
    candidates = list(candidates)
    close = closest(name, candidates)
    return fallback.format(listed(candidates)) if close is None else f"; did you mean {quoted(close)}?"


def _folded(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
