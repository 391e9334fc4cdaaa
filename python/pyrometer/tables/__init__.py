"""The tables of the paper, with numbers.

`terminology` is Table 1, the dictionary between thermodynamics and machine learning; `systems` is Table 2, every system
with its energies, entropy and temperatures; `asymptotics` is Table 3, the limits of wide laws.
"""

from pyrometer.tables._asymptotics import asymptotics
from pyrometer.tables._cases import SIGMAS_PER_LENGTH
from pyrometer.tables._systems import systems
from pyrometer.tables._terminology import terminology

__all__ = ["SIGMAS_PER_LENGTH", "asymptotics", "systems", "terminology"]
