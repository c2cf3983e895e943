"""Refuses subinterpreters."""

from __future__ import annotations


def refuse_subinterpreters() -> None:
    """Raises ImportError in any interpreter of the process but the main one.

    The classes and the runtime of the native module exist once in a process, and threads of the runtime attach to the main
    interpreter: in a subinterpreter, ``except headcount.Error`` would not catch the module's exceptions, and the process could
    not exit. The check is in Python because CPython copies a native module to a second interpreter without running the module's
    initialization.
    """
    try:
        import _interpreters as interpreters  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        try:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found, no-redef, unused-ignore]  # before Python 3.13
        except ImportError:
            return  # another implementation of Python, which has no subinterpreters
    if interpreters.get_current() != interpreters.get_main():
        raise ImportError(
            "headcount was imported in a subinterpreter, which it does not support: import it in the main interpreter "
            "(mod_wsgi: WSGIApplicationGroup %{GLOBAL})"
        )
