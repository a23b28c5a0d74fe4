"""Imported by the server process that makes children, and by nothing else: it must outlive the
signals that stop a worker, since children count as dead when it is.
"""

from .group_signals import ignore

ignore()
