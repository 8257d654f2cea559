"""The house: imports run one way, and importing the package is light."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import exist_async

PACKAGE = Path(exist_async.__file__).parent

TOOLS = ["_concurrency", "_checks", "_json", "_secrets", "_per_loop", "_redis", "_postgres", "_sqlite"]

# The folders, and the modules beside them, from the ground up. Each may import those of the lines above its own, and
# those before it in its line.
LAYERS: list[list[str]] = [
    ["version"],
    ["errors"],
    ["events"],
    ["outcomes"],
    TOOLS,
    ["rate_limits"],
    ["token_stores"],
    ["_http"],
    ["resource"],
    ["paging"],
    ["batch"],
    ["oauth"],
    ["auth"],
    ["attributes"],
    ["profile"],
    ["tables"],
    ["values"],
    ["journals"],
    ["averages", "correlations", "insights"],
    ["client"],
    ["jobs", "mirror"],
    ["attio"],
    ["sandbox"],
    ["cli"],
]
FOLDERS = [folder for layer in LAYERS for folder in layer]

# An error names the result that it carries, and a result raises errors: the one arrow upward, which is of types alone.
UPWARD = ("errors", "outcomes")


def module_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def folder_of(module: str) -> str:
    return module.partition(".")[0]


MODULES = {module_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOT = ""


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield all that code imports of this package, without the package's own name; "" for the package itself.

    Late imports count, and those for type checkers too.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            # `from package import module` names a module too.
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        else:
            continue
        for name in names:
            if name == "exist_async" or name.startswith("exist_async."):
                yield name.removeprefix("exist_async").removeprefix(".")


def imports_in(code: ast.AST) -> set[str]:
    """Return the modules of this package that code imports; the root for a public name of it."""
    return {name if name in MODULES else name.rpartition(".")[0] for name in imported_names(code)}


def imports_of(module: str) -> set[str]:
    return imports_in(ast.parse(MODULES[module].read_text())) - {module}


IMPORTS = {module: imports_of(module) for module in MODULES}


def test_every_folder_has_its_place_in_the_house() -> None:
    assert {folder_of(module) for module in MODULES} - {ROOT} == set(FOLDERS)
    assert len(FOLDERS) == len(set(FOLDERS))


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_imports_only_what_lies_below_it(folder: str) -> None:
    below = FOLDERS[: FOLDERS.index(folder) + 1]

    for module, imported in IMPORTS.items():
        if folder_of(module) == folder:
            upward = {name for name in imported if folder_of(name) not in below and (module, name) != UPWARD}
            assert upward == set(), module


def test_the_one_import_upward_is_for_type_checkers_alone() -> None:
    tree = ast.parse(MODULES["errors"].read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []

    assert "outcomes" in IMPORTS["errors"]
    assert imports_in(tree) == set()


def test_no_imports_of_modules_form_a_circle() -> None:
    graph = {module: {name for name in names if (module, name) != UPWARD} for module, names in IMPORTS.items()}

    TopologicalSorter(graph).prepare()  # raises an error that names the circle


def test_no_module_imports_the_package_s_own_root() -> None:
    assert [module for module, imported in IMPORTS.items() if ROOT in imported] == []


def test_a_private_module_taken_from_the_root_counts_as_that_module_and_a_public_name_as_the_root() -> None:
    assert imports_in(ast.parse("from exist_async import _json")) == {"_json"}
    assert imports_in(ast.parse("import exist_async._http.pool")) == {"_http.pool"}
    assert imports_in(ast.parse("from exist_async.errors import OAuthError")) == {"errors"}
    assert imports_in(ast.parse("from exist_async import ExistClient")) == {ROOT}
    assert imports_in(ast.parse("import exist_async")) == {ROOT}
    assert imports_in(ast.parse("def late():\n    from exist_async.client import ExistClient")) == {"client"}
    assert imports_in(ast.parse("import_module('exist_async.client')")) == {"client"}
    assert imports_in(ast.parse("if TYPE_CHECKING:\n    from exist_async.client import ExistClient")) == {"client"}


def test_only_the_root_imports_by_a_name_that_is_not_written_there() -> None:
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                assert isinstance(node.args[0], ast.Constant) or module == ROOT, module


def test_the_sandbox_imports_nothing_of_the_rest() -> None:
    assert imported_by("sandbox") == set()


def test_only_the_command_line_imports_the_sandbox() -> None:
    assert importers_of("sandbox") <= {"cli"}
    assert importers_of("cli") == set()


def test_attio_imports_only_the_core_and_nothing_of_exist() -> None:
    core = {"errors", "events", "outcomes", "rate_limits", "_http", "paging", *TOOLS}

    assert imported_by("attio") <= core
    assert importers_of("attio") == set()


def imported_by(folder: str) -> set[str]:
    """Return the other folders that a folder imports."""
    modules = [module for module in MODULES if folder_of(module) == folder]
    assert len(modules) > 4
    return {folder_of(name) for module in modules for name in IMPORTS[module]} - {folder}


def importers_of(folder: str) -> set[str]:
    """Return the other folders that import a folder."""
    return {folder_of(module) for module, names in IMPORTS.items() if folder in map(folder_of, names)} - {folder}


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = ["aiohttp", "cattrs", "filelock", "msgspec", "redis", "starlette", "uvicorn", "rich", "cyclopts", "sqlite3"]
    heavy += ["psycopg", "psycopg_pool", "procrastinate", "arro3"]
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
