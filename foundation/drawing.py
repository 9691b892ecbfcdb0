"""Our own drawings as SVG: icons, the mark, the voyage, reach bars, the certificate's guilloche, the door.

Every length that comes from data is an SVG attribute, so pages need no inline style.
"""

from __future__ import annotations

import math
import random
import re as _re
from functools import cache


def _T(s):
    return _re.sub(r"\.(\d*?)0+(?!\d)", lambda m: "." + m.group(1) if m.group(1) else "", s)


from markupsafe import Markup, escape

ICONS = {
    "today": '<path d="M4 19h16M6.5 15.5a5.5 5.5 0 0 1 11 0M12 4v3M4.6 8.1l2 2M19.4 8.1l-2 2"/>',
    "book": '<path d="M12 6.5C10 5 7 4.5 3.5 5v13.5c3.500-.5 6.500 0 8.500 1.500 2-1.500 5-2 8.500-1.500V5C17 4.500 14 5 12 6.500zM12 6.500V20"/>',
    "talk": '<path d="M4 5h11a1.500 1.500 0 0 1 1.500 1.500v6A1.500 1.500 0 0 1 15 14H8.500L5 17v-3H4a1.500 1.500 0 0 1-1.500-1.500v-6A1.500 1.500 0 0 1 4 5z"/><path d="M19.500 9.500h.500a1.500 1.500 0 0 1 1.500 1.500v6a1.500 1.500 0 0 1-1.500 1.500H19V21l-3-2.500h-4.500"/>',
    "gauge": '<path d="M4 18a9 9 0 1 1 16 0M12 14l4-5"/><circle cx="12" cy="15" r="1.300"/>',
    "file": '<path d="M6 3h8l4.500 4.500V21H6zM14 3v5h4.500M9 13h6M9 17h4"/>',
    "clock": '<circle cx="12" cy="12" r="8.500"/><path d="M12 7v5.300l3.500 2"/>',
    "check": '<path d="M4.500 12.500l5 5L19.500 7"/>',
    "check-c": '<circle cx="12" cy="12" r="8.500"/><path d="M8 12.300l3 3 5.200-6"/>',
    "circle": '<circle cx="12" cy="12" r="8.500"/>',
    "x": '<path d="M6 6l12 12M18 6L6 18"/>',
    "x-c": '<circle cx="12" cy="12" r="8.500"/><path d="M9 9l6 6M15 9l-6 6"/>',
    "alert": '<path d="M12 4L2.800 19.500h18.400zM12 10v4.500"/><path d="M12 17v.1"/>',
    "stop": '<path d="M8.300 3h7.400L21 8.300v7.400L15.700 21H8.300L3 15.700V8.300zM12 7.500v5.500"/><path d="M12 16v.1"/>',
    "flag": '<path d="M5 21V4c4-2 7 2 13 0v9c-6 2-9-2-13 0"/>',
    "offline": '<path d="M3 3l18 18M9 6.200A6.500 6.500 0 0 1 18 11a4 4 0 0 1 2.400 6.600M16.500 19H7a4.500 4.500 0 0 1-.8-8.900"/>',
    "saved": '<path d="M7 19a4.500 4.500 0 0 1-.8-8.900A6.500 6.500 0 0 1 18 11a4 4 0 0 1 0 8z"/><path d="M9.200 14.200l2.200 2.200 4-4.400"/>',
    "sync": '<path d="M19.500 10A8 8 0 0 0 5 8M4.500 14A8 8 0 0 0 19 16M5 3.500V8h4.500M19 20.500V16h-4.500"/>',
    "right": '<path d="M5 12h14M13 6l6 6-6 6"/>',
    "left": '<path d="M19 12H5M11 6l-6 6 6 6"/>',
    "down": '<path d="M6 9.500l6 6 6-6"/>',
    "menu": '<path d="M4 7h16M4 12h16M4 17h10"/>',
    "list": '<path d="M9 6h11M9 12h11M9 18h11M4.500 6v.1M4.500 12v.1M4.500 18v.1"/>',
    "globe": '<circle cx="12" cy="12" r="8.500"/><path d="M3.500 12h17M12 3.500c-5 5-5 12 0 17 5-5 5-12 0-17z"/>',
    "search": '<circle cx="10.500" cy="10.500" r="6"/><path d="M15 15l5.500 5.500"/>',
    "download": '<path d="M12 4v11M7 10.500l5 5 5-5M4.500 20h15"/>',
    "print": '<path d="M7 8V3.500h10V8M7 17H4V8.500h16V17h-3M7 14h10v6.500H7z"/>',
    "pencil": '<path d="M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19zM14 6.500l3.500 3.500"/>',
    "lock": '<path d="M5.500 11h13v9.500h-13zM8 11V8a4 4 0 0 1 8 0v3"/>',
    "key": '<circle cx="8" cy="15" r="4"/><path d="M11 12l8.500-8.500M16 7l2.500 2.500"/>',
    "shield": '<path d="M12 3l7.500 2.500V11c0 5-3 8-7.500 10-4.500-2-7.500-5-7.500-10V5.500z"/><path d="M8.500 12l2.500 2.500 4.500-5"/>',
    "user": '<circle cx="12" cy="8" r="4"/><path d="M4 20.500c1-4.500 4-6.500 8-6.500s7 2 8 6.500"/>',
    "info": '<circle cx="12" cy="12" r="8.500"/><path d="M12 11v5.500M12 7.600v.1"/>',
    "bulb": '<path d="M9 17.500h6M10 20.500h4M8.500 14.500A6 6 0 1 1 15.500 14.500c-.5.600-.5 1.500-.5 3H9c0-1.500 0-2.400-.5-3z"/>',
    "seal": '<path d="M5 4.500h14v15H5zM9 8h6v4H9zM9 15.500h6"/>',
    "phone": '<path d="M5 4h4l1.500 5-2.500 1.500a11 11 0 0 0 5.500 5.500L15 13.500l5 1.500v4a1 1 0 0 1-1 1C11 20 4 13 4 5a1 1 0 0 1 1-1z"/>',
    "mark": '<path d="M7 3.500h10v17l-5-4-5 4z"/>',
    "return": '<path d="M9 6L4.500 10.500 9 15M4.500 10.500H15a4.500 4.500 0 0 1 0 9h-4"/>',
    "table": '<path d="M3.500 5h17v14h-17zM3.500 10h17M9.500 10v9"/>',
    "m1": '<circle cx="12" cy="12" r="9"/><path d="M8 10l2 .8M16 10l-2 .8M8 17c2-3 6-3 8 0M6.800 8.200l3 1M17.200 8.200l-3 1"/>',
    "m2": '<circle cx="12" cy="12" r="9"/><path d="M8.800 10v.6M15.200 10v.6M8.300 16.500c2-2 5.400-2 7.400 0"/>',
    "m3": '<circle cx="12" cy="12" r="9"/><path d="M8.800 10v.6M15.200 10v.6M8.500 15.500h7"/>',
    "m4": '<circle cx="12" cy="12" r="9"/><path d="M8.800 10v.6M15.200 10v.6M8.500 14.700c2 1.800 5 1.800 7 0"/>',
    "m5": '<circle cx="12" cy="12" r="9"/><path d="M8 10.500q1-1.200 2 0M14 10.500q1-1.200 2 0M7.800 14c2 3.400 6.400 3.400 8.400 0"/>',
}
ICONS = {k: _T(v) for k, v in ICONS.items()}


