"""The address of a PostgreSQL for errors, without its password."""

from typing import TYPE_CHECKING, Any, Final, cast

from exist_async.errors import ConfigurationError

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

_EXPECTED: Final = "postgres must be a URL or conninfo string like 'postgresql://localhost/app'"


def address_of(postgres: "str | AsyncConnectionPool") -> str:
    """Return the host, port and database of a pool, or those in a URL or conninfo string, which is checked."""
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict
    from psycopg_pool import AsyncConnectionPool

    conninfo: object = postgres
    arguments: Any = None
    if isinstance(postgres, AsyncConnectionPool):
        # Either may be a function since psycopg_pool 3.3.
        conninfo, arguments = postgres.conninfo, postgres.kwargs
        if callable(conninfo) or callable(arguments):
            return f"the pool {postgres.name!r}"
    elif not isinstance(postgres, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        given = type(postgres)
        raise ConfigurationError(f"{_EXPECTED}, or a psycopg_pool.AsyncConnectionPool, not {given.__name__}")
    elif not postgres.strip():
        raise ConfigurationError("postgres is empty: to use the environment variables PG…, give 'postgresql://'")
    try:
        given_options = conninfo_to_dict(cast("str", conninfo))
    except (ProgrammingError, UnicodeError):
        given_options = None
    if given_options is None:
        # Outside the handler, and without the text: both can hold the password.
        raise ConfigurationError(f"{_EXPECTED}, with options that libpq supports")
    options: dict[str, Any] = {**_defaults(), **given_options, **cast("dict[str, Any]", arguments or {})}
    if (service := given_options.get("service")) and not given_options.get("host"):
        return f"the service {service!r}"  # libpq alone reads the file
    return _address_in(options)


def _defaults() -> dict[str, str]:
    """Return the options of environment variables, and of the service that they name."""
    from psycopg import OperationalError
    from psycopg.pq import Conninfo

    try:
        options = Conninfo.get_defaults()
    except (OperationalError, MemoryError):  # the service is not there
        return {}
    return {option.keyword.decode(): option.val.decode(errors="replace") for option in options if option.val}


def _address_in(options: dict[str, Any]) -> str:
    hosts = str(options.get("host") or options.get("hostaddr") or "localhost").split(",")
    ports = str(options.get("port") or 5432).split(",")
    if len(ports) < len(hosts):
        ports = ports[:1] * len(hosts)
    places = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=False))
    database = options.get("dbname") or options.get("user")
    return f"{places}/{database}" if database else places
