"""The words of other session systems for sessions of this one: each translates, none decides."""

__all__: list[str] = []
