"""The second part of `demo`: a session has a report made, and a worker is killed over it.

show      what is to be seen, as it happens
engine    the report, as an engine has it
worker    a worker, a process of its own
"""

__all__: list[str] = []
