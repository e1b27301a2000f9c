"""All knowledge of the data, none of I/O: operations, the flows made of them, and the keys they touch."""
