"""The command line: results on standard output, notes on standard error, one line for an error.

Exit codes: 0 success, 1 a ``--fail-on`` condition holds, 2 wrong usage or bad input, 3 undecided.
"""

from pyrometer.cli._program import main

__all__ = ["main"]
