"""Compares headcount with other packages and with code by hand, and prints Markdown tables: `make compare`.

    python run.py [--only costs|faults] [--language Python|Node] [--rounds 5] [--users 10000]

The programs run in new processes, one after another in each round, so that a disturbance of the machine affects all of them. Times are CPU times, as the
median of the rounds. README.md says what is counted.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import faults
from contenders import ALL, HERE, Contender

sys.path.insert(0, str(faults.ROOT / "tests"))
from sandbox import Sandbox  # noqa: E402

VERIFIED = 20_000
# WorkOS's packages have no listing of the vendor's API: only their size, import and verification are compared.
WORKOS = {
    "Python": Contender("WorkOS's SDK", "Python", "workos", ("workos",), ("workos",)),
    "Node": Contender("WorkOS's SDK", "Node", "workos", ("@workos-inc/node",), ("@workos-inc/node",)),
}


def used(command, env=None):
    """Runs a program, and returns its CPU time in seconds and its most memory in MB. Fails if the program does."""
    program = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(program.pid, 0)
    program.returncode = os.waitstatus_to_exitcode(status)
    if program.returncode:
        sys.exit(f"{command} ended with {program.returncode}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


# ---- packages ---------------------------------------------------------------------------------------------------------------


def python_packages(names):
    """Returns the packages of PyPI that these install, by name, each with its version and its size in bytes (without compiled `.pyc` files)."""
    from packaging.requirements import Requirement

    found, left = {}, list(names)
    while left:
        distribution = importlib.metadata.distribution(left.pop())
        name = distribution.name.lower()
        if name in found:
            continue
        files = [distribution.locate_file(file) for file in distribution.files or () if not str(file).endswith(".pyc")]
        found[name] = distribution.version, sum(Path(file).stat().st_size for file in files if Path(file).exists())
        needed = map(Requirement, distribution.requires or ())
        left += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def node_packages(names):
    """The same for npm. What compiling better-sqlite3 left behind is not counted: only its addon is used."""
    modules = HERE / "node" / "node_modules"
    found, left = {}, [modules / name for name in names]
    while left:
        folder = left.pop()
        if folder in found:
            continue
        package = json.loads((folder / "package.json").read_text())
        size = 0
        for parent, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name not in ("node_modules", "build")]
            size += sum((Path(parent) / name).lstat().st_size for name in files)
        size += sum(path.stat().st_size for path in folder.glob("build/Release/better_sqlite3.node"))
        found[folder] = package["version"], size
        for name in [*package.get("dependencies", {}), *package.get("optionalDependencies", {})]:
            places = [parent / "node_modules" / name for parent in (folder, *folder.parents)] + [modules / name]
            place = next((place for place in places if place.exists()), None)
            if place is not None:
                left.append(place)
    return {str(folder.relative_to(modules)): one for folder, one in found.items()}


def packages(contender):
    return python_packages(contender.packages) if contender.language == "Python" else node_packages(contender.packages)


def version(contender):
    """Returns the first package of a program with its version."""
    first = contender.packages[0]
    return f"{first} {packages(contender)[first][0]}"


# ---- costs ------------------------------------------------------------------------------------------------------------------


def imports(contender):
    """Returns the command that does nothing but import the packages, and the same command without the import."""
    if contender.language == "Python":
        return [sys.executable, "-c", "; ".join(f"import {name}" for name in contender.imported)], [sys.executable, "-c", "pass"]
    text = "; ".join(f"await import('{name}')" for name in contender.imported)
    # From the folder with the packages.
    return [["node", "--input-type=module", "-e", code] for code in (text, "0")]


def verification(contender):
    if contender.language == "Python":
        name = {"with_headcount.py": "headcount"}.get(contender.file, contender.file.removesuffix(".py"))
        return [sys.executable, str(HERE / "verify_cost.py"), name, str(VERIFIED)]
    name = {"with_headcount.mjs": "headcount"}.get(contender.file, contender.file)
    return ["node", str(HERE / "verify_cost.mjs"), name, str(VERIFIED)]


def measure(contenders, users, rounds, front):
    """Returns the medians of each program."""
    sandbox = Sandbox(users=users, groups=20)
    front.call("PUT", "/sandbox", url=sandbox.credentials[0])
    seen = {contender: {} for contender in contenders}

    def note(contender, name, value):
        seen[contender].setdefault(name, []).append(value)

    for number in range(rounds):
        for contender in contenders:
            print(f"round {number + 1} of {rounds}: {contender.language}, {contender.name}", file=sys.stderr)
            os.chdir(HERE / "node")
            importing, bare = imports(contender)
            note(contender, "import", (used(importing)[0] - used(bare)[0]) * 1000)
            if contender.file != "short.py":
                note(contender, "verify", float(subprocess.run(verification(contender), stdout=subprocess.PIPE, check=True, text=True).stdout))
            if contender in WORKOS.values():
                continue
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "users.db"
                env = faults.environment(front, sandbox, path, sandbox.settings["webhook_secret"])
                cpu, memory = used([*contender.command, "sync"], env)
                again, _ = used([*contender.command, "sync"], env)
                known = subprocess.run([*contender.command, "users"], env=env, stdout=subprocess.PIPE, check=True)
                # Sets of the sandbox have users who are not active.
                note(contender, "users", len(json.loads(known.stdout)))
            note(contender, "first sync", cpu)
            note(contender, "next sync", again)
            # A new process counts what its parent had when it started, so the figure is the program's only if it is larger.
            least = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            assert memory > least, f"the memory of {contender.path} cannot be measured below {least} MB"
            note(contender, "memory", memory)
    sandbox.close()
    assert len({one["users"][0] for one in seen.values() if "users" in one}) == 1, "the programs have different users"
    return {contender: {name: statistics.median(values) for name, values in one.items()} for contender, one in seen.items()}


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def costs(language, contenders, arguments, front):
    measured = measure([*contenders, WORKOS[language]], arguments.users, arguments.rounds, front)
    ours = measured[contenders[0]]
    rows = []
    for contender, one in measured.items():

        def cell(name, form):
            if name not in one:
                return "–"
            return f"{form.format(one[name])} ({one[name] / ours[name]:.1f} ×)" if contender is not contenders[0] else form.format(one[name])

        installed = packages(contender)
        size = sum(size for _, size in installed.values()) / 1e6
        lines = str(contender.lines()) if contender.path.exists() else "–"
        syncs = [cell("first sync", "{:.2f} s"), cell("next sync", "{:.2f} s"), cell("memory", "{:.0f} MB")]
        rows.append([contender.name, lines, str(len(installed)), f"{size:.1f} MB", cell("import", "{:.0f} ms"), *syncs, cell("verify", "{:.1f} µs")])
    print(f"\n### {language}\n")
    print("Versions: " + ", ".join(dict.fromkeys(version(contender) for contender in measured)) + ".\n")
    table(["program", "lines", "packages", "installed", "import", f"first sync of {arguments.users:,}", "next sync", "memory", "webhook"], rows)


def survival(language, contenders, front):
    print(f"\n### {language}\n")
    rows = []
    for title in faults.FAULTS:
        cells = []
        for contender in contenders:
            print(f"{contender.language}, {contender.name}: {title}", file=sys.stderr)
            cells.append(faults.run(contender, title, front))
        rows.append([title, *cells])
    table(["fault", *(contender.name for contender in contenders)], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["costs", "faults"])
    parser.add_argument("--language", choices=["Python", "Node"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--users", type=int, default=10_000)
    arguments = parser.parse_args()
    node = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    print(f"{date.today()}, {platform.system()}, {platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, Python {platform.python_version()}, Node {node}")
    with tempfile.TemporaryDirectory() as folder:
        front = faults.Front(Path(folder))
        for language in [arguments.language] if arguments.language else ["Python", "Node"]:
            contenders = [contender for contender in ALL if contender.language == language]
            if arguments.only != "faults":
                costs(language, contenders, arguments, front)
            if arguments.only != "costs":
                survival(language, contenders, front)
            sys.stdout.flush()
        front.close()


main()
