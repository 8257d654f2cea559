"""The version of this package."""

# Written out, since reading the installed metadata would slow every import; a test compares it with pyproject.toml.
__version__ = "0.1.0"
