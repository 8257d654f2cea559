"""Attio in memory: the endpoints of its attributes, to develop and test against, beside the Exist of this sandbox.

```python
from exist_async.sandbox import AttioSandbox

sandbox = AttioSandbox()
sandbox.add_attribute("objects", "people", title="Shoe size", api_slug="shoe_size", type="number")
async with sandbox.serve() as url:  # or, in process: httpx.AsyncClient(transport=sandbox.transport(), ...)
    ...  # talk to url with the header "Authorization: Bearer " + sandbox.token
```
"""

from exist_async.sandbox.attio.attributes import Attribute
from exist_async.sandbox.attio.choices import Option, Status
from exist_async.sandbox.attio.holders import Holder
from exist_async.sandbox.attio.sandbox import AttioSandbox
from exist_async.sandbox.attio.seeding import AttributeFields

__all__ = ["AttioSandbox", "Attribute", "AttributeFields", "Holder", "Option", "Status"]
