"""Finding: one problem of a training run or its model."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One problem: its name, the numbers that show it, and a remedy to try."""

    name: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}.\n  Try {self.remedy}."
