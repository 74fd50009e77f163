"""structlog without what it would import beside: rich, for tracebacks that are never printed.

That costs more than all else a local run imports, and a server 2 MB for as long as it runs. Others import structlog, so this
module comes before them.
"""

import sys

if "structlog" not in sys.modules and "rich" not in sys.modules:
    # What is None in here raises ImportError when it is imported; structlog then does without it.
    sys.modules["rich"] = None  # type: ignore[assignment]
    try:
        import structlog
    finally:
        del sys.modules["rich"]
else:
    import structlog

__all__ = ["structlog"]
