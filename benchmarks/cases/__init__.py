"""One case a file; each has a `run(quick)` that returns a `Result`."""
