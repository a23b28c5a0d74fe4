"""``billiard`` where this library stands for Celery and billiard is not installed: only some of its
modules are there.
"""

#: Of the billiard whose modules these are like, for code that compares it.
VERSION = (4, 2, 1)
