"""One case a file; each has a `run(quick)` that yields a `Result` for each thing it measured."""
