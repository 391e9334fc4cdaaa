"""Three small real data sets with their provenance, and standardisation.

The temperature depends on the units of the features: rescaled features give the same energies but another entropy.
Loading therefore requires a choice of units, raw or standardised.
"""

from pyrometer.datasets._load import Dataset, breast_cancer, diabetes, wine
from pyrometer.datasets._standardize import standardize

__all__ = ["Dataset", "breast_cancer", "diabetes", "standardize", "wine"]
