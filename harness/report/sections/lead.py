"""The first paragraph, written from the data: plain sentences, each number with its interval.

Names and figures lead to their evidence. `plain` gives the same words without the links.
"""

import re
from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

from harness.report.charts.accuracy import Scored
from harness.report.schema import results as schema
from harness.report.sections import experiments
from harness.report.sections.side_by_side import probability, tested_difference
from harness.report.sections.summary import scored_networks
from harness.report.text import formatting
from harness.report.text.network_names import exchanged

Subjects = Sequence[schema.Subject]
Anchors = Mapping[str, str]  # of the networks' sections, by their ids

_TAG = re.compile(r"<[^>]*>")
ISOLATES = str.maketrans("", "", "\N{FIRST STRONG ISOLATE}\N{POP DIRECTIONAL ISOLATE}")


def lead(results: schema.Results, scored: Sequence[Scored], anchors: Anchors) -> tuple[Markup, ...]:
    """Gates, the best network and what it is better than, alarms, baseline, claims, experiments."""
    sentences = [
        escape(_gates(results.subjects)),
        *_best(results, scored, anchors),
        _alarms(results.subjects, anchors),
        _baseline(results.baseline or schema.Baseline()),
        _claims(results.claims),
        escape(experiments.lead(results.experiments)),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def summary(results: schema.Results) -> str:
    """The paragraph as text for results that `schema.checked` has completed."""
    return plain(lead(results, scored_networks(results.subjects), {}))


def plain(sentences: Sequence[Markup]) -> str:
    """The paragraph as text, for a place that has no links."""
    words = (Markup(_TAG.sub("", sentence)).unescape() for sentence in sentences)  # noqa: S704
    return " ".join(words).translate(ISOLATES)


def _link(anchor: str, words: str) -> Markup:
    return Markup('<a href="#{}">{}</a>').format(anchor, words) if words else Markup("")


def _name(name: str, anchors: Anchors) -> Markup:
    words = formatting.apart(name)
    return _link(anchors[name], words) if name in anchors else escape(words)


def _gates(subjects: Subjects) -> str:
    gates = [subject.gate for subject in subjects if subject.gate]
    if not gates:
        return "No network was trained far enough to be compared with its accuracy gate."
    met = sum(gate.verdict == "passed" for gate in gates)
    unsettled = sum(gate.verdict == "inconclusive" for gate in gates)
    which = "network" if len(gates) == len(subjects) else "trained network"
    trained = formatting.counted(len(gates), which)
    if met == len(gates) == 1:
        return f"The {which} meets its accuracy gate."
    if met == len(gates):
        return f"All {trained} meet their accuracy gates."
    verb = "meets its" if met == 1 else "meet their"
    rest = (
        f", {formatting.spelled(unsettled)} cannot be decided from the seeds run"
        if unsettled
        else ""
    )
    return f"{formatting.spelled(met).capitalize()} of {trained} {verb} accuracy gate{rest}."


def _best(results: schema.Results, scored: Sequence[Scored], anchors: Anchors) -> list[Markup]:
    if not scored:
        return []
    ranked = sorted(scored, key=lambda item: -item.accuracy)
    best = ranked[0]
    count = results.dataset.sizes.test
    images = f"the {count:,} test images" if count else "the test images"
    tested = _tests(results, best.name)
    name = _name(best.name, anchors)
    if len(ranked) == 1:
        return [Markup("{} classifies {} of {} correctly.").format(name, _figure(best), images)]
    verb = "shares first place as" if ranked[1].accuracy == best.accuracy else "is"
    end = _runner_up(best, ranked[1], tested.get(ranked[1].name), anchors)
    sentences = [
        Markup("{} {} the most accurate on {}, {}{}").format(name, verb, images, _figure(best), end)
    ]
    if rest := [tested[item.name] for item in ranked[2:] if item.name in tested]:
        sentences.append(_others(rest))
    small = min(ranked, key=lambda item: item.params or float("inf"))
    if small.params and best.params and best.params > small.params:
        sentences.append(
            Markup("{} is the smallest, with {} parameters, and reaches {}.").format(
                _name(small.name, anchors), formatting.whole(small.params), _figure(small)
            )
        )
    return sentences


def _figure(item: Scored) -> Markup:
    """99.03 % [98.84, 99.22], the interval leading to how it comes about."""
    ends = formatting.interval(item.interval)
    words = escape(formatting.percent(item.accuracy))
    return words + (Markup(" ") + _link("how-interval", ends) if ends else "")


def _tests(results: schema.Results, best: str) -> dict[str, schema.Comparison]:
    """The comparisons of one network with others, by the other's id, all seen from the one."""
    return {
        test.b: test
        for found in results.comparisons
        for test in (found, exchanged(found))
        if test.a == best
    }


def _runner_up(
    best: Scored, second: Scored, test: schema.Comparison | None, anchors: Anchors
) -> Markup:
    name = _name(second.name, anchors)
    if test is not None:
        verdict = "significant" if test.verdict == "a" else "not significant"
        return Markup("; the difference to {} is {} ({}).").format(
            name, _link("how-holm", verdict), tested_difference(test)
        )
    gap = f"{100 * (best.accuracy - second.accuracy):.2f} percentage points"
    start = Markup(". {} follows, {} behind").format(name, gap)
    if best.interval is None or second.interval is None:
        return start + "."
    if best.interval[0] > second.interval[1]:
        return start + "; the two intervals do not overlap."
    return start + "; the two intervals overlap, so this run does not say which is better."


def _others(tests: Sequence[schema.Comparison]) -> Markup:
    beaten = [test.p_adjusted for test in tests if test.verdict == "a"]
    if len(beaten) == len(tests):
        who = "the other" if len(beaten) == 1 else f"the {formatting.spelled(len(beaten))} others"
    elif beaten:
        who = f"{formatting.spelled(len(beaten))} of the {formatting.spelled(len(tests))} others"
    else:
        others = (
            "the other"
            if len(tests) == 1
            else f"any of the {formatting.spelled(len(tests))} others"
        )
        return Markup("It is not {} better than {}.").format(
            _link("how-holm", "significantly"), others
        )
    known = [p for p in beaten if p is not None]
    basis = f" ({_at_most(max(known), len(known))})" if known else ""
    return Markup("It is {} better than {}{}.").format(
        _link("how-holm", "significantly"), who, basis
    )


def _at_most(p: float, count: int) -> str:
    """The largest of some p: adjusted p ≤ 0.04, of one alone = 0.04, of small ones < 0.001."""
    return f"adjusted {probability(p)}".replace("=", "≤" if count > 1 else "=")


def _alarms(subjects: Subjects, anchors: Anchors) -> Markup:
    """Results that are too good to be true, named first of all."""
    raised = [s.id for s in subjects if s.alarms]
    if not raised:
        return Markup("")
    names = Markup(", ").join(_name(name, anchors) for name in raised[:3])
    more = f" and {formatting.counted(len(raised) - 3, 'more network')}" if len(raised) > 3 else ""
    alarm = _link("plausible", "see the alarm")
    return Markup("The result of {}{} looks too good to be true: {}.").format(names, more, alarm)


def _baseline(baseline: schema.Baseline) -> Markup:
    """Regressions against an earlier run; that there are none is said too."""
    if not baseline.rows:
        return Markup("")
    since = f" of {baseline.created[:10]}" if baseline.created else ""
    link = _link("baseline", f"the baseline{since}")
    unfit = not baseline.comparable
    rows = [row for row in baseline.rows if row.status == "regressed"]
    names = list(dict.fromkeys(row.subject or row.baseline_subject or "a network" for row in rows))
    if not names and unfit:
        return Markup("The accuracies cannot be compared with {}.").format(link)
    if not names:
        return Markup("Nothing regressed against {}{}.").format(link, _but(baseline.rows))
    who = formatting.listed([formatting.apart(name) for name in names], 3)
    rest = "; the accuracies cannot be compared" if unfit else ""
    return Markup("{} regressed against {}{}.").format(who, link, rest)


def _but(rows: Sequence[schema.BaselineRow]) -> str:
    """What keeps "nothing regressed" from being the whole of it."""
    words = [row.status for row in rows]
    gone, other, unsure = map(words.count, ("missing", "not comparable", "inconclusive"))
    parts = (
        f"{formatting.spelled(gone)} of its figures {'is' if gone == 1 else 'are'} missing now",
        f"{formatting.counted(other, 'measure')} cannot be compared",
        f"{formatting.counted(unsure, 'measure')} cannot be decided",
    )
    return "".join(
        f"; {part}" for part, count in zip(parts, (gone, other, unsure), strict=True) if count
    )


def _claims(claims: Sequence[schema.Claim]) -> Markup:
    if not claims:
        return Markup("")
    words = [claim.verdict for claim in claims]
    phrases = (
        ("holds", "holds", "hold"),
        ("exceeded", "is exceeded", "are exceeded"),
        ("not reproduced", "does not reproduce", "do not reproduce"),
        ("cannot be tested", "cannot be tested", "cannot be tested"),
    )
    parts = [
        f"{formatting.spelled(words.count(word))} {one if words.count(word) == 1 else many}"
        for word, one, many in phrases
        if word in words
    ]
    subject = "the one claim" if len(claims) == 1 else f"{formatting.spelled(len(claims))} claims"
    if not parts:
        return Markup("")
    return Markup("Of {} in the documents, {}.").format(
        _link("claims", subject), formatting.listed(parts)
    )
