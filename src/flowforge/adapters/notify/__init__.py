"""Tells others how runs went."""
