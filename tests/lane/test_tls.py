"""The lane under TLS: hot requests, streams, pipelines and ends."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.lane.corpus import HEALTH, POLL, TEXT, request
from tests.lane.peer import with_credentials
from tests.lane.test_endings import STREAM
from tests.streaming.reading import texts
from tests.support.client import Client
from tests.support.server import Running, running
from tests.support.wire import PATIENCE_SECONDS, Gone, Wire


class TlsWire(Wire):
    """A connection with TLS."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._input.close()
        self._socket = context.wrap_socket(self._socket)
        self._input = self._socket.makefile("rb")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a certificate made for this run."""
    folder = tmp_path_factory.mktemp("tls")
    with running(tls_certificate=_certificate(folder), tls_key=folder / "key.pem", lane=True) as made:
        yield made


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1)
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    certificate = folder / "cert.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return certificate


@pytest.fixture
def contact(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A contact in a chat with the echo, every connection of it under TLS."""
    monkeypatch.setattr("tests.support.client.Wire", TlsWire)
    with server.contact() as made:
        made.connect("1")
        made.poll()
        yield made


def test_conversation(contact: Client) -> None:
    """Texts, held polls and answers, over connections that are kept."""
    for said in ("one", "two", "three"):
        held = contact.hold(wire=contact.polls)
        contact.say(said)
        assert texts(held.events()) == [said]


def test_stream(server: Running, contact: Client) -> None:
    """Server-sent events come as they are stored."""
    with TlsWire(server.port) as wire:
        wire.send(with_credentials(STREAM, contact))
        assert wire.receive_head()[0] == 200
        wire.receive_chunk()
        contact.say("hello")
        assert b"hello" in wire.receive_chunk()


def test_pipeline_and_end(server: Running, contact: Client) -> None:
    """All answers in order, the last one whole before the connection ends; `Connection: close` is kept to."""
    with TlsWire(server.port) as wire:
        wire.send((HEALTH + with_credentials(TEXT, contact)) * 100 + request("GET /healthz", "Connection: close"))
        assert [wire.receive().status for _ in range(201)] == [*[200, 202] * 100, 200]
        with pytest.raises((Gone, ssl.SSLError)):
            wire.receive()


def test_broken_bytes(server: Running) -> None:
    """Refused with a reason inside TLS."""
    with TlsWire(server.port) as wire:
        wire.send(b"\0\0\0\r\n\r\n")
        answer = wire.receive()
        assert (answer.status, answer.reason) == (400, "invalidHttp")
        assert wire.ends()


def test_poll_of_a_client_that_left(server: Running, contact: Client) -> None:
    """Its events wait for the next poll."""
    wire = TlsWire(server.port)
    wire.send(with_credentials(POLL, contact))
    server.held()
    wire.close()
    server.held(0)
    contact.say("later")
    assert texts(contact.poll()) == ["later"]


def test_no_tls_on_a_port_with_tls(server: Running) -> None:
    """Plain HTTP ends the connection, and nothing else."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_SECONDS) as plain:
        plain.sendall(HEALTH)
        try:
            assert not plain.recv(65536).startswith(b"HTTP/1.1 200")
        except ConnectionResetError:
            return
