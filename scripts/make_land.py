"""Make services/txwatch/console/land.json, the outline of the world behind the console's map.

Source: Natural Earth's land at 1:110 million (public domain), as the npm package `world-atlas` ships it.
Run by hand, only to change the outline:

    npm pack world-atlas@2 && tar xzf world-atlas-2.*.tgz
    python scripts/make_land.py package/land-110m.json services/txwatch/console/land.json
"""

import json
import sys
from itertools import pairwise
from pathlib import Path

Point = tuple[float, float]
TOLERANCE_DEGREES = 0.25
"""Points nearer than this to the line between their neighbours are left out: a pixel is about 0.4 degrees."""
LEAST_AREA = 1.5
"""Smaller islands, in square degrees, would be dots that look like transactions."""


def decode_arcs(topology: dict) -> list[list[Point]]:
    """Undo TopoJSON's quantised differences: longitude, latitude in degrees."""
    (scale_x, scale_y), (move_x, move_y) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for differences in topology["arcs"]:
        x = y = 0
        arc = []
        for step_x, step_y in differences:
            x, y = x + step_x, y + step_y
            arc.append((x * scale_x + move_x, y * scale_y + move_y))
        arcs.append(arc)
    return arcs


def join_ring(arc_numbers: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Chain a ring's arcs; a negative number is its complement's arc read backwards."""
    ring: list[Point] = []
    for number in arc_numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        ring += arc[1:] if ring else arc
    return ring


def simplify(line: list[Point]) -> list[Point]:
    """Ramer-Douglas-Peucker with `TOLERANCE_DEGREES`."""
    if len(line) < 3:  # noqa: PLR2004 - two points are a line already
        return line
    (x1, y1), (x2, y2) = line[0], line[-1]
    length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5

    def distance(point: Point) -> float:
        x, y = point
        if length == 0:
            return ((x - x1) ** 2 + (y - y1) ** 2) ** 0.5
        return abs((x2 - x1) * (y1 - y) - (x1 - x) * (y2 - y1)) / length

    farthest = max(range(1, len(line) - 1), key=lambda index: distance(line[index]))
    if distance(line[farthest]) < TOLERANCE_DEGREES:
        return [line[0], line[-1]]
    return simplify(line[: farthest + 1])[:-1] + simplify(line[farthest:])


def area(ring: list[Point]) -> float:
    """Area in square degrees (shoelace)."""
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairwise(ring))) / 2


def outlines(topology: dict) -> list[list[list[Point]]]:
    """Return the coasts worth drawing (inland seas as holes) as GeoJSON polygons, to a tenth of a degree."""
    arcs = decode_arcs(topology)
    polygons = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for arc_rings in [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]:
            rings = [
                ring
                for ring in (join_ring(numbers, arcs) for numbers in arc_rings)
                if area(ring) >= LEAST_AREA
            ]
            if rings:
                polygons.append([[(round(x, 1), round(y, 1)) for x, y in simplify(ring)] for ring in rings])
    return polygons


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    land = {"type": "MultiPolygon", "coordinates": outlines(json.loads(source.read_text()))}
    target.write_text(json.dumps(land, separators=(",", ":")) + "\n")
