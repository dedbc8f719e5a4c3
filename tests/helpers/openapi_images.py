"""Images for schemathesis, which imports this file: else nearly all bodies that it makes would be no image."""

import base64

import schemathesis
from hypothesis import strategies as st
from served import encoded, pixels, png

IMAGES = st.sampled_from([
    png(0), png(1, (300, 90)), png(2, (5, 5), 255), encoded(pixels(3), "JPEG"), encoded(pixels(4), "GIF"), b"GIF89a",
])  # fmt: skip

for kind in ("image/png", "image/jpeg", "application/octet-stream"):
    schemathesis.openapi.media_type(kind, IMAGES)
schemathesis.openapi.format("byte", IMAGES.map(lambda image: base64.b64encode(image).decode()))
