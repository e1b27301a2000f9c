"""What `replay` and `demo` do: app servers that share the sessions of a log's clients.

commands         the two commands: prepare a store, replay, measure, clean up
access_log       read a log
made_up_traffic  make one up
load_balancer    start the app servers and deal the requests out to them
app_server       one of them, a process of its own: it opens, changes and closes sessions
client_sessions  what they are called, what they must have counted, and their end
figures          the outcome
"""

# Nothing is imported here: an app server is a process that starts without typer and rich.
__all__: list[str] = []
