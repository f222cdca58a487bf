"""A double pendulum: the rates of change of its two angles and two angular velocities.

The angles are measured from the vertical. The common parts are named, as ``sympy.cse`` would name
them; the names survive into the generated code. ``kernel.jacobian`` is what a stiff integrator or
an extended Kalman filter asks for.
"""

import sympy as sp

import symcompile as sc

a, b, da, db = sp.symbols("a b da db")  # angles, and their velocities
m1, m2, l1, l2, g = sp.symbols("m1 m2 l1 l2 g")
sine, cosine, mass, swing1, swing2 = sp.symbols("sine cosine mass swing1 swing2")

pendulum = sc.define(
    "pendulum",
    [
        (sine, sp.sin(a - b)),
        (cosine, sp.cos(a - b)),
        (mass, m1 + m2 * sine**2),
        (swing1, m2 * sine * (l2 * db**2 + l1 * cosine * da**2)),
        (swing2, sine * ((m1 + m2) * l1 * da**2 + m2 * l2 * cosine * db**2)),
        da,
        db,
        (m2 * g * sp.sin(b) * cosine - (m1 + m2) * g * sp.sin(a) - swing1) / (l1 * mass),
        ((m1 + m2) * g * (sp.sin(a) * cosine - sp.sin(b)) + swing2) / (l2 * mass),
    ],
    params=(a, b, da, db),
    constants={m1: 1, m2: 1, l1: 1, l2: 1, g: 9.81},
)
