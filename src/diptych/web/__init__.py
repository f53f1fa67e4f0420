"""The HTTP face: commands and queries, their schemas and a page to try them, health and metrics."""
