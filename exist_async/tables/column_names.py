"""Names the columns of wide tables."""

from collections.abc import Iterable


def column_names(attributes: Iterable[str]) -> dict[str, str]:
    """Return the name of each attribute's column in a table whose first column is `date`, in order.

    If the name is taken, the column gets a number: "mood_2". SQL takes names that differ only in upper and lower case
    for equal.
    """
    taken = {"date"}
    columns: dict[str, str] = {}
    for attribute in attributes:
        name = column = attribute.replace("\0", "")
        number = 1
        while column.lower() in taken:
            number += 1
            column = f"{name}_{number}"
        taken.add(column.lower())
        columns[attribute] = column
    return columns
