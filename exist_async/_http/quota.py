"""The retries that all callers of a client have left together."""

# In answers: what one call that is answered brings.
_MOST = 1000
_FOR_A_RETRY = 10


class RetryQuota:
    """Keeps retries from becoming a storm: each takes one of a hundred, and ten answers give one back.

    While a service fails for everybody, retrying triples its load just when it can bear the least. Threads that share
    a quota may count a little wrong, which does no harm.
    """

    __slots__ = ("_answers",)

    def __init__(self) -> None:
        self._answers = _MOST

    @property
    def left(self) -> int:
        """How many retries there can be now."""
        return self._answers // _FOR_A_RETRY

    def take(self) -> None:
        """Take one for a retry."""
        self._answers -= _FOR_A_RETRY

    def give_back(self) -> None:
        """Give back a part of one, for a call that was answered."""
        if self._answers < _MOST:
            self._answers += 1
