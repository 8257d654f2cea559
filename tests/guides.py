"""The guides of the project, which are its README.md files, and the Python blocks in them."""

import re
from collections import Counter
from pathlib import Path

from attrs import frozen

import exist_async

ROOT = Path(__file__).parents[1]
PACKAGE = Path(exist_async.__file__).parent

# A fenced block is matched as a whole, so that a comment inside it is not taken for a heading.
_HEADING_OR_BLOCK = re.compile(r"^#+ (?P<heading>.+)$|^```(?P<language>\w*)\n(?P<code>(?s:.*?))^```$", re.MULTILINE)


@frozen
class Block:
    """A fenced block of a guide.

    Attributes:
        guide: Path of the guide, from the top of the project.
        heading: The heading above the block.
        number: Position among the blocks under that heading, from 1.
        language: The language that the fence names.
        code: The text of the block.
    """

    guide: str
    heading: str
    number: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.guide}: {self.heading} {self.number}"


@frozen
class Guide:
    """A README.md file.

    Attributes:
        path: Path from the top of the project.
        text: The whole text.
    """

    path: str
    text: str

    @property
    def headings(self) -> list[str]:
        return [match["heading"] for match in _HEADING_OR_BLOCK.finditer(self.text) if match["heading"]]

    @property
    def blocks(self) -> list[Block]:
        blocks = []
        heading = ""
        numbers = Counter[str]()
        for match in _HEADING_OR_BLOCK.finditer(self.text):
            if match["heading"]:
                heading = match["heading"]
            else:
                numbers[heading] += 1
                blocks.append(Block(self.path, heading, numbers[heading], match["language"], match["code"]))
        return blocks

    @property
    def links(self) -> list[str]:
        """Targets of the links to other files and to headings."""
        return [target for target in re.findall(r"\]\(([^)\s]+)\)", self.text) if "://" not in target]

    def section(self, heading: str) -> str:
        """Return the text below a heading of the second level."""
        return self.text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _read_guides() -> dict[str, Guide]:
    # The package is found by its import: the tests also run where only the built wheel is installed.
    paths = {f"{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}": path for path in PACKAGE.rglob("README.md")}
    for folder in ("tests", "benchmarks"):
        paths |= {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("README.md")}
    paths["README.md"] = ROOT / "README.md"
    return {name: Guide(name, paths[name].read_text(encoding="utf-8")) for name in sorted(paths)}


GUIDES = _read_guides()
"""All guides, by their path from the top of the project."""

PYTHON_BLOCKS = [block for guide in GUIDES.values() for block in guide.blocks if block.language == "python"]


def block_under(heading: str, *, guide: str) -> Block:
    """Return the first Python block under a heading."""
    return next(block for block in PYTHON_BLOCKS if (block.guide, block.heading) == (guide, heading))
