"""A downstream project: what its ``pyproject.toml`` asks for, building it, and packaging it."""
