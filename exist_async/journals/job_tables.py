"""The tables of journals in PostgreSQL, and the statements that read and write them."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from attrs import frozen

from exist_async import _json
from exist_async._postgres import PostgresBacked, PostgresFailedError, PostgresLock, Rows
from exist_async.journals import records
from exist_async.journals.base import Note
from exist_async.journals.records import INTERRUPTED, STATUS_CODES, STATUS_NAMES, Kind, Row

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

_JOBS_IN_SWEEP: Final = 100
_ITEMS_IN_SWEEP: Final = 5000
"""The most that one statement deletes, which takes some hundredths of a second."""

_SWEEP_INTERVAL: Final = 3600.0  # seconds

_LONGEST_PAUSE: Final = 0.5  # seconds

# When jobs are swept next, by database and schema: a program may make an object for each job.
_next_sweeps: dict[tuple[str, str], float] = {}

# Functions keep their plans: one that was made while a table is small would read all of it when it has grown.
_INDEXED: Final = "LANGUAGE plpgsql SET enable_seqscan = off AS $function$\n#variable_conflict use_column\n"

# The attribute and day, as in the records of items; see END_OF_KEY.
_KEY: Final = "left(item.item, strpos(item.item, ',\"value\":'))"

_SCHEMA: Final = f"""
CREATE TABLE {{schema}}.job (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text UNIQUE,  -- NULL: it is being deleted
    kind text,  -- NULL: nothing was written yet, as for service and user_name
    service text,
    user_name text,
    epoch bigint NOT NULL DEFAULT 1,  -- how often it was opened
    notes bigint NOT NULL DEFAULT 0,  -- the number of the last note in this epoch
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamptz,  -- NULL: some items are not finished
    error text
) WITH (fillfactor = 70);
CREATE INDEX job_user ON {{schema}}.job USING hash (user_name);
CREATE INDEX job_failed ON {{schema}}.job (number) WHERE error IS NOT NULL;
CREATE INDEX job_ended ON {{schema}}.job (used_at) WHERE ended_at IS NOT NULL;
CREATE INDEX job_deleted ON {{schema}}.job (number) WHERE id IS NULL;

-- The index is `position` here, as in files. A status that is NULL: not sent yet.
CREATE TABLE {{schema}}.item (
    job bigint, position integer, item text NOT NULL, status smallint, outcome text, PRIMARY KEY (job, position)
) WITH (fillfactor = 50);  -- so that a page has room for the statuses, and its index is left alone
CREATE TABLE {{schema}}.status (code smallint PRIMARY KEY, name text NOT NULL);
INSERT INTO {{schema}}.status VALUES (1, 'succeeded'), (2, 'unchanged'), (3, 'superseded'), (4, 'refused'),
    (5, 'request_refused'), (6, 'unknown'), (7, 'interrupted');

-- The requests that are being sent, with ranges of the positions of their items.
CREATE TABLE {{schema}}.request (
    job bigint, id bigint, first integer, last integer NOT NULL, PRIMARY KEY (job, id, first)
);

-- Whoever opens a job waits for a note that is being stored, and sees it; no note of an earlier epoch is stored then.
CREATE FUNCTION {{schema}}.open_job(_id text) RETURNS TABLE (
    number bigint, epoch bigint, kind text, service text, user_name text, is_ended boolean, has_error boolean,
    item_count integer
) {_INDEXED}
DECLARE
    _job {{schema}}.job;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'its default_transaction_isolation is %, and has to be read committed',
            current_setting('transaction_isolation');
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
    INSERT INTO {{schema}}.job AS job (id) VALUES (_id)
        ON CONFLICT (id) DO UPDATE SET epoch = job.epoch + 1, notes = 0, used_at = clock_timestamp()
        RETURNING job.* INTO _job;
    IF _job.epoch > 1 THEN
        UPDATE {{schema}}.item SET status = 7, outcome = NULL FROM {{schema}}.request
            WHERE request.job = _job.number AND item.job = _job.number
            AND position BETWEEN first AND last;
        DELETE FROM {{schema}}.request WHERE job = _job.number;
    END IF;
    RETURN QUERY SELECT _job.number, _job.epoch, _job.kind, _job.service, _job.user_name,
        _job.ended_at IS NOT NULL, _job.error IS NOT NULL,
        (SELECT coalesce(max(position) + 1, 0) FROM {{schema}}.item WHERE job = _job.number);
END $function$;

-- Returns false if the job was opened elsewhere or deleted, or a later note was stored. One that was stored before is
-- not stored again.
CREATE FUNCTION {{schema}}.note(
    _job bigint, _epoch bigint, _note bigint, _is_durable boolean, _identity json, _error text,
    _first integer, _items text, _sending json, _outcomes json, _ended text
) RETURNS boolean {_INDEXED}
DECLARE
    _run json;
