"""Use cases: load, decide by the rules, save, act. One module a noun and family of verbs."""
