"""Sends one request of any API: pool, session, retries, decoding."""
