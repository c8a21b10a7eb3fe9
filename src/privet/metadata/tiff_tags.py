"""The tags, types and codes of TIFF that decide what a page looks like."""

from __future__ import annotations

from typing import Final

SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
INTEGERS: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
ASCII, SHORT, LONG, UNDEFINED, LONG8 = 2, 3, 4, 7, 16

SUBFILE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES = 254, 256, 257, 258, 259, 262, 273, 277
ORIENTATION, ROWS, STRIP_COUNTS, PLANAR, COLOURS, TILE_WIDTH, TILE_HEIGHT = 274, 278, 279, 284, 320, 322, 323
TILES, TILE_COUNTS, SUB_DIRECTORIES, JPEG_TABLES, JPEG_STREAM, JPEG_LENGTH = 324, 325, 330, 347, 513, 514
SUBSAMPLING, DEPTH, TILE_DEPTH, PROFILE, DNG = 530, 32997, 32998, 34675, 50706
BY_SAMPLE: Final = -1
# How many values each tag may have.
KEPT: Final = {
    SUBFILE: 1, WIDTH: 1, HEIGHT: 1, BITS: BY_SAMPLE, COMPRESSION: 1, PHOTOMETRIC: 1, 266: 1, ORIENTATION: 1, SAMPLES: 1, ROWS: 1,
    282: 1, 283: 1, PLANAR: 1, 292: 1, 293: 1, 296: 1, 317: 1, 318: 2, 319: 6, TILE_WIDTH: 1, TILE_HEIGHT: 1, 332: 1, 334: 1,
    338: BY_SAMPLE, 339: BY_SAMPLE, 529: 3, SUBSAMPLING: 2, 531: 1, 532: 6, DEPTH: 1, TILE_DEPTH: 1, 50674: 2,
}  # fmt: skip
POINTERS: Final = (STRIPS, STRIP_COUNTS, TILES, TILE_COUNTS)
SPECIAL: Final = (*POINTERS, COLOURS, JPEG_TABLES, JPEG_STREAM, JPEG_LENGTH, PROFILE, SUB_DIRECTORIES, DNG)
NAMES: Final = {
    34665: "exif", 34853: "gps", 700: "xmp", 33723: "iptc", 34377: "photoshop", PROFILE: "icc", 270: "description", 271: "device",
    272: "device", 305: "software", 306: "date", 315: "author", 316: "device", 33432: "copyright", SUB_DIRECTORIES: "thumbnail",
    33550: "place", 33922: "place", 34264: "place", 34735: "place", 34736: "place", 34737: "place",
}  # fmt: skip
RAW, OLD_JPEG, JPEG, DEFLATE, WEBP = 1, 6, 7, (8, 32946), 50001
COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34676, 34677, 34887, 34925, 50000, 50001})
CFA, LINEAR = 32803, 34892
CAMERA: Final = (CFA, LINEAR)
# Of a digital negative: what makes a picture of the sensor's values. Source: DNG 1.7.1.
# Pattern of the sensor, and how its values become linear ones.
SENSOR: Final = frozenset(
    (33421, 33422, *range(50710, 50721), 50733, 50738, 50780, 50829, 50830, 50975, 51008, 51009, 51022, 51041)
)
# How linear values become colours, and how these are meant to be shown. Names, notes and the camera's own calibration are left out.
RENDERING: Final = frozenset(
    int(tag)
    for tag in [
        "50706",
        "50707",
        "50721",
        "50722",
        "50725",
        "50726",
        "50727",
        "50728",
        "50729",
        "50730",
        "50731",
        "50732",
        "50734",
        "50739",
        "50778",
        "50779",
        "50879",
        "50937",
        "50938",
        "50939",
        "50940",
        "50941",
        "50964",
        "50965",
        "50981",
        "50982",
        "51107",
        "51108",
        "51109",
        "51110",
        "51125",
    ]
)
NEGATIVE: Final = SENSOR | RENDERING
LOSSY: Final = 34892
