"""What is compiled: a loss with its derivatives, and the curve by itself.

This file is executed as the wheel is built and is no part of it.
"""

import sympy as sp

import symcompile as sc

a, tau, c = sp.symbols("a tau c")
t, y = sp.symbols("t y")

curve = a * sp.exp(-t / tau) + c

loss = sc.define("loss", (curve - y) ** 2, params=(a, tau, c), data=(t, y), reduce="mean")
residuals = sc.define("residuals", curve - y, params=(a, tau, c), data=(t, y))
