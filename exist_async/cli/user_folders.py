"""The folders of this user, as the operating system has them."""

from collections.abc import Callable
from pathlib import Path

from exist_async.errors import ConfigurationError


def absolute_folder(locate: Callable[[str], Path], advice: str) -> Path:
    """Return this package's folder of some kind.

    Args:
        locate: A function of platformdirs, such as `user_state_path`.
        advice: The rest of the error's message: "for …: set …".

    Raises:
        ConfigurationError: This user has no home directory.
    """
    try:
        folder = locate("exist-async")
    except RuntimeError:
        folder = Path()
    if not folder.is_absolute():  # before platformdirs 4.14, a folder named "~"
        raise ConfigurationError(f"This user has no home directory {advice}")
    return folder
