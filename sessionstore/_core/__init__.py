"""All knowledge of the data and none of I/O: operations, the flows made of them, the keys."""
