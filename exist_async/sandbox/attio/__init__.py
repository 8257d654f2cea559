"""In-memory Attio server: the attribute endpoints, for development and tests.

```python
from exist_async.sandbox import AttioSandbox

sandbox = AttioSandbox()
sandbox.add_attribute("objects", "people", title="Shoe size", api_slug="shoe_size", type="number")
async with sandbox.serve() as url:  # or, in process: httpx.AsyncClient(transport=sandbox.transport(), ...)
    ...  # send requests to url with the header "Authorization: Bearer " + sandbox.token
```
"""

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.options import Option, Status
from exist_async.sandbox.attio.sandbox import AttioSandbox
from exist_async.sandbox.attio.seeding import AttributeFields
from exist_async.sandbox.attio.targets import ObjectOrList

__all__ = ["AttioSandbox", "Attribute", "AttributeFields", "ObjectOrList", "Option", "Status"]
