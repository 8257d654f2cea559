"""A rate limiter that keeps its window in PostgreSQL, shared by processes on several machines."""

import asyncio
import random
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString

from exist_async._postgres import PostgresBacked, PostgresFailedError
from exist_async._postgres.locks import lock_key
from exist_async._secrets import hides_locals
from exist_async.rate_limits.queue import StoredRateLimiter, StoreUnavailableError, WhenUnavailable
from exist_async.rate_limits.slots import LONGEST_FLIGHT, Slot

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

# A row for each user, because a row for each request would be five times as much to store and to log. `moments` are the
# times from which requests count, in the order in which they were taken, newest first (that of one in flight: the time
# at which it is given up). The first of them have the marks in `marks`. What is added at the start of an array is all
# that is written to the log of the server; and as long as a page has space for another version of the row, no index is.
_TABLE: Final = """
CREATE TABLE {schema}.budget (
  name text COLLATE "C" PRIMARY KEY,
  sweep_after timestamptz NOT NULL,
  held_until timestamptz,
  marks bigint[] NOT NULL,
  moments timestamptz[] NOT NULL
) WITH (fillfactor = 50, toast_tuple_target = 8160);

CREATE INDEX budget_sweep_after ON {schema}.budget (sweep_after);
"""

# Locks a user's window until the end of the transaction, and returns it. Each statement of a PL/pgSQL function sees
# what was committed before it: here, by the one who had the lock. The lock writes nothing, unlike that of a row.
_LOCKED: Final = """
CREATE FUNCTION {schema}.locked_budget(lock_key bigint, owner text, period interval, flight interval)
RETURNS {schema}.budget LANGUAGE plpgsql AS $function$
DECLARE
  present timestamptz;
  here {schema}.budget;
BEGIN
  PERFORM pg_advisory_xact_lock(lock_key);
  present := clock_timestamp();
  SELECT * INTO here FROM {schema}.budget WHERE name = owner;
  IF NOT FOUND THEN
    here := ROW(owner, present + period + flight, NULL, '{}', '{}');
  ELSIF here.held_until > present + period
      OR (SELECT max(moment) FROM unnest(here.moments) AS moment) > present + flight THEN
    -- The clock was set back, or another server took over: these requests were sent before now.
    here.sweep_after := least(here.sweep_after, present + period + flight);
    here.held_until := least(here.held_until, present + period);
    here.moments := ARRAY(
      SELECT CASE WHEN moment > present + flight THEN present ELSE moment END
      FROM unnest(here.moments) WITH ORDINALITY AS taken (moment, place) ORDER BY place
    );
    UPDATE {schema}.budget SET sweep_after = here.sweep_after, held_until = here.held_until, moments = here.moments
      WHERE name = owner;
  END IF;
  RETURN here;
END $function$;
"""

# Stores a user's window, and deletes up to two others of which nothing counts any more. Those that are found to be in
# use are looked at again when that may be over, so that the index is written once a period and not for each request.
_STORE: Final = """
CREATE FUNCTION {schema}.store_budget(here {schema}.budget, present timestamptz, period interval)
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
  marked integer := cardinality(here.marks);
BEGIN
  -- A statement is repeated at once if at all, so that the marks of the last requests and of those in flight suffice.
  WHILE marked > 16 AND here.moments[marked] <= present LOOP
    marked := marked - 1;
  END LOOP;
  here.marks := here.marks[:marked];
  INSERT INTO {schema}.budget VALUES (here.*) ON CONFLICT (name) DO UPDATE
    SET held_until = EXCLUDED.held_until, marks = EXCLUDED.marks, moments = EXCLUDED.moments;
  WITH due AS (
    SELECT
      name,
      greatest(sweep_after, held_until, (SELECT max(moment) FROM unnest(moments) AS moment) + period) AS used_until
    FROM {schema}.budget WHERE sweep_after <= present
    ORDER BY sweep_after LIMIT 2 FOR UPDATE SKIP LOCKED
  ), swept AS (
    DELETE FROM {schema}.budget USING due WHERE budget.name = due.name AND used_until <= present
  )
  UPDATE {schema}.budget SET sweep_after = used_until FROM due WHERE budget.name = due.name AND used_until > present;
END $function$;
"""

