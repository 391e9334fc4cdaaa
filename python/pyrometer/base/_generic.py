"""Type variables of laws and results, for type checkers: results of a single law are numbers, not arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # For type checkers. The defaults are the parameters of `Normal` and `Temperature` without brackets.
    from typing_extensions import TypeVar

    BatchShape = TypeVar("BatchShape", bound=tuple[int, ...], default=Any)
    Number = TypeVar("Number", default=Any, covariant=True)
    Word = TypeVar("Word", default=Any, covariant=True)
else:
    from typing import TypeVar

    BatchShape, Number, Word = TypeVar("BatchShape"), TypeVar("Number"), TypeVar("Word")

__all__ = ["BatchShape", "Number", "Word"]
