"""The images that every network misses, and those that one alone misses, as pictures."""

from collections import Counter
from collections.abc import Sequence

from harness.report.schema import results as schema
from harness.report.text import formatting, html
from harness.report.text.network_names import Names
from harness.report.views.evidence import Group, HardImages, Picture

MAX_ALL, MAX_ONE, MAX_NETWORKS = 24, 5, 10


def hard_images(results: schema.Results, names: Names) -> HardImages | None:
    """None where fewer than two networks were put together."""
    groups = results.image_groups
    if groups is None or len(groups.networks) < 2:
        return None
    shown = groups.all_miss.images[:MAX_ALL]
    alone = sorted(groups.only_one, key=lambda item: item.count or 0)[:MAX_NETWORKS]
    return HardImages(
        found=_found(groups, alone),
        all_miss=Group(
            None,
            _shown(groups.all_miss.count, len(shown)),
            tuple(_missed(item, groups.networks) for item in shown),
        ),
        only_one=tuple(
            Group(
                names.name(item.network),
                _shown(item.count, len(item.images[:MAX_ONE])),
                tuple(_alone(image, item.network) for image in item.images[:MAX_ONE]),
            )
            for item in alone
        ),
        basis=_basis(results),
    )


def _found(groups: schema.ImageGroups, alone: Sequence[schema.OnlyOne]) -> str:
    count, total = groups.all_miss.count or 0, groups.images
    everyone = f"all {formatting.spelled(len(groups.networks))} networks"
    of = f"Of {total:,} test images, " if total else ""
    share = f" ({formatting.percent(count / total)})" if total and count else ""
    if count:
        are = "is" if count == 1 else "are"
        first = f"{of}{formatting.spelled(count)}{share} {are} misclassified by {everyone}."
    else:
        first = f"{of}none is misclassified by {everyone}."
    first = first[:1].upper() + first[1:]
    counts = [item for item in alone if item.count is not None]
    if not counts:
        return first
    few, many = counts[0], counts[-1]
    if few is many or few.count == many.count:
        return first
    return (
        f"{first} {formatting.apart(many.network)} alone misclassifies "
        f"{formatting.spelled(many.count or 0)}, {formatting.apart(few.network)} alone "
        f"{formatting.spelled(few.count or 0)}."
    )


def _shown(count: int | None, shown: int) -> str:
    if count is None:
        return ""
    number = f"{count:,} image{'' if count == 1 else 's'}"
    return f"{number}, the first {shown} shown" if shown < count else number


def _picture(item: schema.MissedByAll | schema.MissedByOne, readings: str, said: str) -> Picture:
    index = "" if item.index is None else f"test image {item.index}"
    where = f", {index}" if index else ""
    return Picture(
        source=html.data_uri(item.pixels),
        alternative=f"Handwritten {item.label}{where}; {said}",
        index=index,
        label=str(item.label),
        readings=readings,
    )


def _missed(item: schema.MissedByAll, networks: Sequence[str]) -> Picture:
    """Under the picture the readings, the commonest first; for the ear who reads what."""
    known = [digit for digit in item.readings if digit is not None]
    counts = Counter(known).most_common()
    readings = " ".join(str(digit) for digit, _ in counts)
    by_digit: dict[int, list[str]] = {}
    for name, digit in zip(networks, item.readings, strict=False):
        if digit is not None:
            by_digit.setdefault(digit, []).append(formatting.cut(name, 40))
    if len(by_digit) == 1:
        said = f"every network predicts {known[0]}"
    else:
        said = "; ".join(
            f"classified as {d} by {formatting.listed(by_digit[d], 10)}" for d, _ in counts
        )
    return _picture(item, readings or "?", said or "the predictions are not known")


def _alone(item: schema.MissedByOne, network: str) -> Picture:
    reading = "?" if item.reading is None else str(item.reading)
    return _picture(
        item, reading, f"classified as {reading} by {formatting.cut(network, 40)} alone"
    )


def _basis(results: schema.Results) -> str:
    several = any(len(subject.runs) > 1 for subject in results.subjects)
    if not several:
        return "Under each picture: true digit and prediction."
    return (
        "A network misclassifies an image if more than half of its runs do. Under each picture: "
        "true digit and the prediction of most runs."
    )
