"""The retries that all callers of a client have left together."""

_MOST = 100.0
_FOR_AN_ANSWER = 0.1


class RetryQuota:
    """Keeps retries from becoming a storm: each takes one of a hundred, and ten answers give one back.

    While a service fails for everybody, retrying triples its load just when it can bear the least.

    Attributes:
        left: How many retries there can be now. Threads may count a little wrong, which does no harm.
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _MOST

    def take(self) -> None:
        """Take one for a retry."""
        self.left -= 1

    def give_back(self) -> None:
        """Give back a part of one, for a call that was answered."""
        if self.left < _MOST:
            self.left = min(_MOST, self.left + _FOR_AN_ANSWER)