@cache
def icon(name, cls=""):
    return Markup(f'<svg class="icon {cls}" viewBox="0 0 24 24" aria-hidden="true">{ICONS[name]}</svg>')


# mark: six battens and a hull, seven strokes make the boat
@cache
def mark_paths():
    # seven pieces make the boat: six panels of one sail, and the hull
    def luff(t):
        return (16.4 - 4.2 * t, 3.4 + 31.8 * t)

    def leech(t):
        p = ((16.9, 3.0), (30.5, 6.2), (40.6, 18.5), (42.0, 32.6))
        u = 1 - t
        return tuple(u**3 * p[0][k] + 3 * u * u * t * p[1][k] + 3 * u * t * t * p[2][k] + t**3 * p[3][k] for k in (0, 1))

    out = []
    cuts = [0, 0.25, 0.42, 0.575, 0.72, 0.86, 1]
    g = 0.026

    def edge(a, b):  # control point: sags a little, as cloth does
        return ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + 0.085 * (b[0] - a[0]))

    for i in range(6):
        t0 = cuts[i] + (g if i else 0)
        t1 = cuts[i + 1] - (g if i < 5 else 0)
        A, B, C, E = luff(t0), leech(t0), leech(t1), luff(t1)
        m = leech((t0 + t1) / 2)
        q = (2 * m[0] - (B[0] + C[0]) / 2, 2 * m[1] - (B[1] + C[1]) / 2)
        k0, k1 = edge(A, B), edge(E, C)
        out.append(
            f"M{A[0]:.2f} {A[1]:.2f}Q{k0[0]:.2f} {k0[1]:.2f} {B[0]:.2f} {B[1]:.2f}Q{q[0]:.2f} {q[1]:.2f} {C[0]:.2f} {C[1]:.2f}Q{k1[0]:.2f} {k1[1]:.2f} {E[0]:.2f} {E[1]:.2f}Z"
        )
    out.append("M2.6 38.6C13 41.6 33 41.4 45.4 36.6C43.6 43 37.2 46 27 46C13.600 46 6 43.6 2.6 38.6Z")
    return "".join(out)


