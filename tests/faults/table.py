"""The table of faults, and what each kind of call does at each of them."""

from attrs import frozen


@frozen
class Row:
    """One fault of the matrix.

    Attributes:
        number: Its number in the matrix.
        fault: What the network or the service does.
        get: What a GET does.
        update: What a write does that is harmless to repeat.
        increment: What a write does that is never repeated.
        test: The test that shows it, as `file.py::name`.
    """

    number: int
    fault: str
    get: str
    update: str
    increment: str
    test: str
