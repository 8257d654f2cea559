"""The folder where commands keep what they need the next time: the hour's requests, and journals of writes."""

from pathlib import Path
from typing import Final

from exist_async.cli.user_folders import absolute_folder
from exist_async.errors import ConfigurationError

_OWNER_ONLY: Final = 0o700


def state_folder() -> Path:
    """Return the folder, which is created if it is missing.

    Raises:
        ConfigurationError: This user has no home directory, or the folder can't be created.
    """
    from platformdirs import user_state_path

    folder = absolute_folder(
        user_state_path, "for what commands keep between runs: set HOME or XDG_STATE_HOME to an absolute path"
    )
    try:
        folder.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {folder}, for what commands keep between runs, can't be created: {error.strerror}. Set "
            "XDG_STATE_HOME to a folder that can be written"
        ) from error
    return folder
