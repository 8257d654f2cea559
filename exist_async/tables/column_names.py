"""Names the columns of wide tables."""

from collections.abc import Iterable


def column_names(attributes: Iterable[str]) -> dict[str, str]:
    """Return the column of each attribute in a table beside the column `date`, in order.

    SQL does not distinguish upper and lower case: the later one of such attributes gets a number, as "mood_2", and so
    does an attribute that is named as the column of the day, `date`.
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
