"""Compares this client with what else one would write, on this machine and in one run."""
