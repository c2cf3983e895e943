"""An application that exports headcount's spans with OpenTelemetry."""

import os
import subprocess
import sys
import unittest

from field import ROOT, TARGET, build

sys.path.insert(0, str(ROOT / "tests"))

from sandbox import Sandbox  # noqa: E402


class Spans(unittest.TestCase):
    def test_the_calls_of_a_sync_are_children_of_its_span(self):
        build("build", "beside-opentelemetry")
        sandbox = Sandbox(users=3, groups=1)
        self.addCleanup(sandbox.close)
        program = [TARGET / "debug" / "beside-opentelemetry"]
        ended = subprocess.run(program, env={**os.environ, **sandbox.env}, timeout=60, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(ended.returncode, 0, ended.stdout)
        spans = [line.split("\t") for line in ended.stdout.splitlines()]
        (sync,) = [attributes for name, _, *attributes in spans if name == "sync"]
        self.assertIn(f"organization_id={sandbox.organization_id}", sync)
        self.assertRegex(" ".join(sync), r"run=[0-9a-f]{16}")
        parents = {attribute: parent for name, parent, *attributes in spans if name == "call" for attribute in attributes}
        # The organizations are listed before the sync of the first one begins.
        self.assertEqual(parents["operation=list organizations"], "-")
        for operation in ("list directories", "list directory users", "list directory groups"):
            self.assertEqual(parents[f"operation={operation}"], "sync", operation)


if __name__ == "__main__":
    unittest.main()
