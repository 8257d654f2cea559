"""Checks that the packages of an optional extra are installed."""

import sys
from importlib.util import find_spec


def require_packages(extra: str, *packages: str, feature: str) -> None:
    """Exit with code 1 and the command that installs the extra, unless all packages are installed.

    Args:
        extra: The extra of exist-async that installs the packages.
        *packages: The packages, by their import names.
        feature: The feature that needs them, as the message names it: "the demo".
    """
    # pip calls python_multipart python-multipart.
    if missing := [package.replace("_", "-") for package in packages if find_spec(package) is None]:
        sys.exit(f'exist-async: {feature} needs {" and ".join(missing)}: pip install "exist-async[{extra}]"')
