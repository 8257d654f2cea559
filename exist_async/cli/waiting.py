"""Waits for the hourly budget, where somebody asks for it."""

from typing import Annotated

from cyclopts import Parameter

from exist_async.client import ExistClient

Wait = Annotated[bool, Parameter(negative="", show_default=False)]


def patient(exist: ExistClient, wait: bool) -> ExistClient:
    """Return a client that waits as long as it takes where the requests of an hour are spent, if it is to wait."""
    return exist.with_options(max_wait=None) if wait else exist
