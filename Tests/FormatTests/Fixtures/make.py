#!/usr/bin/env python3
"""Makes the pictures of this folder: kinds of files that the tests do not build by themselves, all of the picture that
Chart.swift describes.

Needs: apt-get install libavif-bin libjxl-tools libheif-examples; pip install pillow pillow-heif numpy imagecodecs
"""
import io, pathlib, struct, subprocess, tempfile, zlib

import imagecodecs
import numpy as np
import pillow_heif
from PIL import Image

HERE = pathlib.Path(__file__).parent
W, H = 40, 30
PATCHES = [(4, 4, 10, 8, (200, 60, 50)), (22, 6, 12, 8, (40, 150, 70)), (8, 18, 12, 8, (50, 70, 190)),
           (30, 20, 6, 6, (240, 240, 240))]
XMP = (b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
       b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:source="beehive"/></rdf:RDF></x:xmpmeta>')


def exif(orientation):
    """The orientation and the artist "Jane"."""
    return (b"MM\0*\0\0\0\x08\0\x02" + struct.pack(">HHIHH", 0x112, 3, 1, orientation, 0)
            + struct.pack(">HHI", 0x13b, 2, 5) + struct.pack(">I", 38) + b"\0\0\0\0Jane\0\0")


def chart(dx=0):
    a = np.empty((H, W, 3), np.uint8)
    for y in range(H):
        for x in range(W):
            a[y, x] = 60 + 3 * x, 190 - 4 * y, 90 + x + 2 * y
    for left, top, width, height, color in PATCHES:
        a[top:top + height, left:left + width] = color
    return np.roll(a, dx, 1)


def alpha():
    row = [0 if x < 6 else 255 if x >= 34 else (x - 6) * 255 // 28 for x in range(W)]
    return np.tile(np.array(row, np.uint8), (H, 1))


def straight():
    a = np.dstack([chart(), alpha()])
    a[a[..., 3] == 0, :3] = 0, 255, 0
    return a


def s15(*values):
    return b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def profile(space=b"RGB ", gamma=0x233):
    """Display P3, or grey, with a gamma in 1/256."""
    xyz = lambda *v: b"XYZ \0\0\0\0" + s15(*v)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, gamma)
    tags = [(b"desc", b"desc\0\0\0\0\0\0\0\x03P3\0" + b"\0" * 78), (b"cprt", b"text\0\0\0\0CC0\0"),
            (b"wtpt", xyz(.9642, 1, .8249))]
    if space == b"RGB ":
        tags += [(b"rXYZ", xyz(.51512, .2412, -.00105)), (b"gXYZ", xyz(.29198, .69225, .04189)),
                 (b"bXYZ", xyz(.1571, .06657, .78407)), (b"rTRC", curve), (b"gTRC", curve), (b"bTRC", curve)]
    else:
        tags += [(b"kTRC", curve)]
    data, table, start = b"", b"", 132 + 12 * len(tags)
    for tag, contents in tags:
        contents += b"\0" * (-len(contents) % 4)
        table += tag + struct.pack(">II", start + len(data), len(contents))
        data += contents
    body = struct.pack(">I", len(tags)) + table + data
    head = (b"\0\0\0\0\x02\x40\0\0mntr" + space + b"XYZ " + struct.pack(">6H", 2024, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
            + s15(.9642, 1, .8249))
    return struct.pack(">I", 128 + len(body)) + head + b"\0" * (124 - len(head)) + body


def run(*command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def box(kind, contents):
    return struct.pack(">I", len(contents) + 8) + kind + contents


def main(folder):
    png = lambda name: folder / f"{name}.png"
    a = chart()
    Image.fromarray(a).save(png("rgb"))
    Image.fromarray(chart(8)).save(png("moved"))
    Image.fromarray(straight()).save(png("rgba"))
    Image.fromarray(np.rot90(a, -1).copy()).save(png("stored"))
    grey = (a.astype(int).sum(2) // 3).astype(np.uint8)
    Image.fromarray(grey).save(png("grey"))
    Image.fromarray(a).save(png("frames"), save_all=True, append_images=[Image.fromarray(chart(8))], duration=100)
    (folder / "a.xmp").write_bytes(XMP)
    (folder / "a.exif").write_bytes(exif(1))
    (folder / "a.icc").write_bytes(profile())
    wide = a.astype(np.uint16) * 257
    (folder / "wide.png").write_bytes(imagecodecs.png_encode(wide))
    (folder / "signal.png").write_bytes(imagecodecs.png_encode(wide // 2))

    # AVIF
    avif = lambda name, *options: run("avifenc", "--min", 0, "--max", 6, "-y", 444, "-s", 6, *options, HERE / f"{name}.avif")
    avif("premultiplied", "-p", png("rgba"))
    avif("p3", "--cicp", "12/13/1", png("rgb"))
    avif("pq", "--cicp", "9/16/9", "-d", 10, png("signal"))
    avif("profile", "--icc", folder / "a.icc", png("rgb"))
    # Upright when it is turned by a quarter against the clock.
    avif("turned", "--irot", 1, "--exif", folder / "a.exif", "--xmp", folder / "a.xmp", png("stored"))
    avif("grey", "-y", 400, png("grey"))
    (folder / "grey.icc").write_bytes(profile(b"GRAY", 0x100))
    avif("grey-profile", "-y", 400, "--icc", folder / "grey.icc", png("grey"))
    avif("sequence", "--timescale", 10, png("rgb"), png("moved"))

    # HEIC
    pillow_heif.register_heif_opener()
    heic = lambda name, image, **more: image.save(HERE / f"{name}.heic", quality=95, chroma=444, **more)
    heic("plain", Image.fromarray(a))
    heic("alpha", Image.fromarray(straight()))
    heic("profile", Image.fromarray(a), icc_profile=profile())
    heic("pages", Image.fromarray(a), save_all=True, append_images=[Image.fromarray(chart(8))])
    heic("metadata", Image.fromarray(a), exif=b"Exif\0\0" + exif(1), xmp=XMP)
    # Stored as turned, by a quarter against the clock: upright when it is turned with it.
    heic("turned", Image.fromarray(np.rot90(a).copy()), exif=b"Exif\0\0" + exif(6))
    deep = pillow_heif.from_bytes(mode="RGB;16", size=(W, H), data=wide.tobytes())
    pillow_heif.options.SAVE_HDR_TO_12_BIT = False
    deep.save(HERE / "10-bit.heic", quality=95, chroma=444)

    # JPEG XL
    jxl = lambda name, source, *options: run("cjxl", source, HERE / f"{name}.jxl", *options)
    jxl("premultiplied", png("rgba"), "-d", 0, "--premultiply=1")
    Image.fromarray(np.rot90(a).copy()).save(folder / "a.jpg", quality=96, subsampling=0, exif=b"Exif\0\0" + exif(6))
    jxl("transcoded", folder / "a.jpg")
    run("cjxl", png("rgb"), folder / "plain.jxl", "-d", 0, "--container=0")
    signature = b"\0\0\0\x0cJXL \r\n\x87\n"
    packed = lambda kind, contents: box(b"brob", kind + imagecodecs.brotli_encode(contents))
    (HERE / "packed.jxl").write_bytes(
        signature + box(b"ftyp", b"jxl \0\0\0\0jxl ") + packed(b"Exif", b"\0\0\0\0" + exif(1)) + packed(b"xml ", XMP)
        + box(b"jxlc", (folder / "plain.jxl").read_bytes()))
    run("cjxl", png("frames"), folder / "frames.jxl", "-d", 0, "--container=0")
    (HERE / "animated.jxl").write_bytes(
        signature + box(b"ftyp", b"jxl \0\0\0\0jxl ") + box(b"Exif", b"\0\0\0\0" + exif(1)) + box(b"xml ", XMP)
        + box(b"jxlc", (folder / "frames.jxl").read_bytes()))
    (folder / "p3.png").write_bytes(with_chunk(png("rgb").read_bytes(), b"iCCP", b"P3\0\0" + zlib.compress(profile())))
    jxl("profile", folder / "p3.png", "-d", 0)

    # JPEG 2000, and JPEG in CMYK
    encode = lambda samples: imagecodecs.jpeg2k_encode(samples, codecformat="jp2", level=0, reversible=True)
    plain = encode(a)
    (HERE / "plain.jp2").write_bytes(plain)
    (HERE / "16-bit.jp2").write_bytes(encode(wide))
    (HERE / "grey.jp2").write_bytes(encode(grey))
    old = box(b"colr", b"\1\0\0" + struct.pack(">I", 16))
    assert old in plain
    new = box(b"colr", b"\2\0\0" + profile())
    outer = plain.index(b"jp2h") - 4
    size = struct.unpack(">I", plain[outer:outer + 4])[0] + len(new) - len(old)
    changed = plain[:outer] + struct.pack(">I", size) + plain[outer + 4:].replace(old, new)
    uuid = lambda name, contents: box(b"uuid", name + contents)
    (HERE / "metadata.jp2").write_bytes(
        changed + uuid(b"JpgTiffExif->JP2", exif(1))
        + uuid(bytes.fromhex("be7acfcb97a942e89c71999491e3afac"), XMP))
    ink = np.dstack([(255 - a.astype(int)) // 2, np.full((H, W), 20) + np.arange(H)[:, None]]).astype(np.uint8)
    Image.fromarray(ink, "CMYK").save(HERE / "cmyk.jpg", quality=96, subsampling=0)

    # WebP
    Image.fromarray(a).save(HERE / "animated.webp", save_all=True, append_images=[Image.fromarray(chart(8))],
                            duration=100, lossless=True)


def with_chunk(png, kind, contents):
    chunk = struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))
    return png[:33] + chunk + png[33:]


with tempfile.TemporaryDirectory() as scratch:
    main(pathlib.Path(scratch))
