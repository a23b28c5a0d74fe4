"""``python -m bullrush`` is ``bullrush``."""

from bullrush.cli import main

main()
