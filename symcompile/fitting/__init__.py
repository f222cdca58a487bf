"""Fits: from a formula and a table to parameters with standard errors."""
