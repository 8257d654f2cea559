"""The core below every API of this package: one request, sent, judged, perhaps repeated, and read."""
