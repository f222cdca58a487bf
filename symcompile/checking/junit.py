"""What checks found as JUnit's XML, which CI systems show test by test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from symcompile.checking.report import Report
from symcompile.recheck import Recheck


@dataclass(frozen=True)
class Case:
    """One test.

    Attributes:
        suite: what it belongs to.
        group: a backend, or a module.
        name: a function.
        failure: what went wrong; empty if nothing did.
        skipped: why it did not run; empty if it did.
    """

    suite: str
    group: str
    name: str
    failure: str = ""
    skipped: str = ""


def cases_of(report: Report) -> list[Case]:
    """Return a cross-check as tests: each function of each backend, and what is about them all."""
    found, said = [], set()
    for row in report.rows:
        if not row.function:
            skipped = row.note if row.ok else ""
            found.append(Case(report.name, row.backend, "available", row.note, skipped))
            said |= {f for f in report.failures if f.startswith(f"{row.backend}: ")}
            continue
        mine = [f for f in report.failures if f.startswith(f"{row.backend}: {row.function} ")]
        said |= set(mine)
        failure = "\n".join(mine) or ("" if row.ok else "differs from another backend")
        found.append(Case(report.name, row.backend, row.function, failure))
    found += [
        Case(report.name, "all", f"agreement {k}", failure)
        for k, failure in enumerate((f for f in report.failures if f not in said), 1)
    ]
    return found


def cases_of_module(module: str, results: Sequence[Recheck]) -> list[Case]:
    """Return what an installed module gave as tests."""
    return [Case(module, module, result.function, result.failure) for result in results]


def junit(cases: Sequence[Case]) -> str:
    """Return tests as JUnit's XML.

    Example:
        >>> print(junit([Case("f", "cython", "grad", failure="off by 40 conditioned ulp")]))
        <?xml version='1.0' encoding='utf-8'?>
        <testsuites tests="1" failures="1" skipped="0">
          <testsuite name="f" tests="1" failures="1" errors="0" skipped="0">
            <testcase classname="f.cython" name="grad">
              <failure message="off by 40 conditioned ulp" />
            </testcase>
          </testsuite>
        </testsuites>
    """
    root = ElementTree.Element("testsuites", _counts(cases))
    for name in dict.fromkeys(case.suite for case in cases):
        own = [case for case in cases if case.suite == name]
        counts = _counts(own)
        attributes = {"name": name, "tests": counts["tests"], "failures": counts["failures"]}
        attributes |= {"errors": "0", "skipped": counts["skipped"]}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for case in own:
            test = {"classname": f"{name}.{case.group}", "name": case.name}
            element = ElementTree.SubElement(suite, "testcase", test)
            if case.skipped:
                ElementTree.SubElement(element, "skipped", {"message": _legal(case.skipped)})
            elif case.failure:
                message = {"message": _legal(case.failure)}
                ElementTree.SubElement(element, "failure", message)
    ElementTree.indent(root)
    text: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return text.decode()


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    skipped = sum(bool(case.skipped) for case in cases)
    failures = sum(bool(case.failure) and not case.skipped for case in cases)
    return {"tests": str(len(cases)), "failures": str(failures), "skipped": str(skipped)}


def _legal(text: str) -> str:
    """Return text without what XML cannot hold."""
    return "".join(c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or c >= "\ue000")
