"""Compares listing a directory with other clients, as ratios within one run: `make bench`.

Measures the client's CPU time per user for 10,000 users with details, 30 per page, over TLS; the additional memory for listing 100,000 users
instead of 1,000; and a thousand directories at once from a server with a latency of 50 ms. The clients of the first part run alternately, each time in
a new process, so that a disturbance of the machine affects all of them. The minimum is printed too, because disturbances only add time.
"""

import datetime
import ipaddress
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benches" / "listing"
ROUNDS = 9
LATENCY = 0.05
CONCURRENCY = 32  # the default limit of a client

sys.path.insert(0, str(ROOT / "tests"))


def certificate(folder):
    """Writes a self-signed certificate for this machine, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def server(folder, users):
    """Starts server.mjs with a directory of `users` users, and yields its URL."""
    program = subprocess.Popen(
        ["node", HERE / "server.mjs", "--key", folder / "key.pem", "--cert", folder / "cert.pem", "--users", str(users)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield json.loads(program.stdout.readline())["url"]
    finally:
        program.stdin.close()
        program.wait()


def rust():
    """Builds benches/rust/listing.rs, and returns the path of the program."""
    command = ["cargo", "bench", "--quiet", "--package", "headcount-benches", "--bench", "listing", "--no-run", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    return next(message["executable"] for message in map(json.loads, built.splitlines()) if message.get("executable"))


def run(command, ca_file):
    """Runs a client, and returns the measurement that it prints."""
    environment = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca_file)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def clients(program, url, ca_file):
    """Returns the commands of each language, headcount's first."""
    return {
        "Rust": [[program, "headcount", url, ca_file], [program, "reqwest", url, ca_file]],
        "Python": [[sys.executable, HERE / "with_headcount.py", url, ca_file], [sys.executable, HERE / "with_httpx.py", url, ca_file]],
        "Node": [["node", HERE / "headcount.mjs", url, ca_file], ["node", HERE / "fetch.mjs", url], ["node", HERE / "sdk.mjs", url]],
    }


def processor_time(program, folder):
    """Prints the processor time of each client for a user."""
    print("\nlisting 10,000 users with details over TLS, 30 a page: CPU time of the client for each, the median and the least of", ROUNDS)
    with server(folder, 10_000) as url:
        ca_file = folder / "cert.pem"
        rounds = [
            {language: [run(command, ca_file) for command in commands] for language, commands in clients(program, url, ca_file).items()}
            for _ in range(ROUNDS)
        ]
    for language, first in rounds[0].items():
        ours = None
        for at, client in enumerate(first):
            assert client["users"] == 10_000, client
            assert all(client.get(read) == first[0].get(read) for read in ("email_chars", "detail_chars")), client
            costs = [one[language][at]["cpu_us_per_user"] for one in rounds]
            median, least = statistics.median(costs), min(costs)
            ours = ours or (median, least)
            name = f"{language}: {client['name']} {client['version']}"
            print(f"  {name:<42} {median:8.2f} µs {median / ours[0]:6.2f} × {least:12.2f} µs {least / ours[1]:6.2f} ×")


def memory(program, folder):
    """Prints the peak memory of headcount's clients with few users and with many."""
    print("\nthe most memory that listing takes, at 1,000 and at 100,000 users")
    most = {}
    for users in (1_000, 100_000):
        with server(folder, users) as url:
            for language, commands in clients(program, url, folder / "cert.pem").items():
                for command in commands[:1]:
                    measured = run(command, folder / "cert.pem")
                    assert measured["users"] == users, measured
                    most.setdefault(language, []).append(measured["max_rss_mb"])
    for language, (few, many) in most.items():
        print(f"  {language:<42} {few:6.1f} MB  {many:6.1f} MB  {many - few:+6.1f} MB")


def concurrency(program):
    """Prints how long headcount's clients take to list many directories at once."""
    from sandbox import Sandbox

    print(f"\n1,000 directories of 60 users at once, from a server {LATENCY * 1000:.0f} ms away, {CONCURRENCY} requests at a time")
    sandbox = Sandbox(organizations=1000, users=60, groups=2)
    ways = {
        "Rust": [program, "concurrent"],
        "Python, AsyncClient": [sys.executable, HERE / "concurrent_asyncio.py"],
        "Node": ["node", HERE / "concurrent.mjs"],
    }
    for name, command in ways.items():
        sandbox.control("DELETE", "/fault")
        listing = subprocess.Popen([*command, *sandbox.credentials], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert listing.stdout.readline() == "ready\n"
        sandbox.fault(f"latency:{LATENCY * 1000:.0f}ms")
        done = json.loads(listing.communicate("go\n")[0])
        assert done["users"] == 60_000, done
        ideal = done["requests"] * LATENCY / CONCURRENCY
        print(f"  {name:<42} {done['seconds']:6.2f} s for {done['requests']} requests  {done['seconds'] / ideal:6.2f} × of {ideal:.2f} s")
    sandbox.close()


def main():
    print(f"{platform.system()}, {platform.machine()}, {os.cpu_count()} cores")
    program = rust()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        certificate(folder)
        processor_time(program, folder)
        memory(program, folder)
    concurrency(program)


main()
