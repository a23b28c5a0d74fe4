"""What tests of projects need, under Celery's names."""
