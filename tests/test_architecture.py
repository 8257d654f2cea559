"""The house: imports run one way, and importing the package is light."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import exist_async

PACKAGE = Path(exist_async.__file__).parent

# Each layer may import those above it in this list, and itself.
LAYERS: list[list[str]] = [
    ["version"],
    ["errors", "events"],
    ["outcomes"],
    ["_checks", "_json", "_secrets", "_concurrency", "_redis"],
    ["rate_limits"],
    [
        "_http.bodies",
        "_http.call",
        "_http.deliveries",
        "_http.error_bodies",
        "_http.gates",
        "_http.quota",
        "_http.retry",
        "_http.transport",
        "_http.connections",
        "_http.signing",
        "_http.waits",
    ],
    ["token_stores"],
    ["_http.reports", "_http.responses", "_http.options", "_http.pool"],
    ["_http.attempt", "_http.course"],
    ["_http.turns"],
    ["_http.session"],
    ["_http.forms", "_http.client"],
    ["batch", "paging", "resource", "oauth"],
    ["auth"],
    ["attio"],
    ["attributes", "profile"],
    ["averages", "correlations", "insights", "values"],
    ["client"],
    ["sandbox"],
    ["cli"],
]


def layer_of(module: str) -> int:
    for number, layer in enumerate(LAYERS):
        if any(module == name or module.startswith(name + ".") for name in layer):
            return number
    raise AssertionError(f"{module} has no place in the house")


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imports_of(module: str) -> set[str]:
    """Return the modules of this package that a module imports; those for type checkers alone do not count."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            base = ".".join(["exist_async", *package.split(".")][: len(package.split(".")) + 2 - node.level])
            names = [f"{base}.{node.module}" if node.module else f"{base}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from package import module` names a module too.
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        inside = (
            name.removeprefix("exist_async").removeprefix(".") for name in names if name.startswith("exist_async")
        )
        found.update(name for name in inside if name in MODULES and name)
    return found - {package}


@pytest.mark.parametrize("module", [module for module in MODULES if module not in ("", "_http")])
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    for imported in imports_of(module) - {"_http"}:
        assert layer_of(imported) <= layer_of(module), f"{module} imports {imported}"


def test_no_two_modules_import_each_other() -> None:
    graph = {module: imports_of(module) for module in MODULES}
    for module, imported in graph.items():
        for other in imported:
            if other.split(".")[0] != module.split(".")[0]:
                assert module not in graph[other], f"{module} and {other} import each other"


def test_the_sandbox_imports_nothing_of_the_client() -> None:
    for module in MODULES:
        if module.split(".")[0] == "sandbox":
            assert {name for name in imports_of(module) if name.split(".")[0] != "sandbox"} == set()


def test_only_the_command_line_imports_the_sandbox() -> None:
    for module in MODULES:
        if module.split(".")[0] not in ("sandbox", "cli"):
            assert {name for name in imports_of(module) if name.split(".")[0] in ("sandbox", "cli")} == set()


def test_no_module_imports_the_package_s_own_root() -> None:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "exist_async", module
            elif isinstance(node, ast.Import):
                assert all(alias.name != "exist_async" for alias in node.names), module


def test_attio_imports_only_the_core() -> None:
    core = {"_checks", "_http", "_json", "attio", "auth", "errors", "events", "paging", "rate_limits"}
    attio = [module for module in MODULES if module.split(".")[0] == "attio"]

    assert len(attio) > 4
    for module in attio:
        assert {name.split(".")[0] for name in imports_of(module)} <= core
    for module in MODULES:
        if module.split(".")[0] not in ("attio", "cli"):
            assert {name for name in imports_of(module) if name.split(".")[0] == "attio"} == set()


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["aiohttp", "cattrs", "filelock", "msgspec", "redis", "starlette", "uvicorn", "rich", "cyclopts", "sqlite3"]
    # httpx loads rich by itself, for its own command, where rich and click are installed.
    loaded = f"sorted({set(heavy)} & (sys.modules.keys() - had))"
    code = f"import sys, httpx; had = set(sys.modules); import exist_async; print({loaded})"

    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())

    assert exist_async.__version__ == project["project"]["version"]


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    for name in exist_async.__all__:
        if name != "__version__":
            assert getattr(exist_async, name).__doc__, name


@pytest.mark.slow
def test_names_that_are_imported_late_are_listed_and_others_are_not_there() -> None:
    code = (
        "import exist_async; from exist_async import *; "
        "assert set(exist_async.__all__) <= set(dir(exist_async)) & set(globals()); "
        "assert not hasattr(exist_async, 'ExistClint')"
    )

    subprocess.check_call([sys.executable, "-c", code])
