"""Checks that the packages of an optional extra are installed."""

import re
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
    if missing := [re.sub("[_.]", "-", package) for package in packages if not _is_installed(package)]:
        sys.exit(f'exist-async: {feature} needs {" and ".join(missing)}: pip install "exist-async[{extra}]"')


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # the package that it is in is missing, too
        return False
