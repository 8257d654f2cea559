"""A typed async client for the attributes of Attio's objects and lists (attio.com), on the core of exist_async.

```python
from exist_async.attio import AttioClient

async with AttioClient("your-access-token") as attio:
    async for attribute in attio.attributes.list("objects", "people"):
        print(attribute.api_slug, attribute.type)
```

Its errors are those of `exist_async`.
"""

from exist_async.attio.attributes import Target
from exist_async.attio.client import AttioClient
from exist_async.attio.inputs import (
    NOT_GIVEN,
    ConfigInput,
    CurrencyInput,
    NotGiven,
    RecordReferenceInput,
    RelationshipInput,
)
from exist_async.attio.models import (
    Attribute,
    AttributeConfig,
    AttributeId,
    AttributeType,
    CurrencyConfig,
    CurrencyDisplay,
    DefaultValue,
    DefaultValueType,
    OptionId,
    RecordReferenceConfig,
    Relationship,
    SelectOption,
    Status,
    StatusId,
)
from exist_async.paging.offset import OffsetPaginator

__all__ = [
    "NOT_GIVEN",
    "AttioClient",
    "Attribute",
    "AttributeConfig",
    "AttributeId",
    "AttributeType",
    "ConfigInput",
    "CurrencyConfig",
    "CurrencyDisplay",
    "CurrencyInput",
    "DefaultValue",
    "DefaultValueType",
    "NotGiven",
    "OffsetPaginator",
    "OptionId",
    "RecordReferenceConfig",
    "RecordReferenceInput",
    "Relationship",
    "RelationshipInput",
    "SelectOption",
    "Status",
    "StatusId",
    "Target",
]
