"""The command line: prints, never decides; imports the server only to start it."""
