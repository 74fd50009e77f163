"""The port Store: one suite for memory, SQLite and PostgreSQL, and what only the SQL adapter promises."""
