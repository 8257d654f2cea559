"""Updates attributes: `PATCH …/attributes/{attribute}`, which archives and restores them too."""

from exist_async.sandbox.attio.bodies import read, update
from exist_async.sandbox.attio.calls import Call
from exist_async.sandbox.attio.configs import configure
from exist_async.sandbox.attio.defaults import check_default
from exist_async.sandbox.attio.problems import Problems
from exist_async.sandbox.attio.refusals import refuse, slug_conflict

__all__ = ["update_attribute"]


def update_attribute(call: Call) -> object:
    """Answer with the whole attribute, of which nothing but what was sent has changed."""
    attribute = call.attribute()
    problems = Problems()
    data = read(call, update(call.workspace), problems)
    check_default(data.get("default_value"), attribute.holder, attribute.type, problems)
    problems.refuse()
    if attribute.is_system_attribute:
        message = f'The attribute "{attribute.api_slug}" is a system attribute, which cannot be edited.'
        raise refuse(400, "system_edit_unauthorized", message)
    slug = data.get("api_slug", attribute.api_slug)
    if call.workspace.slugged(attribute.holder, slug) not in {None, attribute}:
        raise slug_conflict(slug)
    configure(attribute, data.pop("config", {}))
    for name, value in data.items():
        setattr(attribute, name, value)
    return attribute.show()