BEGIN
    IF NOT _is_durable THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    ELSIF current_setting('synchronous_commit') = 'off' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    IF _identity IS NULL AND _error IS NULL THEN
        UPDATE {{schema}}.job SET notes = _note WHERE number = _job AND epoch = _epoch AND notes < _note;
    ELSE
        UPDATE {{schema}}.job SET notes = _note, ended_at = NULL, error = _error,
            kind = coalesce(_identity->>'kind', kind), service = coalesce(_identity->>'service', service),
            user_name = coalesce(_identity->>'user', user_name)
            WHERE number = _job AND epoch = _epoch AND notes < _note;
    END IF;
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT FROM {{schema}}.job WHERE number = _job AND epoch = _epoch AND notes = _note);
    END IF;
    IF _items IS NOT NULL THEN
        INSERT INTO {{schema}}.item (job, position, item)
            SELECT _job, _first + line.number - 1, line.text
            FROM unnest(string_to_array(_items, chr(10))) WITH ORDINALITY AS line (text, number);
    END IF;
    IF _sending IS NOT NULL THEN
        INSERT INTO {{schema}}.request
            SELECT _job, (run->>0)::bigint, (run->>1)::integer, (run->>2)::integer
            FROM json_array_elements(_sending) AS run;
    END IF;
    IF _outcomes IS NOT NULL THEN
        FOR _run IN SELECT * FROM json_array_elements(_outcomes) LOOP
            UPDATE {{schema}}.item SET status = (_run->>2)::smallint, outcome = _run->>3
                WHERE job = _job AND position BETWEEN (_run->>0)::integer AND (_run->>1)::integer;
        END LOOP;
    END IF;
    IF _ended IS NOT NULL THEN
        DELETE FROM {{schema}}.request WHERE job = _job AND id = ANY (string_to_array(_ended, ',')::bigint[]);
    END IF;
    RETURN true;
END $function$;

-- Sets to superseded what is not finished although a later item of its attribute and day is in place. PostgreSQL can't
-- estimate how many have a key, and would compare each with each.
CREATE FUNCTION {{schema}}.supersede(_job bigint, _epoch bigint, _repeated smallint[]) RETURNS boolean
SET enable_nestloop = off {_INDEXED}
DECLARE
    _first integer;
BEGIN
    PERFORM FROM {{schema}}.job WHERE number = _job AND epoch = _epoch FOR SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT min(position) INTO _first FROM {{schema}}.item
        WHERE job = _job AND (status IS NULL OR status = ANY (_repeated));
    UPDATE {{schema}}.item SET status = 3, outcome = NULL FROM (
            SELECT {_KEY} AS key, max(position) AS position FROM {{schema}}.item
            WHERE job = _job AND position > _first
            AND status IN (1, 2)
            GROUP BY 1
        ) AS later
        WHERE item.job = _job AND (status IS NULL OR status = ANY (_repeated))
        AND item.position < later.position AND {_KEY} = later.key;
    RETURN true;
END $function$;

-- Ended jobs lose their id first: whoever opens one meanwhile begins another. Returns whether there may be more.
CREATE FUNCTION {{schema}}.sweep_jobs(_seconds float, _most_jobs integer, _most_items integer)
RETURNS boolean {_INDEXED}
DECLARE
    _before timestamptz := clock_timestamp() - _seconds * interval '1 second';
    _jobs integer := 0;
    _items integer;
BEGIN
    IF NOT EXISTS (SELECT FROM {{schema}}.job WHERE id IS NULL) THEN
        UPDATE {{schema}}.job SET id = NULL, epoch = epoch + 1 WHERE number IN (
            SELECT number FROM {{schema}}.job
            WHERE ended_at IS NOT NULL AND used_at < _before AND id IS NOT NULL
            ORDER BY used_at LIMIT _most_jobs FOR UPDATE SKIP LOCKED
        );
        GET DIAGNOSTICS _jobs = ROW_COUNT;
    END IF;
    DELETE FROM {{schema}}.item WHERE ctid = ANY (ARRAY(
        SELECT item.ctid FROM {{schema}}.job JOIN {{schema}}.item ON job = number WHERE id IS NULL
        LIMIT _most_items FOR UPDATE SKIP LOCKED
    ));
    GET DIAGNOSTICS _items = ROW_COUNT;
    DELETE FROM {{schema}}.job WHERE id IS NULL AND NOT EXISTS (SELECT FROM {{schema}}.item WHERE job = number);
    RETURN _jobs > 0 OR _items > 0;
