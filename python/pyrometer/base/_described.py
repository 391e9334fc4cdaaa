"""Arguments of the wrong kind: how messages describe them, and what to pass instead."""

from __future__ import annotations

import numbers
import re
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from pyrometer.base._printable import plain, quoted

__all__ = ["described", "library_of", "require_array_like", "require_dense", "with_article"]

_LIBRARIES = {
    "sklearn": "scikit-learn",
    "torch": "PyTorch",
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "scipy": "SciPy",
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "flax": "Flax",
    "haiku": "Haiku",
    "equinox": "Equinox",
    **{name: name for name in ("statsmodels", "jax")},
}
# Data libraries that are commonly named together with their classes: a pandas DataFrame.
_OF_DATA = ("pandas", "polars", "pyarrow", "xarray", "dask", "numpy")


def library_of(value: Any) -> str | None:
    """Return the name of the library that defines a class, or the class of an object, if it is a common one."""
    root = _root(value)
    return root if root in _OF_DATA else _LIBRARIES.get(root)


def _root(value: Any) -> str:
    kind = value if isinstance(value, type) else type(value)
    return kind.__module__.partition(".")[0]


def with_article(word: str) -> str:
    """Return a word after "a" or "an", as it is spoken: an Event, a Uniform, an L1, an ndarray."""
    spelled = re.match(r"[AEFHILMNORSX]([A-Z0-9]|$)|nd", word)  # letters are read one by one
    vowel = re.match(r"[aeiou]", word, re.IGNORECASE) and not re.match(r"uni|us|uf|eu|one", word, re.IGNORECASE)
    return f"an {word}" if spelled or (vowel and not re.match(r"U[A-Z]", word)) else f"a {word}"


# Longest number in a message, and most items of a list.
_DIGITS, _ITEMS = 80, 6


def described(value: Any) -> str:
    """Return what an object is, for the end of a message: one short line without control characters.

    Numbers, strings and short lists of them are shown as they are written, other objects by their kind.
    """
    if isinstance(value, type):
        library = library_of(value)
        return f"the class {value.__name__}" + (f" of {library}" if library else "")
    if isinstance(value, int) and value.bit_length() > 256:
        return f"{'minus ' if value < 0 else ''}a number of {value.bit_length()} bits"
    if value is None or isinstance(value, (numbers.Number, np.bool_)):
        return plain(repr(value), _DIGITS)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if type(value) in (list, tuple):
        return _items(value) or with_article(type(value).__name__)
    if hasattr(value, "__next__"):
        return "a generator" if type(value).__name__ == "generator" else f"an iterator ({type(value).__name__})"
    name, library = type(value).__name__, library_of(value)
    if library in _OF_DATA:
        return with_article(f"{library} {name}")
    if library:
        return f"{library}'s {name}"
    return (
        f"the function {quoted(value.__name__)}"
        if callable(value) and hasattr(value, "__name__")
        else with_article(name)
    )


def _items(values: list[Any] | tuple[Any, ...]) -> str:
    """Return a short list or tuple of numbers and strings as it is written; nothing for another."""
    if len(values) > _ITEMS or not all(isinstance(value, (str, numbers.Number, type(None))) for value in values):
        return ""
    inside = ", ".join(map(described, values))
    return f"[{inside}]" if isinstance(values, list) else f"({inside}{',' * (len(values) == 1)})"


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "nnz") and (hasattr(value, "toarray") or hasattr(value, "todense"))


def _is_coded(value: Any) -> bool:
    return hasattr(value, "categories") and hasattr(value, "codes")


def require_dense(name: str, value: Any) -> None:
    """Raise TypeError, with what to do, for a frame or column of pandas that is sparse."""
    # A frame without columns has this accessor, too.
    if library_of(value) == "pandas" and hasattr(getattr(value, "sparse", None), "to_dense") and value.size:
        raise TypeError(
            f"{name} must be numeric, got {described(value)} that is sparse; pass {name}.sparse.to_dense()."
        )


# What is not numbers, and what to do; {name} is the argument.
_REMEDIES: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (lambda value: value is None, "pass numbers"),
    (lambda value: isinstance(value, type), "pass numbers, not a class"),
    (lambda value: isinstance(value, (str, bytes)), "pass the numbers themselves, not their name or that of a file"),
    (lambda value: _is_sparse(value) and hasattr(value, "toarray"), "it is sparse: pass {name}.toarray()"),
    (_is_sparse, "it is sparse: pass {name}.todense()"),
    (lambda value: hasattr(value, "__next__"), "pass np.array(list({name}))"),
    (lambda value: isinstance(value, AbstractSet), "a set has no order: pass a list"),
    (
        lambda value: library_of(value) == "xarray" and type(value).__name__ == "Dataset",
        "pass {name}.to_dataframe(), or one of its variables",
    ),
    (lambda value: isinstance(value, Mapping), "pass a data frame, such as pandas.DataFrame({name}), or an array"),
    (_is_coded, "encode its categories as numbers, such as {name}.codes"),
    (lambda value: callable(value) and not hasattr(value, "__array__"), "pass the numbers that it returns"),
    (lambda value: hasattr(value, "predict"), "pass the data, not a model"),
    (
        lambda value: hasattr(value, "feature_names") and hasattr(value, "X"),
        "pass its attributes X and y",
    ),
)


def require_array_like(name: str, value: Any, *, categories: bool = False) -> None:
    """Raise TypeError, with what to do, for an object that is known to be no array of numbers, or of `categories`."""
    if isinstance(value, (np.ndarray, np.generic, list, tuple, numbers.Number)):
        return
    if categories and (isinstance(value, str) or _is_coded(value)):
        return
    for applies, remedy in _REMEDIES:
        if applies(value):
            fault = f"but {name} is None" if value is None else f"got {described(value)}"
            raise TypeError(f"{name} must be numeric, {fault}; {remedy.format(name=name)}.")
