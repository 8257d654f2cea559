"""Names the install line of an extra whose packages are missing."""

import sys
from importlib.util import find_spec


def need(extra: str, *packages: str, what: str) -> None:
    """Exit with one line and code 1 unless all packages are installed.

    Args:
        extra: The extra of this package that brings them.
        *packages: The packages, by the names that are imported.
        what: What needs them, for the line.
    """
    # What pip calls python-multipart is imported as python_multipart.
    if missing := [package.replace("_", "-") for package in packages if find_spec(package) is None]:
        sys.exit(f'exist-async: {what} needs {" and ".join(missing)}: pip install "exist-async[{extra}]"')
