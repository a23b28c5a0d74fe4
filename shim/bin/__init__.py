"""The command line under Celery's names, for commands of other libraries."""
