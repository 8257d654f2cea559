"""The queue for a free connection, which many users share."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable

_Turns = OrderedDict["asyncio.Future[None]", None]


class FairQueue:
    """Calls that wait for a connection. The next goes to the user that holds the fewest, so that none keeps all.

    Users that hold equally many take turns. The calls of one user proceed in their order.

    Attributes:
        waiting: The turns of each user's calls.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: OrderedDict[Hashable, _Turns] = OrderedDict()

    def join(self, user: Hashable) -> "asyncio.Future[None]":
        """Return the turn of a call, which is done when the call is handed a connection."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if user not in self.waiting:
            self.waiting[user] = _Turns()
        self.waiting[user][turn] = None
        return turn

    def leave(self, user: Hashable, turn: "asyncio.Future[None]") -> bool:
        """Give up a turn, and return whether it had not come yet: otherwise the caller holds a connection."""
        if turn.done() and not turn.cancelled():
            return False
        turns = self.waiting.get(user, _Turns())
        turns.pop(turn, None)
        if not turns:
            self.waiting.pop(user, None)
        return True

    def hand_over(self, held: dict[Hashable, int]) -> bool:
        """Hand a connection to the next call, and return whether one was waiting.

        Args:
            held: The number of connections that each user holds, for those that hold any. It is updated.
        """
        while self.waiting:
            user = self._next_user(held)
            turns = self.waiting[user]
            turn, _ = turns.popitem(last=False)
            if turns:
                self.waiting.move_to_end(user)
            else:
                del self.waiting[user]
            if not turn.done():  # a call that was cancelled may not have left yet
                turn.set_result(None)
                held[user] = held.get(user, 0) + 1
                return True
        return False

    def _next_user(self, held: dict[Hashable, int]) -> Hashable:
        # No more users hold a connection than there are connections: the search is short, however many wait.
        for user in self.waiting:
            if user not in held:
                return user
        return min(self.waiting, key=held.__getitem__)