# Takes a slot and returns 0, or returns the seconds until one is free after `ahead` others. The slot is given up some
# time later than others would be: that of a flight, or none.
_TAKE: Final = """
CREATE FUNCTION {schema}.take_slot(
  lock_key bigint, owner text, period interval, flight interval,
  most integer, ahead integer, mark bigint, later_by interval
) RETURNS double precision LANGUAGE plpgsql AS $function$
DECLARE
  here {schema}.budget := {schema}.locked_budget(lock_key, owner, period, flight);
  present timestamptz := clock_timestamp();
  opened timestamptz := present - period;
  free integer := most - (SELECT count(*) FROM unnest(here.moments) AS moment WHERE moment > opened);
  opens timestamptz := greatest(present, here.held_until);
  later integer;
BEGIN
  -- Sent again because the first answer was lost, or overtaken by the return of the slot: its caller was cancelled.
  IF mark = ANY (here.marks) THEN
    RETURN 0;
  END IF;
  IF ahead >= free THEN
    -- See `Window.wait`.
    later := ahead - greatest(free, 0);
    opens := greatest(opens, (later / most + 1) * period + least(present, (
      SELECT moment FROM unnest(here.moments) AS moment WHERE moment > opened
      ORDER BY moment OFFSET mod(later, most) + greatest(-free, 0) LIMIT 1
    )));
  END IF;
  IF opens > present OR ahead > 0 THEN
    RETURN extract(epoch FROM opens - present);
  END IF;
  -- Most of what has expired is at the end, and is removed now and then: that is a change of the whole array.
  IF cardinality(here.moments) > most - free + 32 THEN
    SELECT
      coalesce(array_agg(taken.mark ORDER BY place) FILTER (WHERE taken.mark IS NOT NULL), '{}'),
      coalesce(array_agg(moment ORDER BY place), '{}')
    INTO here.marks, here.moments
    FROM unnest(here.marks, here.moments) WITH ORDINALITY AS taken (mark, moment, place) WHERE moment > opened;
  END IF;
  here.marks := mark || here.marks;
  here.moments := (present + later_by) || here.moments;
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  PERFORM {schema}.store_budget(here, present, period);
  RETURN 0;
END $function$;
"""

# Returns the slot with a mark, or without one the last that is not in flight, and holds all requests for a time.
_REFUND: Final = """
CREATE FUNCTION {schema}.refund_slot(
  lock_key bigint, owner text, period interval, flight interval, hold interval, mark bigint
) RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
  here {schema}.budget := {schema}.locked_budget(lock_key, owner, period, flight);
  present timestamptz := clock_timestamp();
  found integer := array_position(here.marks, mark);
BEGIN
  IF mark IS NULL THEN
    SELECT place INTO found FROM unnest(here.moments) WITH ORDINALITY AS taken (moment, place)
      WHERE moment <= present ORDER BY moment DESC LIMIT 1;
  END IF;
  IF found IS NOT NULL THEN
    here.marks := here.marks[:found - 1] || here.marks[found + 1:];
    here.moments := here.moments[:found - 1] || here.moments[found + 1:];
  END IF;
  IF mark IS NOT NULL THEN
    -- One that has expired: the statement that takes the slot may be still to come.
    here.marks := mark || here.marks;
    here.moments := (present - period) || here.moments;
  END IF;
  IF hold > interval '0' THEN
    here.held_until := greatest(here.held_until, present + hold);
  ELSE
    -- Losing it in a crash of the server costs a slot, and not more.
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  PERFORM {schema}.store_budget(here, present, period);
END $function$;
"""

# Counts the request with a mark from now on.
_SETTLE: Final = """
CREATE FUNCTION {schema}.settle_slot(lock_key bigint, owner text, period interval, flight interval, mark bigint)
RETURNS void LANGUAGE plpgsql AS $function$
DECLARE
  here {schema}.budget := {schema}.locked_budget(lock_key, owner, period, flight);
  present timestamptz := clock_timestamp();
  found integer := array_position(here.marks, mark);
BEGIN
  IF found IS NULL THEN
    here.marks := mark || here.marks;
    here.moments := present || here.moments;
  ELSE
    here.moments[found] := present;
    -- If this is lost in a crash of the server, the request is still in flight, and is given up later.
    PERFORM set_config('synchronous_commit', 'off', true);
  END IF;
  PERFORM {schema}.store_budget(here, present, period);
END $function$;
"""

# Returns the number of free slots.
_FREE: Final = """
CREATE FUNCTION {schema}.free_slots(
  lock_key bigint, owner text, period interval, flight interval, most integer
) RETURNS integer LANGUAGE plpgsql AS $function$
DECLARE
  here {schema}.budget := {schema}.locked_budget(lock_key, owner, period, flight);
  present timestamptz := clock_timestamp();
BEGIN
  IF here.held_until > present THEN
    RETURN 0;
  END IF;
  RETURN greatest(most - (SELECT count(*) FROM unnest(here.moments) AS moment WHERE moment > present - period), 0);
END $function$;
"""

