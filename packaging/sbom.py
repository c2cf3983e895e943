"""Writes bills of materials in CycloneDX: which Rust packages are in a binary, with versions, checksums and licences."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from pathlib import Path

from cyclonedx.factory.license import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from crates import Crate
from release import epoch, version

#: The name space of the serial numbers, which depend on the package, the version and its dependencies alone.
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://github.com/headcount/headcount/sbom")


def write(title: str, root: str, crates: list[Crate], file: Path) -> None:
    """Writes the bill of materials of the package `title`, such as "headcount (PyPI)", which is made from the package `root`."""
    licences = LicenseFactory()

    def component(crate: Crate, kind: ComponentType) -> Component:
        return Component(
            type=kind,
            name=crate.name,
            version=crate.version,
            bom_ref=f"{crate.name}@{crate.version}",
            licenses=[licences.make_with_expression(crate.licence)],
            purl=PackageURL("cargo", None, crate.name, crate.version) if crate.checksum else None,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=crate.checksum)] if crate.checksum else [],
        )

    components = {(crate.name, crate.version): component(crate, ComponentType.LIBRARY) for crate in crates}
    bom = Bom(serial_number=uuid.uuid5(NAMESPACE, f"{title} {version()} {sorted((crate.name, crate.version, crate.checksum) for crate in crates)}"))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch(), timezone.utc)
    top = next(crate for crate in crates if crate.name == root)
    main = Component(type=ComponentType.LIBRARY, name=title, version=version(), bom_ref=title, licenses=[licences.make_with_expression(top.licence)])
    bom.metadata.component = main
    for crate in crates:
        bom.components.add(components[crate.name, crate.version])
        bom.register_dependency(components[crate.name, crate.version], [components[need] for need in crate.needs])
    bom.register_dependency(main, [components[top.name, top.version]])
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of materials of {title} does not follow its schema: {error}")
    file.write_text(text + "\n", encoding="utf-8")
