"""Sessions in the words of SOUL, the language of Model 204: functions, return codes, parameters.

    from sessionstore.dialects.soul import Online

    online = Online(store, SESNPRV=1000, SESUMAX=5)
    with online.login("ALICE") as thread:
        rc = thread.session_create("CART", timeout=600)

`docs/soul.md` has every function, argument and code, and the test that shows it.
"""

from sessionstore.dialects.soul._cancelled import RequestCancelled
from sessionstore.dialects.soul._longstrings import LongstringVariable
from sessionstore.dialects.soul._objects import PersistentObjectInfo
from sessionstore.dialects.soul._online import Online
from sessionstore.dialects.soul._thread import Thread

__all__ = ["LongstringVariable", "Online", "PersistentObjectInfo", "RequestCancelled", "Thread"]
