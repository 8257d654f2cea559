"""Makes one attempt at a call: builds the request, sends it, and says exactly how it failed."""

from functools import lru_cache

import httpx

from exist_async._http import responses
from exist_async._http.call import Call
from exist_async._http.deliveries import Sending
from exist_async._http.options import Options
from exist_async._http.pool import Pool
from exist_async._secrets import forget_requests
from exist_async.errors import ClientClosedError, ConfigurationError, ConnectionFailedError, ExistAsyncError
from exist_async.version import __version__

CLOSED = "The client is closed. Make a new one, or call this inside its `async with`."

_HEADERS = [
    (b"Accept", b"application/json"),
    (b"Accept-Encoding", b"gzip, deflate"),
    (b"User-Agent", f"exist-async/{__version__}".encode()),
]

# With these no byte of the request was sent; every other failure of a transport leaves that open.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)


async def send(
    pool: Pool, auth: httpx.Auth, options: Options, call: Call, sending: Sending, time_left: float | None = None
) -> httpx.Response:
    """Make one attempt, and return its answer, whatever it says.

    Args:
        pool: What sends.
        auth: Signs it.
        options: How.
        call: What is asked.
        sending: Is told when the request has its connection.
        time_left: The seconds in which a connection has to be free; None leaves it at the timeout.

    Raises:
        ConnectionFailedError: It was not sent.
        ClientClosedError: The client is closed; it was not sent, or it was a read.
        NoAnswerError: It was sent, and no readable answer came; for a write, OutcomeUnknownError.
        ConfigurationError: The call has no valid address.
    """
    if pool.closed:
        raise ClientClosedError(CLOSED)
    try:
        url = _url(options.base_url + call.target)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{call}: its names and filters make no valid address: {error}") from error
    request = _request(call, url)
    try:
        return await pool.send(request, auth, options.timeout, sending, time_left)
    except httpx.HTTPStatusError as error:  # of an event hook in the caller's client: we judge for ourselves
        await error.response.aread()
        return error.response
    except httpx.RequestError as error:
        # It goes out as the cause: its request holds the token, or the form.
        forget_requests(error)
        raise _failure(pool, options, call, error) from error
    except (httpx.InvalidURL, UnicodeError) as error:
        # Of a caller's client, which reads where an answer leads or what it sets, though nobody follows.
        why = type(error).__name__
    except RuntimeError as error:
        # What httpx and aiohttp raise for a client that was closed; neither sends anything then.
        if pool.closed:
            raise ClientClosedError(CLOSED) from error
        raise
    # Outside of the handler: the error quotes what the service sent, which may repeat the token.
    raise responses.unanswered(call, f"sent to {options.base_url}, and the answer's headers can't be read ({why})")


def _failure(pool: Pool, options: Options, call: Call, error: httpx.RequestError) -> ExistAsyncError:
    """Say what a failure to get any answer means for the call."""
    not_sent = isinstance(error, _NOT_SENT)
    if pool.closed and (not_sent or call.is_read):
        return ClientClosedError(f"{call}: the client was closed before an answer came.")
    what = str(error) or type(error).__name__
    if not_sent:
        return ConnectionFailedError(f"{call} was not sent, for want of a connection to {options.base_url}: {what}")
    return responses.unanswered(call, f"sent to {options.base_url}, but no readable answer came: {what}")


def _request(call: Call, url: httpx.URL) -> httpx.Request:
    """Build a request from its parts, which costs a fifth of having httpx find them out."""
    body = call.body or b""
    headers = [(b"Host", url.netloc), *_HEADERS]
    if call.body is not None:
        headers.append((b"Content-Type", call.content_type))
    if not call.is_read:
        headers.append((b"Content-Length", str(len(body)).encode()))
    request = httpx.Request(call.method, url, headers=headers, stream=httpx.ByteStream(body))
    # A caller's own auth may sign the body, and their hooks may show it.
    request.read()
    return request


@lru_cache(maxsize=1024)
def _url(url: str) -> httpx.URL:
    # Parsing costs more than all the rest of building a request.
    return httpx.URL(url)
