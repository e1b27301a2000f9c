"""The workers that this repository deploys: `python -m workers`.

They do the jobs of two engines, which say of the store what an administrator and a client want to
know, and they sweep it.

krn     sessions: list, look at, end; their properties
lic     licences: which there are
acting  on whose behalf a job looks at sessions
pool    a worker with these engines
"""
