"""Pictures of Pillow, piexif, ImageMagick, ffmpeg, tifffile and pillow-heif, with the tags of exiftool."""

from __future__ import annotations

import itertools
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from planting import Corpus, command

if TYPE_CHECKING:
    from pathlib import Path

CONVERT: Final = "/usr/bin/convert-im6.q16"
TAG_SETS: Final = {
    "exif": [
        "-EXIF:Artist={}",
        "-EXIF:Copyright={}",
        "-EXIF:UserComment={}",
        "-EXIF:ImageDescription={}",
        "-EXIF:OwnerName={}",
        "-EXIF:SerialNumber={}",
        "-EXIF:Make={}",
        "-EXIF:Model={}",
        "-EXIF:Software={}",
        "-EXIF:DateTimeOriginal=2024:01:01 01:02:03",
    ],
    "gps": [
        "-GPSLatitude=52.5",
        "-GPSLatitudeRef=N",
        "-GPSLongitude=13.4",
        "-GPSLongitudeRef=E",
        "-GPSAreaInformation={}",
    ],
    "xmp": [
        "-XMP-dc:Creator={}",
        "-XMP-dc:Description={}",
        "-XMP-photoshop:AuthorsPosition={}",
        "-XMP-xmp:CreatorTool={}",
        "-XMP-xmpMM:DocumentID={}",
        "-XMP-mwg-rs:RegionInfo={Regions=[{Name={},Type=Face}]}",
    ],
    "iptc": [
        "-IPTC:By-line={}",
        "-IPTC:Caption-Abstract={}",
        "-IPTC:City={}",
        "-IPTC:Keywords={}",
        "-IPTC:DateCreated=2024:01:01",
    ],
    "comment": [
        "-Comment={}",
        "-File:Comment={}",
        "-PNG:Author={}",
        "-PNG:Title={}",
        "-Photoshop:URL=http://{}.example.com/",
    ],
    "turned": ["-n", "-Orientation=6", "-EXIF:Artist={}"],
    "flipped": ["-n", "-Orientation=5", "-XMP-dc:Title={}"],
}
TAG_SETS["all"] = [tag for name in ("exif", "gps", "xmp", "iptc", "comment") for tag in TAG_SETS[name]]


def base(chance_seed: int, mode: str = "RGB", size: tuple[int, int] = (160, 96)) -> Any:
    """Return a picture of ramps and noise."""
    from PIL import Image

    width, height = size
    noise = Image.effect_noise(size, 40 + chance_seed % 60).convert("L")
    ramp = Image.linear_gradient("L").resize(size)
    disc = Image.radial_gradient("L").resize((height, width)).resize(size)
    picture = Image.merge("RGB", (ramp, noise, disc)).rotate(chance_seed * 7 % 360)
    if mode == "P":
        return picture.quantize(60)
    if mode in ("RGBA", "LA"):
        picture.putalpha(ramp)
    return picture.convert(mode)


def exif_block(canary: str) -> bytes:
    """Return EXIF of piexif with owner, place, a made-up maker note and a thumbnail."""
    import piexif

    thumbnail = BytesIO()
    base(3, size=(64, 48)).save(thumbnail, "JPEG", comment=canary)
    word = canary.encode()
    block: bytes = piexif.dump(
        {
            "0th": {
                piexif.ImageIFD.Make: b"Canon",
                piexif.ImageIFD.Model: word,
                piexif.ImageIFD.Artist: word,
                piexif.ImageIFD.HostComputer: word,
                piexif.ImageIFD.XPAuthor: canary.encode("utf-16le"),
                piexif.ImageIFD.XPComment: canary.encode("utf-16le"),
            },
            "Exif": {
                piexif.ExifIFD.MakerNote: b"\x01\x00\x09\x00\x02\x00\x20\x00\x00\x00\x1a\x00\x00\x00\x00\x00\x00\x00"
                + word.ljust(40, b"\0"),
                piexif.ExifIFD.BodySerialNumber: word,
                piexif.ExifIFD.CameraOwnerName: word,
                piexif.ExifIFD.ImageUniqueID: word,
            },
            "GPS": {piexif.GPSIFD.GPSLatitudeRef: b"N", piexif.GPSIFD.GPSLatitude: ((52, 1), (30, 1), (0, 1))},
            "1st": {piexif.ImageIFD.Compression: 6},
            "thumbnail": thumbnail.getvalue(),
        }
    )
    return block


