"""Living beside Celery: code that says ``import celery`` runs on this library unchanged."""

from .alias import ACTIVE, install_as_celery, install_where_asked, is_installed

__all__ = ["ACTIVE", "install_as_celery", "install_where_asked", "is_installed"]