END $function$;
"""  # noqa: S608  (all that is inserted is constant)


@frozen
class OpenedJob:
    """A job that was opened.

    Attributes:
        number: Its number in the tables.
        epoch: The number of times that it was opened.
        identity: Its kind, service and user; empty before the first note.
        is_ended: Whether all its items are finished.
        has_error: Whether an error was noted.
        count: The number of its items.
    """

    number: int
    epoch: int
    identity: Mapping[str, str]
    is_ended: bool
    has_error: bool
    count: int


class JobTables(PostgresBacked):
    """The jobs of all journals in a schema."""

    _part = "journal"
    _migrations = (_SCHEMA,)

    def __init__(
        self, postgres: "str | AsyncConnectionPool[Any]", schema: str, timeout: float, keep: float | None
    ) -> None:
        super().__init__(postgres, schema, timeout)
        self._keep = keep

    @property
    def where(self) -> str:
        """The address of the database, without the password."""
        return self._where

    def lock_of(self, job: str) -> PostgresLock:
        """Return the lock of a job."""
        return self._lock(f"journal {job}")

    async def open_job(self, job: str) -> OpenedJob:
        """Begin a new epoch of a job, which is created if there is none."""
        statement: LiteralString = (
            "SELECT number, epoch, kind, service, user_name, is_ended, has_error, item_count FROM {schema}.open_job(%s)"
        )
        ((number, epoch, kind, service, user, is_ended, has_error, count),) = await self._fetch(
            statement, [job], repeatable=True
        )
        identity = {} if kind is None else {"kind": kind, "service": service, "user": user}
        return OpenedJob(number, epoch, identity, is_ended, has_error, count)

    async def note(
        self, job: OpenedJob, number: int, notes: Sequence[Note], kind: Kind | None, identity: Mapping[str, str] | None
    ) -> bool:
        """Store successive notes in one statement; return False if the job was opened elsewhere or deleted.

        It does so too, and stores nothing, if a call with a higher number came first.

        Args:
            job: The job.
            number: The number of this call.
            notes: The notes. Their new items are successive.
            kind: The kind of write.
            identity: Kind, service and user of the job, if they are new.
        """
        items: list[str] = []
        sending: dict[int, Sequence[int]] = {}
        ended: list[int] = []
        runs: list[records.Run] = []
        error = None
        for note in notes:
            items += note.items
            if note.sending:
                sending[note.request] = note.sending
            if note.outcomes:
                assert kind is not None
                runs += records.runs_of(note.outcomes, kind)
            ended += [request for request in note.ended if sending.pop(request, None) is None]
            error = note.error if note.error is not None else error
        values = [
            job.number,
            job.epoch,
            number,
            # Losing the last notes with the server's power is harmless where sending again is, but not new items.
            bool(items) or (kind is not None and kind.is_sent_once),
            None if identity is None else _as_json(identity),
            error,
            next((note.first for note in notes if note.items), None),
            "\n".join(items) if items else None,
            _as_json([[request, *run] for request, each in sending.items() for run in records.ranges_of(each)]),
            _as_json([[run.first, run.last, STATUS_CODES[run.status], run.outcome] for run in runs]),
            ",".join(map(str, ended)) or None,
        ]
        statement: LiteralString = "SELECT {schema}.note(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        return bool((await self._fetch_patiently(statement, values))[0][0])

    async def supersede(self, job: OpenedJob, repeated: Sequence[str]) -> bool:
        """Set to superseded what would be sent again needlessly; return False if the job was opened elsewhere."""
        values = [job.number, job.epoch, records.status_codes(repeated)]
        return bool((await self._fetch_patiently("SELECT {schema}.supersede(%s, %s, %s::smallint[])", values))[0][0])

    async def close_job(self, job: OpenedJob, identity: Mapping[str, str] | None, repeated: Sequence[str]) -> None:
        """Record when a job was used, and whether it has ended: no item has one of some statuses, or none.

        Args:
            job: The job.
            identity: Kind, service and user of the job, if a write began and noted nothing.
            repeated: The recorded statuses of items that are sent again.
        """
        given = identity or {}
        await self._fetch(
            "UPDATE {schema}.job SET used_at = statement_timestamp(), kind = coalesce(%s, kind), "
            "service = coalesce(%s, service), user_name = coalesce(%s, user_name), "
            "error = CASE WHEN %s THEN NULL ELSE error END, ended_at = CASE WHEN ended_at IS NOT NULL THEN ended_at "
            "WHEN NOT EXISTS (SELECT FROM {schema}.item WHERE job = number AND (status IS NULL OR status = ANY (%s))) "
            "THEN statement_timestamp() END WHERE number = %s AND epoch = %s",
            [
                given.get("kind"),
                given.get("service"),
                given.get("user"),
                identity is not None,
                records.status_codes(repeated),
                job.number,
                job.epoch,
            ],
            repeatable=True,
        )

    async def count_items(self, job: OpenedJob) -> int:
        """Return the number of a job's items."""
        statement: LiteralString = "SELECT coalesce(max(position) + 1, 0) FROM {schema}.item WHERE job = %s"
        return int((await self._fetch_patiently(statement, [job.number]))[0][0])

    async def load(self, job: OpenedJob, kind: Kind, first: int, count: int) -> list[Row]:
        """Return the rows of successive items, in order."""
        statement: LiteralString = (
            "SELECT position, item, status, outcome FROM {schema}.item "
            "WHERE job = %s AND position BETWEEN %s AND %s ORDER BY position"
        )
        return _rows(await self._fetch_patiently(statement, [job.number, first, first + count - 1]), kind)

    async def select(
        self, job: OpenedJob, kind: Kind, after: int, statuses: Sequence[str | None] | None, limit: int
    ) -> list[Row]:
        """Return the first rows after an index, in order, of those with some statuses or of all."""
        statement: LiteralString = (
            "SELECT position, item, status, outcome FROM {schema}.item WHERE job = %s AND position > %s "
            "AND (%s OR status = ANY (%s) OR status IS NULL AND %s) ORDER BY position LIMIT %s"
        )
        wanted = statuses or ()
        values = [job.number, after, statuses is None, records.status_codes(wanted), None in wanted, limit]
        return _rows(await self._fetch_patiently(statement, values), kind)

    async def count_statuses(self, job: OpenedJob, left_out: Sequence[int]) -> dict[str | None, int]:
        """Return the number of items with each recorded status, without some indices."""
        statement: LiteralString = (
            "SELECT status, sum(number)::bigint FROM ("
            "SELECT status, count(*) AS number FROM {schema}.item WHERE job = %s GROUP BY status UNION ALL "
            "SELECT status, -1 FROM {schema}.item WHERE job = %s AND position = ANY (%s)"
            ") AS counted GROUP BY status"
        )
        rows = await self._fetch_patiently(statement, [job.number, job.number, list(left_out)])
        return {STATUS_NAMES[code]: int(count) for code, count in rows}

    async def select_jobs(self, after: int, user: str | None, failed: bool, limit: int) -> Rows:
        """Return the first jobs after a number, of a user or all, and of those with an error or all.

        A row has the number, id, service, user, kind, the three times in seconds, and the error.
        """
        statement: LiteralString = (
            "SELECT number, id, service, user_name, kind, extract(epoch FROM begun_at)::float, "
            "extract(epoch FROM used_at)::float, extract(epoch FROM ended_at)::float, error FROM {schema}.job "
            "WHERE number > %s AND id IS NOT NULL AND (%s::text IS NULL OR user_name = %s) "
            "AND (NOT %s OR error IS NOT NULL) ORDER BY number LIMIT %s"
        )
        return await self._fetch(statement, [after, user, user, failed, limit], repeatable=True)

    async def sweep(self) -> None:
        """Delete some of the jobs that ended long ago, if the last time is an hour ago, or there were more of them."""
        place = self._where, self._schema
        if self._keep is None or time.monotonic() < _next_sweeps.get(place, 0.0):
            return
        _next_sweeps[place] = time.monotonic() + _SWEEP_INTERVAL
        statement: LiteralString = "SELECT {schema}.sweep_jobs(%s, %s, %s)"
        ((may_be_more,),) = await self._fetch(statement, [self._keep, _JOBS_IN_SWEEP, _ITEMS_IN_SWEEP], repeatable=True)
        if may_be_more:
            del _next_sweeps[place]

    async def _fetch_patiently(self, statement: LiteralString, values: Sequence[object]) -> Rows:
        """Run a statement, which does no harm twice, again while PostgreSQL can't be reached, within the timeout."""
        give_up = time.monotonic() + self._timeout
        pause = 0.0
        while True:
            try:
                return await self._fetch(statement, values, repeatable=True)
            except PostgresFailedError as error:
                if not _is_passing(error) or time.monotonic() + pause > give_up:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause + 0.02, _LONGEST_PAUSE)


def _is_passing(error: PostgresFailedError) -> bool:
    """Whether a statement may succeed a little later: the server restarts, or a connection was ended."""
    code = error.code
    # Connection exceptions, interventions of an operator, and a full table of connections.
    return code is None or code.startswith(("08", "57P")) or code == "53300"


def _as_json(value: object) -> str | None:
    return _json.encode(value).decode() if value else None


def _rows(rows: Rows, kind: Kind) -> list[Row]:
    interrupted = records.interrupted_outcome(kind)
    return [
        Row(position, item, STATUS_NAMES[code], interrupted if STATUS_NAMES[code] == INTERRUPTED else outcome)
        for position, item, code, outcome in rows
    ]
