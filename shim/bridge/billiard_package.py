"""``billiard`` where this library stands for Celery and billiard is not installed: only its
``exceptions`` are there.
"""
