"""The Lua scripts: one file per operation, its head comment is its contract."""
