"""Parameters of a job, typed and named: those that go to it, and those that come back."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, BinaryIO

from sessionstore.dialects.oxsvr._collection import Collection, position
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._streams import append_chunk, clear_stream, get_chunk, size_of
from sessionstore.dialects.oxsvr._structures import as_xml
from sessionstore.dialects.oxsvr._values import (
    ParameterType,
    converted,
    from_text,
    to_text,
    type_of,
)

__all__ = ["IInputParameters", "IOutputParameters", "IParameter", "outputs_of"]

STREAMED = (ParameterType.ptBinary, ParameterType.ptXML)
MAX_NAME_BYTES = 255


class IParameter:
    """A parameter that goes to a job, or comes back from one."""

    def __init__(self, name: str, kind: ParameterType, value: Any) -> None:
        self._name = name
        self._kind = kind
        self._content = io.BytesIO()
        self._plain: Any = None
        self.Value = value

    @property
    def Name(self) -> str:
        """Its name."""
        return self._name

    @property
    def Type(self) -> ParameterType:
        """What it is."""
        return self._kind

    @property
    def Value(self) -> Any:
        """Its value: text, a number, True or False, a datetime; of ptXML its text, else bytes.

        What is set is converted to the type as COM does it. Raises ComError: DISP_E_TYPEMISMATCH,
        DISP_E_OVERFLOW.
        """
        if self._kind is ParameterType.ptXML:
            return to_text(self._content.getvalue())
        return self._content.getvalue() if self._kind in STREAMED else self._plain

    @Value.setter
    def Value(self, value: Any) -> None:
        found = converted(value, self._kind)
        if self._kind in STREAMED:
            clear_stream(self._content)
            self._content.write(found)
            self._content.seek(0)
        else:
            self._plain = found

    @property
    def ActualSize(self) -> int:
        """How many bytes the value has; of one that has no stream, its text in UTF-8."""
        if self._kind in STREAMED:
            return size_of(self._content)
        return len(converted(self._plain, ParameterType.ptString).encode())

    @property
    def XML(self) -> str:
        """The text of the value; that of bytes in the encoding that their XML declares.

        Text that is set is stored in the encoding that it declares, else in UTF-8; of a parameter
        that has no stream it is converted as `Value`.
        """
        if self._kind in STREAMED:
            return to_text(self._content.getvalue())
        return str(converted(self._plain, ParameterType.ptString))

    @XML.setter
    def XML(self, text: str) -> None:
        if self._kind is ParameterType.ptBinary:
            self.Value = from_text(converted(text, ParameterType.ptString))
        else:
            self.Value = text

    def Stream(self) -> BinaryIO:
        """Return the bytes as a file, which is the value itself and no copy.

        As the four methods below only for ptBinary and ptXML, else ComError:
        errParameterMethodUnsupported.
        """
        return self._stream("Stream")

    def AppendChunk(self, Data: Any) -> None:
        """Put bytes behind the last; the position is at the end then."""
        append_chunk(self._stream("AppendChunk"), Data)

    def GetChunk(self, Length: int) -> bytes:
        """Return so many bytes from the position on, or those that are left."""
        return get_chunk(self._stream("GetChunk"), Length)

    def ResetStream(self) -> None:
        """Set the position to the beginning."""
        self._stream("ResetStream").seek(0)

    def ClearStream(self) -> None:
        """Remove all bytes."""
        clear_stream(self._stream("ClearStream"))

    def _stream(self, method: str) -> io.BytesIO:
        if self._kind not in STREAMED:
            raise ComError(
                Number.errParameterMethodUnsupported,
                description=f"{method} is for ptBinary and ptXML, not for {self._kind.name}",
            )
        return self._content

    def __repr__(self) -> str:
        return f"<IParameter {self._name!r}: {self._kind.name}>"


class IOutputParameters(Collection[IParameter]):
    """The parameters that came back from a job; there are some when it has been executed."""

    def __init__(self, parameters: list[IParameter]) -> None:
        self._parameters = parameters

    def _entries(self) -> list[tuple[str, IParameter]]:
        return [(one.Name, one) for one in self._parameters]


class IInputParameters(IOutputParameters):
    """The parameters that go to a job.

    Every `Add…` returns the new parameter, and raises ComError: errParameterNameEmpty,
    errParameterDoubleName, errInputParametersCantCreate (the name is no text, or longer than 255
    bytes), and what `IParameter.Value` raises of a value that cannot be converted.
    """

    def AddNewStringParameter(self, Name: str, Value: Any) -> IParameter:
        """Add a text."""
        return self._added(Name, ParameterType.ptString, Value)

    def AddNewIntegerParameter(self, Name: str, Value: Any) -> IParameter:
        """Add a whole number of 32 bits."""
        return self._added(Name, ParameterType.ptInteger, Value)

    def AddNewBooleanParameter(self, Name: str, Value: Any) -> IParameter:
        """Add True or False."""
        return self._added(Name, ParameterType.ptBoolean, Value)

    def AddNewDoubleParameter(self, Name: str, Value: Any) -> IParameter:
        """Add a number."""
        return self._added(Name, ParameterType.ptDouble, Value)

    def AddNewDatetimeParameter(self, Name: str, Value: Any) -> IParameter:
        """Add a moment; a number counts days from the 30th of December 1899."""
        return self._added(Name, ParameterType.ptDatetime, Value)

    def AddNewXMLParameter(self, Name: str, XML: Any = "") -> IParameter:
        """Add an XML document."""
        return self._added(Name, ParameterType.ptXML, XML)

    def AddNewByteParameter(self, Name: str, Value: Any = b"") -> IParameter:
        """Add bytes."""
        return self._added(Name, ParameterType.ptBinary, Value)

    def AddParameter(self, Parameter: IParameter) -> None:
        """Add a parameter that is there already."""
        if not isinstance(Parameter, IParameter):
            raise _cannot_create(f"an IParameter is wanted, not {type(Parameter).__name__}")
        self._check_name(Parameter.Name)
        self._parameters.append(Parameter)

    def Remove(self, Index: int | str) -> IParameter:
        """Take a parameter out, by position or name, and return it; errors as `Item`."""
        return self._parameters.pop(position([one.Name for one in self._parameters], Index))

    def Clear(self) -> None:
        """Take all parameters out."""
        self._parameters.clear()

    def _added(self, name: str, kind: ParameterType, value: Any) -> IParameter:
        self._check_name(name)
        self._parameters.append(IParameter(name, kind, value))
        return self._parameters[-1]

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str):
            raise _cannot_create(f"the name of a parameter is text, not {type(name).__name__}")
        if not name:
            raise ComError(Number.errParameterNameEmpty, description="the parameter has no name")
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise _cannot_create("half of the name's surrogate pair is missing") from None
        if size > MAX_NAME_BYTES:
            raise _cannot_create(f"the name is longer than {MAX_NAME_BYTES} bytes")
        if any(name == one.Name for one in self._parameters):
            raise ComError(
                Number.errParameterDoubleName, description=f"there is a parameter {name!r} already"
            )


def _cannot_create(why: str) -> ComError:
    return ComError(Number.errInputParametersCantCreate, description=why)


def outputs_of(result: Any) -> IOutputParameters:
    """Return what a job has returned: of a mapping one parameter each, else one called Result."""
    if result is None:
        return IOutputParameters([])
    named = result if isinstance(result, Mapping) else {"Result": result}
    return IOutputParameters([_output(str(name), value) for name, value in named.items()])


def _output(name: str, value: Any) -> IParameter:
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 31:
        value = str(value)  # as larger numbers have always been sent
    kind = type_of(value)
    return IParameter(name, kind, as_xml(name, value) if kind is ParameterType.ptXML else value)
