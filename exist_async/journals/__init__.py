"""Journals of writes, which go on where they stopped."""
