"""Functions that neither libm nor SciPy has, or has accurately enough, written once.

They are plain functions of numbers in the part of Python that :mod:`symcompile.translate`
turns into C. Generated modules hold the text of those that they call; they import nothing here.
Each says which published algorithm it follows, and how far it is off, in units of the last place
(ulp) divided by the condition number of the function where that is more than one.
"""