def pillow_pictures(corpus: Corpus) -> None:
    """JPEG, PNG, WebP, GIF, TIFF, BMP, ICO, JPEG 2000 and PPM as Pillow writes them."""
    for seed, mode in enumerate(("RGB", "L", "CMYK")):
        for progressive, sampling in itertools.product((False, True), (0, 2)):
            for with_exif in (False, True):

                def write(path: Path, canary: str, how: Any = (seed, mode, progressive, sampling, with_exif)) -> None:
                    extra = {"exif": exif_block(canary)} if how[4] else {"comment": canary}
                    base(how[0], how[1]).save(path, progressive=how[2], subsampling=how[3], quality=88, **extra)

                corpus.put("jpeg", ".jpg", "pillow", write)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"):
        corpus.put("png", ".png", "pillow", partial(_png, mode=mode))
        corpus.put("png", ".png", "pillow-zlib", partial(_png, mode=mode, packed=True))
    for mode, lossless in itertools.product(("RGB", "RGBA"), (False, True)):
        corpus.put(
            "webp",
            ".webp",
            "pillow",
            lambda p, c, m=mode, less=lossless: base(5, m).save(
                p, lossless=less, exif=exif_block(c), xmp=xmp_packet(c)
            ),
        )
    corpus.put(
        "webp",
        ".webp",
        "pillow",
        lambda p, c: base(1).save(p, save_all=True, append_images=[base(2), base(3)], duration=90, exif=exif_block(c)),
    )
    corpus.put("gif", ".gif", "pillow", lambda p, c: base(1, "P").save(p, comment=c))
    corpus.put(
        "gif",
        ".gif",
        "pillow",
        lambda p, c: base(1, "P").save(p, save_all=True, append_images=[base(2, "P"), base(3, "P")], comment=c, loop=2),
    )
    pillow_tiffs(corpus)
    corpus.put("bmp", ".bmp", "pillow", lambda p, c: (base(4).save(p), _append(p, c)))
    corpus.put("ico", ".ico", "pillow", lambda p, c: (base(4, "RGBA", (64, 64)).save(p), _append(p, c)))
    corpus.put("other pictures", ".jp2", "pillow", lambda p, c: base(4).save(p, comment=c))
    corpus.put(
        "other pictures", ".ppm", "pillow", lambda p, c: p.write_bytes(b"P6\n# %s\n4 4\n255\n" % c.encode() + bytes(48))
    )
    for suffix in (".heic", ".avif"):
        for seed in range(3):
            corpus.put("heic", suffix, "libheif", lambda p, c, seed=seed: _heif(p, c, seed))


def pillow_tiffs(corpus: Corpus) -> None:
    """TIFF as Pillow and tifffile write it."""
    for packing in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"):
        corpus.put(
            "tiff",
            ".tif",
            "pillow",
            lambda p, c, packing=packing: base(4, "1" if packing == "group4" else "RGB").save(
                p, compression=packing, artist=c, copyright=c, description=c, software=c
            ),
        )
    corpus.put(
        "tiff",
        ".tiff",
        "pillow",
        lambda p, c: base(4).save(
            p,
            save_all=True,
            append_images=[base(5), base(6, "L")],
            description=c,
            tiffinfo={270: c, 65000: c, 700: xmp_packet(c)},
        ),
    )
    for seed in range(4):
        corpus.put("tiff", ".tif", "tifffile", lambda p, c, seed=seed: _tifffile(p, c, seed))


def _png(path: Path, canary: str, mode: str, *, packed: bool = False) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    for key in ("Author", "Title", "Software", "Creation Time", "Comment"):
        info.add_text(key, canary * (40 if packed else 1), zip=packed)
    info.add_itxt("XML:com.adobe.xmp", xmp_packet(canary).decode(), zip=packed)
    info.add(b"prVt", canary.encode())
    info.add(b"tIME", b"\x07\xe8\x01\x02\x03\x04\x05")
    base(7, mode if mode != "I;16" else "I;16").save(path, pnginfo=info, exif=exif_block(canary))


def _heif(path: Path, canary: str, seed: int) -> None:
    import pillow_heif

    pillow_heif.register_heif_opener()
    if path.suffix == ".heic":
        pillow_heif.from_pillow(base(seed, size=(128, 96))).save(
            path, exif=exif_block(canary), xmp=xmp_packet(canary), quality=70
        )
    else:
        base(seed, size=(128, 96)).save(path, exif=exif_block(canary), xmp=xmp_packet(canary))


def _tifffile(path: Path, canary: str, seed: int) -> None:
    import numpy as np
    import tifffile

    pixels = np.arange(2 * 40 * 60, dtype=np.uint16 if seed % 2 else np.uint8).reshape(2, 40, 60)
    tifffile.imwrite(
        path,
        pixels,
        description=canary,
        software=canary,
        metadata={"owner": canary},
        bigtiff=seed > 1,
        photometric="minisblack",
        extratags=[(65001, "s", 0, canary, True)],
        datetime=True,
    )


def _append(path: Path, canary: str) -> None:
    with path.open("ab") as file:
        file.write(canary.encode())


