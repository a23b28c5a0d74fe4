#!/usr/bin/env python
"""Django's command line, as startproject writes it."""

import os
import sys


def main():
    """Run what the command line says."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
