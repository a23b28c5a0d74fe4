"""For Django; see `bullrush.contrib.django.task`."""