def xmp_packet(canary: str) -> bytes:
    """Return XMP with a creator and an edit history."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
        f'xmpMM:DocumentID="{canary}"><dc:creator><rdf:Seq><rdf:li>{canary}</rdf:li></rdf:Seq></dc:creator>'
        f"<xmpMM:History><rdf:Seq><rdf:li>{canary}</rdf:li></rdf:Seq></xmpMM:History></rdf:Description></rdf:RDF>"
        '</x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def tagged_pictures(corpus: Corpus) -> None:
    """Every set of exiftool's tags in everything it can write."""
    writers = [
        ("jpeg", ".jpg", 4),
        ("png", ".png", 2),
        ("tiff", ".tif", 2),
        ("webp", ".webp", 2),
        ("gif", ".gif", 1),
        ("other pictures", ".jp2", 1),
    ]
    for form, suffix, repeats in writers:
        for tags, seed in itertools.product(TAG_SETS, range(repeats)):
            size = (640, 400) if seed == 0 else (100 + seed, 75)
            corpus.tagged(
                form,
                suffix,
                f"exiftool-{tags}",
                lambda p, _c, s=seed, z=size, form=form: base(s, "P" if form == "gif" else "RGB", z).save(p),
                TAG_SETS[tags],
            )
    for tags in TAG_SETS:
        corpus.tagged(
            "psd",
            ".psd",
            f"exiftool-{tags}",
            lambda p, _c: command(CONVERT, "-size", "96x64", "plasma:red-blue", p),
            TAG_SETS[tags],
        )
        corpus.tagged("heic", ".heic", f"exiftool-{tags}", lambda p, c: _heif(p, c, 1), TAG_SETS[tags])
    big = base(9, size=(2400, 1600))
    for tags in ("all", "gps", "xmp"):
        corpus.tagged(
            "jpeg", ".jpg", "camera", lambda p, c: big.save(p, quality=92, exif=exif_block(c)), TAG_SETS[tags]
        )


def magick_pictures(corpus: Corpus) -> None:
    """What ImageMagick writes, with comments, profiles and labels."""
    kinds = [
        ("jpeg", ".jpg", ["-quality", "75", "-interlace", "Plane"]),
        ("jpeg", ".jpg", ["-colorspace", "CMYK"]),
        ("jpeg", ".jpg", ["-sampling-factor", "4:2:2"]),
        ("png", ".png", ["-depth", "16"]),
        ("png", ".png", ["-interlace", "PNG"]),
        ("png", ".png", ["-colors", "7", "-type", "Palette"]),
        ("tiff", ".tif", ["-compress", "LZW", "-endian", "MSB"]),
        ("tiff", ".tif", ["-define", "tiff:tile-geometry=32x32", "-compress", "Zip"]),
        ("tiff", ".tif", ["-depth", "16", "-interlace", "plane"]),
        ("gif", ".gif", []),
        ("gif", ".gif", ["(", "+clone", "-negate", ")", "-set", "delay", "20"]),
        ("webp", ".webp", ["-quality", "80"]),
        ("webp", ".webp", ["-define", "webp:lossless=true"]),
        ("bmp", ".bmp", ["-colors", "12", "-type", "Palette"]),
        ("bmp", ".bmp", ["-compress", "RLE", "-colors", "12", "-type", "Palette"]),
        ("ico", ".ico", ["-define", "icon:auto-resize=64,32,16"]),
        ("psd", ".psd", ["-depth", "16"]),
        ("psd", ".psd", ["(", "+clone", "-negate", ")", "-set", "label", "CANARY"]),
        ("other pictures", ".ppm", []),
        ("other pictures", ".tga", []),
    ]
    for form, suffix, options in kinds:
        corpus.put(
            form,
            suffix,
            "magick",
            lambda p, c, options=options: command(
                CONVERT,
                "-size",
                "96x64",
                "plasma:red-blue",
                "-set",
                "comment",
                c,
                "-set",
                "Author",
                c,
                "-set",
                "label",
                c,
                *[option.replace("CANARY", c) for option in options],
                p,
            ),
        )


def ffmpeg_pictures(corpus: Corpus) -> None:
    """Single and moving pictures of ffmpeg with a title."""
    for form, suffix, options in [
        ("png", ".png", ["-frames:v", "1", "-update", "1"]),
        ("png", ".png", ["-frames:v", "1", "-update", "1", "-pix_fmt", "rgb48be"]),
        ("png", ".apng", ["-plays", "2"]),
        ("gif", ".gif", []),
        ("webp", ".webp", ["-c:v", "libwebp_anim"]),
        ("jpeg", ".jpg", ["-frames:v", "1", "-update", "1"]),
        ("tiff", ".tiff", ["-frames:v", "1", "-update", "1", "-compression_algo", "deflate"]),
        ("bmp", ".bmp", ["-frames:v", "1", "-update", "1", "-pix_fmt", "bgra"]),
    ]:
        corpus.put(
            form,
            suffix,
            "ffmpeg",
            lambda p, c, o=options: command(
                "ffmpeg",
                "-loglevel",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc=size=96x64:rate=5:duration=1",
                "-metadata",
                f"title={c}",
                "-metadata",
                f"comment={c}",
                *o,
                p,
            ),
        )


def all_pictures(corpus: Corpus) -> None:
    """Write every picture."""
    pillow_pictures(corpus)
    tagged_pictures(corpus)
    magick_pictures(corpus)
    ffmpeg_pictures(corpus)
