"""Applications that enable only some features of headcount: a choice of the cryptography of TLS, and webhooks alone."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from field import ROOT, TARGET, build

sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402


class Cryptography(unittest.TestCase):
    """Runs an application that uses rustls with its default features, whose cryptography is aws-lc."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        ca_file = Path(cls.folder.name) / "ca.pem"
        cls.sandbox = Sandbox(users=1, groups=1, tls=ca_file)
        cls.environment = {**os.environ, **cls.sandbox.env, "CA_FILE": str(ca_file), "ORGANIZATION_ID": cls.sandbox.organization_id}

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.close()
        cls.folder.cleanup()

    def run_steps(self, *steps):
        """Runs the program that was built last. Returns its exit status, and the lines of its output."""
        program = [TARGET / "debug" / "beside-rustls", *steps]
        ended = subprocess.run(program, env=self.environment, timeout=60, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return ended.returncode, ended.stdout.splitlines()

    def test_headcount_uses_the_provider_that_the_application_installs(self):
        build("build", "beside-rustls", "--features", "no-provider")
        requested = f"request: {self.sandbox.organization_id}"
        # The application may install a provider itself. If it does not, rustls installs the only provider in the program when the first configuration
        # is built.
        for steps in (["install", "request", "configure"], ["configure", "request"]):
            status, lines = self.run_steps(*steps)
            self.assertEqual((status, requested in lines), (0, True), lines)
        status, lines = self.run_steps("installed", "request")
        self.assertEqual((status, lines[0]), (1, "installed: false"))
        for remedy in ("CryptoProvider::install_default", "rustls-ring", "rustls-aws-lc"):
            self.assertIn(remedy, lines[1])

    def test_headcount_uses_its_own_provider_and_installs_none(self):
        build("build", "beside-rustls", "--features", "aws-lc")
        status, lines = self.run_steps("request", "installed", "configure", "request")
        requested = f"request: {self.sandbox.organization_id}"
        self.assertEqual((status, lines[:2], lines[3:]), (0, [requested, "installed: false"], [requested]), lines)

    def test_without_a_feature_for_cryptography_the_error_of_the_compiler_names_the_features(self):
        output = build("build", "beside-rustls", succeeds=False)
        for expected in ("the feature `client` needs an implementation of cryptography", "rustls-ring", "rustls-aws-lc", "rustls-no-provider"):
            self.assertIn(expected, output)


class Webhooks(unittest.TestCase):
    def test_the_feature_webhook_alone_accepts_the_headers_of_the_crate_http(self):
        self.assertIn("test result: ok. 2 passed; 0 failed", build("test", "webhook-alone", "--lib"))


if __name__ == "__main__":
    unittest.main()
