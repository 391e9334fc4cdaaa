"""Two small real data sets with their provenance, and standardisation.

The temperature depends on the units of the features (a feature in other units is another system with the same energies
but another entropy), so whoever loads the data says in which units: raw or standardised.
"""

from pyrometer.datasets._load import Dataset, breast_cancer, diabetes
from pyrometer.datasets._standardize import standardize

__all__ = ["Dataset", "breast_cancer", "diabetes", "standardize"]
