"""Kernels: what is compiled beyond numba's own decorator.

A compiled function counts the references to each array that it is given, also to those in named
tuples, whenever it is called from another. In a loop that costs more than most of what such
functions do: walks over a network took three times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

#: `_nrt`, numba's runtime that counts references, is an option of numba that it does not document.
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def leaf(function: Kernel) -> Kernel:
    """Compile a function without counting references.

    It may make no array and return none, also in a tuple, since nothing would count it. It may be
    called from kernels or from Python, and call kernels.
    """
    return cast("Kernel", njit(**_OPTIONS)(function))
