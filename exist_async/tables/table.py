"""The table that `History.table` and `Mirror.table` return."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from arro3.core import Table as ArrowTable


class Table:
    """A table of values, for every library that reads Arrow's PyCapsule interface.

    `pandas.DataFrame.from_arrow(table)`, `polars.DataFrame(table)` and `pyarrow.table(table)` convert it, as often as
    you like. DuckDB queries it by the name of the variable that holds it. `len(table)` is the number of rows.

    A **long** table has a row for each value, ordered by attribute and day, and these columns:

    - `attribute`: Name of the attribute, a string.
    - `date`: The day, a date.
    - `number`: The value in Exist's format, a 64-bit float: durations and times of day are minutes. Null for texts.
    - `text`: The value if it is text, else null. For integers beyond 2^53, which a 64-bit float does not hold exactly,
      all their digits.

    A **wide** table has a row for each day that has a value, ordered by day. Its columns are `date` and one for each
    attribute, null on days without a value. The type of a column follows its attribute's: 64-bit integers for integers
    and scales, 64-bit floats for decimals and percentages, strings for texts, booleans, durations in seconds, and times
    of day, also for times from midday. If values don't fit this type, or the type is unknown, the column has the values
    in Exist's format: as 64-bit integers, else as 64-bit floats, else as strings, the first that holds all of them
    exactly. The column of an attribute that is called `date` is `date_2`. Names that differ only in upper and lower
    case get numbers in the same way, because SQL takes them for equal.
    """

    def __init__(self, arrow: "ArrowTable") -> None:
        self._arrow = arrow

    def __arrow_c_schema__(self) -> object:
        """Return the columns' names and types, as a PyCapsule."""
        return self._arrow.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows, as a PyCapsule of a stream.

        Args:
            requested_schema: PyCapsule of the schema that the reader asks for, to which columns are converted.
        """
        return self._arrow.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return self._arrow.num_rows

    def __repr__(self) -> str:
        names = self.column_names
        shown = ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
        return f"<Table of {len(self):,} rows and {len(names):,} columns: {shown}>"

    @property
    def column_names(self) -> list[str]:
        """The names of the columns, in order."""
        return self._arrow.column_names


def require_package(package: str, owner: str) -> None:
    """Raise ConfigurationError, with the command that installs it, unless a package of the extra is installed.

    Args:
        package: The package, by its import name.
        owner: The function that needs it, as the message names it.
    """
    try:
        found = find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it is in is missing, too
        found = False
    if not found:
        name = package.replace(".", "-")
        raise ConfigurationError(f'{owner} needs the package {name}: pip install "exist-async[tables]"')
