"""Fields of results that are computed when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["Deferred"]

T = TypeVar("T")


class Deferred(Generic[T]):
    """A field of a dataclass that takes a value, or a function without arguments that returns it when it is read.

    The function is kept with the instance until then, so it must be one that can be pickled, and always return the
    same. Instances pickled before the field existed have its default.
    """

    def __init__(self, default: T) -> None:
        self._default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> T: ...

    @overload
    def __get__(self, instance: object, owner: type) -> T: ...

    def __get__(self, instance: object | None, owner: type) -> T:
        if instance is None:
            return self._default
        values = vars(instance)
        value: Any = values.get(self._name, self._default)
        if callable(value):
            value = values[self._name] = value()
        result: T = value
        return result

    def __set__(self, instance: object, value: T | Callable[[], T]) -> None:
        vars(instance)[self._name] = value
