"""Values of parameters, converted as COM converts a variant, and not otherwise checked."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, timedelta
from enum import IntEnum
from typing import Any

from sessionstore.dialects.oxsvr._com import ComError, Number

__all__ = ["ParameterType", "converted", "from_text", "text_of", "to_text", "type_of"]

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a DATE of COM has no zone
LEAST_INTEGER, MOST_INTEGER = -(1 << 31), (1 << 31) - 1
LEAST_DATE, MOST_DATE = -657434.0, 2958466.0
ENCODING = re.compile(r"""<\?xml[^>]*\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


class ParameterType(IntEnum):
    """What a parameter is. The names are documented, the values are not."""

    ptString = 1
    ptInteger = 2
    ptBoolean = 3
    ptDouble = 4
    ptDatetime = 5
    ptXML = 6
    ptBinary = 7


def type_of(value: object) -> ParameterType:
    """Return what a parameter is that comes back from a job with a value."""
    kinds = (
        (bool, ParameterType.ptBoolean),
        (int, ParameterType.ptInteger),
        (float, ParameterType.ptDouble),
        (datetime, ParameterType.ptDatetime),
        (bytes, ParameterType.ptBinary),
        (str, ParameterType.ptString),
    )
    return next((found for kind, found in kinds if isinstance(value, kind)), ParameterType.ptXML)


def converted(value: Any, wanted: ParameterType) -> Any:
    """Return a value as a parameter of a type has it; ptXML and ptBinary have bytes.

    Raises ComError: DISP_E_TYPEMISMATCH, DISP_E_OVERFLOW.
    """
    try:
        return CONVERSIONS[wanted](value)
    except OverflowError:
        raise ComError(
            Number.DISP_E_OVERFLOW, description=f"the value is out of the range of a {wanted.name}"
        ) from None
    except (ValueError, TypeError, LookupError):
        kind = type(value).__name__
        raise ComError(
            Number.DISP_E_TYPEMISMATCH, description=f"a value of type {kind} is no {wanted.name}"
        ) from None


def text_of(value: Any) -> str:
    """Return an argument that is text; ComError DISP_E_TYPEMISMATCH if it cannot be."""
    return str(converted(value, ParameterType.ptString))


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return "-1" if value else "0"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, bytes):
        return value.decode("utf-16-le")
    if isinstance(value, (str, int, date)):
        return str(value)
    raise TypeError


def _integer(value: Any) -> int:
    number = round(_double(value))  # half to even, as COM does
    if not LEAST_INTEGER <= number <= MOST_INTEGER:
        raise OverflowError
    return number


def _boolean(value: Any) -> bool:
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    return _double(value) != 0


def _double(value: Any) -> float:
    if isinstance(value, bool):
        return -1.0 if value else 0.0
    if isinstance(value, date):
        return (_datetime(value).replace(tzinfo=None) - EPOCH) / timedelta(days=1)
    if not isinstance(value, (str, int, float)):
        raise TypeError
    number = float(value)
    if math.isnan(number):
        raise ValueError
    if math.isinf(number):
        raise OverflowError
    return number


def _datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - as above
    if isinstance(value, str) and not re.fullmatch(r"\s*[-+]?[\d.]+\s*", value):
        return datetime.fromisoformat(value.strip())
    days = _double(value)
    if not LEAST_DATE < days < MOST_DATE:
        raise OverflowError
    return EPOCH + timedelta(days=days)


def _xml(value: Any) -> bytes:
    return bytes(value) if isinstance(value, (bytes, bytearray)) else from_text(_string(value))


def _binary(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return _string(value).encode("utf-16-le")  # wide characters, as OLE has them


def from_text(text: str) -> bytes:
    """Return XML in the encoding that it declares, else in UTF-8."""
    declared = ENCODING.match(text)
    return text.encode(declared[1] if declared else "utf-8")


def to_text(content: bytes) -> str:
    """Return the text of XML in whichever encoding; ComError if it has none."""
    try:
        for mark, encoding in BYTE_ORDER_MARKS:
            if content.startswith(mark):
                return content.decode(encoding)
        declared = ENCODING.match(content[:200].decode("latin-1"))
        return content.decode(declared[1] if declared else "utf-8")
    except (ValueError, LookupError):
        raise ComError(Number.DISP_E_TYPEMISMATCH, description="these bytes are no text") from None


CONVERSIONS = {
    ParameterType.ptString: _string,
    ParameterType.ptInteger: _integer,
    ParameterType.ptBoolean: _boolean,
    ParameterType.ptDouble: _double,
    ParameterType.ptDatetime: _datetime,
    ParameterType.ptXML: _xml,
    ParameterType.ptBinary: _binary,
}
