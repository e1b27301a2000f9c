"""Files that go to a job, and that come back from it."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sessionstore.dialects.oxsvr._collection import Collection, position
from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._streams import append_chunk, clear_stream, get_chunk, size_of
from sessionstore.dialects.oxsvr._values import from_text, text_of, to_text

__all__ = ["IFileParameter", "IInputFileParameters", "IOutputFileParameters"]


@dataclass
class File:
    """A file on the disk, and what becomes of it when nobody has its parameter any more."""

    path: Path
    deletes: bool
    folder: Path | None = None
    """The folder that was made for it, which goes with it."""

    stream: BinaryIO | None = None
    unloaded: bool = False

    def open(self) -> BinaryIO:
        """Open the file for reading and writing, if it is not; ComError if that cannot be."""
        if self.unloaded:
            raise ComError(Number.E_FAIL, description="the file was unloaded for good")
        if self.stream is None:
            try:
                self.stream = self.path.open("r+b")
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise ComError(
                    Number.E_FAIL, description=f"the file cannot be opened: {why}"
                ) from error
        return self.stream

    def close(self) -> None:
        """Close the file."""
        if self.stream is not None:
            self.stream.close()
        self.stream = None

    def release(self) -> None:
        """Close the file, and remove it if it is to go."""
        self.close()
        if self.deletes:
            with suppress(OSError):
                self.path.unlink()
        if self.folder is not None:
            with suppress(OSError):  # there is still something in it
                self.folder.rmdir()


class IFileParameter:
    """A file of a job; it is opened when its content is first asked for, and not before.

    What looks into the file raises ComError (E_FAIL) if it cannot be opened.
    """

    def __init__(self, path: Path, *, deletes: bool, folder: Path | None = None) -> None:
        self._file = File(path, deletes, folder)
        weakref.finalize(self, self._file.release)

    @property
    def FileName(self) -> str:
        """Where the file is; if it is set, this is about another file."""
        return str(self._file.path)

    @FileName.setter
    def FileName(self, name: str) -> None:
        self._file.close()
        self._file.path, self._file.unloaded = Path(text_of(name)), False

    @property
    def AutoDelete(self) -> bool:
        """Whether the file goes when nobody has this object any more, or the process ends.

        At first so for files that came back from a job.
        """
        return self._file.deletes

    @AutoDelete.setter
    def AutoDelete(self, deletes: bool) -> None:
        self._file.deletes = bool(deletes)

    @property
    def ActualSize(self) -> int:
        """How many bytes the file has."""
        return size_of(self.Stream())

    @property
    def XML(self) -> str:
        """The text of the file, in the encoding that its XML declares, else UTF-8."""
        stream = self.Stream()
        stream.seek(0)
        return to_text(stream.read())

    @XML.setter
    def XML(self, text: str) -> None:
        content = from_text(text_of(text))
        self.ClearStream()
        self.Stream().write(content)
        self.Stream().flush()

    def Stream(self) -> BinaryIO:
        """Return the file, open for reading and writing; it stays open until `UnloadStream`."""
        return self._file.open()

    def AppendChunk(self, Data: Any) -> None:
        """Put bytes behind the last; the position is at the end then."""
        append_chunk(self.Stream(), Data)

    AppendChung = AppendChunk  # as it is spelled in the documents

    def GetChunk(self, Length: int) -> bytes:
        """Return so many bytes from the position on, or those that are left."""
        return get_chunk(self.Stream(), Length)

    def ResetStream(self) -> None:
        """Set the position to the beginning."""
        self.Stream().seek(0)

    def ClearStream(self) -> None:
        """Remove all bytes."""
        clear_stream(self.Stream())

    def UnloadStream(self, AutoReload: bool = True) -> None:
        """Close the file, so that others may have it for themselves.

        With AutoReload it is opened again when its content is asked for; without, only after
        `FileName` was set.
        """
        self._file.close()
        self._file.unloaded = not AutoReload

    def __repr__(self) -> str:
        return f"<IFileParameter {self._file.path.name!r}>"


class IOutputFileParameters(Collection[IFileParameter]):
    """The files that came back from a job; their keys are their names, without the folder."""

    def __init__(self, files: Iterable[IFileParameter] = ()) -> None:
        self._files = list(files)

    def _entries(self) -> list[tuple[str, IFileParameter]]:
        return [(name_of(one), one) for one in self._files]


class IInputFileParameters(IOutputFileParameters):
    """The files that go to a job, by their names without the folder."""

    def AddExistFile(self, FileName: str) -> IFileParameter:
        """Add a file that is there, and return its parameter.

        Raises ComError: errParameterNameEmpty, errParameterDoubleName (a file of this name goes
        to the job already), errInputParametersCantCreate (there is no such file).
        """
        path = Path(text_of(FileName))
        if not path.name:
            raise ComError(Number.errParameterNameEmpty, description="the file has no name")
        if any(path.name == name_of(one) for one in self._files):
            raise ComError(
                Number.errParameterDoubleName, description=f"there is a file {path.name!r} already"
            )
        if not path.is_file():
            raise ComError(
                Number.errInputParametersCantCreate, description=f"there is no file {path.name!r}"
            )
        self._files.append(IFileParameter(path, deletes=False))
        return self._files[-1]

    def Remove(self, Index: int | str) -> IFileParameter:
        """Take a file out, by position or name, and return it; errors as `Item`."""
        return self._files.pop(position([name_of(one) for one in self._files], Index))

    def Clear(self) -> None:
        """Take all files out."""
        self._files.clear()


def name_of(file: IFileParameter) -> str:
    """Return the name of a file, without the folder."""
    return Path(file.FileName).name
