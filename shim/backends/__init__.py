"""What stores results, as Celery's code sees it."""
