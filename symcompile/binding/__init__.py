"""Binding time: what depends on data alone is computed once.

A sum over the samples of a polynomial in the parameters is the same polynomial in *moments*: sums
of products of columns, which do not depend on the parameters. :mod:`~symcompile.binding.split`
finds such sums in scheduled functions, :mod:`~symcompile.binding.evaluation` writes the functions
of the parameters that take moments in place of the data.
"""
