"""Linear models: linear, logistic and softmax regression (sections 3 and 4)."""

from pyrometer._public import publish
from pyrometer.linear._base import without_rows
from pyrometer.linear._mean_energy import componentwise
from pyrometer.linear._path import minimum_path
from pyrometer.linear._softmax import SoftmaxRegression
from pyrometer.linear._stack import joined, numbers_of, stack_key
from pyrometer.linear._systems import (
    L1,
    L2,
    SYSTEMS,
    LinearRegression,
    LogisticRegression,
    Penalty,
    System,
    system_of,
)
from pyrometer.linear._training_path import training_path

__all__ = [
    "L1",
    "L2",
    "SYSTEMS",
    "LinearRegression",
    "LogisticRegression",
    "Penalty",
    "SoftmaxRegression",
    "System",
    "componentwise",
    "joined",
    "minimum_path",
    "numbers_of",
    "stack_key",
    "system_of",
    "training_path",
    "without_rows",
]

publish(__name__)
