"""Values of attributes on each day: read and write them."""

from exist_async.values.endpoints import Values
from exist_async.values.models import AttributeWithValues, DayValue, ValueEcho
from exist_async.values.requests import ValueIncrement, ValueUpdate

__all__ = ["AttributeWithValues", "DayValue", "ValueEcho", "ValueIncrement", "ValueUpdate", "Values"]
