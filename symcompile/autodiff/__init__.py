"""Differentiation on the IR: forward and reverse mode from one table of local derivatives."""
