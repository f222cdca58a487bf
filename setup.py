"""What pyproject.toml cannot say: the mapping of ``templates/``, and the generated extensions.

``SYMCOMPILE_BUILD_GENERATED=1 python setup.py build_ext --inplace`` compiles every ``.pyx`` of
``generated/`` and puts the extension beside its source. They are no part of the wheel.
"""

from __future__ import annotations

import os
from pathlib import Path

from setuptools import Extension, find_packages, setup

ROOT = Path(__file__).parent


def template_packages() -> list[str]:
    """Name ``templates/`` and its folders as packages below ``symcompile``."""
    folders = sorted(path.name for path in (ROOT / "templates").iterdir() if path.is_dir())
    return ["symcompile.templates", *(f"symcompile.templates.{name}" for name in folders)]


def generated_extensions() -> list[Extension]:
    """Describe one extension for each ``.pyx`` of ``generated/``, where that is asked for."""
    if os.environ.get("SYMCOMPILE_BUILD_GENERATED") != "1":
        return []
    import numpy as np
    from Cython.Build import cythonize

    extensions = [
        Extension(
            f"generated.{source.stem}",
            [str(source.relative_to(ROOT))],
            include_dirs=[np.get_include()],
            extra_compile_args=["-pthread"],
            extra_link_args=["-pthread"],
        )
        for source in sorted((ROOT / "generated").glob("*.pyx"))
    ]
    return cythonize(extensions, language_level=3)


setup(
    packages=[*find_packages(include=["symcompile", "symcompile.*"]), *template_packages()],
    package_dir={"symcompile.templates": "templates"},
    ext_modules=generated_extensions(),
)
