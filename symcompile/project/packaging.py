"""Setuptools: the kernels of a project are generated and compiled as its wheel is built.

``symcompile`` among the build requirements is all that a project says beside its table
``[tool.symcompile]``. Setuptools calls :func:`finalize` for every distribution that it builds; one
without that table is left alone. With it, ``build`` has one command more, which puts the modules
into the folder that becomes the wheel, or into the source tree for an editable installation.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from setuptools import Command
from setuptools.errors import ExecError, SetupError

from symcompile.errors import SymcompileError

if TYPE_CHECKING:
    from setuptools import Distribution

    from symcompile.project.config import Project

_COMMAND = "build_symcompile"


def finalize(distribution: Distribution) -> None:
    """Give a distribution whose project asks for kernels a command that builds them.

    Raises:
        SetupError: what the project asks for is wrong.
    """
    from symcompile.project.config import read_project

    try:
        project = read_project(Path.cwd())
    except SymcompileError as error:
        raise SetupError(f"symcompile: {error}") from error
    if project is None:
        return
    base = distribution.get_command_class("build")
    names = [*base.sub_commands, (_COMMAND, None)]
    # Of this distribution only: the class of setuptools serves others, too.
    distribution.cmdclass["build"] = type("build", (base,), {"sub_commands": names})
    own = {"project": project, "description": "generate and compile kernels"}
    distribution.cmdclass[_COMMAND] = type(_COMMAND, (BuildKernels,), own)
    if project.compiles:
        # What makes a wheel one of this platform and this Python.
        distribution.has_ext_modules = lambda: True  # type: ignore[method-assign]


class BuildKernels(Command):
    """The command. Setuptools' protocol for commands of ``build`` says what it has."""

    project: Project
    user_options: ClassVar = [
        ("build-lib=", "d", "the folder of what is built"),
        ("jobs=", "j", "how many processes may work"),
    ]

    def initialize_options(self) -> None:
        """Set what is not asked for."""
        self.editable_mode = False
        self.build_lib: str | None = None
        self.jobs: str | int | None = None
        self._built: tuple[str, ...] = ()

    def finalize_options(self) -> None:
        """Take the folder of the Python modules, beside which the kernels go."""
        self.set_undefined_options("build", ("build_lib", "build_lib"))

    def run(self) -> None:
        """Build.

        Raises:
            SetupError: what the project asks for is wrong, or cannot go into a wheel.
            ExecError: modules that could not be built.
        """
        try:
            self._build()
        except SymcompileError as error:
            raise SetupError(f"symcompile: {error}") from error

    def _build(self) -> None:
        from symcompile.generate import have_compiler, write_package
        from symcompile.project.building import Settings, build, failures
        from symcompile.project.items import project_items
        from symcompile.project.making import processors

        project = self.project
        if not self.editable_mode:
            _refuse_native(project)
        lacking = have_compiler() if project.compiles else ""
        if lacking:
            raise SetupError(f"symcompile: {lacking}")
        folder = self._folder()
        workers = int(self.jobs) if self.jobs else processors()
        collect = partial(project_items, project)
        settings = Settings(folder, sources=self.editable_mode, workers=workers)
        rows = build(collect, collect(), settings)
        for row in rows:
            self.announce(f"symcompile: {row.name} ({row.backend}) {row.state}", 2)
        failed = failures(rows)
        if failed:
            raise ExecError(f"symcompile: {failed}")
        write_package(folder)
        self._built = tuple(name for row in rows for name in row.files)

    def _folder(self) -> Path:
        if self.editable_mode:
            return self.project.out
        return Path(str(self.build_lib), *self.project.package.split("."))

    def get_source_files(self) -> list[str]:
        """Return the definition files, which a source distribution needs."""
        try:
            files = self.project.files()
        except SymcompileError as error:
            raise SetupError(f"symcompile: {error}") from error
        return [os.path.relpath(file, self.project.root) for file in files]

    def get_outputs(self) -> list[str]:
        """Return the files of the modules; which these are is known once they are built."""
        folder = Path(str(self.build_lib), *self.project.package.split("."))
        return [str(folder / name) for name in self._built]

    def get_output_mapping(self) -> dict[str, str]:
        """Return where the files lie in the source tree, for an editable installation."""
        if not self.editable_mode:
            return {}
        out = os.path.relpath(self.project.out, self.project.root)
        return {output: str(Path(out, Path(output).name)) for output in self.get_outputs()}


def _refuse_native(project: Project) -> None:
    every: dict[str, Any] = {"": project.wanted, **project.kernels}
    for name, wanted in every.items():
        if wanted.target == "native":
            table = f"tool.symcompile.kernels.{name}" if name else "tool.symcompile"
            raise SetupError(
                f'symcompile: {table}.target is "native": what is compiled for this processor '
                "alone cannot go into a wheel"
            )
