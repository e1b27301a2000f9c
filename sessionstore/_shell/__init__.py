"""What the public pairs share: all but the waiting for Redis."""
