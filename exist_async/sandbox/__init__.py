"""In-memory servers for Exist and Attio, for development and tests without an account or a network.

```python
from exist_async.sandbox import Sandbox

sandbox = Sandbox()
sandbox.add_attribute(template="mood")
async with sandbox.serve() as url:  # or, in process: httpx.AsyncClient(transport=sandbox.transport(), ...)
    ...  # send requests to url with the header "Authorization: Bearer " + sandbox.token
```

`AttioSandbox` is the counterpart for Attio. Both follow the documentation of the services and share no code with the
clients of this package, so that a misreading of the documentation on one side shows up in the tests.
"""

from importlib.util import find_spec

if None in map(find_spec, ("jinja2", "python_multipart", "starlette", "uvicorn")):
    raise ImportError(
        'The sandbox needs jinja2, python-multipart, starlette and uvicorn: pip install "exist-async[sandbox]"'
    )

# After the check above, because these import starlette, and its ImportError would not name the extra to install.
from exist_async.sandbox.attio import AttioSandbox
from exist_async.sandbox.attributes import Attribute
from exist_async.sandbox.faults import ConnectionDropped
from exist_async.sandbox.findings import CorrelationFields, InsightFields
from exist_async.sandbox.groups import READ_SCOPES, SCOPES
from exist_async.sandbox.recorder import RecordedRequest
from exist_async.sandbox.sandbox import Sandbox
from exist_async.sandbox.services import Service
from exist_async.sandbox.users import User

__all__ = [
    "READ_SCOPES",
    "SCOPES",
    "AttioSandbox",
    "Attribute",
    "ConnectionDropped",
    "CorrelationFields",
    "InsightFields",
    "RecordedRequest",
    "Sandbox",
    "Service",
    "User",
]
