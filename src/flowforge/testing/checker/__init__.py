"""The offline checker: reads what a server recorded and says which of its promises were broken.

Every fault test ends with it. `read_history` takes a transaction of any store, `violations` is a function of values.
"""

from flowforge.testing.checker.history import History, read_history
from flowforge.testing.checker.rules import violations

__all__ = ["History", "read_history", "violations"]
