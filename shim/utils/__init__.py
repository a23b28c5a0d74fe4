"""What Celery keeps under that name: logging, dispatch of signals."""
