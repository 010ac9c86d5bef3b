"""Book covers, drawn by us: a ground, a motif, the title. The same book gives the same picture."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageDraw, ImageFont

SIZE = (600, 900)
SCENE = (1200, 520)
FINE = 2  # drawn twice as large, then made smaller: soft edges

Canvas = ImageDraw.ImageDraw
Color = str


@dataclass(frozen=True)
class Palette:
    top: Color
    bottom: Color
    ink: Color
    light: Color
    accent: Color


PALETTES = {
    "dusk": Palette("#27304f", "#d9765a", "#16192b", "#fbe3c4", "#f4b266"),
    "sea": Palette("#0f3d4c", "#4f9da0", "#0a2730", "#eef6ec", "#f2b84b"),
    "moss": Palette("#22402f", "#8aa65b", "#14261c", "#f6f1d8", "#e9a23b"),
    "clay": Palette("#f3dcc0", "#d98e63", "#5a2a1b", "#4a2014", "#b3361c"),
    "plum": Palette("#2c1b3d", "#8c4a7d", "#180f23", "#f8e6ee", "#f0a14e"),
    "paper": Palette("#f7efdd", "#eadabb", "#2f2a26", "#2f2a26", "#c1442b"),
    "night": Palette("#0c1526", "#24406b", "#070d18", "#f2ecd8", "#f6cf6b"),
    "frost": Palette("#dfe9ec", "#9db9c6", "#203845", "#203845", "#c65a3a"),
}


def draw(
    title: str, author: str, *, motif: str, palette: str, size: tuple[int, int] | None = None
) -> bytes:
    """The cover as PNG bytes. Raises KeyError for a motif or palette that doesn't exist."""
    colors, size = PALETTES[palette], size or SIZE
    width, height = size[0] * FINE, size[1] * FINE
    image = _ground(width, height, colors)
    canvas = ImageDraw.Draw(image)
    MOTIFS[motif](canvas, width, height, colors, random.Random(title))
    _letter(canvas, width, height, title, author, colors)
    out = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).quantize(200).save(out, "PNG", optimize=True)
    return out.getvalue()


def _ground(width: int, height: int, colors: Palette) -> Image.Image:
    strip = Image.new("RGB", (1, 2))
    strip.putpixel((0, 0), _rgb(colors.top))
    strip.putpixel((0, 1), _rgb(colors.bottom))
    return strip.resize((width, height), Image.Resampling.BILINEAR)


def _rgb(color: Color) -> tuple[int, int, int]:
    return tuple(int(color[i : i + 2], 16) for i in (1, 3, 5))  # type: ignore[return-value]


