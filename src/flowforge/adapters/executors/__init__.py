"""Rooms for attempts: containers and plain processes, all kept by the same supervisor."""
