"""Shared fragments of the scripts: local functions, included by name."""
