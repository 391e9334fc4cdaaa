"""Rows and their second moments: accumulated, merged, scanned."""

from pyrometer.data._moments import Moments
from pyrometer.data._scan import Scanned, scanned

__all__ = ["Moments", "Scanned", "scanned"]
