"""``python -m bullrush`` is ``bullrush``; with ``--as-celery`` first, ``import celery`` gives this
library's modules in the project that it loads.
"""

import sys

from bullrush.bridge import install_as_celery, install_where_asked
from bullrush.cli import main

if sys.argv[1:2] == ["--as-celery"]:
    del sys.argv[1]
    install_as_celery()
install_where_asked()  # by a process that has started this one: a detached worker, one of several
main()
