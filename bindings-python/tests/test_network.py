"""HTTPS with a private certificate authority, and proxies."""

import os
import socket
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

import headcount


class Tunnel(socketserver.StreamRequestHandler):
    """A proxy for CONNECT (RFC 9110, 9.3.6) that records the requests."""

    def handle(self):
        method, target, _ = self.rfile.readline().decode().split()
        headers = {}
        for line in iter(self.rfile.readline, b"\r\n"):
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        self.server.asked.append((method, target, headers.get("proxy-authorization")))
        host, port = target.split(":")
        with socket.create_connection((host, int(port))) as upstream:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            responses = threading.Thread(target=self.forward, args=(upstream, self.connection))
            responses.start()
            self.forward(self.connection, upstream)
            responses.join()

    @staticmethod
    def forward(source, target):
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side has closed its connection: stop forwarding


@contextmanager
def proxy():
    """Runs a proxy. Yields its server, and its URL with a `%s` for the user and the password."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Tunnel) as server:
        server.daemon_threads, server.asked = True, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server, f"http://%s127.0.0.1:{server.server_address[1]}"
        server.shutdown()


PROGRAM = """
import headcount, os
client = headcount.Client.from_env(ca_file=os.environ.get("CA_FILE"), timeout=20, max_attempts=1)
print(len(client.organization.list_organizations()))
"""


def run(sandbox, **environment):
    """Runs the program without the proxy variables of this process, and without variables whose value is None."""
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    clean.update({**sandbox.env, "CA_FILE": sandbox.ca_file, **environment})
    clean = {name: value for name, value in clean.items() if value is not None}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=clean, capture_output=True, text=True, check=False)


def test_ca_file_adds_a_certificate_authority(sandbox, tmp_path):
    sandbox = sandbox(tls=tmp_path / "ca.pem")
    with pytest.raises(headcount.ConnectionError, match="certificate"):
        sandbox.client(proxy="").organization.list_organizations()
    client = sandbox.client(proxy="", ca_file=sandbox.ca_file)
    assert len(client.organization.list_organizations()) == 1
    assert client.stats().requests == 2


def test_certificate_authorities_that_environment_variables_name_are_trusted(sandbox, tmp_path):
    sandbox = sandbox(tls=tmp_path / "ca.pem")
    hashed = tmp_path / "certs"
    hashed.mkdir()
    # Files of such a folder are named as `openssl rehash` names them.
    (hashed / "0a1b2c3d.0").write_bytes((tmp_path / "ca.pem").read_bytes())
    unset = {"CA_FILE": None, "SSL_CERT_FILE": None, "SSL_CERT_DIR": None, "REQUESTS_CA_BUNDLE": None}
    for variable, value in [("SSL_CERT_FILE", sandbox.ca_file), ("SSL_CERT_DIR", str(hashed))]:
        done = run(sandbox, **{**unset, variable: value})
        assert done.stdout == "1\n", (variable, done.stderr)
    done = run(sandbox, **unset)
    assert "headcount.ConnectionError" in done.stderr and "SSL_CERT_FILE" in done.stderr


def listed(**environment):
    """Returns the number of organizations that a program lists, or its error."""
    code = "import headcount; print(len(headcount.Client.from_env(proxy='', max_attempts=1).organization.list_organizations()))"
    clean = {name: value for name, value in os.environ.items() if name != "REQUESTS_CA_BUNDLE"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**clean, **environment}, capture_output=True, text=True, check=False, timeout=60
    )
    return done.stdout.strip() or done.stderr.splitlines()[-1]


def test_requests_ca_bundle_replaces_the_authorities_of_the_system(sandbox, tmp_path):
    first, second = sandbox(tls=tmp_path / "first.pem"), sandbox(tls=tmp_path / "second.pem")
    # The first authority is the system's, and the second one that of the variable.
    system = {"SSL_CERT_FILE": first.ca_file, "SSL_CERT_DIR": str(tmp_path / "none")}
    assert listed(**system, **first.env) == "1"
    assert listed(**system, **second.env, REQUESTS_CA_BUNDLE=second.ca_file) == "1"
    refused = listed(**system, **first.env, REQUESTS_CA_BUNDLE=second.ca_file)
    assert refused.startswith("headcount.ConnectionError: the server's certificate") and "is not in REQUESTS_CA_BUNDLE" in refused
    assert listed(**system, **first.env, REQUESTS_CA_BUNDLE="") == "1"
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "0a1b2c3d.0").write_bytes((tmp_path / "second.pem").read_bytes())
    assert listed(**system, **second.env, REQUESTS_CA_BUNDLE=str(folder)) == "1"


def test_a_requests_ca_bundle_that_cannot_be_used_is_named_and_concerns_https_only(sandbox, tmp_path, monkeypatch):
    secure, plain = sandbox(tls=tmp_path / "ca.pem"), sandbox()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/does/not/exist")
    assert len(plain.client().organization.list_organizations()) == 1
    for make in (headcount.Client, headcount.AsyncClient):
        with pytest.raises(headcount.ConfigError, match="^REQUESTS_CA_BUNDLE /does/not/exist cannot be read"):
            make(*secure.credentials)
    assert len(secure.client(proxy="", ca_file=secure.ca_file).organization.list_organizations()) == 1


def test_the_proxy_that_environment_variables_name_is_used(sandbox, tmp_path):
    sandbox = sandbox(tls=tmp_path / "ca.pem")
    target = sandbox.credentials[0].removeprefix("https://")
    with proxy() as (server, url):
        done = run(sandbox, HTTPS_PROXY=url % "")
        assert (done.stdout, server.asked) == ("1\n", [("CONNECT", target, None)]), done.stderr
        done = run(sandbox, all_proxy=url % "me:hunter2@")
        assert (done.stdout, server.asked[1:]) == ("1\n", [("CONNECT", target, "Basic bWU6aHVudGVyMg==")]), done.stderr
        done = run(sandbox, HTTPS_PROXY=url % "", NO_PROXY="127.0.0.1")
        assert (done.stdout, len(server.asked)) == ("1\n", 2), done.stderr
    # The proxy has stopped: the client does not connect directly, and its error does not contain the password.
    done = run(sandbox, HTTPS_PROXY=url % "me:hunter2@")
    assert "headcount.ConnectionError" in done.stderr and "hunter2" not in done.stderr


def test_the_proxy_setting_is_used(sandbox, tmp_path):
    sandbox = sandbox(tls=tmp_path / "ca.pem")
    with proxy() as (server, url):
        client = sandbox.client(proxy=url % "", ca_file=sandbox.ca_file)
        assert len(client.organization.list_organizations()) == 1
        assert [asked[0] for asked in server.asked] == ["CONNECT"]
        client.close()
