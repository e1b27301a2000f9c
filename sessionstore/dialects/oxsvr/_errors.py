"""The errors of a call: what COM throws is the topmost, and all are in a collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sessionstore.dialects.oxsvr._collection import Collection

__all__ = ["IError", "IErrors", "INotifyErrors", "error_of"]

LARGEST = (1 << 32) - 1
FAILED = 1
"""The code of an error whose own is no number."""


class IError:
    """An error message of the server."""

    def __init__(
        self,
        FaultCode: int,
        FaultString: str,
        *,
        SourceName: str = "",
        SourceCode: int = 0,
        InfoList: str = "",
    ) -> None:
        self._facts = FaultCode, FaultString, SourceName, SourceCode, InfoList

    @property
    def FaultCode(self) -> int:
        """The error code."""
        return self._facts[0]

    @property
    def FaultString(self) -> str:
        """What went wrong, in words."""
        return self._facts[1]

    @property
    def SourceName(self) -> str:
        """Where it went wrong."""
        return self._facts[2]

    @property
    def SourceCode(self) -> int:
        """The line of the source; 0 if it is not known."""
        return self._facts[3]

    @property
    def InfoList(self) -> str:
        """What else is known of it."""
        return self._facts[4]

    def __repr__(self) -> str:
        return f"<IError {self.FaultCode}: {self.FaultString}>"


def error_of(told: object) -> IError:
    """Return an error as a job tells it: a mapping with code, text, source, line and info."""
    if not isinstance(told, Mapping):
        return IError(FAILED, str(told))
    code, text = told.get("code"), str(told.get("text") or "")
    number = _whole(code)
    return IError(
        number or FAILED,
        text if number or not code else f"{code}: {text}",
        SourceName=str(told.get("source") or ""),
        SourceCode=_whole(told.get("line")),
        InfoList=_words(told.get("info")),
    )


def _whole(value: object) -> int:
    try:
        number = int(str(value))
    except ValueError:
        return 0
    return number if abs(number) <= LARGEST else 0


def _words(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


class IErrors(Collection[IError]):
    """The errors of the last call, the topmost first; their keys are `error1`, `error2` and on."""

    def __init__(self, errors: Sequence[IError] = ()) -> None:
        self._errors = list(errors)
        self._response_result = errors[0].FaultCode if errors else 0
        self._result_code = errors[-1].FaultCode if errors else 0

    @property
    def ResponseResult(self) -> int:
        """What the failed call returned; 0 if none has failed."""
        return self._response_result

    @property
    def ResultCode(self) -> int:
        """The last error value; 0 if there is none."""
        return self._result_code

    def _entries(self) -> list[tuple[str, IError]]:
        return [(f"error{at}", error) for at, error in enumerate(self._errors, 1)]

    def as_told(self) -> list[dict[str, Any]]:
        """Return the errors as jobs tell them; if there is only a result, an error of that code."""
        told = [
            {
                "code": error.FaultCode,
                "text": error.FaultString,
                "source": error.SourceName,
                "line": error.SourceCode,
                "info": error.InfoList,
            }
            for error in self._errors
        ]
        code = self._response_result or self._result_code
        if not told and code:
            told = [{"code": code, "text": "", "source": "", "line": 0, "info": ""}]
        return told


class INotifyErrors(IErrors):
    """The errors with which a sink answers a callback; it answers without if there are none."""

    def Add(
        self,
        SourceName: str,
        SourceCode: int,
        FaultString: str,
        FaultCode: int,
        InfoList: str = "",
    ) -> None:
        """Add an error behind the others."""
        self._errors.append(
            IError(
                FaultCode,
                FaultString,
                SourceName=SourceName,
                SourceCode=SourceCode,
                InfoList=InfoList,
            )
        )

    def Clear(self) -> None:
        """Remove all errors; the two results stay as they were set."""
        self._errors.clear()

    def NewResultCode(self, NewValue: int) -> None:
        """Set the error value of the answer; 0: there is none."""
        self._result_code = NewValue

    def NewResponseResult(self, NewValue: int) -> None:
        """Set the return value of the answer; 0: it is no failure."""
        self._response_result = NewValue
