"""What a session holds: typed values, classes of the application, and what is built from them."""

from sessionstore.data._registry import stored, upgrade

__all__ = ["stored", "upgrade"]
