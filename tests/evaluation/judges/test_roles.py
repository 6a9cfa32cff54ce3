"""What trains never judges: the table of roles, and the code that keeps to it."""

import ast
from pathlib import Path

import pytest

from gvc import registry
from gvc.content.catalogue import DIGESTS
from gvc.errors import InputError
from gvc.evaluation.pretrained import roles
from gvc.evaluation.pretrained.roles import NETWORKS, Role

ROOT = Path(__file__).resolve().parents[3]
JUDGING = {"gvc.evaluation.judges", "gvc.evaluation.metrics.dists", "gvc.evaluation.metrics.efficientnet"}
JUDGING_WEIGHTS = {"VGG16", "DISTS", "EFFICIENTNET", "vgg16", "efficientnet"}


def test_every_network_has_one_role_and_verified_files():
    files = [name for network in NETWORKS.values() for name in network.files]
    assert set(files) <= set(DIGESTS) and len(files) == len(set(files))
    learned = {name for name in DIGESTS if not name.startswith("clips/")}
    assert learned == set(files)


def test_what_looks_through_a_network_is_registered_under_its_role():
    for name, network in NETWORKS.items():
        for used in network.used:
            kind, _, strategy = used.partition(":")
            assert strategy in registry.names(kind), name
            assert kind == "metric" or kind == network.role
    for kind in ("judge", "teacher"):
        assert {name: roles.of(kind, name) for name in registry.names(kind)} == dict.fromkeys(
            registry.names(kind), Role(kind)
        )
    assert set(registry.names("judge")).isdisjoint(registry.names("teacher"))
    assert {name: roles.of("metric", name) for name in ("lpips", "dists", "efficientnet", "psnr_db")} == {
        "lpips": Role.TEACHER,
        "dists": Role.JUDGE,
        "efficientnet": Role.JUDGE,
        "psnr_db": None,
    }


def test_only_teachers_may_teach():
    roles.may_teach("alexnet")
    for name in ("vgg16", "centernet", "unheard-of"):
        with pytest.raises(InputError, match="what trains never judges"):
            roles.may_teach(name)


def judged_by(path: Path) -> list[str]:
    """Judges that a file names: imported, asked of the registry, or by their weights."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("backbones"):
            found += [node.attr]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            if ast.unparse(node.func).split(".")[-1] in ("create", "resolve"):
                found += [f"registry {node.args[0].value}"]
    return [
        name
        for name in found
        if name in JUDGING_WEIGHTS | {"registry judge"} or any(f"{name}.".startswith(f"{part}.") for part in JUDGING)
    ]


def test_training_code_names_no_judge():
    sources = [path for path in (ROOT / "models").rglob("*.py")]
    assert len(sources) > 30
    assert {str(path): named for path in sources if (named := judged_by(path))} == {}


def test_the_test_would_see_one(tmp_path):
    file = tmp_path / "loss.py"
    for line in (
        "from gvc.evaluation.judges.centernet import CenterNet",
        "from gvc.evaluation import judges",
        "import gvc.evaluation.metrics.dists",
        "registry.create('judge', 'ocr')",
        "backbones.weights(backbones.VGG16)",
    ):
        file.write_text(line)
        assert judged_by(file), line
    file.write_text("from gvc.evaluation.metrics import measure\nregistry.create('teacher', 'nanodet')")
    assert not judged_by(file)
