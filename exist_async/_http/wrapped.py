"""What some services wrap all their answers in."""

from typing import Generic, TypeVar

from attrs import frozen

T_co = TypeVar("T_co", covariant=True)


@frozen
class Wrapped(Generic[T_co]):
    """An answer: what it says is in `data`."""

    data: T_co
