"""What is told of a job that fails: its own errors and what caused them, and nothing else."""

from __future__ import annotations

from sessionstore.worker._failures import errors_of


def raised() -> ValueError:
    """Return an error that a job has raised, and what caused it."""
    try:
        try:
            {}["below"]
        except KeyError:
            raise ValueError("above") from None
    except ValueError as error:
        error.__suppress_context__ = False
        return error


def codes(error: BaseException) -> list[str]:
    return [one["code"] for one in errors_of(error)]


def test_an_error_is_told_with_what_caused_it() -> None:
    assert codes(raised()) == ["ValueError", "KeyError"]


def codes_while_handling(around: Exception, error: BaseException | None = None) -> list[str]:
    """The codes that are told while somebody handles an error."""

    def fails() -> None:
        raise around

    try:
        fails()
    except Exception:  # noqa: BLE001 - whatever is given
        return codes(error or raised())
    return []


def test_it_is_told_also_where_it_is_handled() -> None:
    error = raised()
    assert codes_while_handling(error, error) == ["ValueError", "KeyError"]


def test_what_is_handled_around_a_worker_is_no_error_of_its_jobs() -> None:
    assert codes_while_handling(OSError("around")) == ["ValueError", "KeyError"]
