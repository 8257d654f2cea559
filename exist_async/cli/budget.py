"""The number of requests that a command may send in a period."""

import re
from typing import Final

from attrs import frozen

_HOUR: Final = 3600
_FORM = re.compile(r"([1-9]\d{0,6})/([1-9]\d{0,6})", re.ASCII)


@frozen
class Budget:
    """A number of requests that are allowed in any period.

    Attributes:
        requests: The number.
        period: Length of the period in seconds.
    """

    requests: int
    period: int

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Return the budget that an option names, such as 300/3600.

        Raises:
            ValueError: It has another form.
        """
        match = _FORM.fullmatch(text.strip())
        if match is None:
            raise ValueError("Write a number of requests and a number of seconds, such as 300/3600.")
        return cls(int(match[1]), int(match[2]))

    @property
    def allowed(self) -> str:
        """A message that names them, such as "300 are allowed in an hour"."""
        return f"{self.requests} are allowed in {'an hour' if self.period == _HOUR else f'{self.period} s'}"

    @property
    def used_up(self) -> str:
        """A message that none of the requests is left."""
        if self.period == _HOUR:
            return "this hour's requests are used up"
        return f"the budget of {self.requests}/{self.period} is used up"


EXIST_BUDGET: Final = Budget(300, _HOUR)
"""The budget that Exist gives each user."""
