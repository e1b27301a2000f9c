"""Sessions and jobs in the words of OxSvrSpt, the COM library of an application server.

    from sessionstore.dialects.oxsvr import Server

    server = Server(store, authenticator)
    session = server.Login("alice", "secret")
    job = session.NewJob("krn.SessionEnum")
    job.Execute()
    for parameter in job.OutputParameters:
        print(parameter.Name, parameter.Value)
    session.Logout()

`docs/oxsvr.md` has every member, and the test that shows it.
"""

from sessionstore.dialects.oxsvr._com import ComError, Number
from sessionstore.dialects.oxsvr._errors import IError, IErrors, INotifyErrors
from sessionstore.dialects.oxsvr._files import (
    IFileParameter,
    IInputFileParameters,
    IOutputFileParameters,
)
from sessionstore.dialects.oxsvr._jobs import IJob
from sessionstore.dialects.oxsvr._licenses import ILicenses
from sessionstore.dialects.oxsvr._parameters import (
    IInputParameters,
    IOutputParameters,
    IParameter,
)
from sessionstore.dialects.oxsvr._properties import IProperties, IProperty, property_attribute
from sessionstore.dialects.oxsvr._server import Credentials, PasswordType, Server
from sessionstore.dialects.oxsvr._session import ISession
from sessionstore.dialects.oxsvr._sinks import Callback, CallbackType, IJobSink
from sessionstore.dialects.oxsvr._values import ParameterType

__all__ = [
    "Callback",
    "CallbackType",
    "ComError",
    "Credentials",
    "IError",
    "IErrors",
    "IFileParameter",
    "IInputFileParameters",
    "IInputParameters",
    "IJob",
    "IJobSink",
    "ILicenses",
    "INotifyErrors",
    "IOutputFileParameters",
    "IOutputParameters",
    "IParameter",
    "IProperties",
    "IProperty",
    "ISession",
    "Number",
    "ParameterType",
    "PasswordType",
    "Server",
    "property_attribute",
]
