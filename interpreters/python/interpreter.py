"""Runs a detector that comes as text. `cargo xtask interpreters` makes a component of it, once for all detectors.

All that a text may import is loaded here, before the component's memory is written down: later there are no files to
load anything from. What is not on the list is refused in words; the sandbox would stop it anyway.
"""

import builtins
import importlib
import linecache
import random
import sys
import types

import leeway_sdk
from leeway_sdk import FILE, guarded
from wit_world.imports import source

MODULES = """
    __future__ abc array bisect cmath collections collections.abc contextlib copy dataclasses decimal enum fractions
    functools heapq itertools json math numbers operator random re statistics string struct textwrap typing
    leeway_sdk wit_world wit_world.imports wit_world.imports.kernels wit_world.imports.logging wit_world.imports.types
    componentize_py_types
""".split()
for name in MODULES:
    importlib.import_module(name)


def _seed(self, a=None, version=2, given=random.Random.seed):
    if a is None:
        raise ValueError("a detector has no chance but that of its seed: give `random` a seed")
    given(self, a, version)


# Without a seed they would ask the machine.
random.Random.seed = _seed
random.seed = random._inst.seed
del random.SystemRandom


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    if level == 0 and name.partition(".")[0] in MODULES and name in sys.modules:
        return builtins.__import__(name, globals, locals, fromlist, level)
    there = ", ".join(name for name in MODULES if not name.startswith(("_", "wit_world", "componentize")))
    raise ImportError(
        f"a detector cannot import '{name}': it has no files, network, clock or processes, and no packages; there are {there}"
    )


def _audit(event, arguments):
    # Not only what a detector opens: for the line of a syntax error the compiler looks for a file, too.
    if event.startswith(("open", "builtins.input", "os.", "socket.", "subprocess.", "time.")):
        raise PermissionError(f"{event}: a detector has no files, network, clock or processes")


BUILTINS = {**vars(builtins), "__import__": _import}


def _load():
    sys.addaudithook(_audit)
    text = source.text()
    linecache.cache[FILE] = (len(text), None, text.splitlines(True), FILE)  # So that messages can show a line.
    module = types.ModuleType("detector")
    module.__dict__["__builtins__"] = BUILTINS
    sys.modules["detector"] = module
    exec(compile(text, FILE, "exec", dont_inherit=True), module.__dict__)
    batch = getattr(module, "Batch", None)
    if batch is None:
        raise NameError("there is no `Batch`: end the file with `Batch = export(YourDetector)`")
    return batch()


class Batch:
    def describe(self):
        return guarded(_load).describe()

    def check_config(self, config):
        return guarded(_load).check_config(config)

    def fit(self, reference, config, seed):
        return guarded(_load).fit(reference, config, seed)

    def evaluate(self, baseline, current, config, seed):
        return guarded(_load).evaluate(baseline, current, config, seed)
