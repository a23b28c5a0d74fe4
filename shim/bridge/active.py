"""Imported first in a child process, for which the name ``celery`` means what its parent says."""

from .alias import install_where_asked

install_where_asked()
