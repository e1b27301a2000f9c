"""Jobs as the library has them: parameters and files in, `Execute`, parameters and files out."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sessionstore import ConfigError, JobCancelled, JobFailed, JobLost, JobRefused, TypeRefused
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._connection import Connection
from sessionstore.dialects.oxsvr._errors import IError, IErrors, error_of
from sessionstore.dialects.oxsvr._files import (
    IFileParameter,
    IInputFileParameters,
    IOutputFileParameters,
)
from sessionstore.dialects.oxsvr._parameters import (
    IInputParameters,
    IOutputParameters,
    outputs_of,
)
from sessionstore.jobs import JobHandle

__all__ = ["IJob"]


class IJob:
    """A job of the server, made by `ISession.NewJob`; it can be executed more than once."""

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._inputs, self._input_files = IInputParameters([]), IInputFileParameters()
        self._outputs, self._output_files = outputs_of(None), IOutputFileParameters()
        self._errors = IErrors()

    @property
    def Name(self) -> str:
        """Its name, `Engine.Job`."""
        return self._name

    @property
    def InputParameters(self) -> IInputParameters:
        """What it is given."""
        return self._inputs

    @property
    def OutputParameters(self) -> IOutputParameters:
        """What the last `Execute` has returned."""
        return self._outputs

    @property
    def InputFileParameters(self) -> IInputFileParameters:
        """The files that it is given."""
        return self._input_files

    @property
    def OutputFileParameters(self) -> IOutputFileParameters:
        """The files that the last `Execute` has returned."""
        return self._output_files

    @property
    def Errors(self) -> IErrors:
        """All errors of the last `Execute`, the topmost first."""
        return self._errors

    Erros = Errors  # as it is spelled in one place of the documents

    def Execute(self) -> None:
        """Have the job done, and wait for its end.

        Raises ComError: the topmost error of the job; errNoSession; E_ABORT if somebody has
        cancelled it; E_INVALIDARG if it is not wanted like this; E_FAIL if it was lost or refused.
        """
        self._forget()
        try:
            with _as_com_errors():
                self._execute()
        except ComError as error:
            if not self._errors.Count:
                told = IError(error.number, error.description, SourceName=error.source)
                self._errors = IErrors([told])
            raise

    def _execute(self) -> None:
        connection = self._connection
        given = {one.Name: one.Value for one in self._inputs}
        files: dict[str, Any] = {
            Path(one.FileName).name: Path(one.FileName) for one in self._input_files
        }
        with connection.working():
            job = connection.jobs.submit(connection.id, self._name, given, files=files)
        try:
            result = job.result()
        except JobFailed as failed:
            self._errors = IErrors(list(map(error_of, failed.errors)))
            raise
        except JobCancelled:
            connection.check()  # for its session is over, more often than not
            raise
        except Exception:
            raise
        except BaseException:
            job.cancel("its caller was interrupted")
            raise
        self._outputs = outputs_of(result)
        self._output_files = IOutputFileParameters(_fetched(job, files))

    def _forget(self) -> None:
        self._outputs, self._output_files = outputs_of(None), IOutputFileParameters()
        self._errors = IErrors()

    def __repr__(self) -> str:
        return f"<IJob {self._name}>"


@contextmanager
def _as_com_errors() -> Iterator[None]:
    try:
        yield
    except JobFailed as failed:
        top = error_of(failed.errors[0]) if failed.errors else IError(Number.E_FAIL, failed.why)
        raise ComError(
            top.FaultCode, description=top.FaultString, source=top.SourceName
        ) from failed
    except JobCancelled as cancelled:
        raise ComError(Number.E_ABORT, description=str(cancelled)) from cancelled
    except (ConfigError, TypeRefused) as wrong:
        raise ComError(Number.E_INVALIDARG, description=str(wrong)) from wrong
    except JobRefused as refused:
        number = Number.E_INVALIDARG if refused.limit == "parameters" else Number.E_FAIL
        raise ComError(number, description=str(refused)) from refused
    except JobLost as lost:
        raise ComError(Number.E_FAIL, description=str(lost)) from lost


def _fetched(job: JobHandle, given: Collection[str]) -> list[IFileParameter]:
    """Return the files that a job has attached, as files of the disk."""
    found = []
    for name in job.info().files:
        if name not in given:
            # Each has a folder of its own, for names may differ in nothing but theirs.
            folder = Path(tempfile.mkdtemp(prefix="oxsvr-"))
            path = folder / (Path(name).name or "file")
            path.write_bytes(job.file(name))
            found.append(IFileParameter(path, deletes=True, folder=folder))
    return found
