"""The body of a function: its variables, loops and branches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symcompile.cc import types
from symcompile.cc.expressions import Expressions
from symcompile.cc.reader import Declared, Specifiers
from symcompile.cc.types import Type
from symcompile.cc.values import Value

if TYPE_CHECKING:
    from symcompile.cc.unit import Defined, Unit

_REDUCED = re.compile(r"reduction\([^:]*:([^)]*)\)")


class Body(Expressions):
    """A function on its way to LLVM."""

    def __init__(self, unit: Unit, function: Defined) -> None:
        super().__init__(unit, unit.items, function.start)
        self.function = function
        self.result: Type = function.type.of or types.VOID
        #: Where `break` and `continue` go, of each loop that is open.
        self.loops: list[tuple[str, str]] = []
        #: What has to be freed before the function returns.
        self.held: list[str] = []
        if function.fused:
            self.flags = " contract"

    def text(self) -> str:
        """Return the function."""
        head = []
        for k, one in enumerate(self.function.parameters):
            name = f"%a{k}"
            alone = " noalias" if one.restrict else ""
            head.append(f"{one.type.text}{alone} {name}")
            value = Value(one.type, name)
            if not one.const or one.type.aggregate:
                value = Value(one.type, self.room(one.type), place=True, local=True)
                self.lines.append(f"  store {one.type.text} {name}, ptr {value.text}")
            self.scopes[-1][one.name] = value
        self.statement()
        if not self.ended():
            self._return("" if self.result.kind == "void" else "poison")
        link = "" if self.function.exported else "internal "
        group = self.function.group
        opening = (
            f"define {link}{self.result.text} @{self.function.name}({', '.join(head)}) {group} {{"
        )
        return "\n".join([opening, "entry:", *self.rooms, *self.lines, "}", ""])

    # -- statements ------------------------------------------------------------------------

    def statement(self) -> None:
        """Read a statement."""
        item = self.peek()
        if self.ended() and item != "{":
            self.start(self.label())  # which nothing reaches
        if item == "{":
            self.take()
            self.scopes.append({})
            self.typedefs.append({})
            while not self.accept("}"):
                self.statement()
            self.scopes.pop()
            self.typedefs.pop()
        elif item == ";":
            self.take()
        elif item == "return":
            self.take()
            self._returned()
        elif item == "if":
            self.take()
            self._if()
        elif item in ("for", "while"):
            self.take()
            self._for() if item == "for" else self._while()
        elif item == "do":
            self.take()
            self._do()
        elif item in ("break", "continue"):
            self.take()
            self.expect(";")
            self.lines.append(f"  br label %{self.loops[-1][item == 'continue']}")
        elif item.startswith("#"):
            self._pragma(self.take())
        elif item != "(" and self.at_type():
            self._declaration()
        else:
            self.comma()
            self.expect(";")

    def _returned(self) -> None:
        if self.accept(";"):
            self._return("")
            return
        value = self.comma()
        self.expect(";")
        found = self.whole(value) if value.type.aggregate else value
        self._return(self.convert(found, self.result).text)

    def _return(self, text: str) -> None:
        for pointer in self.held:
            self.unit.external("free", types.function(types.VOID, [_ANY]))
            self.lines.append(f"  call void @free(ptr {pointer})")
        self.lines.append(f"  ret {self.result.text} {text}".rstrip())

    def _if(self) -> None:
        self.expect("(")
        test = self.truth(self.comma())
        self.expect(")")
        yes, no, end = self.label(), self.label(), self.label()
        self.branch(test, yes, no)
        self.lines.append(f"{yes}:")
        self.statement()
        if not self.ended():
            self.lines.append(f"  br label %{end}")
        self.lines.append(f"{no}:")
        if self.accept("else"):
            self.statement()
        if not self.ended():
            self.lines.append(f"  br label %{end}")
        self.lines.append(f"{end}:")

    # -- loops -----------------------------------------------------------------------------

    def _for(self, hint: str = "") -> None:
        self.expect("(")
        self.scopes.append({})
        if not self.accept(";"):
            if self.at_type():
                self._declaration()
            else:
                self.comma()
                self.expect(";")
        test, body, step, end = (self.label() for _ in range(4))
        self.start(test)
        if self.peek() == ";":
            self.take()
            self.lines.append(f"  br label %{body}")
        else:
            condition = self.truth(self.comma())
            self.expect(";")
            self.branch(condition, body, end)
        kept, self.lines = self.lines, [f"{step}:"]
        if self.peek() != ")":
            self.comma()
        self.expect(")")
        stepping, self.lines = self.lines[1:], kept
        self.lines.append(f"{body}:")
        self.loops.append((end, step))
        before = self.group, self.vector
        loop = self._hinted() if hint else ""
        self.statement()
        self.group, self.vector = before
        self.loops.pop()
        self.start(step)
        self.lines += stepping
        self.lines.append(f"  br label %{test}{loop}")
        self.lines.append(f"{end}:")
        self.scopes.pop()

    def _hinted(self) -> str:
        """Return what is written after the branch of a loop for vector units."""
        group = self.unit.metadata("distinct !{}")
        parallel = self.unit.metadata(f'!{{!"llvm.loop.parallel_accesses", {group}}}')
        loop = self.unit.metadata(f"distinct !{{!SELF, {parallel}}}")
        self.group, self.vector = f", !llvm.access.group {group}", True
        return f", !llvm.loop {loop}"

    def _while(self) -> None:
        test, body, end = (self.label() for _ in range(3))
        self.start(test)
        self.expect("(")
        condition = self.truth(self.comma())
        self.expect(")")
        self.branch(condition, body, end)
        self.lines.append(f"{body}:")
        self.loops.append((end, test))
        self.statement()
        self.loops.pop()
        if not self.ended():
            self.lines.append(f"  br label %{test}")
        self.lines.append(f"{end}:")

    def _do(self) -> None:
        body, test, end = (self.label() for _ in range(3))
        self.start(body)
        self.loops.append((end, test))
        self.statement()
        self.loops.pop()
        self.start(test)
        self.expect("while")
        self.expect("(")
        condition = self.truth(self.comma())
        self.expect(")")
        self.expect(";")
        self.branch(condition, body, end)
        self.lines.append(f"{end}:")

    def _pragma(self, text: str) -> None:
        if not text.startswith("#omp simd"):
            return
        names = [n.strip() for group in _REDUCED.findall(text) for n in group.split(",")]
        places = {self._variable(name).text for name in names}
        before, self.reductions = self.reductions, frozenset(places)
        self.expect("for")
        self._for(hint=text)
        self.reductions = before

    def _variable(self, name: str) -> Value:
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise self.error(f"{name} is not known")

    # -- variables -------------------------------------------------------------------------

    def _declaration(self) -> None:
        base = self.specifiers()
        if self.accept(";"):
            return
        while True:
            one = self.declarator(base)
            if "typedef" in base.flags:
                self.typedefs[-1][one.name] = one.type
            else:
                self._variables(base, one)
            if not self.accept(","):
                break
        self.expect(";")

    def _variables(self, base: Specifiers, one: Declared) -> None:
        type = one.type
        if "static" in base.flags:
            self.scopes[-1][one.name] = self._static(base, one)
            return
        if not self.accept("="):
            room = Value(type, self.room(type), place=True, local=True)
            self.scopes[-1][one.name] = room
            return
        # A name is known in its own initialiser, where its size may be asked for.
        self.scopes[-1][one.name] = Value(type, "poison", place=True)
        if type.kind == "array" and type.count < 0:
            assert type.of is not None
            self.expect("{")
            type = types.array(type.of, self.given())
            self.at -= 1
        if type.aggregate or self.peek() == "{" or not one.const:
            room = Value(type, self.room(type), place=True, local=True)
            self.initialise(room)
            self.scopes[-1][one.name] = room
            return
        value = self.expression()
        # A truth that is stored in an int stays one bit.
        same = type is types.INT and value.type.kind == "bool"
        self.scopes[-1][one.name] = value if same else self.convert(value, type)

    def _static(self, base: Specifiers, one: Declared) -> Value:
        """Return a variable that lasts; what each thread has of its own lasts for the call."""
        if "__thread" in base.flags:
            return self._thread_local(one)
        name = f"{self.function.name}.{one.name}"
        return self.unit.define_global(name, one.type, self, constant=one.const)

    def _thread_local(self, one: Declared) -> Value:
        allocate = types.function(_ANY, [types.SIZE])
        self.unit.external("malloc", allocate)
        size = Value(types.SIZE, str(one.type.size), known=one.type.size)
        room = self.call("@malloc", allocate, [size], spread=True)
        missing, good = self.label(), self.label()
        self.branch(self.instruction(f"icmp eq ptr {room.text}, null"), missing, good)
        self.lines.append(f"{missing}:")
        self._return("-1" if self.result.whole else "zeroinitializer")
        self.lines.append(f"{good}:")
        self.held.append(room.text)
        return Value(one.type, room.text, place=True)


_ANY = types.pointer(types.VOID)
