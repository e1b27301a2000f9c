"""Who is measured beside the store, each doing the same work as well as it can.

One file each, so that a case needs only those installed that it measures.
"""
