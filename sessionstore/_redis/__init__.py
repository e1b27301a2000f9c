"""The only place that knows redis-py: clients, and the drivers that carry operations."""
