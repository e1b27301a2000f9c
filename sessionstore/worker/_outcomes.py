"""What becomes of a start: decided from how the code of the job ended."""

from __future__ import annotations

from typing import Any

from sessionstore._core.jobs.jobs import Outcome
from sessionstore.jobs.stopped import Stopped
from sessionstore.worker._failures import Errors, errors_of, failure, in_words, returned, written
from sessionstore.worker._run import Run

__all__ = ["GIVEN_BACK", "failed", "of_error", "of_failure", "of_result", "of_stop"]

GIVEN_BACK = "the worker was stopped"


def failed(errors: Errors) -> Outcome:
    """Return the end of a job by errors."""
    return Outcome("failed", written(errors), in_words(errors))


def of_result(result: Any) -> Outcome:
    """Return what comes of what a job returned."""
    body, errors = returned(result)
    return failed(errors) if errors else Outcome("done", body)


def of_error(run: Run, error: BaseException, errors: Errors | None = None) -> Outcome | None:
    """Return what comes of an error that ended a job; None: it is not ours any more."""
    if run.stopping is not None:
        return of_stop(run, run.stopping)
    return of_failure(run, errors or errors_of(error), again=_may_be_retried(run, error))


def of_stop(run: Run, why: Stopped) -> Outcome | None:
    """Return what comes of a job that was to stop, and did not return anything."""
    kind, reason = why.kind, why.reason
    if kind in ("cancelled", "session ended"):
        return Outcome("cancelled", why=reason)
    if kind == "shutdown":
        return Outcome("back", why=GIVEN_BACK)
    if kind == "lease lost":
        return None
    return of_failure(run, [failure(kind, reason)], again=_may_be_retried(run, TimeoutError()))


def of_failure(run: Run, errors: Errors, *, again: bool) -> Outcome:
    """Return what comes of a try that failed."""
    definition = run.definition
    if definition is None or not again or run.tries >= definition.options.attempts:
        return failed(errors)
    return Outcome("again", why=in_words(errors), delay_ms=definition.delay_ms(run.tries))


def _may_be_retried(run: Run, error: BaseException) -> bool:
    return run.definition is not None and isinstance(error, run.definition.options.retry_on)
