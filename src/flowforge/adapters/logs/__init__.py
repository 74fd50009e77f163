"""Logs as files with a sparse line index."""
