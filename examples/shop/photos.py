"""Photos such as a camera makes: large, and no two pixels alike."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageChops

SIZE = (2400, 1600)


def take_photo(number: int) -> bytes:
    """A PNG of several megabytes; `number` gives it a hue of its own."""
    grain = Image.effect_noise(SIZE, 24)
    light = Image.radial_gradient("L").resize(SIZE)
    sky = Image.linear_gradient("L").resize(SIZE)
    shades = [ImageChops.blend(grain, each, 0.6) for each in (light, sky)]
    bands = [shades[0], shades[1], grain]
    photo = Image.merge("RGB", bands[number % 3 :] + bands[: number % 3])
    file = BytesIO()
    photo.save(file, "PNG", compress_level=1)
    return file.getvalue()
