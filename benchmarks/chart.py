"""Draws figures as bars, in one SVG that can be read on light and on dark pages."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Final

from attrs import frozen

from benchmarks.report import OURS, figure

_WIDTH: Final = 860
_LABELS: Final = 240
_FIGURES: Final = 90
_BAR: Final = 20
_STEP: Final = 28
_TITLE: Final = 46
_MARGIN: Final = 20
_FONT: Final = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
_OWN: Final = "#2f6f4f"
_OTHERS: Final = "#b8bfc6"


@frozen
class Panel:
    """Bars that are compared with each other.

    Attributes:
        title: What they show.
        unit: The unit, which follows each figure.
        figures: The figures by name, the shortest bar first.
    """

    title: str
    unit: str
    figures: Mapping[str, float]


def draw(panels: Iterable[Panel]) -> str:
    """Return the SVG of some panels, one below another."""
    parts: list[str] = []
    y = _MARGIN
    for panel in panels:
        parts.append(_text(_MARGIN, y + 16, panel.title, size=15, weight="600"))
        y += _TITLE - _MARGIN
        longest = max(panel.figures.values())
        for name, number in panel.figures.items():
            y += _STEP
            parts += _bar(y, name, number, number / longest, panel.unit)
        y += _TITLE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" role="img">\n'
        f'<rect width="{_WIDTH}" height="{y}" rx="8" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _bar(y: int, name: str, number: float, part: float, unit: str) -> list[str]:
    own = name == OURS
    length = max(2.0, part * (_WIDTH - _LABELS - _FIGURES - 2 * _MARGIN))
    x = _MARGIN + _LABELS
    weight = "600" if own else "400"
    return [
        _text(x - 10, y - 5, name, size=13, weight=weight, anchor="end"),
        f'<rect x="{x}" y="{y - _BAR}" width="{length:.1f}" height="{_BAR}" rx="3" fill="{_OWN if own else _OTHERS}"/>',
        _text(x + length + 8, y - 5, f"{figure(number)} {unit}", size=13, weight=weight),
    ]


def _text(x: float, y: int, text: str, *, size: int, weight: str, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y}" font-family="{_FONT}" font-size="{size}" font-weight="{weight}" fill="#1f2328" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
