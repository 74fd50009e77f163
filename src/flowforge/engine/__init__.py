"""Planning and progress of runs as plain functions of values: no I/O, no clock, no randomness."""