def _mix(one: Color, two: Color, share: float) -> Color:
    pairs = zip(_rgb(one), _rgb(two), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _letter(canvas: Canvas, width: int, height: int, title: str, author: str, c: Palette) -> None:
    margin = width * 0.09
    small = ImageFont.load_default(int(width * 0.045))
    canvas.text((margin, height * 0.05), author, font=small, fill=c.light)
    font, lines = _fit(title.upper(), width - 2 * margin, int(width * 0.115))
    for number, line in enumerate(lines):
        place = (margin, height * 0.092 + number * font.size * 1.12)
        canvas.text(place, line, font=font, fill=c.light)


def _fit(text: str, width: float, largest: int) -> tuple[Any, list[str]]:
    """The largest letters in which the text takes at most four lines, and these lines."""
    for size in range(max(largest, 12), 8, -2):
        font: Any = ImageFont.load_default(size)
        lines = _wrap(text, font, width)
        if len(lines) <= 4 and all(font.getlength(line) <= width for line in lines):
            return font, lines
    return font, lines


def _wrap(text: str, font: Any, width: float) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _disc(canvas: Canvas, x: float, y: float, r: float, **look) -> None:
    canvas.ellipse((x - r, y - r, x + r, y + r), **look)


def waves(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    _disc(d, w * 0.68, h * 0.56, w * 0.17, fill=c.accent)
    for row in range(7):
        base = h * (0.58 + row * 0.055)
        phase = chance.random() * 6
        points = [(x, base + math.sin(x / w * 9 + phase) * h * 0.013) for x in range(0, w + 8, 8)]
        d.polygon([*points, (w, h), (0, h)], fill=_mix(c.bottom, c.ink, 0.15 + row * 0.12))


def hills(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    _disc(d, w * 0.3, h * 0.5, w * 0.12, fill=c.light)
    for row in range(5):
        base, points, x = h * (0.6 + row * 0.075), [], 0.0
        while x < w * 1.2:
            points += [(x, base), (x + w * 0.13, base - h * (0.04 + chance.random() * 0.1))]
            x += w * (0.2 + chance.random() * 0.12)
        d.polygon([(0, h), *points, (w * 1.3, h)], fill=_mix(c.bottom, c.ink, 0.2 + row * 0.18))


def stars(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    for _i in range(110):
        radius = w * chance.choice((0.0022, 0.003, 0.0055))
        _disc(d, chance.random() * w, h * (0.32 + chance.random() * 0.5), radius, fill=c.light)
    _disc(d, w * 0.66, h * 0.55, w * 0.2, fill=c.accent)
    _disc(d, w * 0.58, h * 0.52, w * 0.18, fill=_mix(c.top, c.bottom, 0.53))
    d.polygon([(0, h), (0, h * 0.86), (w * 0.45, h * 0.8), (w, h * 0.88), (w, h)], fill=c.ink)


def houses(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    x, count = -w * 0.02, 0
    while x < w:
        wide, tall = w * (0.13 + chance.random() * 0.07), h * (0.16 + chance.random() * 0.17)
        top, wall = h * 0.86 - tall, _mix(c.ink, c.bottom, 0.08 + 0.16 * (count % 3))
        d.rectangle((x, top, x + wide, h), fill=wall)
        roof = [(x - w * 0.012, top), (x + wide / 2, top - wide * 0.6), (x + wide + w * 0.012, top)]
        d.polygon(roof, fill=_mix(wall, c.ink, 0.5))
        for row in range(int(tall / (h * 0.06))):
            for column in (0.22, 0.58):
                lit = c.accent if chance.random() < 0.5 else _mix(wall, c.ink, 0.4)
                left, y = x + wide * column, top + h * (0.02 + row * 0.06)
                d.rectangle((left, y, left + wide * 0.2, y + h * 0.028), fill=lit)
        x, count = x + wide, count + 1


def trees(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    _disc(d, w * 0.72, h * 0.5, w * 0.14, fill=c.accent)
    for row in range(3):
        color = _mix(c.bottom, c.ink, 0.3 + row * 0.32)
        base = h * (0.79 + row * 0.09)
        d.rectangle((0, base, w, h), fill=color)
        for number in range(9 - row * 2):
            x = w * (number + chance.random() * 0.7) / (8 - row * 2)
            tall, wide = h * (0.13 + chance.random() * 0.08 + row * 0.03), w * (0.06 + row * 0.02)
            for part in range(3):
                foot = base - tall * part * 0.27
                side = wide * (1 - part * 0.25)
                d.polygon([(x - side, foot), (x, foot - tall * 0.46), (x + side, foot)], fill=color)


def lantern(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    for x, y, size in ((0.34, 0.68, 0.19), (0.7, 0.55, 0.13), (0.76, 0.8, 0.075)):
        cx, cy, r = w * x, h * y, w * size
        d.line((cx, h * 0.36, cx, cy - r), fill=c.light, width=max(2, int(w * 0.004)))
        for part, color in ((1.0, c.accent), (0.62, _mix(c.accent, c.light, 0.4)), (0.24, c.light)):
            d.ellipse((cx - r * part, cy - r * 0.84, cx + r * part, cy + r * 0.84), fill=color)
        for edge in (-0.92, 0.78):
            d.rectangle(
                (cx - r * 0.4, cy + r * edge, cx + r * 0.4, cy + r * (edge + 0.14)), fill=c.ink
            )


def rings(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    cx, cy = w * 0.5, h * 0.62
    for number in range(11, 0, -1):
        radius = w * 0.037 * number
        color = c.accent if number in (1, 5, 9) else _mix(c.bottom, c.ink, 0.1 + number * 0.06)
        x = cx + math.sin(number * 1.7) * w * 0.012
        _disc(d, x, cy + math.cos(number * 1.3) * w * 0.012, radius, fill=color)


def leaves(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    stem = [(w * (0.5 + 0.05 * math.sin(t * 3)), h * (0.9 - 0.53 * t)) for t in _steps(40)]
    d.line(stem, fill=c.ink, width=int(w * 0.012), joint="curve")
    for number in range(9):
        x, y = stem[4 + number * 4]
        side = 1 if number % 2 else -1
        length, angle = w * (0.36 - number * 0.022), math.radians(28 + number * 4)
        tip = (x + side * math.cos(angle) * length, y - math.sin(angle) * length)
        color = c.accent if number in (3, 6) else _mix(c.bottom, c.ink, 0.3 + 0.07 * (number % 4))
        d.polygon(_leaf((x, y), tip, length * 0.2), fill=color)


def _leaf(foot, tip, belly: float) -> list[tuple[float, float]]:
    (x1, y1), (x2, y2) = foot, tip
    length = math.hypot(x2 - x1, y2 - y1)
    nx, ny = -(y2 - y1) / length, (x2 - x1) / length
    edge = [
        (x1 + (x2 - x1) * t, y1 + (y2 - y1) * t, math.sin(math.pi * t) * belly) for t in _steps(20)
    ]
    return [(x + nx * b, y + ny * b) for x, y, b in edge] + [
        (x - nx * b, y - ny * b) for x, y, b in reversed(edge)
    ]


def _steps(count: int) -> list[float]:
    return [number / count for number in range(count + 1)]


def sails(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    sea = h * 0.78
    d.rectangle((0, sea, w, h), fill=_mix(c.bottom, c.ink, 0.6))
    for x, size in ((0.22, 0.5), (0.6, 1.0), (0.86, 0.36)):
        cx, tall = w * x, h * 0.33 * size
        d.polygon(
            [(cx, sea - tall), (cx, sea - tall * 0.12), (cx + tall * 0.5, sea - tall * 0.12)],
            fill=c.light,
        )
        d.polygon(
            [
                (cx - w * 0.012, sea - tall * 0.86),
                (cx - w * 0.012, sea - tall * 0.12),
                (cx - tall * 0.36, sea - tall * 0.12),
            ],
            fill=c.accent,
        )
        d.chord(
            (cx - tall * 0.42, sea - tall * 0.2, cx + tall * 0.46, sea + tall * 0.1),
            0,
            180,
            fill=c.ink,
        )
    for row in range(9):
        y, x = sea + h * 0.02 * (row + 1), chance.random() * w * 0.8
        d.line((x, y, x + w * 0.22, y), fill=_mix(c.bottom, c.light, 0.35), width=int(w * 0.006))


def stairs(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    for number in range(9):
        x, y = w * 0.11 * number, h * (0.9 - number * 0.055)
        shade = _mix(c.bottom, c.ink, 0.25 + number * 0.07)
        d.rectangle((x, y, w, h), fill=shade)
        d.rectangle((x, y, w, y + h * 0.008), fill=_mix(shade, c.light, 0.45))
    left, foot = w * 0.8, h * 0.46
    d.pieslice((left, foot - h * 0.2, left + w * 0.16, foot - h * 0.08), 180, 360, fill=c.accent)
    d.rectangle((left, foot - h * 0.14, left + w * 0.16, foot), fill=c.accent)


def birds(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    _disc(d, w * 0.5, h * 0.6, w * 0.27, fill=c.accent)
    for number in range(17):
        x, y = w * (0.1 + chance.random() * 0.8), h * (0.4 + chance.random() * 0.42)
        span, lift = w * (0.035 + 0.035 * chance.random()), 0.55 + chance.random() * 0.3
        color = c.ink if number % 4 else c.light
        wing = [(x - span, y - span * lift), (x - span * 0.4, y - span * 0.3), (x, y)]
        wing += [(x + span * 0.4, y - span * 0.3), (x + span, y - span * lift)]
        wing += [
            (x + span * 0.45, y - span * 0.05),
            (x, y + span * 0.3),
            (x - span * 0.45, y - span * 0.05),
        ]
        d.polygon(wing, fill=color)


def keys(d: Canvas, w: int, h: int, c: Palette, chance: random.Random) -> None:
    for number, x in enumerate((0.26, 0.5, 0.74)):
        color = c.accent if number == 1 else c.ink
        cx, cy, r = w * x, h * (0.46 + 0.05 * (number % 2)), w * 0.085
        wide = int(w * 0.03)
        _disc(d, cx, cy, r, outline=color, width=wide)
        d.rectangle((cx - wide / 2, cy + r - wide / 2, cx + wide / 2, cy + h * 0.33), fill=color)
        for tooth in range(2 + number):
            y = cy + h * (0.31 - tooth * 0.045)
            d.rectangle((cx, y, cx + w * (0.07 + 0.02 * (tooth % 2)), y + h * 0.02), fill=color)


Motif = Callable[[Canvas, int, int, Palette, random.Random], None]
MOTIFS: dict[str, Motif] = {
    motif.__name__: motif
    for motif in (
        waves, hills, stars, houses, trees, lantern, rings, leaves, sails, stairs, birds, keys
    )
}  # fmt: skip


def logo(name: str, color: str) -> bytes:
    """A lantern and the name beside it, on nothing; as PNG."""
    font: Any = ImageFont.load_default(64)
    drawn = Image.new("RGBA", (int(font.getlength(name)) + 110, 108), (0, 0, 0, 0))
    canvas = ImageDraw.Draw(drawn)
    canvas.arc((28, 4, 52, 28), 180, 360, fill=color, width=5)
    canvas.rectangle((22, 20, 58, 28), fill=color)
    canvas.rounded_rectangle((14, 32, 66, 88), radius=18, outline=color, width=6)
    canvas.polygon([(40, 44), (50, 64), (40, 78), (30, 64)], fill=color)
    canvas.rectangle((22, 92, 58, 100), fill=color)
    canvas.text((90, 16), name, font=font, fill=color)
    out = io.BytesIO()
    drawn.save(out, "PNG", optimize=True)
    return out.getvalue()


def scene(motif: str, *, palette: str) -> bytes:
    """A wide picture without letters, as PNG bytes."""
    colors, size = PALETTES[palette], SCENE
    width, height = size[0] * FINE, size[1] * FINE
    image = _ground(width, height, colors)
    for part in range(3):  # motifs are made for covers: three of them, side by side
        tall = _ground(width // 3, height, colors)
        MOTIFS[motif](ImageDraw.Draw(tall), width // 3, height, colors, random.Random(part))
        image.paste(tall, (part * width // 3, 0))
    out = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).quantize(200).save(out, "PNG", optimize=True)
    return out.getvalue()