MARK = f'<path class="mark-body" d="{mark_paths()}"/><circle class="mark-sun" cx="40.4" cy="8.600" r="4.1"/>'
WORD = (
    "M19 2.500L22.500 6.500 M8.500 10.500H32.500V19.500 M8.500 19.500H32.500 M8.500 10.500V20Q8.500 31 3.500 37.500 M15 26.500V38 M15 26.500H33.500V38 M15 36.500H33.500 "
    "M66 2.500Q65 6 61.500 10 M55.500 10.500V22Q55.500 32 50 37.500 M55.500 10.500H77V34Q77 38 71.500 37.300 M47.500 22.500H84.500 M63.500 14L66.500 18 M63.500 27L66.500 31.500"
)


@cache
def mark(cls="brand-mark"):
    return Markup(f'<svg class="{cls}" viewBox="0 0 48 48" aria-hidden="true">{MARK}</svg>')


@cache
def word(cls="brand-word"):
    return Markup(f'<svg class="{cls}" viewBox="0 0 87 41" aria-hidden="true"><path class="mark-ink" stroke-width="3.4" d="{WORD}"/></svg>')


@cache
def seal(cls="seal"):
    # 启舟 in a carved square; slightly uneven edge
    d = "M4 3.2L33 2.400 66 3.600 97.200 2.800 98 34 96.800 67 97.600 97 64 97.900 35 96.900 2.600 97.800 3.300 64 2.300 31z"
    return Markup(
        f'<svg class="{cls}" viewBox="0 0 100 100" role="img" aria-label="启舟培训专用章"><path class="seal-ground" d="{d}"/><path class="seal-cut" stroke-width="1.4" d="M8 8.500H92V92H8z"/>'
        f'<g transform="translate(13 30) scale(.86)"><path class="seal-cut" stroke-width="4.600" d="{WORD}"/></g></svg>'
    )


def reach(have, open_, gone, bar=None, cls="", label=""):
    """percent of the component's own maximum; bar = pass mark"""
    h = f'<rect class="reach-have" x="0" y="0" width="{have:.1f}" height="14"/>' if have else ""
    o = f'<rect class="reach-open" x="{have:.1f}" y="3.5" width="{open_:.1f}" height="7"/>' if open_ else ""
    g = f'<rect class="reach-gone" x="{have + open_:.1f}" y="6.2" width="{gone:.1f}" height="1.6"/>' if gone else ""
    b = f'<line class="reach-bar" x1="{bar}" x2="{bar}" y1="-3" y2="17"/>' if bar is not None else ""
    return Markup(f'<svg class="reach {cls}" viewBox="0 0 100 14" preserveAspectRatio="none" role="img" aria-label="{escape(label)}">{h}{o}{g}{b}</svg>')


