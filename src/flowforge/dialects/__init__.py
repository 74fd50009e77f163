"""Text to pipeline, one package a CI dialect. Pure: no I/O, no clock, problems instead of exceptions."""
