"""Stage 7: generated source to an importable module.

``toolchain`` finds and runs the compilers, ``cache`` keeps what they made, ``loader`` imports it.
"""