def gauge(v, ghost=None, cls="g-fill", label=""):
    g = f'<line class="g-ghost" x1="{ghost}" x2="{ghost}" y1="-3" y2="11"/>' if ghost is not None else ""
    return Markup(
        f'<svg viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{label}"><rect class="g-track" width="100" height="8" rx="1"/><rect class="{cls}" width="{v}" height="8" rx="1"/>{g}</svg>'
    )


WAVE = "M0 12C20 3 40 3 60 12S100 21 120 12"


@cache
def leg(state="ahead"):
    past = '<path class="leg-past" d="M0 12C20 3 40 3 60 12"/>' if state == "now" else ""
    return Markup(f'<svg class="leg-wave" viewBox="0 0 120 24" preserveAspectRatio="none" aria-hidden="true"><path d="{WAVE}"/>{past}</svg>')


@cache
def waves(seed=3, n=7):
    p = []
    for i in range(n):
        y = 40 + i * 26
        a = 5 + i * 1.6
        w = 150 + i * 26
        x = -60 - i * 37
        d = f"M{x} {y}"
        first = True
        while x < 900:
            if first:
                d += f"q{w / 4:.0f} {-a:.0f} {w / 2:.0f} 0"
                first = False
            else:
                d += f"t{w / 2:.0f} 0"
            x += w / 2
        p.append(f'<path d="{d}"/>')
    return Markup(f'<svg class="waves" viewBox="0 0 800 220" preserveAspectRatio="xMidYMax slice" aria-hidden="true">{"".join(p)}</svg>')


def face(mood="m2", cls="customer-face"):
    mouth = {"m1": "M53 79q7-6 14 0", "m2": "M53 78q7-3.5 14 0", "m3": "M53 77h14", "m4": "M53 76q7 4 14 0", "m5": "M52 75q8 7 16 0"}[mood]
    brow = {"m1": "M44 54l8 3M76 54l-8 3", "m2": "M43.500 55.500q4-2 8.500.5M76.500 55.500q-4-2-8.500.5"}.get(
        mood, "M43 55q4.500-3 9 0M77 55q-4.500-3-9 0"
    )
    return Markup(
        f'<svg class="{cls}" viewBox="0 0 120 120" aria-hidden="true"><defs></defs><circle class="face-ground" cx="60" cy="60" r="58"/>'
        '<path class="face-coat" d="M22.2 104q4-13 23.800-15l14 10 14-10q20 2 23.800 15a58 58 0 0 1-75.600 0z"/>'
        '<path class="face-skin" d="M51 82v9.500l9 8 9-8V82"/>'
        '<path class="face-hair" d="M36 64c-4-26 8-40 25-40s28 13 23 40c-1 6-4 8-4 8H40s-3-3-4-8z"/><circle class="face-hair" cx="61" cy="22" r="8"/>'
        '<path class="face-skin" d="M40 58c0-4 1-10 3-13 9 1 22-2 27-9 5 6 9 12 10 22 0 17-8 30-20 30S40 75 40 58z"/>'
        f'<g class="face-line"><circle cx="49.5" cy="62" r="6.800"/><circle cx="70.5" cy="62" r="6.800"/><path d="M56.300 61.500q3.700-2 7.400 0M42.700 61l-3-1M77.300 61l3-1M60 66v5l-2.500 1"/><path d="{brow}"/><path d="{mouth}"/><path d="M49.500 61.500v1.200M70.500 61.500v1.200"/></g></svg>'
    )


