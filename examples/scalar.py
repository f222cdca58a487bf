"""Two functions of numbers, without data."""

import sympy as sp

import symcompile as sc

x, y = sp.symbols("x y")

wave = sc.define("wave", (sp.sin(x) + x**2) / 2, params=x)
surface = sc.define("surface", x**2 + x * sp.cos(y), params=(x, y))
