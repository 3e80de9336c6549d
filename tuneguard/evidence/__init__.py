"""What past runs say of prescriptions: which were followed, and what came of it."""

from tuneguard.evidence.ranking import ranked
from tuneguard.evidence.trials import Looked, PastEvidence, RemedyRecord, Tried

__all__ = ["Looked", "PastEvidence", "RemedyRecord", "Tried", "ranked"]
