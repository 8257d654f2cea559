"""What is raised for bytes that can't be read."""


class UnreadableError(ValueError):
    """The bytes are no JSON, or not of the model's shape. The message names the place."""
