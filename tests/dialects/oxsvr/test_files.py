"""IInputFileParameters, IOutputFileParameters, IFileParameter."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from sessionstore.dialects.oxsvr import (
    IFileParameter,
    IInputFileParameters,
    IOutputFileParameters,
    Number,
)
from tests.dialects.oxsvr.conftest import Raises


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "a.xml"
    made.write_bytes(b"<a>1234</a>")
    return made


def test_a_file_that_is_there_is_added_under_its_name(path: Path) -> None:
    files = IInputFileParameters()
    added = files.AddExistFile(str(path))
    assert added.FileName == str(path)
    assert files.Item("a.xml") is files.Item(1) is added
    assert files.Remove("a.xml") is added
    files.AddExistFile(str(path))
    files.Clear()
    assert files.Count == 0


def test_one_that_is_not_there_or_twice_is_not_added(path: Path, tmp_path: Path) -> None:
    files = IInputFileParameters()
    with Raises(Number.errParameterNameEmpty):
        files.AddExistFile("")
    with Raises(Number.errInputParametersCantCreate):
        files.AddExistFile(str(tmp_path / "b"))
    files.AddExistFile(str(path))
    with Raises(Number.errParameterDoubleName):
        files.AddExistFile(str(path))
    with Raises(Number.errCollectionItemNotFound):
        files.Item("b")
    with Raises(Number.errCollectionIndexOutOfRange):
        files.Remove(2)


def test_its_content_is_read_and_written_in_pieces(path: Path) -> None:
    one = IFileParameter(path, deletes=False)
    assert (one.GetChunk(3), one.GetChunk(4), one.ActualSize) == (b"<a>", b"1234", 11)
    one.AppendChunk(b"<!---->")
    one.AppendChung(b"\n")  # the name in the documents
    one.ResetStream()
    assert one.GetChunk(100) == b"<a>1234</a><!---->\n"
    one.ClearStream()
    assert one.ActualSize == 0
    one.XML = '<?xml version="1.0" encoding="ISO-8859-1"?><a>ä</a>'
    one.UnloadStream()
    assert path.read_bytes().endswith(b"<a>\xe4</a>")
    assert one.XML.endswith("<a>ä</a>")
    one.UnloadStream()


def test_it_is_opened_when_it_is_needed_and_closed_on_demand(path: Path, tmp_path: Path) -> None:
    one = IFileParameter(path, deletes=False)
    path.unlink()
    with Raises(Number.E_FAIL):
        one.GetChunk(1)
    path.write_bytes(b"new")
    stream = one.Stream()
    assert stream.read() == b"new"
    one.UnloadStream()
    assert stream.closed
    assert one.GetChunk(3) == b"new"
    one.UnloadStream(AutoReload=False)
    with Raises(Number.E_FAIL):
        one.Stream()
    other = tmp_path / "b"
    other.write_bytes(b"other")
    one.FileName = str(other)
    assert one.GetChunk(5) == b"other"
    one.UnloadStream()


def test_a_file_that_came_back_goes_with_its_parameter_unless_it_is_to_stay(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / name / "x" for name in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_bytes(b"x")
    files = IOutputFileParameters(
        [IFileParameter(path, deletes=True, folder=path.parent) for path in paths]
    )
    assert [one.AutoDelete for one in files] == [True, True]
    kept = files[2]
    kept.Stream()
    kept.AutoDelete = False
    del files, kept
    gc.collect()
    assert [path.exists() for path in paths] == [False, True]


def test_a_file_that_was_given_stays(path: Path) -> None:
    files = IInputFileParameters()
    assert not files.AddExistFile(str(path)).AutoDelete
    del files
    gc.collect()
    assert path.exists()


def test_its_folder_goes_too(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "a").write_bytes(b"x")
    one = IFileParameter(folder / "a", deletes=True, folder=folder)
    del one
    gc.collect()
    assert not folder.exists()
