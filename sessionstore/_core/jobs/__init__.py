"""Jobs of sessions: pure operations and flows, as in the rest of the core.

What is true of a job stands in its hash, in the bucket of its session. A queue only says where to
look, in which order; it may be wrong or lost, and whoever finds that puts it right.
"""