_NO_MARK: Final = 0  # no request has it


@hides_locals
class PostgresRateLimiter(PostgresBacked, StoredRateLimiter):
    """Allows at most `limit` requests of a user in any `period` seconds, counted over all that share a PostgreSQL.

    Times are those of the PostgreSQL server. A request costs two round trips, and a user one row, which is deleted some
    time after the last request. The row has eight bytes for each request of the period, and is written for each: limits
    above a thousand or so make that slow. All that share the budget must use the same limit and period. Close the
    limiter with `async with` or `aclose()`.

    The arguments that are missing here are those of `MemoryRateLimiter`.

    Args:
        postgres: A URL or conninfo string, from which it opens its own connections on each event loop that uses it; its
            password appears in no repr, log or error. Or a `psycopg_pool.AsyncConnectionPool` of your own, which must
            be open, belongs to one event loop and is never closed here.
        schema: Schema of its table and functions, which are created when they are first used. Budgets are shared by
            those that use the same schema.
        when_unavailable: Whether requests are refused or sent while PostgreSQL fails: "stop" raises RateLimitError,
            "go_on" sends them without a budget and logs a warning.
        timeout: Seconds within which PostgreSQL must answer each statement.
        fraction: Returns random numbers from 0 to 1, so that processes do not wake at once.

    Raises:
        ConfigurationError: An argument is wrong, or the package psycopg is not installed. Its methods raise it for a
            user who is not a string.
    """

    _part = "budget"
    _migrations: ClassVar[Sequence[LiteralString]] = (
        "".join((_TABLE, _LOCKED, _STORE, _TAKE, _REFUND, _SETTLE, _FREE)),
    )

    def __init__(
        self,
        postgres: "str | AsyncConnectionPool[Any]",
        limit: int = 300,
        period: float = 3600.0,
        *,
        schema: str = "exist_async",
        when_unavailable: WhenUnavailable = "stop",
        timeout: float = 2.0,
        max_waiting: int = 1000,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        fraction: Callable[[], float] = random.random,
    ) -> None:
        StoredRateLimiter.__init__(self, limit, period, max_waiting, clock, sleep, fraction, when_unavailable)
        PostgresBacked.__init__(self, postgres, schema, timeout)

    def __repr__(self) -> str:
        return f"PostgresRateLimiter(<{self._where}>, limit={self._limit}, period={self._period})"

    async def _take_in_store(self, name: str, ahead: int, slot: Slot | None) -> float:
        # Unique, because a statement is sent again when the connection breaks before the answer.
        mark = _new_mark()
        if slot is not None:
            slot.mark = mark
        later_by = 0.0 if slot is None else LONGEST_FLIGHT
        arguments = (self._limit, ahead, mark, later_by)
        wait: float = await self._call("take_slot", ", %s, %s, %s, make_interval(secs => %s)", name, arguments)
        return wait

    async def _refund_in_store(self, name: str, hold: float, slot: Slot | None) -> None:
        mark = None if slot is None else slot.mark or _NO_MARK
        # Without a mark, a second time would return another slot.
        repeatable = mark is not None
        parameters = ", make_interval(secs => %s), %s"
        await self._call("refund_slot", parameters, name, (hold, mark), repeatable=repeatable)

    async def _settle_in_store(self, name: str, slot: Slot) -> None:
        # Without a mark it was sent while PostgreSQL failed; it counts all the same.
        await self._call("settle_slot", ", %s", name, (slot.mark or _new_mark(),))

    async def _free_in_store(self, name: str) -> int:
        free: int = await self._call("free_slots", ", %s", name, (self._limit,))
        return free

    async def _call(
        self,
        function: LiteralString,
        parameters: LiteralString,
        name: str,
        arguments: tuple[float | None, ...],
        *,
        repeatable: bool = True,
    ) -> Any:
        """Call a function of the schema with a user's window and further arguments, and return its result."""
        window = "%s, %s, make_interval(secs => %s), make_interval(secs => %s)"
        key = lock_key(self._schema_name, self._part, name)
        values = (key, name, float(self._period), LONGEST_FLIGHT, *arguments)
        try:
            rows = await self._fetch(
                f"SELECT {{schema}}.{function}({window}{parameters})", values, repeatable=repeatable
            )
        except PostgresFailedError as error:
            reason = str(error)
        else:
            return rows[0][0]
        raise StoreUnavailableError(f"The rate limiter's {reason}.")


def _new_mark() -> int:
    """Return a unique number for a request, greater than 0."""
    return secrets.randbelow(2**63 - 1) + 1
