"""What a session holds: typed values, and what is built from them."""

__all__: list[str] = []
