"""Sends the items of a write in chunks, and finds the outcome of each in the replies."""
