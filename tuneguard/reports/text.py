"""A diagnosis for the terminal, and for the log that a terminal's output ends up in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tuneguard.diagnosis import Diagnosis
from tuneguard.findings import Abstained, Evidence, Finding, Prescription
from tuneguard.reports import layer_wording, wording
from tuneguard.reports.untrusted import cleaned

_STYLES: Final = {
    "critical": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "healthy": "1;32",
    "inconclusive": "1;35",
    "bold": "1",
    "dim": "2",
}
_INDENT: Final = "   "
_PLAIN: Final[Mapping[str, str]] = {}


def render_text(
    diagnosis: Diagnosis, *, color: bool, width: int = 100, verbose: bool = False
) -> str:
    """Return the diagnosis as lines of text: verdict, findings, and what was looked at.

    Args:
        diagnosis: What was found.
        color: Whether to mark severities with ANSI colours.
        width: Columns of the terminal.
        verbose: Whether to show every fix in full, and of every rule that was asked what it
            measured and its thresholds.
    """
    layout = _Layout(color=color, width=max(40, width), verbose=verbose)
    return "\n".join(layout.report(cleaned(diagnosis))) + "\n"


@dataclass(frozen=True)
class _Layout:
    """How lines are broken, indented and coloured."""

    color: bool
    width: int
    verbose: bool

    def report(self, diagnosis: Diagnosis) -> Iterator[str]:
        yield from self._head(diagnosis)
        for rank, finding in enumerate(diagnosis.findings, start=1):
            yield ""
            yield from self._finding(finding, f"{rank}. ", "")
        for layer_map in diagnosis.layers if self.verbose else ():
            yield ""
            yield self._styled(f"{layer_wording.quantity(layer_map)} of the layers:", "bold")
            for extreme in layer_map.extremes:
                sentence = layer_wording.extreme(extreme, layer_map.axis)
                yield from self._filled(sentence, _INDENT)
        yield ""
        yield from self._looked_at(diagnosis)

    def _head(self, diagnosis: Diagnosis) -> Iterator[str]:
        identity = diagnosis.identity
        verdict = diagnosis.verdict.upper()
        headline = f"{verdict}  {wording.headline(diagnosis)}."
        yield from self._filled(headline, "", {verdict: diagnosis.verdict})
        where = [f"run {wording.run_name(diagnosis)}"]
        if identity.run_id and identity.name:
            where.append(f"id {identity.run_id}")
        if identity.tracking_uri:
            where.append(f"tracking URI {identity.tracking_uri}")
        if diagnosis.is_running:
            where.append("still running")
        yield from (self._styled(line, "dim") for line in self._filled(", ".join(where), ""))

    def _finding(self, finding: Finding, number: str, indent: str) -> Iterator[str]:
        severity, title = str(finding.severity), wording.title(finding.rule)
        yield from self._filled(
            f"{number}{severity.upper()}  {title} ({finding.rule_id}), "
            f"{wording.since(finding)}, confidence {wording.confidence(finding)}",
            indent,
            {severity.upper(): severity, title: "bold"},
        )
        inner = indent + _INDENT
        yield from self._filled(finding.summary, inner)
        if number:
            yield from self._details(finding, inner)
        elif self.verbose:
            yield from self._evidence(finding, inner)
        if finding.symptoms:
            yield from self._filled(wording.explains(finding), inner, {"This explains": "bold"})
            for symptom in finding.symptoms:
                yield from self._finding(symptom, "", inner + _INDENT)

    def _details(self, finding: Finding, indent: str) -> Iterator[str]:
        """Prove a finding and say what to do."""
        yield from self._filled(f"Why it matters: {finding.why}", indent)
        yield from self._evidence(finding, indent)
        for rank, prescription in enumerate(finding.prescriptions, start=1):
            is_full = self.verbose or rank == 1
            yield from self._fix(prescription, rank, indent, is_full=is_full)

    def _evidence(self, finding: Finding, indent: str) -> Iterator[str]:
        yield f"{indent}{self._styled('Evidence:', 'bold')}"
        yield from self._measured(finding.evidence, indent + _INDENT, wording.axis_word(finding))

    def _measured(self, evidence: Iterable[Evidence], indent: str, axis: str) -> Iterator[str]:
        for one in evidence:
            measured = f"{wording.number(one.value)} {wording.relation(one)}"
            yield from self._filled(
                f"{one.metric}, {one.statistic}: {measured} {wording.number(one.threshold)} "
                f"({wording.window(one.steps, axis)})",
                indent,
            )

    def _fix(self, fix: Prescription, rank: int, indent: str, *, is_full: bool) -> Iterator[str]:
        label = f"Fix {rank}:"
        if not is_full:
            shown = f"{label} {fix.action} [{wording.change(fix)}]"
            shown += f" Tried: {fix.track_record}." if fix.track_record else ""
            yield from self._filled(shown, indent, {label: "bold"})
            return
        yield from self._filled(f"{label} {fix.action}", indent, {label: "bold"})
        inner = indent + _INDENT
        yield from self._filled(wording.change(fix), inner)
        for topic, sentence in (
            ("Tried", fix.track_record and f"{fix.track_record}."),
            ("Because", fix.rationale),
            ("Tradeoff", fix.tradeoff),
            ("Verify", fix.verify),
        ):
            if sentence:
                yield from self._filled(f"{topic}: {sentence}", inner)
        for line in fix.snippet.strip("\n").split("\n") if fix.snippet else ():
            yield f"{inner}    {line}".rstrip()

    def _looked_at(self, diagnosis: Diagnosis) -> Iterator[str]:
        for broken in diagnosis.broken:
            yield from self._filled(
                f"FAILED RULE  {broken.rule} ({broken.rule_id}) raised {broken.error}; "
                "this is a bug in the rule, and says nothing of the run.",
                "",
                {"FAILED RULE": "critical"},
            )
        yield from self._passed(diagnosis)
        yield from self._not_judged(diagnosis.abstained)
        yield from self._thresholds(diagnosis)
        for note in diagnosis.notes:
            yield from self._filled(f"Note: {note}", "")

    def _passed(self, diagnosis: Diagnosis) -> Iterator[str]:
        if not diagnosis.passed:
            return
        rules = [passed.rule for passed in diagnosis.passed]
        count = wording.counted(len(rules), "check")
        yield from self._filled(f"Passed {count}: {wording.listed(rules)}.", "")
        if not self.verbose:
            return
        yield from self._filled("Why no alarm: measured, and the limit it was held against.", "")
        axis = diagnosis.overview.axis if diagnosis.overview else "step"
        for passed in diagnosis.passed:
            yield from self._filled(f"{wording.title(passed.rule)} ({passed.rule_id})", _INDENT)
            yield from self._measured(passed.evidence, _INDENT * 2, axis)

    def _not_judged(self, abstained: Sequence[Abstained]) -> Iterator[str]:
        if not abstained:
            return
        yield f"Could not judge {wording.counted(len(abstained), 'check')}:"
        for rules, reason, needs in wording.abstentions(abstained):
            advice = f" To record: {needs}" if needs else ""
            yield from self._filled(f"{rules}: {reason}.{advice}", _INDENT)

    def _thresholds(self, diagnosis: Diagnosis) -> Iterator[str]:
        """List the settings of every rule that was asked, as tuneguard.toml names them."""
        if self.verbose and diagnosis.rules:
            yield f"Thresholds of the {wording.counted(len(diagnosis.rules), 'check')} asked:"
            for setting in diagnosis.rules:
                yield from self._filled(setting, _INDENT)

    def _filled(self, text: str, indent: str, styles: Mapping[str, str] = _PLAIN) -> list[str]:
        """Break `text` into lines, then style its phrases: a colour must not move a break."""
        lines = textwrap.wrap(
            text,
            max(self.width, len(indent) + 30),
            initial_indent=indent,
            subsequent_indent=indent + _INDENT,
            break_on_hyphens=False,
        )
        for phrase, style in styles.items():
            lines[0] = lines[0].replace(phrase, self._styled(phrase, style), 1)
        return lines

    def _styled(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color else text
