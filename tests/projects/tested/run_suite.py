"""Runs the suite."""

import sys

import pytest

HERE_ALONE = ("-c", "/dev/null", "--rootdir", ".", "--confcutdir", ".")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *HERE_ALONE, "."]))
