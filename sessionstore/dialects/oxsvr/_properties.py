"""Properties: names and values of a server and of a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sessionstore import Session, SessionStore, __version__
from sessionstore.dialects.oxsvr._collection import Collection

__all__ = ["IProperties", "IProperty", "of_server", "of_session", "property_attribute", "stored"]

PREFIX = "property "


def property_attribute(name: str) -> str:
    """Return which attribute of a session has one of its properties."""
    return PREFIX + name


def stored(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties that were set on a session, in the order of their names."""
    names = sorted(name for name in attributes if name.startswith(PREFIX))
    return {name.removeprefix(PREFIX): attributes[name] for name in names}


class IProperty:
    """A property, which can be read."""

    def __init__(self, name: str, value: Any) -> None:
        self._name = name
        self._value = value

    @property
    def Name(self) -> str:
        """Its name."""
        return self._name

    @property
    def Value(self) -> Any:
        """Its value."""
        return self._value

    def __repr__(self) -> str:
        return f"<IProperty {self._name!r}>"


class IProperties(Collection[IProperty]):
    """Properties as they were when they were asked for; their keys are their names."""

    def __init__(self, properties: Mapping[str, Any]) -> None:
        self._properties = [IProperty(name, value) for name, value in properties.items()]

    def _entries(self) -> list[tuple[str, IProperty]]:
        return [(one.Name, one) for one in self._properties]


def of_server(store: SessionStore) -> dict[str, Any]:
    """Return the properties of a server."""
    return {"ServerName": store.label, "ServerVersion": __version__}


def of_session(session: Session) -> dict[str, Any]:
    """Return the properties of a session: its facts, then what was set on it."""
    facts = {
        "SessionGUID": session.id,
        "UserName": session.owner,
        "SessionStart": session.created,
        "LastActivity": session.last_activity,
        "Timeout": session.timeout.total_seconds(),
    }
    return {**facts, **stored(session)}
