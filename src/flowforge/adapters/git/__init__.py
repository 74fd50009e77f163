"""Mirrors of repositories and what is read and placed from them."""