@cache
def cert_art():
    W, H = 297, 210
    s = []
    s.append(
        '<rect class="frame" x="7" y="7" width="283" height="196" rx="1.500"/><rect class="frame-2" x="8.800" y="8.800" width="279.400" height="192.400" rx=".8"/>'
    )
    # seven waves in seven phases: the guilloche band
    for base, amp, lo, hi in ((152.5, 8.2, 9, 288),):
        for k in range(7):
            for m in range(3):
                pts = []
                x = lo
                while x <= hi:
                    t = (x - lo) / (hi - lo)
                    env = amp * (0.55 + 0.45 * math.sin(math.pi * t * 2 + m * 0.9))
                    y = base + env * math.sin(2 * math.pi * (t * 3.5) + k * 2 * math.pi / 7 / 1.0 + m * 0.33) + (m - 1) * 3.2
                    pts.append(f"{x:.1f} {y:.2f}")
                    x += 2.25
                s.append(f'<path class="guilloche" d="M{"L".join(pts)}"/>')
    # rosette behind the title: seven rotated petals
    cx, cy = 148.5, 176
    for k in range(14):
        pts = []
        for a in range(0, 361, 4):
            th = math.radians(a)
            r = 15.5 + 3.6 * math.sin(7 * th + k * math.pi / 7)
            pts.append(f"{cx + r * 1.3 * math.cos(th):.1f} {cy + r * math.sin(th):.1f}")
        s.append(f'<path class="guilloche-sun" d="M{"L".join(pts)}z"/>')
    return Markup(f'<svg class="cert-art" viewBox="0 0 {W} {H}" aria-hidden="true">{"".join(s)}</svg>')


@cache
def door():
    r = random.Random(11)
    s = ['<rect class="art-sky" width="720" height="900"/>', '<circle class="art-sun" cx="470" cy="452" r="74"/>']
    s.append('<path class="art-hill-3" d="M0 452C90 396 150 372 236 402S372 446 430 436 560 388 640 398s60 20 80 30V560H0z"/>')
    s.append('<path class="art-hill-2" d="M0 470C60 452 130 424 214 446S350 490 440 478 600 436 720 462V580H0z"/>')
    s.append('<path class="art-hill" d="M0 506C120 478 190 488 286 502S520 520 720 494V600H0z"/>')
    s.append('<rect class="art-water" y="520" width="720" height="380"/>')
    d = []
    g = []
    y = 532
    i = 0
    while y < 890:
        t = (y - 532) / 360
        n = int(7 - 3 * t)
        for _ in range(n):
            x = r.uniform(-20, 700)
            w = r.uniform(28, 70) * (1 + 1.8 * t)
            a = 1.5 + 3.5 * t
            d.append(f"M{x:.0f} {y:.0f}q{w / 4:.0f} {-a:.1f} {w / 2:.0f} 0t{w / 2:.0f} 0")
        if y < 800:
            w = (118 - 90 * abs(t - 0.02)) * (0.55 + 0.45 * r.random())
            x = 470 - w / 2 + r.uniform(-16, 16)
            a = 1.2 + 2 * t
            g.append(f"M{x:.0f} {y + 5:.0f}q{w / 4:.0f} {-a:.1f} {w / 2:.0f} 0t{w / 2:.0f} 0")
        y += 13 + 17 * t
        i += 1
    s.append(f'<path class="art-river" d="{"".join(d)}"/><path class="art-glow" d="{"".join(g)}"/>')
    s.append(f'<g transform="translate(196 392) scale(3.700)"><path class="art-boat" d="{mark_paths()}"/></g>')
    s.append('<path class="art-river" d="M205 572q34-5 68 0t68 0M228 590q26-4 52 0t52 0"/>')
    return Markup(f'<svg viewBox="0 0 720 900" preserveAspectRatio="xMidYMid slice" aria-hidden="true">{"".join(s)}</svg>')


@cache
def boat(cls="leg-boat"):
    """The mark without its frame, riding on the leg of the voyage that is now."""
    return mark(cls)


@cache
def blank_art():
    """The boat on two waves, for pages that have nothing to show yet."""
    water = "M8 94q14-8 28 0t28 0 28 0 28 0 28 0 28 0 28 0 28 0M40 108q12-6 24 0t24 0 24 0 24 0 24 0 24 0"
    return Markup(
        f'<svg class="blank-art" viewBox="0 0 240 120" aria-hidden="true"><g transform="translate(78 6) scale(1.75)">'
        f'<path class="mark-body" d="{mark_paths()}"/></g><g class="mark-ink" stroke-width="2"><path d="{water}"/></g></svg>'
    )
